#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/mapping.h"
#include "base/result.h"
#include "source/trace_header.h"

namespace oc::source {

/// How a recording begins: its byte order, and whether it is in pipe mode.
struct Magic {
  base::ByteOrder order = base::ByteOrder::kHost;
  bool is_pipe = false;
};
constexpr uint64_t kPipeHeaderBytes = 16;
constexpr uint64_t kHeaderBytes = 104;  ///< in file mode

/// Looks at the first 16 bytes (or fewer, of a shorter file). Errors: not perf.data; says what it is instead.
base::Result<Magic> read_magic(const std::string& path, std::span<const uint8_t> bytes);

/// A perf.data file in file mode, mapped, its header and feature sections read.
///
///     header(104) | attr entries | ids | data: records ... | feature table | feature sections
///
/// Reads "PERFILE2" and the older "PERFFILE", of both byte orders. The records may need to be unpacked or
/// turned around (`is_plain`): StreamSource does. Pipe mode is refused here.
/// Source: tools/perf/Documentation/perf.data-file-format.txt, tools/perf/util/header.c.
class PerfDataFile {
 public:
  static base::Result<PerfDataFile> open(const std::string& path);
  /// The same from bytes that were mapped or read before; `path` is what notes and errors call them.
  static base::Result<PerfDataFile> load(const std::string& path, base::Mapping mapping);

  const TraceHeader& header() const { return header_; }
  const event::EventTable& events() const { return header_.events(); }
  const TraceFacts& facts() const { return header_.facts(); }
  const std::string& path() const { return header_.path(); }
  const base::Mapping& mapping() const { return mapping_; }

  /// The records, as far as the file really has them. Owned by the file.
  std::span<const uint8_t> records() const { return records_; }
  /// File offset of the first record.
  uint64_t records_offset() const { return records_offset_; }
  /// True when the records can be lent as they lie in the file.
  bool is_plain() const { return !is_compressed_ && header_.order() == base::ByteOrder::kHost; }
  /// Damage met while opening: sentences for the user.
  const std::vector<std::string>& notes() const { return header_.notes(); }
  /// True when the file ends before its header says, or was never finished.
  bool is_truncated() const { return truncated_; }

 private:
  struct Section {
    uint64_t offset = 0;
    uint64_t size_bytes = 0;
  };

  explicit PerfDataFile(std::string path) : header_(std::move(path)) {}
  base::Status read_header();
  Section read_section(base::OrderedBytes& bytes) const;
  base::Status read_attrs(Section attrs, uint64_t stride);
  void place_records(Section data);
  void read_feature_table(Section data, const uint64_t (&bits)[4]);
  void read_features();
  void read_first_record();
  std::span<const uint8_t> section(Section where, const char* what, bool with_note = true);

  TraceHeader header_;
  base::Mapping mapping_;
  std::span<const uint8_t> records_;
  uint64_t records_offset_ = 0;
  std::map<int, Section> features_;
  bool truncated_ = false;
  bool is_compressed_ = false;
};

}  // namespace oc::source
