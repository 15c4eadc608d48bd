#include "session/mapped_files.h"

#include <linux/perf_event.h>
#include <sys/mman.h>

#include <cstring>

#include "base/bytes.h"
#include "source/record.h"

namespace oc::session {

using base::load;

namespace {

constexpr uint16_t kMiscBuildId = 1 << 14;  // PERF_RECORD_MISC_MMAP_BUILD_ID
constexpr uint32_t kPathAt = 72;

/// { header, pid, tid, addr, len, pgoff, maj, min, ino, ino_generation, prot, flags, filename }
perf::MapsLine line_of(const uint8_t* record, uint32_t size_bytes) {
  perf::MapsLine line;
  line.start = load<uint64_t>(record + 16);
  line.end = line.start + load<uint64_t>(record + 24);
  line.major = load<uint32_t>(record + 40);
  line.minor = load<uint32_t>(record + 44);
  line.inode = load<uint64_t>(record + 48);
  line.prot = load<uint32_t>(record + 64);
  line.path = base::bounded_text(record + kPathAt, size_bytes - kPathAt);
  return line;
}

bool has_false_mark(const source::RecordHeader& header) {
  return header.type == PERF_RECORD_MMAP2 && (header.misc & kMiscBuildId) != 0;
}

/// A ring's pages cannot be written to.
std::vector<uint8_t> copy_without_marks(const source::Span& span) {
  std::vector<uint8_t> bytes(span.begin, span.end);
  for (size_t at = 0; at < bytes.size();) {
    const source::RecordHeader header = source::record_header(bytes.data() + at);
    const auto misc = static_cast<uint16_t>(header.misc & ~kMiscBuildId);
    if (has_false_mark(header)) std::memcpy(bytes.data() + at + 4, &misc, sizeof misc);
    at += header.size_bytes;
  }
  return bytes;
}

}  // namespace

/// True when there are false marks.
bool MappedFiles::look_at_span(const source::Span& span,
                               const std::function<void(const perf::MappedFile&)>& use) {
  bool is_marked = false;
  for (const uint8_t* record = span.begin; record < span.end;) {
    const source::RecordHeader header = source::record_header(record);
    is_marked = is_marked || has_false_mark(header);
    if (header.type == PERF_RECORD_MMAP2 && header.size_bytes > kPathAt) {
      const perf::MapsLine line = line_of(record, header.size_bytes);
      const bool is_code = (line.prot & PROT_EXEC) != 0;
      const auto* file = is_code ? finder_.find_file(load<int32_t>(record + 8), line) : nullptr;
      if (file != nullptr && !file->build_id.empty()) use(*file);
    }
    record += header.size_bytes;
  }
  return is_marked;
}

void MappedFiles::look_at(std::vector<source::Span>& spans,
                          const std::function<bool(const source::Span&)>& is_sideband,
                          const std::function<void(const perf::MappedFile&)>& use) {
  if (kernel_tells_) return;
  mended_.clear();
  for (source::Span& span : spans) {
    if (!is_sideband(span) || !look_at_span(span, use)) continue;
    const auto& bytes = mended_.emplace_back(copy_without_marks(span));
    span.begin = bytes.data();
    span.end = bytes.data() + bytes.size();
  }
}

}  // namespace oc::session
