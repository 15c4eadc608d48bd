#include "session/machine_feed.h"

#include <linux/perf_event.h>

#include <algorithm>

#include "base/bytes.h"
#include "event/sample_layout.h"
#include "event/sample_tail.h"
#include "session/other_thread.h"
#include "session/process_facts.h"
#include "source/record.h"
#include "sys/files.h"

namespace oc::session {

using process::TaskLog;

namespace {

/// Clocks count ns.
bool counts_time(const perf_event_attr& attr) {
  return attr.type == PERF_TYPE_SOFTWARE &&
         (attr.config == PERF_COUNT_SW_CPU_CLOCK || attr.config == PERF_COUNT_SW_TASK_CLOCK);
}

/// Words with spaces between them; "" when it is gone, or a thread of the kernel.
std::string command_line_of(int32_t pid) {
  constexpr size_t kMostBytes = 4096;
  std::string text = sys::read_text("/proc/" + std::to_string(pid) + "/cmdline", kMostBytes);
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

/// The kernel's number of the control group that the sample was taken in; 0: it ends before that.
uint64_t cgroup_of(const event::SampleLayout& layout, const uint8_t* record) {
  return event::read_tail(layout, record, source::record_header(record).size_bytes).cgroup;
}

}  // namespace

MachineFeed::MachineFeed(const TraceModel& model, const EventKinds& kinds,
                         machine::Machine& machine)
    : model_(model), kind_names_(kinds), machine_(machine), last_context_(kLastContexts) {}

void MachineFeed::set_group(uint32_t kind, std::string group) {
  if (kind >= groups_.size()) groups_.resize(kind + 1);
  groups_[kind] = std::move(group);
}

MachineFeed::Kind MachineFeed::make_kind(uint32_t number) {
  Kind made;
  const event::EventKind* sample = kind_names_.sample(number);
  if (sample == nullptr) return made;
  const perf_event_attr& attr = sample->attr;
  const auto type = counts_time(attr) ? machine::ValueType::kDuration : machine::ValueType::kCount;
  made.is_chosen = true;
  made.id = machine_.kind(sample->name, type, number < groups_.size() ? groups_[number] : "");
  made.period_at = sample->layout.period;
  made.has_cgroup = (attr.sample_type & PERF_SAMPLE_CGROUP) != 0;
  if (made.has_cgroup) made.layout = sample->layout;
  if (attr.freq == 0) made.usual = std::max<double>(1, static_cast<double>(attr.sample_period));
  machine::Kind& kind = machine_.kind(made.id);
  kind.is_sampled = attr.freq != 0 || attr.sample_period > 1;
  if (attr.freq != 0 && counts_time(attr) && attr.sample_freq != 0) {
    kind.period = 1e9 / static_cast<double>(attr.sample_freq);
  } else if (attr.freq == 0) {
    kind.period = made.usual;
  }
  if (keeps_records_ && sample->format) {
    kind.format = &*sample->format;
    kind.event = number;
    made.keeps_record = true;
  }
  return made;
}

/// As `e.cgroup` has it.
base::StringId MachineFeed::name_cgroup(uint64_t id) {
  if (id == 0) return {};
  const std::string path = model_.cgroups.find(id);
  return machine_.texts.intern(path.empty() ? "cgroup:" + std::to_string(id) : path);
}

machine::ContextId MachineFeed::context_of(const oc_event& event, const Kind& kind) {
  const uint32_t life = event.thread;
  auto& processes = machine_.processes;
  if (generation_ != processes.generation()) {
    generation_ = processes.generation();
    last_context_.assign(kLastContexts, {});
  }
  LastContext& last = last_context_[life % kLastContexts];
  const uint64_t cgroup = kind.has_cgroup ? cgroup_of(kind.layout, event.record) : 0;
  // Life 0 is of all whose thread nobody knows: these are told apart by their ids.
  if (life != 0 && last.life == life && last.comm == event.comm && last.cgroup == cgroup)
    return last.context;
  const machine::ThreadId thread = processes.thread_of_life(life, event.pid, event.tid);
  const base::StringId comm =
      machine_.texts.intern(model_.strings.text(base::StringId{event.comm}));
  const base::StringId group = name_cgroup(cgroup);
  if (group) processes.process(processes.thread(thread).process).cgroup = group;
  const machine::ContextId context = processes.context(thread, comm, group);
  last = {life, event.comm, cgroup, context};
  return context;
}

/// Without a stack the place where the sample was taken is one.
machine::StackRef MachineFeed::stack_of(const oc_event& event) {
  if (event.stack != 0 || event.frame == 0) return event.stack;
  if (event.frame >= of_frame_.size()) {
    of_frame_.resize(std::max<size_t>(event.frame + 1, of_frame_.size() * 2));
  }
  machine::StackRef& stack = of_frame_[event.frame];
  if (stack == 0) stack = machine_.add_stack({&event.frame, 1});
  return stack;
}

void MachineFeed::add(const Batch& batch) {
  // All events of the batch before were looked at by now: who ended before is asked for no more.
  if (told_until_ > batch.counts.start_time) {
    machine_.keep_to(static_cast<int64_t>(told_until_ - batch.counts.start_time));
  }
  told_until_ = batch.counts.last_time;
  if (batch.counts.start_time != 0)
    read_log(batch.counts);  // otherwise nothing with a time has been seen
  if (!takes_all_) return;
  for (uint32_t i = 0; i < batch.count; ++i) take(batch.events[i]);
}

void MachineFeed::take(const oc_event& event) {
  if (event.event < event::kKernelRecords || (event.reserved & kLeftOut) != 0) return;
  while (event.event >= kinds_.size()) {
    kinds_.push_back(make_kind(static_cast<uint32_t>(kinds_.size())));
  }
  const Kind& kind = kinds_[event.event];
  if (!kind.is_chosen) return;
  machine::Sample sample;
  sample.time = static_cast<int64_t>(event.time);
  sample.value = kind.usual;
  if (kind.period_at != event::kAbsent) {
    sample.value = static_cast<double>(base::load<uint64_t>(event.record + kind.period_at));
  }
  sample.context = context_of(event, kind);
  sample.stack = stack_of(event);
  sample.kind = kind.id;
  if (event.cpu >= 0) sample.cpu = static_cast<uint16_t>(std::min(event.cpu, 0xfffe));
  if (!kind.keeps_record) {
    machine_.add(sample);
  } else {
    machine_.add(sample, {event.payload, event.payload_size});
  }
}

void MachineFeed::read_log(const Counts& counts) {
  if (!model_.log) return;
  model_.log->take([&](const TaskLog::Entry& entry) { apply(entry, counts.start_time); });
}

/// What is told with time 0 was so before the trace began.
void MachineFeed::apply(const TaskLog::Entry& entry, uint64_t start) {
  auto& processes = machine_.processes;
  const int64_t time =
      entry.time == 0 ? machine::kBeforeTrace : static_cast<int64_t>(entry.time - start);
  const std::string_view comm = model_.strings.text(entry.name);
  switch (entry.what) {
    case TaskLog::What::kFound:
      return processes.found(entry.thread, entry.pid, entry.tid, comm);
    case TaskLog::What::kFork:
      return processes.fork(time, entry.thread, entry.pid, entry.tid, entry.parent_pid, comm,
                            entry.begins_empty);
    case TaskLog::What::kComm:
    case TaskLog::What::kExec:
      return processes.comm(time, entry.thread, entry.pid, entry.tid, comm,
                            entry.what == TaskLog::What::kExec);
    case TaskLog::What::kExit:
      return processes.exit(time, entry.thread, entry.pid, entry.tid);
    case TaskLog::What::kMap: {
      machine::MachineMapping mapping;
      mapping.module = entry.module;
      mapping.start = entry.start;
      mapping.end = entry.start + entry.size_bytes;
      mapping.offset = entry.offset;
      return processes.map(time, entry.pid, mapping);
    }
  }
}

void MachineFeed::ask_processes() {
  auto& table = machine_.processes;
  for (uint32_t id = 1; id <= table.processes().size(); ++id) {
    machine::Process& process = table.process(machine::ProcessId{id});
    if (process.end != machine::kAfterTrace || process.pid <= 0) continue;
    const ProcessFacts facts = load_process_facts(process.pid);
    if (!facts.cgroup.empty()) process.cgroup = machine_.texts.intern(facts.cgroup);
    process.namespace_pid = facts.namespace_pid;
    const std::string command = command_line_of(process.pid);
    if (!command.empty()) process.command_line = machine_.texts.intern(command);
  }
}

void MachineFeed::finish(const Counts& counts) {
  read_log(counts);
  if (counts.last_time > counts.start_time) {
    machine_.facts.end = static_cast<int64_t>(counts.last_time - counts.start_time);
  }
  machine_.facts.start_ns = counts.start_time;
}

}  // namespace oc::session
