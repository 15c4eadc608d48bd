#include "format/pprof_labels.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "format/pprof_schema.h"
#include "machine/selection.h"

namespace oc::format {

using namespace pprof;

std::string_view PprofLabels::of_context(machine::ContextId context) {
  if (!context) return {};
  if (const auto at = contexts_.find(context.value); at != contexts_.end()) return at->second;
  const machine::Context& at = machine_.processes.context(context);
  const machine::Thread& thread = machine_.processes.thread(at.thread);
  const machine::Process& process = machine_.processes.process(thread.process);
  add(kThreadLabel, machine_.text(at.comm));
  if (thread.tid >= 0) add(kTidLabel, thread.tid);
  add(kProcessLabel, machine_.text(process.comm));
  if (process.pid >= 0) add(kPidLabel, process.pid);
  add(kCgroupLabel, machine_.text(machine_.processes.cgroup_of(context)));
  return keep(contexts_, context.value);
}

std::string_view PprofLabels::of_cpu(uint16_t cpu) {
  if (cpu == machine::kNoCpu) return {};
  if (const auto at = cpus_.find(cpu); at != cpus_.end()) return at->second;
  add(kCpuLabel, cpu);
  return keep(cpus_, cpu);
}

std::string_view PprofLabels::of_attributes(machine::AttributesId attributes) {
  if (!attributes) return {};
  if (const auto at = attributes_.find(attributes.value); at != attributes_.end())
    return at->second;
  for (const machine::Attribute& attribute : machine_.attributes.all(attributes)) add(attribute);
  return keep(attributes_, attributes.value);
}

std::string_view PprofLabels::keep(Known& known, uint32_t id) {
  const std::string_view kept = known.try_emplace(id, fields_.bytes()).first->second;
  fields_.clear();
  return kept;
}

void PprofLabels::add(const machine::Attribute& attribute) {
  constexpr std::array kOwn{kThreadLabel, kProcessLabel, kTidLabel,
                            kPidLabel,    kCpuLabel,     kCgroupLabel};
  constexpr double kMost = 9007199254740992;  // up to it all whole numbers are exact
  std::string name(machine_.text(attribute.name));
  if (name.starts_with("pprof::") || std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end()) {
    name.insert(0, kAttributePrefix);
  }
  const double number = attribute.number;
  if (attribute.is_text) {
    add(name, machine_.text(attribute.text));
  } else if (number == std::trunc(number) && std::abs(number) <= kMost) {
    add(name, static_cast<int64_t>(number));
  } else {
    add(name, machine::text_of_number(number));
  }
}

void PprofLabels::add(std::string_view key, std::string_view text) {
  if (text.empty()) return;
  label_.clear();
  label_.varint(kKey, texts_.index(key));
  label_.varint(kStr, texts_.index(text));
  fields_.message(kLabel, label_);
}

/// With a unit, also because readers take a number 0 without one for no label.
void PprofLabels::add(std::string_view key, int64_t number) {
  label_.clear();
  label_.varint(kKey, texts_.index(key));
  label_.integer(kNum, number);
  label_.varint(kNumUnit, texts_.index("count"));
  fields_.message(kLabel, label_);
}

}  // namespace oc::format
