#include <algorithm>
#include <cmath>
#include <memory>

#include "abi/calls.h"
#include "abi/machine_handle.h"

namespace machine = oc::machine;
using oc::abi::double_of;
using oc::abi::guarded;
using oc::abi::text_of;
using oc::abi::time_of;
using oc::abi::view_of;

namespace oc::abi {

int64_t time_of(double ns) {
  constexpr double kMost = 4611686018427387904.0;
  if (!(ns > -kMost)) return INT64_MIN;
  return ns < kMost ? static_cast<int64_t>(ns) : INT64_MAX;
}

double double_of(int64_t time) {
  if (time == INT64_MIN) return -INFINITY;
  return time == INT64_MAX ? INFINITY : static_cast<double>(time);
}

}  // namespace oc::abi

namespace {

bool has(uint32_t id, size_t count) { return id != 0 && id <= count; }

}  // namespace

struct oc_attributes_hold {
  std::shared_ptr<void> hold;
};

extern "C" {

void oc_session_declare_machine(oc_session* session) { session->session.declare_machine(); }

void oc_session_expect_names(oc_session* session) { session->session.expect_names(); }

void oc_session_machine_records(oc_session* session) { session->session.keep_records(); }

void oc_session_machine_chosen(oc_session* session) { session->session.feed_chosen(); }

void oc_session_machine_take(oc_session* session, const oc_event* event) {
  auto* const feed = session->session.machine_feed();
  if (feed == nullptr) return;
  if (oc::abi::guarded_or(false, [&] {
        feed->take(*event);
        return true;
      })) {
    return;
  }
  session->has_lost_samples = true;
}

int oc_machine_record(oc_machine* owner, double number, oc_event* out) {
  const machine::Machine& m = *owner->machine;
  const uint64_t at = oc::abi::whole(number);
  *out = oc_event{};
  const auto bytes = m.samples.record(at);
  if (bytes.empty()) return 0;
  const machine::Sample sample = m.samples[at];
  if (!sample.kind) return 0;
  out->payload = bytes.data();
  out->payload_size = static_cast<uint32_t>(bytes.size());
  out->event = m.kind(sample.kind).event;
  return 1;
}

oc_machine* oc_session_machine(oc_session* session) {
  oc::machine::Machine* made = session->session.machine();
  if (made == nullptr) return nullptr;
  if (!session->machine) {
    session->machine = {new oc_machine, [](oc_machine* old) { delete old; }};
    session->machine->machine = made;
    session->machine->host = &session->host;
    for (const char* name : {"host", "kernel", "arch", "cpu", "cpus_online", "cpus_available",
                             "memory_bytes", "recorder", "command"}) {
      const std::string value = oc_session_fact(session, name);
      if (!value.empty()) made->facts.host[name] = value;
    }
    made->facts.name = oc_session_fact(session, "path");
  }
  return session->machine.get();
}

void oc_session_machine_group(oc_session* session, uint32_t kind, const char* group) {
  if (auto* feed = session->session.machine_feed()) feed->set_group(kind, group);
}

const oc_error* oc_machine_error(oc_machine* owner) { return &owner->error; }

void oc_machine_measure(oc_machine* owner, oc_machine_numbers* out) {
  const machine::Machine& m = *owner->machine;
  *out = oc_machine_numbers{};
  out->samples = static_cast<double>(m.samples.size());
  out->dropped = static_cast<double>(m.dropped());
  out->spans = static_cast<double>(m.spans.all().size());
  out->kinds = static_cast<double>(m.kinds().size());
  out->processes = static_cast<double>(m.processes.processes().size());
  out->threads = static_cast<double>(m.processes.threads().size());
  out->contexts = static_cast<double>(m.processes.contexts().size());
  out->mappings = static_cast<double>(m.processes.mappings().size());
  out->stacks = m.stacks();
  out->bytes = static_cast<double>(m.size_bytes());
  int64_t first = INT64_MAX, last = INT64_MIN;
  for (const auto& chunk : m.samples.chunks()) {
    first = std::min(first, chunk.first_time);
    last = std::max(last, chunk.last_time);
  }
  if (first <= last) {
    out->first_ns = static_cast<double>(first);
    out->last_ns = static_cast<double>(last);
  }
  out->losses = static_cast<double>(m.facts.losses.size());
  out->notes = static_cast<double>(m.facts.notes.size());
  out->start_ns = static_cast<double>(m.facts.start_ns);
  if (m.facts.wall_offset != 0) {
    out->wall_ns =
        static_cast<double>(static_cast<int64_t>(m.facts.start_ns) + m.facts.wall_offset);
  }
  out->end_ns = static_cast<double>(m.facts.end);
}

void oc_machine_retain(oc_machine* owner, double span_ns, double samples, double bytes) {
  machine::Retention retention;
  retention.span = span_ns > 0 ? time_of(span_ns) : 0;
  retention.samples = oc::abi::whole(samples);
  retention.size_bytes = oc::abi::whole(bytes);
  owner->machine->set_retention(retention);
}

int oc_machine_kind(oc_machine* owner, uint32_t kind, oc_machine_kind_info* out) {
  const machine::Machine& m = *owner->machine;
  if (!has(kind, m.kinds().size())) return 0;
  const machine::Kind& known = m.kind(machine::KindId{kind});
  *out = {text_of(m.text(known.name)),          text_of(m.text(known.group)),
          static_cast<uint32_t>(known.type),    known.is_sampled,
          static_cast<uint32_t>(known.counted), known.period};
  return 1;
}

uint32_t oc_machine_add_kind(oc_machine* owner, const char* name, uint32_t type,
                             const char* group) {
  return guarded(*owner, 0u, [&] {
    const auto value = static_cast<machine::ValueType>(std::min(type, 3u));
    return owner->machine->kind(name, value, group == nullptr ? "" : group).value;
  });
}

int oc_machine_process(oc_machine* owner, uint32_t process, oc_machine_process_info* out) {
  const machine::Machine& m = *owner->machine;
  if (!has(process, m.processes.processes().size())) return 0;
  const machine::Process& known = m.processes.process(machine::ProcessId{process});
  *out = {known.pid,
          known.namespace_pid,
          known.parent.value,
          double_of(known.start),
          double_of(known.end),
          text_of(m.text(known.comm)),
          text_of(m.text(known.command_line)),
          text_of(m.text(known.cgroup)),
          static_cast<uint32_t>(known.threads.size())};
  return 1;
}

int oc_machine_thread(oc_machine* owner, uint32_t thread, oc_machine_thread_info* out) {
  const machine::Machine& m = *owner->machine;
  if (!has(thread, m.processes.threads().size())) return 0;
  const machine::Thread& known = m.processes.thread(machine::ThreadId{thread});
  const oc::base::StringId name =
      known.names.empty() ? oc::base::StringId{} : known.names.back().name;
  *out = {known.tid, known.process.value, double_of(known.start), double_of(known.end),
          text_of(m.text(name))};
  return 1;
}

int oc_machine_mapping(oc_machine* owner, uint32_t index, oc_machine_mapping_info* out) {
  const machine::Machine& m = *owner->machine;
  if (index >= m.processes.mappings().size()) return 0;
  const machine::MachineMapping& known = m.processes.mappings()[index];
  *out = oc_machine_mapping_info{};
  out->process = known.process.value;
  out->path = text_of(m.module_path(known.module));
  if (m.traced().modules != nullptr) {
    const auto id = m.traced().modules->find(known.module).build_id.view();
    std::copy(id.begin(), id.end(), out->build_id);
    out->build_id_size = static_cast<uint32_t>(id.size());
  }
  out->start = known.start;
  out->end = known.end;
  out->offset = known.offset;
  out->from_ns = double_of(known.from);
  out->until_ns = double_of(known.until);
  return 1;
}

int oc_machine_span(oc_machine* owner, uint32_t span, oc_machine_span_info* out) {
  const machine::Machine& m = *owner->machine;
  if (!m.spans.has(machine::SpanId{span})) return 0;
  const machine::Span& known = m.spans[machine::SpanId{span}];
  *out = oc_machine_span_info{};
  out->start_ns = static_cast<double>(known.start);
  out->end_ns = static_cast<double>(known.end);
  out->name = text_of(m.text(known.name));
  if (known.kind) out->kind = text_of(m.text(m.kind(known.kind).name));
  out->context = known.context.value;
  out->parent = known.parent.value;
  out->stack = known.stack;
  out->attributes = known.attributes.value;
  if (known.context) {
    const machine::Context& context = m.processes.context(known.context);
    out->tid = m.processes.thread(context.thread).tid;
    out->pid = m.processes.process_of(known.context).pid;
    out->comm = text_of(m.text(context.comm));
  }
  return 1;
}

uint32_t oc_machine_dropped_spans(oc_machine* owner) { return owner->machine->spans.dropped(); }

void oc_machine_note(oc_machine* owner, const char* sentence) {
  guarded(*owner, 0, [&] {
    owner->machine->facts.notes.emplace_back(sentence);
    return 0;
  });
}

const char* oc_machine_note_at(oc_machine* owner, uint32_t index) {
  const auto& notes = owner->machine->facts.notes;
  return index < notes.size() ? notes[index].c_str() : nullptr;
}

uint32_t oc_machine_context(oc_machine* owner, const oc_event* event, int32_t pid, int32_t tid,
                            const char* comm, size_t comm_bytes, double time_ns) {
  return guarded(*owner, 0u, [&] {
    auto& processes = owner->machine->processes;
    const uint32_t life = event == nullptr ? 0 : event->thread;
    if (event != nullptr) {
      pid = event->pid;
      tid = event->tid;
    }
    const machine::ThreadId thread = processes.thread_of_life(life, pid, tid);
    oc::base::StringId name;
    if (comm_bytes != 0) {
      name = owner->machine->texts.intern({comm, comm_bytes});
    } else {
      for (const machine::NameSince& known : processes.thread(thread).names) {
        if (!name || known.time <= time_of(time_ns)) name = known.name;
      }
    }
    return processes.context(thread, name).value;
  });
}

uint32_t oc_machine_add_frame(oc_machine* owner, const oc_own_frame* frame) {
  return guarded(*owner, 0u, [&] {
    const auto text = [](const char* from) { return from == nullptr ? "" : from; };
    machine::OwnFrame own;
    own.function = text(frame->function);
    own.module = text(frame->module);
    own.file = text(frame->file);
    own.line = frame->line;
    own.address = frame->address;
    own.is_kernel = frame->is_kernel != 0;
    return owner->machine->places.add({&own, 1});
  });
}

uint32_t oc_machine_add_stack(oc_machine* owner, const uint32_t* frames, uint32_t count,
                              uint32_t kernel_count) {
  return guarded(*owner, 0u, [&] {
    return owner->machine->add_stack({frames, count}, std::min(kernel_count, count));
  });
}

void oc_attributes_release(oc_attributes_hold* hold) { delete hold; }

uint32_t oc_machine_add_attributes(oc_machine* owner, const oc_attribute* attributes,
                                   uint32_t count, const uint32_t* associated,
                                   uint32_t associated_count, oc_attributes_hold** hold) {
  return guarded(*owner, 0u, [&] {
    machine::Machine& m = *owner->machine;
    std::vector<machine::Attribute> set;
    for (uint32_t i = 0; i < count; ++i) {
      const oc_attribute& given = attributes[i];
      machine::Attribute attribute;
      attribute.name = m.texts.intern(view_of(given.name));
      attribute.is_text = given.text.text != nullptr;
      if (attribute.is_text) attribute.text = m.texts.intern(view_of(given.text));
      attribute.number = attribute.is_text ? 0 : given.number;
      set.push_back(attribute);
    }
    std::vector<machine::AttributesId> others;
    for (uint32_t i = 0; i < associated_count; ++i) {
      if (has(associated[i], m.attributes.size())) others.push_back({associated[i]});
    }
    if (hold == nullptr) return m.attributes.intern(set, others).value;
    auto held = std::make_unique<oc_attributes_hold>();
    auto made = m.attributes.make(set, others);
    held->hold = std::move(made.hold);
    *hold = held.release();
    return made.id.value;
  });
}

void oc_machine_associate(oc_machine* owner, uint32_t set, uint32_t other) {
  guarded(*owner, 0, [&] {
    auto& table = owner->machine->attributes;
    if (has(set, table.size()) && has(other, table.size())) table.associate({set}, {other});
    return 0;
  });
}

int oc_machine_attribute(oc_machine* owner, uint32_t set, uint32_t index, oc_attribute* out) {
  return guarded(*owner, 0, [&] {
    const machine::Machine& m = *owner->machine;
    if (!has(set, m.attributes.size())) return 0;
    const auto all = m.attributes.all(machine::AttributesId{set});
    if (index >= all.size()) return 0;
    const machine::Attribute& found = all[index];
    *out = {text_of(m.text(found.name)), found.is_text ? text_of(m.text(found.text)) : oc_text{},
            found.number};
    return 1;
  });
}

double oc_machine_add_sample(oc_machine* owner, const oc_new_sample* given) {
  return guarded(*owner, -1.0, [&] {
    machine::Machine& m = *owner->machine;
    if (!std::isfinite(given->value) || !std::isfinite(given->time)) {
      return static_cast<double>(oc::abi::fail(
          *owner, oc::base::make_error(oc::base::Code::kUsage,
                                       "a sample's value and time are finite numbers")));
    }
    machine::Sample sample;
    sample.time = time_of(given->time);
    sample.value = given->value;
    sample.kind = {has(given->kind, m.kinds().size()) ? given->kind : 0};
    sample.context = {has(given->context, m.processes.contexts().size()) ? given->context : 0};
    sample.stack = m.has_stack(given->stack) ? given->stack : 0;
    sample.attributes = {given->attributes <= m.attributes.size() ? given->attributes : 0};
    if (given->cpu >= 0) sample.cpu = static_cast<uint16_t>(std::min(given->cpu, 0xfffe));
    return static_cast<double>(m.add(sample));
  });
}

uint32_t oc_machine_add_span(oc_machine* owner, const oc_new_span* given) {
  return guarded(*owner, 0u, [&] {
    machine::Machine& m = *owner->machine;
    if (!std::isfinite(given->start_ns) || !std::isfinite(given->end_ns)) return 0u;
    machine::Span span;
    span.start = time_of(given->start_ns);
    span.end = time_of(given->end_ns);
    span.kind = {has(given->kind, m.kinds().size()) ? given->kind : 0};
    span.context = {has(given->context, m.processes.contexts().size()) ? given->context : 0};
    span.parent = {given->parent};
    span.stack = m.has_stack(given->stack) ? given->stack : 0;
    span.attributes = {given->attributes <= m.attributes.size() ? given->attributes : 0};
    if (given->cpu >= 0) span.cpu = static_cast<uint16_t>(std::min(given->cpu, 0xfffe));
    span.name = m.texts.intern(view_of(given->name));
    return m.add_span(span).value;
  });
}

void oc_machine_span_parent(oc_machine* owner, uint32_t span, uint32_t parent) {
  auto& spans = owner->machine->spans;
  const machine::SpanId id{span}, above{parent};
  if (spans.has(id) && spans.has(above)) spans.set_parent(id, above);
}

}  // extern "C"
