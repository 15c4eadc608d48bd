#include "format/pprof_label_reader.h"

#include <array>
#include <charconv>
#include <optional>

#include "format/pprof_schema.h"
#include "format/proto_reader.h"

namespace oc::format::pprof {

namespace {

struct Label {
  uint64_t key = 0, text = 0;
  int64_t number = 0;
};

std::optional<int64_t> number_of(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

}  // namespace

/// Other tools' names too: those of Go, Datadog and perf's converters.
PprofLabelReader::Role PprofLabelReader::role_of(std::string_view key) {
  struct Known {
    std::string_view key;
    Role role;
  };
  static constexpr std::array<Known, 14> kKeys{{
      {kThreadLabel, Role::kThread},
      {"thread name", Role::kThread},
      {"thread_name", Role::kThread},
      {"comm", Role::kThread},
      {kProcessLabel, Role::kProcess},
      {"process_name", Role::kProcess},
      {kTidLabel, Role::kTid},
      {"thread id", Role::kTid},
      {"thread_id", Role::kTid},
      {kPidLabel, Role::kPid},
      {"process id", Role::kPid},
      {"process_id", Role::kPid},
      {kCpuLabel, Role::kCpu},
      {kCgroupLabel, Role::kCgroup},
  }};
  for (const Known& known : kKeys) {
    if (known.key == key) return known.role;
  }
  return Role::kAttribute;
}

void PprofLabelReader::begin() {
  attributes_.clear();
  owner_ = {};
  cpu_ = machine::kNoCpu;
}

void PprofLabelReader::add(std::span<const uint8_t> message) {
  Label label;
  ProtoReader reader(message);
  while (reader.next()) {
    if (reader.field() == kKey) label.key = reader.value();
    if (reader.field() == kStr) label.text = reader.value();
    if (reader.field() == kNum) label.number = static_cast<int64_t>(reader.value());
  }
  profile_.bad_messages += reader.is_damaged();
  std::string_view key = profile_.text(label.key);
  if (key.empty()) return;
  Role& role = roles_[label.key];
  if (role == Role::kUnknown) role = role_of(key);
  const std::string_view text = label.text == 0 ? std::string_view() : profile_.text(label.text);
  if (role != Role::kAttribute) {
    if (label.text != 0) return take_text(role, text);
    return take_number(role, label.number);
  }
  if (key.starts_with(kAttributePrefix))
    key.remove_prefix(std::string_view(kAttributePrefix).size());
  machine::Attribute attribute;
  attribute.name = machine_.texts.intern(key);
  attribute.is_text = label.text != 0;
  if (attribute.is_text) attribute.text = machine_.texts.intern(text);
  attribute.number = static_cast<double>(label.number);
  attributes_.push_back(attribute);
}

/// Ids are texts in some tools' profiles.
void PprofLabelReader::take_text(Role role, std::string_view text) {
  switch (role) {
    case Role::kThread:
      owner_.thread = text;
      return;
    case Role::kProcess:
      owner_.process = text;
      return;
    case Role::kCgroup:
      owner_.cgroup = text;
      return;
    default:
      break;
  }
  if (const auto number = number_of(text)) take_number(role, *number);
}

void PprofLabelReader::take_number(Role role, int64_t number) {
  const bool is_id = number >= 0 && number <= INT32_MAX;
  if (role == Role::kTid && is_id) owner_.tid = static_cast<int32_t>(number);
  if (role == Role::kPid && is_id) owner_.pid = static_cast<int32_t>(number);
  if (role == Role::kCpu && number >= 0 && number < machine::kNoCpu)
    cpu_ = static_cast<uint16_t>(number);
}

machine::ContextId PprofLabelReader::context() {
  if (!owner_.is_known()) return {};
  const int32_t tid = owner_.tid >= 0 ? owner_.tid : owner_.pid;
  auto& processes = machine_.processes;
  const machine::ThreadId thread = processes.thread(owner_.pid, tid);
  machine::Process& process = processes.process(processes.thread(thread).process);
  auto& texts = machine_.texts;
  if (!owner_.process.empty()) process.comm = texts.intern(owner_.process);
  const base::StringId cgroup =
      owner_.cgroup.empty() ? base::StringId{} : texts.intern(owner_.cgroup);
  if (cgroup) process.cgroup = cgroup;
  const std::string_view comm = owner_.thread.empty() ? owner_.process : owner_.thread;
  return processes.context(thread, texts.intern(comm), cgroup);
}

void PprofLabelReader::apply(machine::Sample& sample) {
  sample.context = context();
  sample.cpu = cpu_;
  if (!attributes_.empty()) sample.attributes = machine_.attributes.intern(attributes_);
}

}  // namespace oc::format::pprof
