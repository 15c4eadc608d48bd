// Query's groups: what they are called, which key each id of a column has, and what a key means.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/nearest.h"
#include "machine/query.h"
#include "machine/shown_stacks.h"

namespace oc::machine {

using What = GroupBy::What;

namespace {

struct Named {
  std::string_view name;
  What what;
};
constexpr std::array kNamed{
    Named{"kind", What::kKind},         Named{"process", What::kProcess},
    Named{"thread", What::kThread},     Named{"comm", What::kComm},
    Named{"cpu", What::kCpu},           Named{"symbol", What::kSymbol},
    Named{"function", What::kFunction}, Named{"module", What::kModule},
    Named{"line", What::kLine},         Named{"stack", What::kStack},
    Named{"cgroup", What::kCgroup},     Named{"time", What::kTime},
};

}  // namespace

base::Result<GroupBy> parse_group_by(std::string_view text) {
  GroupBy by;
  if (text.starts_with("attribute:")) {
    by.what = What::kAttribute;
    by.name = text.substr(10);
    return by;
  }
  std::vector<std::string> names{"attribute:NAME"};
  for (const Named& named : kNamed) {
    if (named.name == text) {
      by.what = named.what;
      return by;
    }
    names.emplace_back(named.name);
  }
  std::string hint = base::did_you_mean(base::nearest(text, names));
  if (hint.empty()) {
    hint = "there are:";
    for (const std::string& name : names) hint += " " + name;
  }
  return base::make_error(base::Code::kUsage,
                          fmt::format("samples cannot be grouped by '{}'", text), hint);
}

std::string_view group_name_at(size_t index) {
  return index < kNamed.size() ? kNamed[index].name : std::string_view();
}

Query::Dimension Query::make_dimension(GroupBy by) const {
  Dimension dimension;
  dimension.by = std::move(by);
  auto& keys = dimension.keys;
  const ProcessTable& processes = machine_->processes;
  const auto fill = [&](auto key_of) {
    keys.assign(processes.contexts().size() + 1, 0);
    for (uint32_t id = 1; id < keys.size(); ++id) keys[id] = key_of(ContextId{id});
  };
  switch (dimension.by.what) {
    case What::kComm:
      fill([&](ContextId id) { return processes.context(id).comm.value; });
      break;
    case What::kThread:
      fill([&](ContextId id) { return processes.context(id).thread.value; });
      break;
    case What::kProcess:
      fill([&](ContextId id) {
        return processes.thread(processes.context(id).thread).process.value;
      });
      break;
    case What::kCgroup:
      fill([&](ContextId id) { return processes.cgroup_of(id).value; });
      break;
    case What::kSymbol:
    case What::kFunction:
    case What::kModule:
    case What::kLine:
      fill_stack_keys(dimension);
      break;
    case What::kStack:
      fill_shown_stacks(dimension);
      break;
    case What::kAttribute:
      fill_attribute_keys(dimension);
      break;
    case What::kTime: {
      dimension.by.width = std::max<int64_t>(dimension.by.width, 1);
      // Stretches begin at multiples of the width, so that they are the same for every selection.
      int64_t first = INT64_MAX;
      for (const auto& chunk : machine_->samples.chunks())
        first = std::min(first, chunk.first_time);
      if (first == INT64_MAX) first = 0;
      first = std::max(first, INT64_MIN / 2);
      const int64_t past = first % dimension.by.width;
      dimension.origin = first - (past < 0 ? past + dimension.by.width : past);
      break;
    }
    default:
      break;
  }
  return dimension;
}

void Query::fill_stack_keys(Dimension& dimension) const {
  const What what = dimension.by.what;
  PlaceTable& places = machine_->places;
  const std::vector<uint8_t> used = selection_->used_stacks();
  dimension.keys.assign(used.size(), 0);
  for (uint32_t index = 1; index < used.size(); ++index) {
    const process::StackView stack =
        used[index] ? machine_->stack(machine_->stack_ref(index)) : process::StackView();
    if (stack.frames.empty()) continue;
    const Place place = places.find(stack.frames.front());
    if (place.lines.empty()) continue;
    const Line line = place.lines.front();
    if (what == What::kSymbol) {
      dimension.keys[index] = place.lines.back().function.value;
    } else if (what == What::kFunction) {
      dimension.keys[index] = line.function.value;
    } else if (what == What::kModule) {
      dimension.keys[index] = places.function(line.function).module.value;
    } else if (line.file) {
      const std::string text = fmt::format("{}:{}", machine_->text(line.file), line.line);
      dimension.keys[index] = machine_->texts.intern(text).value;
    }
  }
}

/// What reads the same is one group: of stacks that differ in addresses alone the first one stands for all.
void Query::fill_shown_stacks(Dimension& dimension) const {
  const std::vector<uint8_t> used = selection_->used_stacks();
  dimension.keys.assign(used.size(), 0);
  ShownStacks shown(*machine_, true);
  std::vector<uint32_t> first;  // by number
  for (uint32_t index = 1; index < used.size(); ++index) {
    if (!used[index]) continue;
    const uint32_t number = shown.number(machine_->stack_ref(index));
    if (number == 0) continue;
    if (number >= first.size()) first.resize(std::max<size_t>(number + 1, first.size() * 2));
    if (first[number] == 0) first[number] = index;
    dimension.keys[index] = first[number];
  }
}

void Query::fill_attribute_keys(Dimension& dimension) const {
  const AttributeTable& table = machine_->attributes;
  dimension.keys.assign(table.size() + 1, 0);
  const base::StringId name = machine_->texts.intern(dimension.by.name);
  for (uint32_t id = 1; id < dimension.keys.size(); ++id) {
    const auto attribute = table.find(AttributesId{id}, name);
    if (!attribute) continue;
    dimension.keys[id] = attribute->is_text
                             ? attribute->text.value
                             : machine_->texts.intern(text_of_number(attribute->number)).value;
  }
}

std::string Query::text(uint32_t group, uint32_t key) const {
  const Dimension& dimension = dimensions_[group];
  const ProcessTable& processes = machine_->processes;
  switch (dimension.by.what) {
    case What::kKind:
      return std::string(key == 0 ? "" : machine_->text(machine_->kind(KindId{key}).name));
    case What::kProcess: {
      if (key == 0 || key > processes.processes().size()) return "";
      const Process& process = processes.process(ProcessId{key});
      return fmt::format("{} ({})", machine_->text(process.comm), process.pid);
    }
    case What::kThread: {
      if (key == 0 || key > processes.threads().size()) return "";
      const Thread& thread = processes.thread(ThreadId{key});
      const base::StringId name =
          thread.names.empty() ? base::StringId{} : thread.names.back().name;
      return fmt::format("{} ({})", machine_->text(name), thread.tid);
    }
    case What::kCpu:
      return key == kNoCpu ? "" : std::to_string(key);
    case What::kSymbol:
    case What::kFunction:
      return std::string(machine_->text(machine_->places.function({key}).name));
    case What::kTime:
      return text_of_number(number(group, key));
    case What::kGiven:
      return key < dimension.by.given_texts.size() ? dimension.by.given_texts[key] : "";
    case What::kStack: {
      std::string text;
      const auto frames = machine_->stack(machine_->stack_ref(key)).frames;
      for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
        const Place place = machine_->places.find(*frame);
        for (auto line = place.lines.rbegin(); line != place.lines.rend(); ++line) {
          if (!text.empty()) text += ';';
          text += machine_->text(machine_->places.function(line->function).name);
        }
      }
      return text;
    }
    default:
      return std::string(machine_->text(base::StringId{key}));
  }
}

double Query::number(uint32_t group, uint32_t key) const {
  const Dimension& dimension = dimensions_[group];
  if (dimension.by.what == What::kTime) {
    return static_cast<double>(dimension.origin + int64_t{key} * dimension.by.width);
  }
  if (dimension.by.what == What::kStack) return machine_->stack_ref(key);
  return key;
}

}  // namespace oc::machine
