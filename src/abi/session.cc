#include "abi/calls.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <map>

#include "base/clock.h"
#include "event/record_text.h"
#include "event/sample_tail.h"

using oc::event::EventFormat;
using oc::event::EventKind;

static_assert(sizeof(oc_event) == 64);

namespace {

using namespace oc::abi;

/// Where the part of the trace that was asked for begins, on its clock.
uint64_t begin_of(const oc::session::Counts& counts) {
  return std::max(counts.start_time, counts.window.from);
}

const EventKind* kind_of(oc_session* session, const oc_event* event) {
  return session->session.kinds().sample(event->event);
}

oc::event::SampleTail tail_of(oc_session* session, const oc_event* event) {
  const EventKind* kind = kind_of(session, event);
  if (kind == nullptr) return {};
  return oc::event::read_tail(kind->layout, event->record,
                              oc::base::load<uint16_t>(event->record + 6));
}

/// A second request before the first was followed takes it back.
void follow_pause_requests(oc_session* session) {
  const uint32_t requests = session->host.pause_requests.load();
  const bool is_change = ((requests - session->pause_requests) & 1) != 0;
  session->pause_requests = requests;
  if (is_change && session->session.is_live())
    (void)session->session.set_paused(!session->session.is_paused());
}

}  // namespace

extern "C" {

oc_session* oc_session_new(oc_host* host) { return new oc_session(*host); }

void oc_session_close(oc_session* session) {
  if (session == nullptr || session->forks != session->host.forks) return;
  {
    const std::lock_guard lock(session->host.mutex);
    if (session->host.active == session) {
      session->host.active = nullptr;
      session->host.is_running = false;
    }
  }
  delete session;
}

const oc_error* oc_session_error(oc_session* session) { return &session->error; }

int oc_session_open_file(oc_session* session, const char* path) {
  return guarded(session, [&] {
    oc_host& host = session->host;
    auto status = session->session.open_file(
        path, [&host] { return host.stop_requests.load(std::memory_order_relaxed) != 0; });
    return status ? 0 : fail(session, std::move(status.error()));
  });
}

int oc_session_resolve(oc_session* session, const char* name, double frequency_hz, double period,
                       uint32_t flags, uint32_t* kinds, uint32_t capacity) {
  return guarded(session, [&] {
    oc::session::LiveSettings settings;
    settings.frequency_hz = whole(frequency_hz);
    settings.period = whole(period);
    settings.with_address = (flags & 1) != 0;
    settings.is_optional = (flags & 2) != 0;
    auto found = session->session.kinds().resolve(name, settings);
    if (!found) return fail(session, std::move(found.error()));
    for (size_t i = 0; i < found->size() && i < capacity; ++i) kinds[i] = (*found)[i];
    return static_cast<int>(found->size());
  });
}

int oc_session_has_switch_records(oc_session* session) {
  return session->session.kinds().has_switch_records() ? 1 : 0;
}

uint32_t oc_session_kind_count(oc_session* session) { return session->session.kinds().count(); }

int oc_session_kind(oc_session* session, uint32_t number, oc_kind* out) {
  *out = oc_kind{};
  out->ip = out->addr = out->id = out->stream_id = out->period = oc::event::kAbsent;
  if (number >= session->session.kinds().count()) return -1;
  out->name = session->session.kinds().name(number).data();
  out->is_live = session->session.is_live() ? 1 : 0;
  if (const EventKind* kind = session->session.kinds().sample(number); kind != nullptr) {
    out->is_sample = 1;
    out->has_stacks = session->session.stacks().mode() != oc::session::StackMode::kNone ? 1 : 0;
    out->has_places = session->session.stacks().is_declared() ? 1 : 0;
    out->type = kind->attr.type;
    out->config = kind->attr.config;
    out->sample_type = kind->attr.sample_type;
    out->read_format = kind->attr.read_format;
    out->branch_sample_type = kind->attr.branch_sample_type;
    out->regs_user = kind->attr.sample_regs_user;
    out->regs_intr = kind->attr.sample_regs_intr;
    out->ip = kind->layout.ip;
    out->addr = kind->layout.addr;
    out->id =
        kind->layout.identifier != oc::event::kAbsent ? kind->layout.identifier : kind->layout.id;
    out->stream_id = kind->layout.stream_id;
    out->period = kind->layout.period;
  }
  const EventFormat* format = session->session.kinds().format(number);
  out->fields = format == nullptr ? 0 : static_cast<uint32_t>(format->fields.size());
  return 0;
}

int oc_session_field(oc_session* session, uint32_t kind, uint32_t index, oc_field* out) {
  const EventFormat* format = session->session.kinds().format(kind);
  if (format == nullptr || index >= format->fields.size()) return -1;
  const auto& field = format->fields[index];
  *out = oc_field{};
  out->name = field.name.c_str();
  out->type = field.type.c_str();
  out->kind = static_cast<uint32_t>(field.kind);
  out->offset = field.offset;
  out->size = field.size;
  out->element_size = field.element_size;
  out->count = field.count;
  out->is_signed = field.is_signed ? 1 : 0;
  out->is_relative = field.is_relative ? 1 : 0;
  out->is_hex = field.is_hex ? 1 : 0;
  out->is_common = field.is_common ? 1 : 0;
  return 0;
}

void oc_session_want(oc_session* session, uint32_t kind) { session->session.kinds().want(kind); }

void oc_session_want_of_everyone(oc_session* session, uint32_t kind) {
  session->session.kinds().want_of_everyone(kind);
}

int oc_session_start(oc_session* session, const oc_run* run) {
  session->host.is_running = !session->is_interactive;
  const int started = guarded(session, [&] {
    auto options = read_run(session, run);
    options.is_beside_prompt = session->is_interactive;
    oc::abi::begin_run(session);
    auto status = session->session.start(options);
    if (!status) return fail(session, std::move(status.error()));
    if (session->is_interactive) return 0;
    const std::lock_guard lock(session->host.mutex);
    session->host.active = session;
    return 0;
  });
  if (started != 0) session->host.is_running = false;
  return started;
}

int oc_session_next(oc_session* session, double wait_ms) {
  using Doing = oc_host::Doing;
  return guarded(session, [&] {
    oc_host& host = session->host;
    host.progress.fetch_add(1, std::memory_order_relaxed);
    if (host.own_work != nullptr) *host.own_work = session->session.input().progress().bytes;
    if (session->is_cut) return 0;
    const Doing before = host.doing.exchange(Doing::kWaiting);
    if (host.stop_requests.load(std::memory_order_relaxed) != 0 && !session->is_interactive)
      session->session.stop();
    follow_pause_requests(session);
    auto batch =
        session->session.next(std::chrono::milliseconds(static_cast<int64_t>(whole(wait_ms))));
    host.doing.store(before);
    session->loop.count = session->loop.at = session->batch_count = 0;
    session->is_left = false;
    if (!batch) return fail(session, std::move(batch.error()));
    if (*batch == nullptr) return 0;
    session->loop.events = (*batch)->events.data();
    session->loop.until_ns = (*batch)->until;
    const auto& counts = (*batch)->counts;
    session->loop.begin_ns = static_cast<double>(begin_of(counts) - counts.start_time);
    session->loop.is_last = (*batch)->is_last ? 1 : 0;
    ++session->loop.turns;
    session->loop.count = session->batch_count = (*batch)->count;
    // The other way round than `cut`: whichever comes second sees the first.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (session->is_cut) {
      session->loop.count = 0;
      return 0;
    }
    return 1;
  });
}

oc_loop* oc_session_loop(oc_session* session) { return &session->loop; }

void oc_session_stop(oc_session* session) {
  session->is_left = false;
  session->session.stop();
}

int oc_session_finish(oc_session* session) {
  {
    const std::lock_guard lock(session->host.mutex);
    if (session->host.active == session) session->host.active = nullptr;
  }
  if (session->dropped() > 0) session->cut_at_ns = session->loop.events[session->loop.at].time;
  const int status = guarded(session, [&] {
    session->session.finish();
    return 0;
  });
  session->loop.events = nullptr;
  session->ended_at_ns = static_cast<double>(oc::base::now_of(CLOCK_MONOTONIC));
  if (status == 0 && session->has_lost_samples) {
    return fail(session, oc::base::make_error(oc::base::Code::kSystem,
                                              "there was not enough memory for all samples",
                                              "ask for fewer: by --filter, by a time"));
  }
  return status;
}

void oc_session_end(oc_session* session) {
  guarded(session, [&] {
    session->session.end();
    return 0;
  });
  if (!session->is_interactive) session->host.is_running = false;
}

const char* oc_session_text(oc_session* session, uint32_t id, size_t* size_bytes) {
  const auto text = session->session.model().strings.text(oc::base::StringId{id});
  *size_bytes = text.size();
  return text.data();
}

const char* oc_session_event_text(oc_session* session, const oc_event* event, size_t* size_bytes) {
  *size_bytes = 0;
  return guarded_or("", [&]() -> const char* {
    session->text.clear();
    if (const EventFormat* format = session->session.kinds().format(event->event);
        format != nullptr) {
      oc::event::append_text(*format, {event->payload, event->payload_size}, session->text);
    }
    *size_bytes = session->text.size();
    return session->text.c_str();
  });
}

int oc_session_tail_value(oc_session* session, const oc_event* event, const char* name,
                          uint64_t* value) {
  return guarded_or(0, [&] {
    struct Part {
      uint64_t bits;
      uint64_t oc::event::SampleTail::*member;
    };
    using oc::event::SampleTail;
    static const std::map<std::string_view, Part> parts = {
        {"weight", {PERF_SAMPLE_WEIGHT | 1ull << 24, &SampleTail::weight}},
        {"data_src", {PERF_SAMPLE_DATA_SRC, &SampleTail::data_src}},
        {"transaction", {PERF_SAMPLE_TRANSACTION, &SampleTail::transaction}},
        {"phys_addr", {PERF_SAMPLE_PHYS_ADDR, &SampleTail::phys_addr}},
        {"cgroup", {PERF_SAMPLE_CGROUP, &SampleTail::cgroup}},
        {"data_page_size", {PERF_SAMPLE_DATA_PAGE_SIZE, &SampleTail::data_page_size}},
        {"code_page_size", {PERF_SAMPLE_CODE_PAGE_SIZE, &SampleTail::code_page_size}},
    };
    const auto part = parts.find(name);
    if (part == parts.end()) return 0;
    const auto tail = tail_of(session, event);
    if ((tail.present & part->second.bits) == 0) return 0;
    *value = tail.*(part->second.member);
    return 1;
  });
}

uint32_t oc_session_callchain(oc_session* session, const oc_event* event, const uint8_t** words) {
  const auto tail = tail_of(session, event);
  *words = tail.callchain.data();
  return static_cast<uint32_t>(tail.callchain.size() / 8);
}

void oc_session_describe(oc_session* session, uint32_t kind, const char* where) {
  guarded_or(0, [&] {
    if (kind >= session->where.size()) session->where.resize(kind + 1);
    session->where[kind] = where;
    return 0;
  });
}

void oc_session_stats(oc_session* session, oc_stats* out) {
  guarded_or(0, [&] {
    const auto& counts = session->session.counts();
    const auto number = [](uint64_t value) { return static_cast<double>(value); };
    *out = oc_stats{};
    out->records = number(counts.records);
    out->bytes = number(counts.bytes);
    const uint32_t dropped = session->dropped();
    out->throttled = number(counts.throttled);
    out->delivered_to_batches = number(counts.delivered);
    out->filtered = session->loop.filtered;
    out->delivered = number(counts.delivered - dropped) - out->filtered;
    out->late = number(counts.late);
    out->malformed = number(counts.malformed);
    out->unknown = number(counts.unknown);
    out->own = number(counts.own);
    for (const auto& loss : session->session.losses()) out->lost += number(loss.records);
    const uint64_t start = counts.start_time;
    out->start_ns = number(start);
    const uint64_t begin = begin_of(counts);
    out->span_ns = counts.last_time > begin ? number(counts.last_time - begin) : 0;
    const int64_t wall_offset = session->session.input().wall_offset();
    if (start != 0 && wall_offset != 0) {
      out->wall_ns = static_cast<double>(static_cast<int64_t>(start) + wall_offset);
    }
    if (dropped > 0) out->span_ns = session->cut_at_ns - number(begin - start);
    out->cpu_ns = process_cpu_ns() - session->cpu_ns_at_start;
    const double now = static_cast<double>(oc::base::now_of(CLOCK_MONOTONIC));
    if (session->started_at_ns > 0)
      out->run_ns =
          (session->ended_at_ns > 0 ? session->ended_at_ns : now) - session->started_at_ns;
    out->cpus = static_cast<double>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
    auto* live = session->session.live();
    out->rate = live == nullptr ? 1 : live->sampling_share();
    return 0;
  });
}

uint32_t oc_session_losses(oc_session* session, oc_loss* out, uint32_t capacity) {
  return guarded_or(0u, [&] {
    const auto losses = session->session.losses();
    for (size_t i = 0; i < losses.size() && i < capacity; ++i) {
      const bool by_event = losses[i].event != oc::event::EventTable::kUnknown;
      out[i].cpu = losses[i].cpu;
      out[i].event =
          by_event
              ? session->session.kinds().name(oc::event::kKernelRecords + losses[i].event).data()
              : nullptr;
      out[i].records = static_cast<double>(losses[i].records);
    }
    return static_cast<uint32_t>(losses.size());
  });
}

const char* oc_session_note(oc_session* session, uint32_t index) {
  return guarded_or(static_cast<const char*>(nullptr), [&]() -> const char* {
    if (index == 0) session->notes = session->session.notes();
    return index < session->notes.size() ? session->notes[index].c_str() : nullptr;
  });
}

int oc_session_is_damaged(oc_session* session) { return session->session.is_damaged() ? 1 : 0; }

int oc_session_command_status(oc_session* session) {
  auto* live = session->session.live();
  return live == nullptr ? -1 : live->command_status().value_or(-1);
}

const char* oc_session_event_name(oc_session* session, const char* glob, uint32_t index) {
  return guarded_or(static_cast<const char*>(nullptr), [&]() -> const char* {
    const std::string wanted = glob == nullptr ? "*" : glob;
    if (index == 0 || wanted != session->names_glob) {
      session->names = session->session.input().names(wanted);
      session->names_glob = wanted;
    }
    return index < session->names.size() ? session->names[index].c_str() : nullptr;
  });
}

}  // extern "C"
