#include "machine/selection.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/nearest.h"
#include "base/path.h"
#include "machine/name_match.h"

namespace oc::machine {

namespace {

bool matches_any(const std::vector<std::string>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, text); });
}

/// "cpu-clock:ppp" is cpu-clock to whoever asks for it. Source: perf-list(1), event modifiers.
std::string without_modifiers(const std::string& name) {
  const size_t colon = name.rfind(':');
  if (colon == std::string::npos) return name;
  const bool are_modifiers =
      name.find_first_not_of("ukhIGHpPSDWeb", colon + 1) == std::string::npos;
  return are_modifiers ? name.substr(0, colon) : name;
}

bool is_among(const std::vector<int32_t>& list, int32_t value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

constexpr uint8_t kByTime = 2;

/// The first thread of a thread's process; null: nobody told of it.
const Thread* first_thread(const ProcessTable& processes, const Thread& thread) {
  const Process& process = processes.process(thread.process);
  for (const uint32_t id : process.threads) {
    const Thread& other = processes.thread(ThreadId{id});
    if (other.tid == process.pid) return &other;
  }
  return nullptr;
}

}  // namespace

base::Result<Selection> Selection::make(Machine& machine, Filter filter) {
  Selection selection(machine, std::move(filter));
  if (auto status = selection.choose_kinds(); !status) return std::move(status.error());
  selection.choose_contexts();
  selection.choose_attributes();
  selection.choose_stacks();
  return selection;
}

base::Status Selection::choose_kinds() {
  if (!filter_.cpus.empty()) {
    cpus_.assign(size_t{UINT16_MAX} + 1, 0);
    for (const int32_t cpu : filter_.cpus) {
      if (cpu >= 0 && cpu < UINT16_MAX) cpus_[static_cast<size_t>(cpu)] = 1;
    }
  }
  if (filter_.kinds.empty() && !machine_->main_kind) return {};
  kinds_.assign(size_t{UINT16_MAX} + 1, 0);
  if (filter_.kinds.empty()) kinds_[machine_->main_kind.value] = 1;
  std::vector<std::string> names;
  for (const std::string& wanted : filter_.kinds) {
    bool is_found = false;
    uint32_t id = 0;
    for (const Kind& kind : machine_->kinds()) {
      ++id;
      const std::string name(machine_->text(kind.name)), group(machine_->text(kind.group));
      names.push_back(name);
      if (!group.empty()) names.push_back(group);
      if (!matches(wanted, name) && !matches(wanted, without_modifiers(name)) &&
          (group.empty() || !matches(wanted, group)))
        continue;
      kinds_[id] = 1;
      is_found = true;
    }
    if (is_found) continue;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string hint = base::did_you_mean(base::nearest(wanted, names));
    if (hint.empty()) {
      hint = names.empty() ? "it has no samples" : "there are:";
      for (const std::string& name : names) hint += " " + name;
    }
    return base::make_error(base::Code::kNotFound, "there are no samples of kind '" + wanted + "'",
                            hint);
  }
  return {};
}

void Selection::choose_contexts() {
  if (filter_.comms.empty() && filter_.tasks.empty() && filter_.pids.empty() &&
      filter_.tids.empty() && filter_.cgroups.empty()) {
    return;
  }
  const ProcessTable& processes = machine_->processes;
  contexts_.assign(processes.contexts().size() + 1, 0);
  for (uint32_t id = 1; id < contexts_.size(); ++id) {
    const Context& context = processes.context(ContextId{id});
    const Thread& thread = processes.thread(context.thread);
    const Process& process = processes.process(thread.process);
    contexts_[id] =
        is_among(filter_.pids, process.pid) && is_among(filter_.tids, thread.tid) &&
        (filter_.comms.empty() || matches_any(filter_.comms, machine_->text(context.comm))) &&
        (filter_.cgroups.empty() ||
         matches_any(filter_.cgroups, machine_->text(processes.cgroup_of(ContextId{id}))));
    if (contexts_[id] != 0 && !filter_.tasks.empty()) contexts_[id] = choose_task(context);
  }
}

/// By its own name, or by those that its process has at any time.
uint8_t Selection::choose_task(const Context& context) {
  if (matches_any(filter_.tasks, machine_->text(context.comm))) return 1;
  const ProcessTable& processes = machine_->processes;
  const Thread& thread = processes.thread(context.thread);
  const Thread* const first = first_thread(processes, thread);
  if (first == nullptr || first == &thread) return 0;
  const auto fits = [&](const NameSince& name) {
    return matches_any(filter_.tasks, machine_->text(name.name));
  };
  const auto& names = first->names;
  const auto count = std::count_if(names.begin(), names.end(), fits);
  const bool is_always = !names.empty() && names.front().time == kBeforeTrace;
  if (is_always && static_cast<size_t>(count) == names.size()) return 1;
  return count != 0 ? kByTime : 0;
}

/// Of a context kByTime.
bool Selection::has_process_name(ContextId context, int64_t time) const {
  const ProcessTable& processes = machine_->processes;
  const Thread* const first =
      first_thread(processes, processes.thread(processes.context(context).thread));
  if (first == nullptr) return false;
  const auto later =
      std::upper_bound(first->names.begin(), first->names.end(), time,
                       [](int64_t at, const NameSince& name) { return at < name.time; });
  return later != first->names.begin() &&
         matches_any(filter_.tasks, machine_->text(std::prev(later)->name));
}

void Selection::choose_attributes() {
  if (filter_.attributes.empty()) return;
  const AttributeTable& table = machine_->attributes;
  std::vector<uint8_t> chosen(table.size() + 1, 0);
  for (uint32_t id = 1; id < chosen.size(); ++id) {
    const auto is_so = [&](const Filter::AttributeIs& wanted) {
      for (const Attribute& attribute : table.all(AttributesId{id})) {
        if (machine_->text(attribute.name) != wanted.name) continue;
        if (attribute.is_text) return matches(wanted.text, machine_->text(attribute.text));
        return matches(wanted.text, text_of_number(attribute.number));
      }
      return false;
    };
    chosen[id] = std::all_of(filter_.attributes.begin(), filter_.attributes.end(), is_so);
  }
  attributes_ = std::move(chosen);
}

/// Names the frames of all stacks that the other questions let through, for that only.
void Selection::choose_stacks() {
  if (filter_.symbols.empty() && filter_.modules.empty()) return;
  const std::vector<uint8_t> used = used_stacks();
  resolve_stacks(*machine_, used, false);
  PlaceTable& places = machine_->places;
  std::vector<int8_t> symbol_fits, module_fits;  // by function: -1 not looked at
  const auto look = [&](uint32_t function) {
    if (function >= symbol_fits.size()) {
      symbol_fits.resize(places.functions(), -1);
      module_fits.resize(places.functions(), -1);
    }
    if (symbol_fits[function] >= 0) return;
    const Function& known = places.function({function});
    const std::string_view path = places.text(known.module);
    symbol_fits[function] = matches_any(filter_.symbols, places.text(known.name)) ||
                            matches_any(filter_.symbols, places.text(known.full_name));
    module_fits[function] =
        matches_any(filter_.modules, path) || matches_any(filter_.modules, base::file_name(path));
  };
  std::vector<uint8_t> chosen(used.size(), 0);
  for (uint32_t index = 1; index < used.size(); ++index) {
    if (!used[index]) continue;
    bool symbol = filter_.symbols.empty(), module = filter_.modules.empty();
    for (const uint32_t frame : machine_->stack(machine_->stack_ref(index)).frames) {
      for (const Line& line : places.find(frame).lines) {
        look(line.function.value);
        symbol |= symbol_fits[line.function.value] == 1;
        module |= module_fits[line.function.value] == 1;
      }
      if (symbol && module) break;
    }
    chosen[index] = symbol && module;
  }
  stacks_ = std::move(chosen);
}

std::vector<uint8_t> Selection::used_stacks() const {
  std::vector<uint8_t> used(machine_->stack_indexes(), 0);
  for_each_chunk([&](const auto& chunk, uint64_t, std::span<const uint16_t> places) {
    for (const uint16_t i : places) {
      const uint32_t index = machine_->stack_index(chunk.stacks[i]);
      if (index < used.size()) used[index] = 1;
    }
  });
  return used;
}

namespace {

/// Keeps those of `places` for which `test` says so, without a branch.
template <typename Test>
uint32_t keep_if(uint16_t* places, uint32_t count, Test test) {
  uint32_t kept = 0;
  for (uint32_t k = 0; k < count; ++k) {
    const uint16_t i = places[k];
    places[kept] = i;
    kept += test(i) ? 1 : 0;
  }
  return kept;
}

}  // namespace

uint32_t Selection::select(const SampleTable::Chunk& chunk, uint64_t first, uint16_t* out) const {
  if (chunk.last_time < filter_.from || chunk.first_time >= filter_.until) return 0;
  uint32_t count = chunk.count;
  for (uint32_t i = 0; i < count; ++i) out[i] = static_cast<uint16_t>(i);
  if (chunk.first_time < filter_.from || chunk.last_time >= filter_.until) {
    count = keep_if(out, count, [&](uint16_t i) {
      return chunk.times[i] >= filter_.from && chunk.times[i] < filter_.until;
    });
  }
  // Ids that came after the selection was made are not known to it.
  const auto chosen = [](const std::vector<uint8_t>& by_id, uint32_t id) {
    return id < by_id.size() && by_id[id] != 0;
  };
  if (!kinds_.empty())
    count = keep_if(out, count, [&](uint16_t i) { return kinds_[chunk.kinds[i]] != 0; });
  if (!cpus_.empty())
    count = keep_if(out, count, [&](uint16_t i) { return cpus_[chunk.cpus[i]] != 0; });
  if (!contexts_.empty())
    count = keep_if(out, count, [&](uint16_t i) { return chosen(contexts_, chunk.contexts[i]); });
  if (!filter_.tasks.empty()) {
    count = keep_if(out, count, [&](uint16_t i) {
      return contexts_[chunk.contexts[i]] != kByTime ||
             has_process_name(ContextId{chunk.contexts[i]}, chunk.times[i]);
    });
  }
  if (!attributes_.empty()) {
    count = keep_if(out, count, [&](uint16_t i) {
      return chunk.attributes && chosen(attributes_, chunk.attributes[i]);
    });
  }
  if (!stacks_.empty()) {
    count = keep_if(out, count, [&](uint16_t i) {
      return chosen(stacks_, machine_->stack_index(chunk.stacks[i]));
    });
  }
  for (const auto& test : tests_) {
    count = keep_if(out, count, [&](uint16_t i) { return test(first + i); });
  }
  return count;
}

bool Selection::takes(const Span& span) const {
  const auto chosen = [](const std::vector<uint8_t>& by_id, uint32_t id) {
    return by_id.empty() || (id < by_id.size() && by_id[id] != 0);
  };
  return span.end >= filter_.from && span.start < filter_.until &&
         chosen(kinds_, span.kind.value) && chosen(cpus_, span.cpu) &&
         chosen(contexts_, span.context.value) && chosen(attributes_, span.attributes.value) &&
         (filter_.tasks.empty() || span.context.value >= contexts_.size() ||
          contexts_[span.context.value] != kByTime || has_process_name(span.context, span.start)) &&
         (stacks_.empty() || chosen(stacks_, machine_->stack_index(span.stack)));
}

uint64_t Selection::count() const {
  uint64_t count = 0;
  for_each_chunk([&](const auto& chunk, uint64_t, std::span<const uint16_t> places) {
    if (!chunk.weights) count += places.size();
    for (size_t k = 0; chunk.weights && k < places.size(); ++k) count += chunk.weights[places[k]];
  });
  return count;
}

void resolve_stacks(Machine& machine, const std::vector<uint8_t>& used, bool innermost_only) {
  std::vector<uint32_t> frames;
  std::vector<uint8_t> seen;
  for (uint32_t index = 1; index < used.size(); ++index) {
    if (!used[index]) continue;
    for (const uint32_t frame : machine.stack(machine.stack_ref(index)).frames) {
      if (!(frame & PlaceTable::kOwn)) {
        if (frame >= seen.size()) seen.resize(std::max<size_t>(frame + 1, seen.size() * 2), 0);
        if (!seen[frame]) frames.push_back(frame);
        seen[frame] = 1;
      }
      if (innermost_only) break;
    }
  }
  machine.places.resolve(frames);
}

std::string text_of_number(double number) {
  const bool is_whole = std::abs(number) < 9007199254740992.0 && number == std::trunc(number);
  char text[40];
  // Shortest that is read back as the same; exports write one for each sample.
  const auto end = is_whole ? std::to_chars(text, text + sizeof text, static_cast<int64_t>(number))
                            : std::to_chars(text, text + sizeof text, number);
  return {text, end.ptr};
}

}  // namespace oc::machine
