#include "format/nettrace_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "format/formats.h"
#include "format/frame_texts.h"
#include "format/time_order.h"

namespace oc::format {

namespace {

using machine::ProcessId;
using Type = NettraceWriter::Type;

constexpr std::array<std::string_view, 1> kNettraceExtensions{".nettrace"};

bool is_off_cpu(std::string_view name) {
  return name == "off_cpu" || name == "off-cpu" || name == "cswitch";
}

base::Status write_nettrace(const Export& what, Output& out) {
  return NettraceExport(what, out).run();
}

}  // namespace

base::Status NettraceExport::run() {
  name_frames(what_);
  spans_ = chosen_spans(what_.selection);
  gather();
  NettraceWriter writer(out_, trace());
  writer_ = &writer;
  add_system_events();
  add_kinds();
  plan();
  const bool went_on = write_samples();
  while (next_ < told_.size()) tell(told_[next_++]);
  write_symbols();
  write_losses();
  if (!went_on) return base::make_error(base::Code::kUsage, "the export was given up");
  return {};
}

void NettraceExport::see(machine::ContextId context, machine::StackRef stack, int64_t from,
                         int64_t until) {
  const ProcessId process = process_of(context);
  Seen& seen = seen_[process.value];
  seen.first = std::min(seen.first, from);
  seen.last = std::max(seen.last, until);
  first_ = std::min(first_, from);
  last_ = std::max(last_, until);
  const uint32_t id = pairs_.intern(process.value, stack);
  if (id != stack_ids_.size()) return;
  stack_ids_.push_back(0);
  code_.add(process, stack);
}

void NettraceExport::gather() {
  kinds_.resize(machine_.kinds().size() + 1);
  seen_.resize(machine_.processes.processes().size() + 1);
  what_.selection.for_each([&](const machine::Sample& sample, uint64_t) {
    see(sample.context, sample.stack, sample.time, sample.time);
    if (sample.kind.value >= kinds_.size()) kinds_.resize(sample.kind.value + 1);
    EventKind& kind = kinds_[sample.kind.value];
    kind.is_used = true;
    kind.is_whole &=
        sample.value >= 0 && sample.value < 1.8e19 && sample.value == std::trunc(sample.value);
  });
  for (const machine::SpanId id : spans_) {
    const machine::Span& span = machine_.spans[id];
    see(span.context, span.stack, span.start, span.start);
  }
  code_.finish();
}

NettraceWriter::Trace NettraceExport::trace() const {
  const machine::TraceFacts& facts = machine_.facts;
  NettraceWriter::Trace trace;
  trace.sync_ticks = ticks(first_);
  trace.wall_ns =
      facts.wall_offset == 0 ? 0 : facts.wall_offset + static_cast<int64_t>(ticks(first_));
  const auto fact = [&](const char* name) -> std::string {
    const auto at = facts.host.find(name);
    return at == facts.host.end() ? std::string() : at->second;
  };
  if (const auto cpus = fact("cpus_online"); !cpus.empty()) {
    trace.facts.emplace_back("HardwareThreadCount", cpus);
  }
  const std::string page = fact("page_size"), arch = fact("arch");
  if (!page.empty() || arch == "x86_64") {
    trace.facts.emplace_back("SystemPageSize", page.empty() ? "4096" : page);
  }
  for (const machine::Kind& kind : machine_.kinds()) {
    if (machine_.text(kind.group) != "cpu" || kind.type != machine::ValueType::kDuration) continue;
    if (kind.period > 0) {
      trace.facts.emplace_back("ExpectedCPUSamplingRate", fmt::format("{:.0f}", kind.period));
      break;
    }
  }
  trace.facts.emplace_back("Writer", "oc");
  if (const std::string title = what_.title.empty() ? facts.name : what_.title; !title.empty()) {
    trace.facts.emplace_back("Title", clean_text(title));
  }
  if (facts.wall_offset != 0)
    trace.facts.emplace_back("StartUnixNs", std::to_string(trace.wall_ns));
  for (const auto& [name, value] : facts.host)
    trace.facts.emplace_back("Host." + clean_text(name), clean_text(value));
  for (const std::string& note : facts.notes) trace.facts.emplace_back("Note", clean_text(note));
  if (machine_.dropped() != 0) {
    trace.facts.emplace_back("DroppedByRetention", std::to_string(machine_.dropped()));
  }
  return trace;
}

void NettraceExport::add_system_events() {
  const auto add = [&](uint32_t number, std::string_view name,
                       std::vector<NettraceWriter::Field> fields) {
    system_[number] =
        writer_->add_event_kind({"Universal.System", name, number, std::move(fields), {}});
  };
  const std::vector<NettraceWriter::Field> process{
      {"NamespaceId", Type::kVarUInt}, {"Name", Type::kText}, {"NamespaceName", Type::kText}};
  add(kExisting, "ExistingProcess", process);
  add(kCreate, "ProcessCreate", process);
  add(kExit, "ProcessExit", {});
  add(kMapping, "ProcessMapping",
      {{"Id", Type::kVarUInt},
       {"StartAddress", Type::kVarUInt},
       {"EndAddress", Type::kVarUInt},
       {"FileOffset", Type::kVarUInt},
       {"FileName", Type::kText},
       {"MetadataId", Type::kVarUInt}});
  add(kSymbol, "ProcessSymbol",
      {{"Id", Type::kVarUInt},
       {"MappingId", Type::kVarUInt},
       {"StartAddress", Type::kVarUInt},
       {"EndAddress", Type::kVarUInt},
       {"Name", Type::kText}});
  add(kMappingMetadata, "ProcessMappingMetadata",
      {{"Id", Type::kVarUInt}, {"SymbolMetadata", Type::kText}, {"VersionMetadata", Type::kText}});
  if (spans_.empty()) return;
  span_event_ = writer_->add_event_kind({"OC.Spans",
                                         "Span",
                                         1,
                                         {{"Id", Type::kVarUInt},
                                          {"ParentId", Type::kVarUInt},
                                          {"Kind", Type::kText},
                                          {"Name", Type::kText},
                                          {"Duration", Type::kVarUInt}},
                                         {}});
}

/// Readers add up all that is called `cpu`, so only the first such kind may be.
void NettraceExport::add_kind(uint32_t id, bool& has_cpu, bool& has_switch) {
  const machine::Kind& kind = machine_.kind(machine::KindId{id});
  const std::string own = clean_text(machine_.text(kind.name));
  const std::string_view group = machine_.text(kind.group);
  EventKind& made = kinds_[id];
  NettraceWriter::Event event;
  event.provider = "Universal.Events";
  event.number = id + 3;  // those below are taken
  event.name = own;
  if (made.is_whole && !has_cpu && (group == "cpu" || own == "cpu")) {
    event.name = "cpu";
    event.number = 1;
    has_cpu = true;
  } else if (made.is_whole && !has_switch && (is_off_cpu(group) || is_off_cpu(own)) &&
             kind.type == machine::ValueType::kDuration) {
    event.name = "cswitch";
    event.number = 2;
    has_switch = true;
  }
  event.fields = {{"Value", made.is_whole ? Type::kVarUInt : Type::kDouble}};
  event.facts.emplace_back("kind", own);
  if (!group.empty()) event.facts.emplace_back("group", clean_text(group));
  if (const auto unit = unit_of(kind.type); !unit.empty()) event.facts.emplace_back("unit", unit);
  if (kind.period > 0) event.facts.emplace_back("period", machine::text_of_number(kind.period));
  made.event = writer_->add_event_kind(event);
}

void NettraceExport::add_kinds() {
  bool has_cpu = false, has_switch = false;
  for (uint32_t id = 1; id < kinds_.size() && id <= machine_.kinds().size(); ++id) {
    if (kinds_[id].is_used) add_kind(id, has_cpu, has_switch);
  }
  // Samples that say no kind, or one that the machine had no number for.
  for (EventKind& kind : kinds_) {
    if (!kind.is_used || kind.event != 0) continue;
    kind.event =
        writer_->add_event_kind({"Universal.Events",
                                 "sample",
                                 3,
                                 {{"Value", kind.is_whole ? Type::kVarUInt : Type::kDouble}},
                                 {}});
  }
}

/// When the process is told: before anything of it is.
int64_t NettraceExport::begin_of(ProcessId id) const {
  const int64_t start = id ? machine_.processes.process(id).start : machine::kBeforeTrace;
  if (start == machine::kBeforeTrace) return first_;
  return std::max(first_, std::min(start, seen_[id.value].first));
}

void NettraceExport::plan() {
  threads_.resize(machine_.processes.contexts().size() + 1);
  process_threads_.resize(seen_.size());
  label_ids_.resize(machine_.attributes.size() + 1);
  for (uint32_t id = 1; id < seen_.size(); ++id) {
    if (seen_[id].first > seen_[id].last) continue;
    told_.push_back({begin_of({id}), Told::What::kProcess, id});
    const int64_t end = machine_.processes.process({id}).end;
    if (end == machine::kAfterTrace) continue;
    told_.push_back({std::max(end, seen_[id].last), Told::What::kExit, id});
    last_ = std::max(last_, told_.back().time);
  }
  for (uint32_t i = 0; i < code_.uses().size(); ++i) {
    told_.push_back({begin_of(code_.uses()[i].process), Told::What::kMapping, i});
  }
  for (uint32_t i = 0; i < spans_.size(); ++i) {
    told_.push_back({machine_.spans[spans_[i]].start, Told::What::kSpan, i});
  }
  std::sort(told_.begin(), told_.end());
}

bool NettraceExport::write_samples() {
  return write_in_time(what_, out_,
                       [&](const machine::Sample& sample, uint64_t) { write_sample(sample); });
}

Exporter nettrace_exporter() {
  Holds holds;
  holds.lines = false;
  holds.build_ids = holds.spans = holds.attributes = holds.losses = holds.is_binary = true;
  return {"nettrace", "events for PerfView and TraceEvent", kNettraceExtensions, holds,
          write_nettrace};
}

}  // namespace oc::format
