#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/byte_writer.h"

namespace oc::test {

/// Builds a perf.data file in memory; public members may be set to what no perf would write.
///
///     header | attr entries | ids | records | feature table | feature sections
///
/// Source: tools/perf/Documentation/perf.data-file-format.txt.
class PerfDataWriter {
 public:
  struct Attr {
    perf_event_attr attr;
    std::vector<uint64_t> ids;
  };

  PerfDataWriter() = default;
  PerfDataWriter(const perf_event_attr& attr, const ByteVector& records)
      : attrs({{attr, {1}}}), records(records) {}

  PerfDataWriter& add(const perf_event_attr& attr, const std::vector<uint64_t>& ids) {
    attrs.push_back({attr, ids});
    return *this;
  }
  PerfDataWriter& feature(int number, const ByteVector& bytes) {
    features[number] = bytes;
    return *this;
  }

  ByteVector bytes() const;

  std::string_view magic = "PERFILE2";
  uint64_t header_size = 104;
  uint32_t attr_bytes = 136;  ///< of perf_event_attr in each entry; more than the struct has: zeros
  std::vector<Attr> attrs;
  ByteVector records;
  std::map<int, ByteVector> features;
  bool is_finished = true;  ///< false: data.size is 0 and the table of features is missing
};

/// Samples of `plain_attr` at 1, 2 and 3; a file with just these.
ByteVector three_records();
PerfDataWriter small_file();
/// perf's string: u32 size with padding, text, NULs up to a multiple of 64.
ByteVector perf_string(std::string_view text);
/// Feature 12: each event's attr, ids and name.
ByteVector event_description(const std::vector<PerfDataWriter::Attr>& attrs,
                             const std::vector<std::string>& names);
/// Feature 1, with these formats of the system "sys".
ByteVector tracing_data(const std::vector<std::string>& formats);
/// The text of a tracepoint's format: common_type, then `u64 value` at 8 and `char name[8]` at 16.
std::string format_text(std::string_view name, uint32_t id);

/// A file that is removed at the end.
class TempFile {
 public:
  explicit TempFile(const ByteVector& bytes);
  ~TempFile();
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace oc::test
