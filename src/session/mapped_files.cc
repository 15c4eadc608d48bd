#include "session/mapped_files.h"

#include <linux/perf_event.h>
#include <sys/mman.h>

#include <cstring>

#include "base/bytes.h"
#include "event/kernel_record.h"
#include "source/record.h"

namespace oc::session {

using base::load;

namespace {

constexpr uint32_t kIdentityAt = 40;
constexpr uint32_t kIdentityBytes = 24;
constexpr uint32_t kMostBuildIdBytes = 20;  // of a build id
constexpr uint32_t kPathAt = 72;

/// { header, pid, tid, addr, len, pgoff, maj, min, ino, ino_generation, prot, flags, filename }
perf::MapsLine line_of(const uint8_t* record, size_t size_bytes) {
  perf::MapsLine line;
  line.start = load<uint64_t>(record + 16);
  line.end = line.start + load<uint64_t>(record + 24);
  line.major = load<uint32_t>(record + 40);
  line.minor = load<uint32_t>(record + 44);
  line.inode = load<uint64_t>(record + 48);
  line.generation = load<uint64_t>(record + 56);
  line.prot = load<uint32_t>(record + 64);
  line.path = base::bounded_text(record + kPathAt, size_bytes - kPathAt);
  return line;
}

/// In place of device, inode and generation: u8 size, u8[3], u8[20] build id. Of no size: nobody knows any more.
void put_build_id(uint8_t* record, std::span<const uint8_t> id) {
  std::memset(record + kIdentityAt, 0, kIdentityBytes);
  record[kIdentityAt] = static_cast<uint8_t>(id.size());
  if (!id.empty()) std::memcpy(record + kIdentityAt + 4, id.data(), id.size());
}

void put_mark(uint8_t* record, bool has_id) {
  const uint16_t misc = source::record_header(record).misc;
  const auto marked =
      static_cast<uint16_t>(has_id ? misc | event::kMmapBuildId : misc & ~event::kMmapBuildId);
  std::memcpy(record + 4, &marked, sizeof marked);
}

}  // namespace

/// The file that a record maps code from; null: it maps none, or nobody knows.
const perf::MappedFile* MappedFiles::file_of(const uint8_t* record) {
  const source::RecordHeader header = source::record_header(record);
  if (header.size_bytes <= kPathAt) return nullptr;
  const perf::MapsLine line = line_of(record, header.size_bytes);
  if ((line.prot & PROT_EXEC) == 0) return nullptr;
  const auto* const file =
      finder_.find(load<int32_t>(record + 8), line, clock_.time(record, header));
  const bool is_told = file != nullptr && file->build_id.size() <= kMostBuildIdBytes &&
                       (!file->build_id.empty() || file->contents == perf::MappedFile::kGone);
  return is_told ? file : nullptr;
}

/// A ring's pages cannot be written to: the span is copied for the first record that changes.
void MappedFiles::look_at_span(source::Span& span,
                               const std::function<void(const perf::MappedFile&)>& use) {
  uint8_t* copy = nullptr;
  const auto size = static_cast<size_t>(span.end - span.begin);
  for (size_t at = 0; at < size;) {
    const uint8_t* const record = span.begin + at;
    const source::RecordHeader header = source::record_header(record);
    at += header.size_bytes;
    if (header.type != PERF_RECORD_MMAP2) continue;
    const auto* const file = file_of(record);
    if (file == nullptr && (header.misc & event::kMmapBuildId) == 0) continue;
    if (copy == nullptr) copy = mended_.emplace_back(span.begin, span.end).data();
    uint8_t* const mended = copy + (record - span.begin);
    put_mark(mended, file != nullptr);
    if (file == nullptr) continue;
    put_build_id(mended, file->build_id);
    use(*file);
  }
  if (copy == nullptr) return;
  span.begin = copy;
  span.end = copy + size;
}

void MappedFiles::look_at(std::vector<source::Span>& spans,
                          const std::function<bool(const source::Span&)>& is_sideband,
                          const std::function<void(const perf::MappedFile&)>& use) {
  if (kernel_tells_) return;
  mended_.clear();
  for (source::Span& span : spans) {
    if (is_sideband(span)) look_at_span(span, use);
  }
}

std::span<const uint8_t> MappedFiles::look_at(
    std::span<const uint8_t> records, const std::function<void(const perf::MappedFile&)>& use) {
  if (kernel_tells_) return records;
  mended_.clear();
  source::Span span;
  span.begin = records.data();
  span.end = span.begin + records.size();
  look_at_span(span, use);
  return {span.begin, static_cast<size_t>(span.end - span.begin)};
}

event::EventTable make_marked_events(const event::EventTable& events) {
  event::EventTable marked;
  const auto ids = events.ids_by_kind();
  for (uint32_t index = 0; index < events.size(); ++index) {
    event::EventKind kind = events[index];
    kind.attr.build_id |= kind.attr.mmap2;
    marked.add(std::move(kind), ids[index]);
  }
  marked.finish();
  return marked;
}

}  // namespace oc::session
