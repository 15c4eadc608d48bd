#include "source/file_source.h"

#include <fmt/format.h>

#include <algorithm>

namespace oc::source {

namespace {
constexpr uint32_t kFinishedRound = 68;
constexpr uint32_t kAuxtrace = 71;
constexpr uint32_t kCompressed = 81;
constexpr uint32_t kCompressed2 = 83;
constexpr uint64_t kScanBytes = 1 << 20;  // between two looks at the read-ahead
}  // namespace

FileSource::FileSource(const PerfDataFile& file)
    : file_(file), clock_(file.events()), read_ahead_(file.mapping()) {}

std::vector<std::string> FileSource::notes() const {
  std::vector<std::string> all = file_.notes();
  all.insert(all.end(), notes_.begin(), notes_.end());
  if (file_.mapping().is_mended()) {
    all.push_back(
        file_.path() +
        ": it became shorter, or could not be read, after it was opened; events are missing "
        "or wrong from there on");
  }
  return all;
}

uint64_t FileSource::stop_at(uint64_t offset, const char* why) {
  damaged_ = true;
  notes_.push_back(fmt::format(
      "{}: {} at offset {:#x}; the records before it were read, {} bytes after it were not",
      file_.path(), why, file_.records_offset() + offset, file_.records().size() - offset));
  return file_.records().size();
}

base::Status FileSource::next_round(std::chrono::milliseconds, Round& round) {
  round.clear();
  const auto records = file_.records();
  RunScan scan(clock_, round.runs, next_order_, window_);
  const uint64_t base = file_.records_offset();
  uint64_t at = at_;
  while (at < records.size()) {
    read_ahead_.reached(base + at);
    position_.store(at, std::memory_order_relaxed);
    if (is_woken_.load(std::memory_order_relaxed)) break;
    const uint8_t* const end = records.data() + records.size();
    const uint8_t* record = records.data() + at;
    const uint64_t left = records.size() - at;
    const uint8_t* next = scan.take_samples(record, record + std::min(left, kScanBytes), end);
    if (next != record) {
      at += static_cast<uint64_t>(next - record);
      continue;
    }
    const RecordHeader header =
        left < sizeof(RecordHeader) ? RecordHeader{} : record_header(record);
    if (header.type == 0 && file_.mapping().is_mended()) {
      at = stop_at(at, "nothing is left of the file");
      break;
    }
    if (header.size_bytes < sizeof(RecordHeader) || header.size_bytes > left) {
      const bool is_cut = left < sizeof(RecordHeader) || header.size_bytes > left;
      at =
          stop_at(at, is_cut ? "the file ends inside a record" : "a record has an impossible size");
      break;
    }
    if (header.type < kFirstUserType) {
      scan.add(record, header, base + at, 0);
      at += header.size_bytes;
      continue;
    }
    at = pass_user_record(record, header, at);
    if (header.type == kFinishedRound) break;
  }
  scan.cut();
  if (is_woken_.load(std::memory_order_relaxed)) {
    round.clear();
    round.is_last = true;
    round.horizon = newest_;
    return {};
  }
  at_ = at;
  round.is_last = at_ >= records.size();
  round.records = scan.records();
  round.bytes = scan.bytes();
  const base::Nanos newest = std::max(newest_, scan.newest());
  round.horizon = round.is_last ? newest : newest_;
  newest_ = newest;
  return {};
}

/// Steps over a record that no kernel wrote; returns the offset behind it.
uint64_t FileSource::pass_user_record(const uint8_t* record, const RecordHeader& header,
                                      uint64_t at) {
  uint64_t size = header.size_bytes + further_bytes(header);
  if (size > file_.records().size() - at) return stop_at(at, "the file ends inside a record");
  if (header.type == kAuxtrace && size >= 16) {
    const auto aux_bytes = base::load<uint64_t>(record + 8);  // the record is followed by that many
    if (aux_bytes > file_.records().size() - at - size)
      return stop_at(at, "the file ends inside AUX data");
    size += aux_bytes;
  } else if ((header.type == kCompressed || header.type == kCompressed2) && !has_compressed_) {
    notes_.push_back(file_.path() +
                     ": compressed records, of which its header says nothing, were left out");
    has_compressed_ = damaged_ = true;
  }
  return at + size;
}

}  // namespace oc::source
