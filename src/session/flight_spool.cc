#include "session/flight_spool.h"

#include <algorithm>
#include <cstring>

namespace oc::session {

namespace {
constexpr uint64_t kSegmentsOfBytes = 4;  // a limit in bytes is kept to a quarter
}

uint64_t FlightSpool::segment_bytes() const {
  const uint64_t limit = window_.bytes != 0 ? std::min(window_.bytes, most_bytes_) : most_bytes_;
  return std::max<uint64_t>(limit / kSegmentsOfBytes, 1);
}

bool FlightSpool::wants_segment(base::Nanos now) const {
  if (segments_.empty()) return true;
  const Segment& last = segments_.back();
  if (last.rounds.empty()) return false;
  if (window_.time != 0 && now - last.began >= window_.time / 2) return true;
  return last.size_bytes - last.rundown.size() >= segment_bytes();
}

void FlightSpool::add_file(source::BuildId file) {
  if (segments_.empty()) return;
  auto& files = segments_.back().files;
  const bool is_known = std::any_of(files.begin(), files.end(), [&](const source::BuildId& other) {
    return other.id == file.id && other.path == file.path;
  });
  if (!is_known) files.push_back(std::move(file));
}

void FlightSpool::begin_segment(std::vector<uint8_t> rundown, std::vector<source::BuildId> files,
                                base::Nanos now) {
  Segment segment;
  segment.began = now;
  segment.size_bytes = rundown.size();
  segment.rundown = std::move(rundown);
  segment.files = std::move(files);
  size_bytes_ += segment.size_bytes;
  segments_.push_back(std::move(segment));
}

void FlightSpool::add(std::span<const source::Span> spans, base::Nanos now) {
  auto round = std::make_shared<Round>();
  for (const source::Span& span : spans)
    round->size_bytes += static_cast<size_t>(span.end - span.begin);
  if (round->size_bytes == 0) return drop_old(now);
  round->bytes = std::make_unique_for_overwrite<uint8_t[]>(round->size_bytes);
  size_t at = 0;
  for (const source::Span& span : spans) {
    const auto size = static_cast<size_t>(span.end - span.begin);
    std::memcpy(round->bytes.get() + at, span.begin, size);
    at += size;
  }
  Segment& last = segments_.back();
  last.size_bytes += at;
  size_bytes_ += at;
  last.rounds.push_back(std::move(round));
  drop_old(now);
}

void FlightSpool::drop_first() {
  size_bytes_ -= segments_.front().size_bytes;
  segments_.pop_front();
}

void FlightSpool::drop_old(base::Nanos now) {
  while (segments_.size() > 1) {
    const bool covers_time = window_.time != 0 && segments_[1].began + window_.time <= now;
    const bool covers_bytes =
        window_.bytes != 0 && size_bytes_ - segments_.front().size_bytes >= window_.bytes;
    const bool is_too_large = size_bytes_ > most_bytes_;
    if (!covers_time && !covers_bytes && !is_too_large) return;
    if (!covers_time && !covers_bytes) is_cut_short_ = true;
    drop_first();
  }
}

}  // namespace oc::session
