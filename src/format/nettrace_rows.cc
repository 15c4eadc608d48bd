#include <fmt/format.h>

#include <algorithm>

#include "format/escapes.h"
#include "format/frame_texts.h"
#include "format/nettrace_export.h"
#include "format/varint.h"

namespace oc::format {

using machine::ProcessId;

uint32_t NettraceExport::process_thread(ProcessId id) {
  uint32_t& thread = process_threads_[id.value];
  if (thread != 0) return thread;
  NettraceWriter::Thread row;
  std::string name;
  if (id) {
    const machine::Process& process = machine_.processes.process(id);
    name = clean_text(machine_.text(process.comm));
    row.pid = row.tid = process.pid;
    const auto add = [&](const char* key, base::StringId text) {
      if (text) row.facts.emplace_back(key, clean_text(machine_.text(text)));
    };
    add("command_line", process.command_line);
    add("cgroup", process.cgroup);
    if (process.parent) {
      row.facts.emplace_back("parent_pid",
                             std::to_string(machine_.processes.process(process.parent).pid));
    }
  }
  row.name = name;
  return thread = writer_->add_thread(row);
}

/// A thread has a row for each name that it had, so that its samples keep the one of their time.
uint32_t NettraceExport::thread_of(machine::ContextId id) {
  if (!id) return process_thread({});
  uint32_t& thread = threads_[id.value];
  if (thread != 0) return thread;
  const machine::Context& context = machine_.processes.context(id);
  const machine::Thread& known = machine_.processes.thread(context.thread);
  const machine::Process& process = machine_.processes.process(known.process);
  if (known.tid == process.pid && context.comm == process.comm) {
    return thread = process_thread(known.process);
  }
  const std::string name = clean_text(machine_.text(context.comm));
  return thread = writer_->add_thread({name, process.pid, known.tid, {}});
}

uint32_t NettraceExport::stack_of(machine::ContextId context, machine::StackRef stack) {
  if (stack == 0) return 0;
  const ProcessId process = process_of(context);
  uint32_t& id = stack_ids_[pairs_.intern(process.value, stack)];
  if (id == 0) id = writer_->add_stack(code_.find(process, stack));
  return id;
}

uint32_t NettraceExport::labels_of(machine::AttributesId id) {
  if (!id || id.value >= label_ids_.size()) return 0;
  uint32_t& known = label_ids_[id.value];
  if (known != 0) return known;
  list_.clear();
  for (const machine::Attribute& attribute : machine_.attributes.all(id)) {
    const std::string name = clean_text(machine_.text(attribute.name));
    if (attribute.is_text) {
      list_.add(name, std::string_view(clean_text(machine_.text(attribute.text))));
    } else {
      list_.add(name, attribute.number);
    }
  }
  if (list_.is_empty()) return 0;
  return known = writer_->add_labels(list_.finish());
}

void NettraceExport::write_sample(const machine::Sample& sample) {
  while (next_ < told_.size() &&
         (told_[next_].time < sample.time ||
          (told_[next_].time == sample.time && told_[next_].what != Told::What::kExit))) {
    tell(told_[next_++]);
  }
  const EventKind& kind = kinds_[sample.kind.value];
  const double value = what_.weight_of(sample);
  if (kind.is_whole) {
    put_varuint(payload_, static_cast<uint64_t>(value));
  } else {
    payload_.put(value);
  }
  NettraceWriter::Head head;
  head.event = kind.event;
  head.thread = thread_of(sample.context);
  head.stack = stack_of(sample.context, sample.stack);
  head.labels = labels_of(sample.attributes);
  head.cpu = sample.cpu == machine::kNoCpu ? 0 : sample.cpu;
  head.time = ticks(sample.time);
  writer_->add_event(head, payload_.bytes());
  payload_.clear();
}

void NettraceExport::tell(const Told& told) {
  switch (told.what) {
    case Told::What::kProcess:
      return write_process({told.index});
    case Told::What::kMapping:
      return write_mapping(code_.uses()[told.index]);
    case Told::What::kSpan:
      return write_span(spans_[told.index]);
    case Told::What::kExit:
      return write(system_[kExit], process_thread({told.index}), told.time);
  }
}

void NettraceExport::write_process(ProcessId id) {
  const machine::Process& process = machine_.processes.process(id);
  const bool is_new = process.start != machine::kBeforeTrace;
  const int32_t inner = process.namespace_pid != 0 ? process.namespace_pid : process.pid;
  put_varuint(payload_, static_cast<uint64_t>(std::max(inner, 0)));
  put_payload_text(payload_, clean_text(machine_.text(process.comm)));
  put_payload_text(payload_, clean_text(machine_.text(process.cgroup)));
  write(system_[is_new ? kCreate : kExisting], process_thread(id), begin_of(id));
}

/// Id of what is known about a module's file; 0: nothing.
uint32_t NettraceExport::metadata_of(process::ModuleId module, uint64_t offset, uint32_t thread,
                                     int64_t time) {
  if (!module || machine_.traced().modules == nullptr) return 0;
  const process::BuildId& build_id = machine_.traced().modules->find(module).build_id;
  if (!build_id) return 0;
  if (module.value >= metadata_.size()) metadata_.resize(module.value + 1);
  if (metadata_[module.value] != 0) return module.value;
  metadata_[module.value] = module.value;
  std::string symbols = fmt::format(R"({{"type":"ELF","build_id":"{}")", hex(build_id.view()));
  if (machine::FrameNamer* namer = machine_.traced().namer; namer != nullptr) {
    const machine::NamedSegment segment = namer->find_segment(module, offset);
    if (segment.size_bytes != 0) {
      symbols +=
          fmt::format(R"(,"p_vaddr":"{:#x}","p_offset":"{:#x}")", segment.address, segment.offset);
    }
  }
  put_varuint(payload_, module.value);
  put_payload_text(payload_, symbols + "}");
  put_payload_text(payload_, "{}");
  write(system_[kMappingMetadata], thread, time);
  return module.value;
}

void NettraceExport::write_mapping(const CodeAddresses::Use& use) {
  const CodeAddresses::Mapping& mapping = code_.mappings()[use.mapping];
  const int64_t time = begin_of(use.process);
  const uint32_t thread = process_thread(use.process);
  const uint32_t metadata =
      mapping.is_made_up ? 0 : metadata_of(mapping.module, mapping.code, thread, time);
  for (const uint64_t number : {uint64_t{use.mapping} + 1, mapping.start, mapping.end,
                                mapping.is_of_file ? mapping.offset : 0}) {
    put_varuint(payload_, number);
  }
  put_payload_text(payload_, clean_text(machine_.text(mapping.path)));
  put_varuint(payload_, metadata);
  write(system_[kMapping], thread, time);
}

void NettraceExport::write_span(machine::SpanId id) {
  const machine::Span& span = machine_.spans[id];
  put_varuint(payload_, id.value);
  put_varuint(payload_, span.parent.value);
  put_payload_text(payload_,
                   span.kind ? clean_text(machine_.text(machine_.kind(span.kind).name)) : "");
  put_payload_text(payload_, cut_text(clean_text(machine_.text(span.name))));
  put_varuint(payload_, static_cast<uint64_t>(span.end - span.start));
  NettraceWriter::Head head;
  head.event = span_event_;
  head.thread = thread_of(span.context);
  head.stack = stack_of(span.context, span.stack);
  head.labels = labels_of(span.attributes);
  head.cpu = span.cpu == machine::kNoCpu ? 0 : span.cpu;
  head.time = ticks(span.start);
  writer_->add_event(head, payload_.bytes());
  payload_.clear();
}

/// At the end, when each process that has the mapping was told of it. The last address of a symbol belongs to it.
void NettraceExport::write_symbols() {
  std::vector<uint32_t> thread_of_mapping(code_.mappings().size(), 0);
  for (const CodeAddresses::Use& use : code_.uses()) {
    uint32_t& thread = thread_of_mapping[use.mapping];
    if (thread == 0) thread = process_thread(use.process);
  }
  uint32_t id = 0;
  for (const CodeAddresses::Symbol& symbol : code_.symbols()) {
    if (!out_.status()) return;
    const machine::Function& function = machine_.places.function(symbol.function);
    for (const uint64_t number :
         {uint64_t{++id}, uint64_t{symbol.mapping} + 1, symbol.start, symbol.end - 1}) {
      put_varuint(payload_, number);
    }
    put_payload_text(payload_, clean_text(machine_.text(function.name)));
    write(system_[kSymbol], thread_of_mapping[symbol.mapping], last_);
  }
}

/// Each count is a thread that tried to write so many events, of which none arrived.
void NettraceExport::write_losses() {
  std::vector<std::pair<uint32_t, uint32_t>> tried;
  for (const machine::Loss& loss : machine_.facts.losses) {
    if (loss.records == 0) continue;
    NettraceWriter::Thread row;
    std::string name = "lost records";
    if (loss.cpu >= 0) {
      name += fmt::format(" of CPU {}", loss.cpu);
      row.facts.emplace_back("cpu", std::to_string(loss.cpu));
    }
    if (loss.event) {
      const std::string event = clean_text(machine_.text(loss.event));
      name += " (" + event + ")";
      row.facts.emplace_back("event", event);
    }
    row.facts.emplace_back("records", std::to_string(loss.records));
    row.name = name;
    const uint64_t records =
        std::min<uint64_t>(loss.records, INT32_MAX);  // readers count in an int
    tried.emplace_back(writer_->add_thread(row), static_cast<uint32_t>(records));
  }
  writer_->end(ticks(last_), tried);
}

}  // namespace oc::format
