#include "source/file_source.h"

#include <fmt/format.h>

#include <algorithm>

namespace oc::source {

namespace {
constexpr uint32_t kFinishedRound = 68;
constexpr uint32_t kAuxtrace = 71;
constexpr uint32_t kCompressed = 81;
constexpr uint32_t kCompressed2 = 83;
constexpr uint64_t kReadAheadBytes = 4 << 20;
}  // namespace

FileSource::FileSource(const PerfDataFile& file) : file_(file), clock_(file.events()) {}

std::vector<std::string> FileSource::notes() const {
  std::vector<std::string> all = file_.notes();
  all.insert(all.end(), notes_.begin(), notes_.end());
  return all;
}

uint64_t FileSource::trailing_bytes(const uint8_t* record, const RecordHeader& header) const {
  if (header.type != kAuxtrace || header.size_bytes < 16) return 0;
  return base::load<uint64_t>(record + 8);
}

void FileSource::read_ahead(uint64_t offset) {
  file_.mapping().will_need(file_.records_offset() + offset, kReadAheadBytes);
  read_ahead_ = offset + kReadAheadBytes;
}

void FileSource::stop_at(uint64_t offset, const char* why) {
  damaged_ = true;
  notes_.push_back(fmt::format("{}: {} at offset {:#x}; the records before it were read, {} bytes after it were not",
                               file_.path(), why, file_.records_offset() + offset,
                               file_.records().size() - offset));
  at_ = file_.records().size();
}

base::Status FileSource::next_round(std::chrono::milliseconds, Round& round) {
  round = Round{};
  const auto records = file_.records();
  RunScan scan(clock_, round.runs, next_order_);
  bool finished = false;
  while (at_ < records.size() && !finished) {
    if (at_ >= read_ahead_) read_ahead(at_);
    const uint64_t left = records.size() - at_;
    const uint8_t* record = records.data() + at_;
    if (left < sizeof(RecordHeader)) {
      stop_at(at_, "the file ends inside a record's header");
      break;
    }
    const RecordHeader header = record_header(record);
    if (header.size_bytes < sizeof(RecordHeader)) {
      stop_at(at_, "a record has an impossible size");
      break;
    }
    if (header.size_bytes > left) {
      stop_at(at_, "the file ends inside a record");
      break;
    }
    uint64_t size = header.size_bytes;
    if (header.type < kFirstUserType) {
      scan.add(record, header, file_.records_offset() + at_, 0);
    } else if (header.type == kFinishedRound) {
      finished = true;
    } else if (header.type == kAuxtrace) {
      const uint64_t extra = trailing_bytes(record, header);
      if (extra > left - size) {
        stop_at(at_, "the file ends inside AUX data");
        break;
      }
      size += extra;
    } else if (header.type == kCompressed || header.type == kCompressed2) {
      if (!has_compressed_) notes_.push_back(file_.path() + ": compressed records are not read yet and were left out");
      has_compressed_ = damaged_ = true;
    }
    at_ += size;
  }
  round.is_last = at_ >= records.size();
  round.horizon = newest_;
  newest_ = std::max(newest_, scan.newest());
  return {};
}

}  // namespace oc::source
