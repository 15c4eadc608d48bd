#include <linux/perf_event.h>

#include <cstring>
#include <string>
#include <vector>

#include "abi/calls.h"
#include "abi/host.h"
#include "base/clock.h"

extern "C" {
#include "abi/feed.h"
}

using oc::abi::fail;
using oc::abi::guarded;
using oc::abi::whole;
using oc::event::KernelRecord;
using oc::source::FedOrigin;

namespace {

constexpr uint64_t kHasIp = 1;
constexpr uint64_t kHasAddr = 2;

oc::event::EventFormat make_format(const char* system, const char* name, const oc_field* fields,
                                   uint32_t count) {
  oc::event::EventFormat format;
  format.system = system;
  format.name = name;
  for (uint32_t i = 0; i < count; ++i) {
    const oc_field& given = fields[i];
    oc::event::Field field;
    field.name = given.name;
    field.type = given.type;
    field.kind = static_cast<oc::event::FieldKind>(given.kind);
    field.offset = given.offset;
    field.size = given.size;
    field.element_size = given.element_size;
    field.count = given.count;
    field.is_signed = given.is_signed != 0;
    field.is_hex = given.is_hex != 0;
    format.fields.push_back(std::move(field));
  }
  return format;
}

template <typename T>
void put(std::vector<uint8_t>& out, T value) {
  const size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

void put_text(std::vector<uint8_t>& out, const oc_feed& record) {
  out.insert(out.end(), record.comm, record.comm + record.comm_bytes);
  out.push_back(0);
}

/// The body of a kernel record. Source: include/uapi/linux/perf_event.h, enum perf_event_type.
std::vector<uint8_t> make_body(const oc_feed& record, uint64_t time) {
  std::vector<uint8_t> body;
  put(body, record.pid);
  switch (static_cast<KernelRecord>(record.event)) {
    case KernelRecord::kFork:
    case KernelRecord::kExit:
      put(body, record.ppid);
      put(body, record.tid);
      put(body, record.ptid);
      put(body, time);
      break;
    case KernelRecord::kMmap:
      put(body, record.tid);
      put(body, record.addr);
      put(body, record.len);
      put(body, record.pgoff);
      put_text(body, record);
      break;
    default:
      put(body, record.tid);
      put_text(body, record);
  }
  return body;
}

oc::base::Status add_kernel_record(oc::source::FedSource& fed, FedOrigin origin,
                                   const oc_feed& record) {
  struct Type {
    uint32_t type;
    uint16_t misc;
  };
  const auto type = [&]() -> Type {
    switch (static_cast<KernelRecord>(record.event)) {
      case KernelRecord::kComm:
        return {PERF_RECORD_COMM, 0};
      case KernelRecord::kExec:
        return {PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC};
      case KernelRecord::kFork:
        return {PERF_RECORD_FORK, 0};
      case KernelRecord::kExit:
        return {PERF_RECORD_EXIT, 0};
      case KernelRecord::kMmap:
        return {PERF_RECORD_MMAP, 0};
      default:
        return {0, 0};
    }
  }();
  if (type.type == 0) {
    return oc::base::make_error(oc::base::Code::kInvalid,
                                "this record of the kernel cannot be made by a script");
  }
  origin.comm = {};  // it names a file, or the thread's new name, which the record itself tells
  return fed.add_record(type.type, type.misc, origin, make_body(record, origin.time));
}

}  // namespace

extern "C" {

int oc_session_feed_open(oc_session* session, const char* name, double start_ns, double window_ns,
                         double wall_ns) {
  return guarded(session, [&] {
    const auto start = std::max<uint64_t>(whole(start_ns), 1);
    session->feed_start = start;
    const int64_t wall_offset =
        wall_ns > 0 ? static_cast<int64_t>(whole(wall_ns)) - static_cast<int64_t>(start) : 0;
    (void)session->session.open_fed(name, start, whole(window_ns), wall_offset);
    return 0;
  });
}

int oc_session_feed_kind(oc_session* session, const char* system, const char* name,
                         const oc_field* fields, uint32_t count, uint32_t flags) {
  return guarded(session, [&] {
    uint64_t bits = 0;
    if (flags & kHasIp) bits |= PERF_SAMPLE_IP;
    if (flags & kHasAddr) bits |= PERF_SAMPLE_ADDR;
    const uint32_t index =
        session->session.fed()->add_kind(make_format(system, name, fields, count), bits);
    return static_cast<int>(oc::session::EventKinds::number_of_sample(index));
  });
}

int oc_session_feed_add(oc_session* session, const oc_feed* record) {
  return guarded(session, [&] {
    oc::source::FedSource& fed = session->session.fed()->source();
    FedOrigin origin;
    origin.time = session->feed_start + whole(record->time);
    origin.cpu = record->cpu;
    origin.pid = record->pid;
    origin.tid = record->tid;
    origin.comm = {record->comm, record->comm_bytes};
    oc::base::Status added;
    if (record->event == static_cast<uint32_t>(KernelRecord::kLost)) {
      const auto kind = static_cast<uint32_t>(record->lost_event) - oc::event::kKernelRecords;
      added =
          fed.add_lost(origin, kind < fed.events().size() ? kind : oc::event::EventTable::kUnknown,
                       whole(record->lost));
    } else if (record->event < oc::event::kKernelRecords) {
      added = add_kernel_record(fed, origin, *record);
    } else {
      added = fed.add_sample(
          record->event - oc::event::kKernelRecords, origin,
          {record->ip, record->addr, record->period, {record->payload, record->payload_bytes}});
    }
    return added ? 0 : fail(session, std::move(added.error()));
  });
}

void oc_session_feed_round(oc_session* session, int is_end) {
  oc::source::FedSource& fed = session->session.fed()->source();
  if (is_end != 0) return fed.end();
  fed.finish_round();
}

double oc_session_feed_pending(oc_session* session) {
  return static_cast<double>(session->session.fed()->source().pending_bytes());
}

int oc_session_proxy_kind(oc_session* session, const char* name, const oc_field* fields,
                          uint32_t count) {
  return guarded(session, [&] {
    return static_cast<int>(
        session->session.kinds().add_proxy(make_format("", name, fields, count)));
  });
}

double oc_now(void) { return static_cast<double>(oc::base::now_of(CLOCK_MONOTONIC)); }

}  // extern "C"
