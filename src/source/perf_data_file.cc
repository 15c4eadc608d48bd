#include "source/perf_data_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "source/attr_bytes.h"
#include "source/record.h"

namespace oc::source {

using base::ByteOrder;
using base::Code;
using base::make_error;
using base::OrderedBytes;
using base::Result;
using base::Status;

namespace {

constexpr uint64_t kOldHeaderBytes = 72;  // before there were features (2009)
constexpr uint64_t kMagicBytes = 8;

bool has_bit(const uint64_t (&bits)[4], Feature feature) {
  const auto number = static_cast<unsigned>(feature);
  return (bits[number / 64] >> (number % 64) & 1) != 0;
}

/// A 32-bit machine of the other byte order wrote its bits as pairs of longs: as 64-bit numbers their
/// halves lie the wrong way round. Every perf stores the host's name, so its bit tells.
void settle_halves(uint64_t (&bits)[4]) {
  if (has_bit(bits, kHostFeature)) return;
  uint64_t halves[4];
  for (size_t i = 0; i < 4; ++i) halves[i] = bits[i] >> 32 | bits[i] << 32;
  if (has_bit(halves, kHostFeature)) std::copy(halves, halves + 4, bits);
}

base::Error not_perf_data(const std::string& path) {
  return make_error(Code::kInvalid,
                    path + " is not a perf.data file: it does not begin with PERFILE2",
                    "make one with: oc record -o FILE -- COMMAND");
}

}  // namespace

Result<Magic> read_magic(const std::string& path, std::span<const uint8_t> bytes) {
  const auto starts = [&](std::string_view magic) {
    return bytes.size() >= magic.size() &&
           std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  if (bytes.empty()) {
    return make_error(Code::kInvalid, path + " is empty",
                      "record a trace first: oc record -o FILE …");
  }
  if (starts("\x1f\x8b")) {
    return make_error(Code::kUnsupported, path + " is gzip-compressed",
                      "unpack it first: gunzip " + path);
  }
  if (starts("\x28\xb5\x2f\xfd")) {
    return make_error(Code::kUnsupported, path + " is zstd-compressed",
                      "unpack it first: unzstd " + path);
  }
  // The older magic was a string, the same in both orders; the header's size tells which it is.
  const bool is_old = starts("PERFFILE");
  const bool is_other = starts("2ELIFREP") || starts("ELIFFREP");
  if (!is_old && !is_other && !starts("PERFILE2")) return not_perf_data(path);
  base::Bytes after(bytes.subspan(kMagicBytes));
  const auto size = after.read<uint64_t>();
  Magic magic;
  if (is_other || (is_old && size > UINT32_MAX)) magic.order = ByteOrder::kOther;
  magic.is_pipe =
      (magic.order == ByteOrder::kOther ? base::swapped(size) : size) == kPipeHeaderBytes;
  return magic;
}

Result<PerfDataFile> PerfDataFile::open(const std::string& path) {
  auto mapping = base::Mapping::open(path);
  if (!mapping) return std::move(mapping.error());
  return load(path, std::move(*mapping));
}

Result<PerfDataFile> PerfDataFile::load(const std::string& path, base::Mapping mapping) {
  PerfDataFile file(path);
  file.mapping_ = std::move(mapping);
  if (auto status = file.read_header(); !status) return std::move(status.error());
  return file;
}

PerfDataFile::Section PerfDataFile::read_section(OrderedBytes& bytes) const {
  const auto offset = bytes.read<uint64_t>();
  return {offset, bytes.read<uint64_t>()};
}

Status PerfDataFile::read_header() {
  const auto all = mapping_.bytes();
  const auto magic = read_magic(path(), all);
  if (!magic) return magic.error();
  if (magic->is_pipe) {
    return make_error(Code::kUnsupported, path() + " is in perf's pipe mode, not in file mode");
  }
  header_.set_order(magic->order);
  OrderedBytes header(all, magic->order);
  header.skip(kMagicBytes);
  const auto header_size = header.read<uint64_t>();
  const auto attr_stride = header.read<uint64_t>();
  const Section attrs = read_section(header);
  const Section data = read_section(header);
  header.skip(16);  // event_types, unused since 2013
  uint64_t bits[4] = {};
  if (header_size != kOldHeaderBytes) {
    for (uint64_t& word : bits) word = header.read<uint64_t>();
    if (magic->order == ByteOrder::kOther) settle_halves(bits);
  }
  if (header.failed() || (header_size < kHeaderBytes && header_size != kOldHeaderBytes)) {
    return make_error(Code::kInvalid,
                      header.failed() ? fmt::format("{}: the header is cut off at byte {} of {}",
                                                    path(), all.size(), kHeaderBytes)
                                      : fmt::format("{}: a header of {} bytes makes no sense",
                                                    path(), header_size),
                      "record the trace again");
  }
  if (auto status = read_attrs(attrs, attr_stride); !status) return status;
  place_records(data);
  if (!truncated_) read_feature_table(data, bits);
  is_compressed_ = has_bit(bits, kCompressedFeature);
  if (has_bit(bits, kDirFormatFeature)) {
    header_.add_note(
        path() +
        " is one file of a recording in several (perf record --threads): only this one is read");
  }
  read_features();
  read_first_record();
  return header_.finish();
}

Status PerfDataFile::read_attrs(Section attrs, uint64_t stride) {
  if (stride < kMinAttrBytes + 16 || stride > 4096 || attrs.size_bytes % stride != 0 ||
      attrs.size_bytes / stride > kMaxAttrs) {
    return make_error(
        Code::kInvalid,
        fmt::format("{}: the attr section at offset {} ({} bytes of {} each) makes no sense",
                    path(), attrs.offset, attrs.size_bytes, stride));
  }
  base::Bytes entries(section(attrs, "attr section"));
  bool ids_are_inside = true;
  uint64_t id_bytes = 0;  // of all attrs: they do not overlap, so the file has as many
  for (uint64_t i = 0; i < attrs.size_bytes / stride; ++i) {
    const auto entry = entries.take(stride);
    if (entries.failed()) {
      return make_error(Code::kInvalid,
                        fmt::format("{}: the attr section is cut off in entry {}", path(), i),
                        "record the trace again");
    }
    OrderedBytes tail(entry.subspan(stride - 16), header_.order());
    const Section where = read_section(tail);
    std::vector<uint64_t> ids;
    const uint64_t left = mapping_.bytes().size() - id_bytes;
    if (where.size_bytes > left) {
      return make_error(Code::kInvalid,
                        fmt::format("{}: attr {} claims {} bytes of ids, more than the file has",
                                    path(), i, where.size_bytes));
    }
    id_bytes += where.size_bytes;
    OrderedBytes words(section(where, "ids of an attr", ids_are_inside),  // one note is enough
                       header_.order());
    if (words.remaining() < where.size_bytes) ids_are_inside = false;
    while (words.remaining() >= 8) ids.push_back(words.read<uint64_t>());
    header_.add_attr(read_attr(entry.first(stride - 16), header_.order()), std::move(ids));
  }
  return {};
}

void PerfDataFile::place_records(Section data) {
  const auto all = mapping_.bytes();
  records_offset_ = std::min<uint64_t>(data.offset, all.size());
  const uint64_t available = all.size() - records_offset_;
  uint64_t size = data.size_bytes;
  if (data.size_bytes == 0) {
    truncated_ = true;
    size = available;
    header_.add_note(path() +
                     ": the recording was never finished (its header gives no data size): reading "
                     "what is there");
  } else if (size > available) {
    truncated_ = true;
    size = available;
    header_.add_note(
        fmt::format("{} is truncated: it ends at offset {}, {} bytes before the end of its records",
                    path(), all.size(), data.size_bytes - available));
  }
  records_ = all.subspan(records_offset_, size);
}

void PerfDataFile::read_feature_table(Section data, const uint64_t (&bits)[4]) {
  const auto all = mapping_.bytes();
  const uint64_t at = data.offset + data.size_bytes;
  OrderedBytes table(all.subspan(std::min<uint64_t>(at, all.size())), header_.order());
  for (int number = 0; number < 256; ++number) {
    if ((bits[number / 64] >> (number % 64) & 1) == 0) continue;
    const Section where = read_section(table);
    if (table.failed()) {
      header_.add_note(
          path() + ": the table of feature sections is cut off; names and formats may be missing");
      return;
    }
    features_[number] = where;
  }
}

std::span<const uint8_t> PerfDataFile::section(Section where, const char* what, bool with_note) {
  const auto all = mapping_.bytes();
  if (where.offset <= all.size() && where.size_bytes <= all.size() - where.offset) {
    return all.subspan(where.offset, where.size_bytes);
  }
  if (with_note) {
    header_.add_note(fmt::format("{}: the {} ({} bytes at offset {}) lies outside the file", path(),
                                 what, where.size_bytes, where.offset));
  }
  return {};
}

void PerfDataFile::read_features() {
  for (const auto& [number, where] : features_) {
    if (!TraceHeader::wants(number)) {
      header_.keep_feature(number, section(where, "", false));
      continue;
    }
    const std::string what = fmt::format("feature section {}", number);
    header_.add_feature(number, section(where, what.c_str()));
  }
}

/// simpleperf has no section of tracing data: its first record holds them, in file mode too.
void PerfDataFile::read_first_record() {
  constexpr uint32_t kTracingData = 66, kSimpleperfTracingData = 32777;
  OrderedBytes bytes(records_, header_.order());
  RecordHeader record{bytes.read<uint32_t>(), bytes.read<uint16_t>(), bytes.read<uint16_t>()};
  if (record.type != kTracingData && record.type != kSimpleperfTracingData) return;
  const uint64_t left = record.size_bytes + further_bytes(record) - sizeof record;
  const auto size = bytes.read<uint32_t>();
  if (!bytes.failed() && size <= left - std::min<uint64_t>(left, sizeof size))
    header_.add_feature(kTracingDataFeature, bytes.take(size));
}

}  // namespace oc::source
