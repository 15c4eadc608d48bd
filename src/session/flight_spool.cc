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
  return last.round_bytes >= segment_bytes();
}

void FlightSpool::add_file(source::BuildId file) {
  if (segments_.empty()) return;
  auto& files = segments_.back().files;
  const bool is_known = std::any_of(files.begin(), files.end(), [&](const source::BuildId& other) {
    return other.id == file.id && other.path == file.path;
  });
  if (!is_known) files.push_back(std::move(file));
}

void FlightSpool::begin_segment(Segment segment) {
  size_bytes_ += segment.size_bytes();
  segments_.push_back(std::move(segment));
}

FlightSpool::Round::Round(std::span<const source::Span> spans, size_t size_bytes,
                          uint64_t& held_bytes)
    : bytes_(std::make_unique_for_overwrite<uint8_t[]>(size_bytes)),
      size_bytes_(size_bytes),
      held_bytes_(held_bytes) {
  held_bytes_ += size_bytes_;
  uint8_t* at = bytes_.get();
  for (const source::Span& span : spans) {
    const auto size = static_cast<size_t>(span.end - span.begin);
    if (size != 0) std::memcpy(at, span.begin, size);
    at += size;
  }
}

void FlightSpool::add(std::span<const source::Span> spans, base::Nanos now) {
  size_t size = 0;
  for (const source::Span& span : spans) size += static_cast<size_t>(span.end - span.begin);
  if (size != 0) {
    Segment& last = segments_.back();
    last.rounds.push_back(std::make_shared<const Round>(spans, size, held_bytes_));
    last.round_bytes += size;
    size_bytes_ += size;
    round_bytes_ += size;
  }
  drop_old(now);
}

void FlightSpool::drop_first() {
  size_bytes_ -= segments_.front().size_bytes();
  round_bytes_ -= segments_.front().round_bytes;
  segments_.pop_front();
}

void FlightSpool::drop_old(base::Nanos now) {
  while (segments_.size() > 1) {
    const bool covers_time = window_.time != 0 && segments_[1].began + window_.time <= now;
    const bool covers_bytes =
        window_.bytes != 0 && round_bytes_ - segments_.front().round_bytes >= window_.bytes;
    const bool is_too_large = size_bytes_ > most_bytes_;
    if (!covers_time && !covers_bytes && !is_too_large) return;
    if (!covers_time && !covers_bytes) is_cut_short_ = true;
    drop_first();
  }
}

}  // namespace oc::session
