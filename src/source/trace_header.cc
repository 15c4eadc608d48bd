#include "source/trace_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "source/attr_bytes.h"
#include "source/attr_name.h"
#include "source/tracing_data.h"

namespace oc::source {

using base::Code;
using base::make_error;
using base::OrderedBytes;
using base::Status;

namespace {

constexpr uint64_t kMaxFormatBytes = 64u << 20;  // all formats of one kernel have about 8 MB
constexpr size_t kBuildIdField = 24;             // with its size, then padding
constexpr uint16_t kHasBuildIdSize = 1u << 15;   // PERF_RECORD_MISC_BUILD_ID_SIZE

/// perf's string: u32 length including padding, then the text, NUL-padded.
std::string read_string(OrderedBytes& bytes) {
  const auto size = bytes.read<uint32_t>();
  const auto text = bytes.take(size);
  return std::string(base::bounded_text(text.data(), text.size()));
}

/// Older recorders gave no size: then it is all 20 bytes, less the zeros of a shorter one behind it.
size_t build_id_size(std::span<const uint8_t> field, uint16_t misc) {
  if ((misc & kHasBuildIdSize) != 0 && field[kBuildIdBytes] <= kBuildIdBytes)
    return field[kBuildIdBytes];
  size_t size = kBuildIdBytes;
  while (size >= 4 && base::load<uint32_t>(field.data() + size - 4) == 0) size -= 4;
  return size;
}

}  // namespace

void TraceHeader::add_attr(const perf_event_attr& attr, std::vector<uint64_t> ids) {
  attrs_.emplace_back(attr, std::move(ids));
}

bool TraceHeader::add_attr_record(std::span<const uint8_t> body) {
  OrderedBytes bytes(body, order_);
  bytes.skip(4);
  auto size = bytes.read<uint32_t>();
  if (size == 0) size = kMinAttrBytes;
  if (bytes.failed() || size < kMinAttrBytes || size > body.size()) return false;
  if (attrs_.size() == kMaxAttrs) return false;
  OrderedBytes words(body.subspan(size), order_);
  std::vector<uint64_t> ids;
  while (words.remaining() >= 8) ids.push_back(words.read<uint64_t>());
  add_attr(read_attr(body.first(size), order_), std::move(ids));
  return true;
}

bool TraceHeader::wants(int number) {
  constexpr uint64_t kWanted = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 |
                               1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 21 | 1u << 29;
  return number == kSimpleperfMetaFeature || (number < 64 && (kWanted >> number & 1) != 0);
}

void TraceHeader::keep_feature(int number, std::span<const uint8_t> bytes) {
  constexpr size_t kMostBytes = 64u << 20;
  if (number == kTracingDataFeature || number == kBuildIdFeature || bytes.size() > kMostBytes)
    return;
  features_[number].assign(bytes.begin(), bytes.end());
}

void TraceHeader::add_feature(int number, std::span<const uint8_t> section) {
  keep_feature(number, section);
  if (section.empty()) return;
  OrderedBytes bytes(section, order_);
  switch (static_cast<Feature>(number)) {
    case kTracingDataFeature:
      tracing_data_.assign(section.begin(), section.end());
      break;
    case kBuildIdFeature:
      add_build_ids(section);
      break;
    case kHostFeature:
      facts_.host = read_string(bytes);
      break;
    case kKernelFeature:
      facts_.kernel = read_string(bytes);
      break;
    case kVersionFeature:
      facts_.perf_version = read_string(bytes);
      break;
    case kArchFeature:
      facts_.arch = read_string(bytes);
      break;
    case kCpuCountFeature:
      if (section.size() < 8) break;
      facts_.cpus_available = bytes.read<uint32_t>();
      facts_.cpus_online = bytes.read<uint32_t>();
      break;
    case kMemoryFeature:
      if (section.size() >= 8) facts_.memory_bytes = bytes.read<uint64_t>() << 10;
      break;
    case kCpuDescriptionFeature:
      facts_.cpu = read_string(bytes);
      break;
    case kCommandLineFeature:
      add_command(section);
      break;
    case kEventDescriptionFeature:
      add_event_names(section);
      break;
    case kSampleTimeFeature:
      add_times(section);
      break;
    case kClockDataFeature:
      add_clock(section);
      break;
    case kSimpleperfMetaFeature:
      add_simpleperf_meta(section);
      break;
    default:
      break;
  }
}

void TraceHeader::add_command(std::span<const uint8_t> section) {
  OrderedBytes words(section, order_);
  facts_.command.clear();
  for (auto left = words.read<uint32_t>(); left > 0 && !words.failed(); --left)
    facts_.command.push_back(read_string(words));
}

void TraceHeader::add_times(std::span<const uint8_t> section) {
  OrderedBytes times(section, order_);
  if (times.remaining() < 16) return;
  facts_.first_sample = times.read<uint64_t>();
  facts_.last_sample = times.read<uint64_t>();
}

void TraceHeader::add_clock(std::span<const uint8_t> section) {
  OrderedBytes clock(section, order_);
  clock.skip(8);  // version and clock id
  const auto wall = clock.read<uint64_t>();
  const auto own = clock.read<uint64_t>();
  if (!clock.failed()) facts_.wall_offset = static_cast<int64_t>(wall - own);
}

void TraceHeader::add_build_ids(std::span<const uint8_t> section) {
  OrderedBytes bytes(section, order_);
  while (bytes.remaining() >= 8) {
    bytes.skip(4);  // the type is 67 in a stream, and 0 in some files' sections
    const auto misc = bytes.read<uint16_t>();
    const auto size = bytes.read<uint16_t>();
    if (size < 8) break;
    OrderedBytes body(bytes.take(size - 8u), order_);
    const auto pid = body.read<int32_t>();
    const auto field = body.take(kBuildIdField);
    if (body.failed()) break;
    const auto path = base::bounded_text(body.at(), body.remaining());
    const auto id = field.first(build_id_size(field, misc));
    const uint16_t mode = misc & PERF_RECORD_MISC_CPUMODE_MASK;
    const bool is_kernel = mode == PERF_RECORD_MISC_KERNEL || mode == PERF_RECORD_MISC_GUEST_KERNEL;
    facts_.build_ids.push_back({{id.begin(), id.end()}, std::string(path), pid, is_kernel});
  }
  if (bytes.remaining() != 0 || bytes.failed())
    add_note(path_ + ": the list of build ids is cut off");
}

/// "event_type_info" \0 "sched:sched_switch,2,47\ncpu-cycles,0,0" \0 …: name, type and config of each event.
void TraceHeader::add_simpleperf_meta(std::span<const uint8_t> section) {
  base::Bytes bytes(section);
  while (bytes.remaining() > 0) {
    const auto key = bytes.c_string();
    auto lines = bytes.c_string();
    if (bytes.failed() || key != "event_type_info") continue;
    while (!lines.empty()) {
      const auto line = lines.substr(0, lines.find('\n'));
      lines.remove_prefix(std::min(line.size() + 1, lines.size()));
      const auto config_at = line.rfind(',');
      const auto type_at = config_at == line.npos ? line.npos : line.rfind(',', config_at - 1);
      if (type_at == line.npos || line.substr(type_at, config_at - type_at) != ",2") continue;
      uint64_t config = 0;
      std::from_chars(line.data() + config_at + 1, line.data() + line.size(), config);
      tracepoint_names_.emplace(config, line.substr(0, type_at));
    }
  }
}

void TraceHeader::add_event_names(std::span<const uint8_t> section) {
  OrderedBytes bytes(section, order_);
  const auto count = bytes.read<uint32_t>();
  const auto attr_size = bytes.read<uint32_t>();
  for (uint32_t i = 0; i < count && !bytes.failed(); ++i) {
    bytes.skip(attr_size);
    const auto id_count = bytes.read<uint32_t>();
    const auto place = static_cast<uint32_t>(names_by_place_.size());
    names_by_place_.push_back(read_string(bytes));
    for (OrderedBytes ids(bytes.take(uint64_t{id_count} * 8), order_); ids.remaining() >= 8;)
      name_places_.emplace(ids.read<uint64_t>(), place);
  }
  if (bytes.failed()) add_note(path_ + ": the section of event names is cut off");
}

void TraceHeader::name_event(uint64_t id, std::string name) {
  if (!name.empty()) updated_names_[id] = std::move(name);
}

/// The name that the recorder gave to an attr; "" when it gave none.
std::string TraceHeader::stored_name(size_t index) const {
  const auto& ids = attrs_[index].second;
  if (!ids.empty()) {
    const auto updated = updated_names_.find(ids.front());
    if (updated != updated_names_.end()) return updated->second;
    const auto named = name_places_.find(ids.front());
    if (named != name_places_.end()) return names_by_place_[named->second];
  }
  return names_by_place_.size() == attrs_.size() ? names_by_place_[index] : std::string();
}

Status TraceHeader::finish(bool may_grow) {
  if (attrs_.empty())
    return make_error(Code::kInvalid, path_ + " describes no events: it has no attrs");
  std::optional<TracingData> tracing;
  if (!tracing_data_.empty()) {
    auto parsed = parse_tracing_data(tracing_data_);
    if (!parsed) {
      add_note(path_ + ": " + parsed.error().what + "; tracepoints have no fields");
    } else {
      for (const std::string& note : parsed->notes) add_note(path_ + ": " + note);
      tracing = std::move(*parsed);
    }
  }
  uint64_t format_bytes = 0;
  for (size_t i = 0; i < attrs_.size(); ++i) {
    const auto& [attr, ids] = attrs_[i];
    event::EventKind kind;
    kind.attr = attr;
    if (attr.type == PERF_TYPE_TRACEPOINT && tracing) {
      const FormatText* text = tracing->find(static_cast<uint32_t>(attr.config));
      if (text != nullptr) format_bytes += text->text.size();
      if (text != nullptr && format_bytes <= kMaxFormatBytes) {
        if (auto format = tracing->load_format(text->id)) kind.format = std::move(*format);
      }
    }
    kind.name = stored_name(i);
    if (kind.format && attr.type == PERF_TYPE_TRACEPOINT && kind.name.empty())
      kind.name = kind.format->system + ":" + kind.format->name;
    if (kind.name.empty() && attr.type == PERF_TYPE_TRACEPOINT) {
      const auto named = tracepoint_names_.find(attr.config);
      if (named != tracepoint_names_.end()) kind.name = named->second;
    }
    if (kind.name.empty()) kind.name = attr_name(attr);
    events_.add(std::move(kind), ids);
  }
  if (format_bytes > kMaxFormatBytes) {
    add_note(
        fmt::format("{}: its tracepoints have {} bytes of formats; those beyond {} were "
                    "not read, and their events have no fields",
                    path_, format_bytes, kMaxFormatBytes));
  }
  events_.finish(may_grow);
  return {};
}

}  // namespace oc::source
