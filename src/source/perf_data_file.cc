#include "source/perf_data_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "source/attr_name.h"
#include "source/record.h"
#include "source/tracing_data.h"

namespace oc::source {

using base::Bytes;
using base::Code;
using base::make_error;
using base::Result;
using base::Status;

namespace {

constexpr uint64_t kHeaderBytes = 104;
constexpr uint64_t kOldHeaderBytes = 72;  // before there were features (2009)
constexpr uint64_t kPipeHeaderBytes = 16;
constexpr uint64_t kMinAttrBytes = 64;  // PERF_ATTR_SIZE_VER0
constexpr uint64_t kMaxAttrs = 1u << 14;
constexpr uint64_t kMaxFormatBytes = 64u << 20;  // all formats of one kernel have about 8 MB

enum Feature {
  kTracingData = 1,
  kHostname = 3,
  kOsRelease = 4,
  kVersion = 5,
  kArch = 6,
  kCpuCount = 7,
  kCpuDescription = 8,
  kCommandLine = 11,
  kEventDescription = 12,
  kSampleTime = 21,
  kDirFormat = 24,
  kCompressed = 27,
  kClockData = 29,
};

/// perf's string: u32 length including padding, then the text, NUL-padded.
std::string read_string(Bytes& bytes) {
  const uint32_t size = bytes.read<uint32_t>();
  const auto text = bytes.take(size);
  return std::string(base::bounded_text(text.data(), text.size()));
}

perf_event_attr read_attr(std::span<const uint8_t> bytes) {
  perf_event_attr attr{};
  std::memcpy(&attr, bytes.data(), std::min(bytes.size(), sizeof attr));
  return attr;
}

Status check_magic(const std::string& path, std::span<const uint8_t> bytes) {
  const auto starts = [&](std::string_view magic) {
    return bytes.size() >= magic.size() &&
           std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  if (bytes.empty()) {
    return make_error(Code::kInvalid, path + " is empty",
                      "record a trace first: perf record -o FILE …");
  }
  if (starts("PERFILE2") || starts("PERFFILE")) return {};
  if (starts("2ELIFREP") || starts("ELIFFREP")) {
    return make_error(
        Code::kUnsupported,
        path + " was recorded on a machine of the other byte order, which is not read yet");
  }
  if (starts("\x1f\x8b")) {
    return make_error(Code::kUnsupported, path + " is gzip-compressed",
                      "unpack it first: gunzip " + path);
  }
  if (starts("\x28\xb5\x2f\xfd")) {
    return make_error(Code::kUnsupported, path + " is zstd-compressed",
                      "unpack it first: unzstd " + path);
  }
  return make_error(Code::kInvalid,
                    path + " is not a perf.data file: it does not begin with PERFILE2",
                    "make one with: perf record -o FILE -- COMMAND");
}

}  // namespace

Result<PerfDataFile> PerfDataFile::open(const std::string& path) {
  auto mapping = base::Mapping::open(path);
  if (!mapping) return std::move(mapping.error());
  return load(path, std::move(*mapping));
}

Result<PerfDataFile> PerfDataFile::load(const std::string& path, base::Mapping mapping) {
  PerfDataFile file;
  file.path_ = path;
  file.mapping_ = std::move(mapping);
  if (auto status = file.read_header(); !status) return std::move(status.error());
  return file;
}

Status PerfDataFile::read_header() {
  const auto all = mapping_.bytes();
  if (auto status = check_magic(path_, all); !status) return status;
  Bytes header(all);
  header.skip(8);
  const auto header_size = header.read<uint64_t>();
  if (header_size == kPipeHeaderBytes) {
    return make_error(Code::kUnsupported, path_ + " is in perf's pipe mode, which is not read yet",
                      "record to a file: perf record -o FILE …");
  }
  const auto attr_stride = header.read<uint64_t>();
  const Section attrs{header.read<uint64_t>(), header.read<uint64_t>()};
  const Section data{header.read<uint64_t>(), header.read<uint64_t>()};
  header.skip(16);  // event_types, unused since 2013
  uint64_t bits[4] = {};
  if (header_size != kOldHeaderBytes) {
    for (uint64_t& word : bits) word = header.read<uint64_t>();
  }
  if (header.failed() || (header_size < kHeaderBytes && header_size != kOldHeaderBytes)) {
    return make_error(Code::kInvalid,
                      header.failed() ? fmt::format("{}: the header is cut off at byte {} of {}",
                                                    path_, all.size(), kHeaderBytes)
                                      : fmt::format("{}: a header of {} bytes makes no sense",
                                                    path_, header_size),
                      "record the trace again");
  }
  if (auto status = read_attrs(attrs, attr_stride); !status) return status;
  place_records(data);
  if (!truncated_) read_feature_table(data, bits);
  if ((bits[0] >> kCompressed & 1) != 0) {
    return make_error(Code::kUnsupported,
                      path_ + " has compressed records (perf record -z), which are not read yet",
                      "record without -z, or unpack it: perf inject -i " + path_ + " -o FILE");
  }
  if ((bits[0] >> kDirFormat & 1) != 0) {
    notes_.push_back(
        path_ +
        " is one file of a recording in several (perf record --threads): only this one is read");
  }
  read_features();
  name_events();
  return {};
}

Status PerfDataFile::read_attrs(Section attrs, uint64_t stride) {
  if (stride < kMinAttrBytes + 16 || stride > 4096 || attrs.size_bytes % stride != 0 ||
      attrs.size_bytes / stride > kMaxAttrs) {
    return make_error(
        Code::kInvalid,
        fmt::format("{}: the attr section at offset {} ({} bytes of {} each) makes no sense", path_,
                    attrs.offset, attrs.size_bytes, stride));
  }
  Bytes entries(section(attrs, "attr section"));
  bool ids_are_inside = true;
  uint64_t id_bytes = 0;  // of all attrs: they do not overlap, so the file has as many
  for (uint64_t i = 0; i < attrs.size_bytes / stride; ++i) {
    const auto entry = entries.take(stride);
    if (entries.failed()) {
      return make_error(Code::kInvalid,
                        fmt::format("{}: the attr section is cut off in entry {}", path_, i),
                        "record the trace again");
    }
    Bytes tail(entry.subspan(stride - 16));
    const Section where{tail.read<uint64_t>(), tail.read<uint64_t>()};
    std::vector<uint64_t> ids;
    const uint64_t left = mapping_.bytes().size() - id_bytes;
    if (where.size_bytes > left) {
      return make_error(Code::kInvalid,
                        fmt::format("{}: attr {} claims {} bytes of ids, more than the file has",
                                    path_, i, where.size_bytes));
    }
    id_bytes += where.size_bytes;
    Bytes words(section(where, "ids of an attr", ids_are_inside));  // one note is enough
    if (words.remaining() < where.size_bytes) ids_are_inside = false;
    while (words.remaining() >= 8) ids.push_back(words.read<uint64_t>());
    attrs_.emplace_back(read_attr(entry.first(stride - 16)), std::move(ids));
  }
  if (attrs_.empty())
    return make_error(Code::kInvalid, path_ + " describes no events: it has no attrs");
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
    notes_.push_back(path_ +
                     ": the recording was never finished (its header gives no data size): reading "
                     "what is there");
  } else if (size > available) {
    truncated_ = true;
    size = available;
    notes_.push_back(
        fmt::format("{} is truncated: it ends at offset {}, {} bytes before the end of its records",
                    path_, all.size(), data.size_bytes - available));
  }
  records_ = all.subspan(records_offset_, size);
}

void PerfDataFile::read_feature_table(Section data, const uint64_t (&bits)[4]) {
  const auto all = mapping_.bytes();
  const uint64_t at = data.offset + data.size_bytes;
  Bytes table(all.subspan(std::min<uint64_t>(at, all.size())));
  for (int number = 0; number < 256; ++number) {
    if ((bits[number / 64] >> (number % 64) & 1) == 0) continue;
    const Section where{table.read<uint64_t>(), table.read<uint64_t>()};
    if (table.failed()) {
      notes_.push_back(
          path_ + ": the table of feature sections is cut off; names and formats may be missing");
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
    notes_.push_back(fmt::format("{}: the {} ({} bytes at offset {}) lies outside the file", path_,
                                 what, where.size_bytes, where.offset));
  }
  return {};
}

std::span<const uint8_t> PerfDataFile::feature(int number) {
  const auto found = features_.find(number);
  if (found == features_.end()) return {};
  return section(found->second, fmt::format("feature section {}", number).c_str());
}

void PerfDataFile::read_features() {
  const auto text = [&](int number) {
    Bytes bytes(feature(number));
    return bytes.remaining() == 0 ? std::string() : read_string(bytes);
  };
  facts_.host = text(kHostname);
  facts_.kernel = text(kOsRelease);
  facts_.perf_version = text(kVersion);
  facts_.arch = text(kArch);
  facts_.cpu = text(kCpuDescription);
  Bytes cpus(feature(kCpuCount));
  facts_.cpus_online = cpus.remaining() < 8 ? 0 : cpus.read<uint32_t>();
  Bytes words(feature(kCommandLine));
  if (words.remaining() >= 4) {
    for (uint32_t left = words.read<uint32_t>(); left > 0 && !words.failed(); --left) {
      facts_.command.push_back(read_string(words));
    }
  }
  Bytes times(feature(kSampleTime));
  if (times.remaining() >= 16) {
    facts_.first_sample = times.read<uint64_t>();
    facts_.last_sample = times.read<uint64_t>();
  }
  Bytes clock(feature(kClockData));
  clock.skip(8);  // version and clock id
  const auto wall = clock.read<uint64_t>();
  const auto own = clock.read<uint64_t>();
  if (!clock.failed()) facts_.wall_offset = static_cast<int64_t>(wall - own);
  read_event_names(feature(kEventDescription));
}

void PerfDataFile::read_event_names(std::span<const uint8_t> section_bytes) {
  if (section_bytes.empty()) return;
  Bytes bytes(section_bytes);
  const auto count = bytes.read<uint32_t>();
  const auto attr_size = bytes.read<uint32_t>();
  for (uint32_t i = 0; i < count && !bytes.failed(); ++i) {
    bytes.skip(attr_size);
    const auto id_count = bytes.read<uint32_t>();
    names_by_place_.push_back(read_string(bytes));
    const auto ids = bytes.take(uint64_t{id_count} * 8);
    for (size_t at = 0; at + 8 <= ids.size(); at += 8) {
      name_places_.emplace(base::load<uint64_t>(ids.data() + at), i);
    }
  }
  if (bytes.failed()) notes_.push_back(path_ + ": the section of event names is cut off");
}

void PerfDataFile::name_events() {
  std::optional<TracingData> tracing;
  if (const auto blob = feature(kTracingData); !blob.empty()) {
    auto parsed = parse_tracing_data(blob);
    if (!parsed) {
      notes_.push_back(path_ + ": " + parsed.error().what + "; tracepoints have no fields");
    } else {
      for (const std::string& note : parsed->notes) notes_.push_back(path_ + ": " + note);
      tracing = std::move(*parsed);
    }
  }
  uint64_t format_bytes = 0;
  for (size_t i = 0; i < attrs_.size(); ++i) {
    auto& [attr, ids] = attrs_[i];
    event::EventKind kind;
    kind.attr = attr;
    if (attr.type == PERF_TYPE_TRACEPOINT && tracing) {
      const FormatText* text = tracing->find(static_cast<uint32_t>(attr.config));
      if (text != nullptr) format_bytes += text->text.size();
      if (text != nullptr && format_bytes <= kMaxFormatBytes) {
        if (auto format = tracing->load_format(text->id)) kind.format = std::move(*format);
      }
    }
    const auto named = ids.empty() ? name_places_.end() : name_places_.find(ids.front());
    if (named != name_places_.end()) {
      kind.name = names_by_place_[named->second];
    } else if (names_by_place_.size() == attrs_.size()) {
      kind.name = names_by_place_[i];
    }
    if (kind.format && attr.type == PERF_TYPE_TRACEPOINT && kind.name.empty()) {
      kind.name = kind.format->system + ":" + kind.format->name;
    }
    if (kind.name.empty()) kind.name = attr_name(attr);
    events_.add(std::move(kind), ids);
  }
  if (format_bytes > kMaxFormatBytes) {
    notes_.push_back(
        fmt::format("{}: its tracepoints have {} bytes of formats; those beyond {} were "
                    "not read, and their events have no fields",
                    path_, format_bytes, kMaxFormatBytes));
  }
  events_.finish();
}

}  // namespace oc::source
