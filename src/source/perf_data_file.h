#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/mapping.h"
#include "base/result.h"
#include "event/event_table.h"

namespace oc::source {

/// What a perf.data file says of itself, apart from its records. Passive data.
struct TraceFacts {
  std::string host;
  std::string kernel;
  std::string arch;
  std::string perf_version;
  std::string cpu;
  std::vector<std::string> command;
  uint32_t cpus_online = 0;
  base::Nanos first_sample = 0;  ///< 0 when the file does not say
  base::Nanos last_sample = 0;
  /// Wall clock (ns since 1970) less the trace's clock at one moment; 0 when the file does not say.
  int64_t wall_offset = 0;
};

/// A perf.data file in file mode, mapped, its header and feature sections read.
///
///     header(104) | attr entries | ids | data: records ... | feature table | feature sections
///
/// Reads: little-endian "PERFILE2" and the older "PERFFILE". Refuses by name, with what to do: pipe
/// mode, the other byte order, compressed records.
/// Source: tools/perf/Documentation/perf.data-file-format.txt, tools/perf/util/header.c.
class PerfDataFile {
 public:
  static base::Result<PerfDataFile> open(const std::string& path);
  /// The same from bytes that were mapped or read before; `path` is what notes and errors call them.
  static base::Result<PerfDataFile> load(const std::string& path, base::Mapping mapping);

  const event::EventTable& events() const { return events_; }
  const TraceFacts& facts() const { return facts_; }
  const std::string& path() const { return path_; }
  const base::Mapping& mapping() const { return mapping_; }

  /// The records, as far as the file really has them. Owned by the file.
  std::span<const uint8_t> records() const { return records_; }
  /// File offset of the first record.
  uint64_t records_offset() const { return records_offset_; }
  /// Damage met while opening: sentences for the user.
  const std::vector<std::string>& notes() const { return notes_; }
  /// True when the file ends before its header says, or was never finished.
  bool is_truncated() const { return truncated_; }

 private:
  struct Section {
    uint64_t offset = 0;
    uint64_t size_bytes = 0;
  };
  using Attr = std::pair<perf_event_attr, std::vector<uint64_t>>;

  base::Status read_header();
  base::Status read_attrs(Section attrs, uint64_t stride);
  void place_records(Section data);
  void read_feature_table(Section data, const uint64_t (&bits)[4]);
  void read_features();
  void read_event_names(std::span<const uint8_t> bytes);
  void name_events();
  std::span<const uint8_t> section(Section where, const char* what, bool with_note = true);
  std::span<const uint8_t> feature(int number);

  std::string path_;
  base::Mapping mapping_;
  std::span<const uint8_t> records_;
  uint64_t records_offset_ = 0;
  std::vector<Attr> attrs_;
  std::map<int, Section> features_;
  std::map<uint64_t, uint32_t> name_places_;  ///< by id: index in names_by_place_
  std::vector<std::string> names_by_place_;
  event::EventTable events_;
  TraceFacts facts_;
  std::vector<std::string> notes_;
  bool truncated_ = false;
};

}  // namespace oc::source
