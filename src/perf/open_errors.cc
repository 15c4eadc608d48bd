#include "perf/open_errors.h"

#include <errno.h>
#include <fmt/format.h>
#include <linux/perf_event.h>

#include "perf/attr_builder.h"

namespace oc::perf {

namespace {

/// The perf_event_paranoid that would let the request through.
/// (3 and 4, of Debian and Ubuntu, refuse everything.)
int32_t needed_paranoid(const EventRequest& request, bool is_system_wide, int32_t paranoid) {
  if (request.type == PERF_TYPE_TRACEPOINT) return -1;
  if (is_system_wide) return 0;
  perf_event_attr attr{};
  attr.type = request.type;
  attr.config = request.config;
  return is_kernel_only(attr) || paranoid <= 2 ? 1 : 2;
}

/// A unit of the machine's own: its number is given when the kernel starts.
bool is_unit(const EventRequest& request) { return request.type >= PERF_TYPE_MAX; }

std::string missing_hint(const EventRequest& request, int number) {
  if (number == EOPNOTSUPP && (request.modifiers.precise > 0 || request.modifiers.precise_max))
    return "the machine may not be so precise: try without p";

  switch (request.type) {
    case PERF_TYPE_HARDWARE:
      if (request.config == PERF_COUNT_HW_CPU_CYCLES ||
          request.config == PERF_COUNT_HW_REF_CPU_CYCLES)
        return "this machine has no hardware counters (a virtual machine?); use cpu-clock";
      [[fallthrough]];
    case PERF_TYPE_HW_CACHE:
    case PERF_TYPE_RAW:
      return "this machine has no hardware counters (a virtual machine?), and no other event tells "
             "the same";
    case PERF_TYPE_TRACEPOINT:
      return "the kernel has no tracepoint with this number";
    default:
      return "this kernel does not have the event";
  }
}

}  // namespace

std::string format_size(uint64_t bytes) {
  if (bytes >= 1u << 20 && bytes % (1u << 20) == 0) return fmt::format("{} MiB", bytes >> 20);
  return fmt::format("{} KiB", bytes >> 10);
}

base::Error explain_open_error(int number, const EventRequest& request, bool is_system_wide,
                               const sys::Permissions& permissions) {
  std::string what =
      fmt::format("cannot open event '{}'{}", request.name, is_system_wide ? " system-wide" : "");
  std::string hint;
  switch (number) {
    case EACCES:
    case EPERM:
      hint = permissions.has_perfmon
                 ? "a container or the kernel's lockdown may forbid it: try outside, as root"
                 : sys::paranoid_hint(
                       permissions,
                       needed_paranoid(request, is_system_wide, permissions.perf_event_paranoid));
      if (is_system_wide && !permissions.has_perfmon) hint += "; or trace a command of your own";
      hint += " (oc doctor shows what works)";
      break;
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP:
      hint = is_unit(request) && number == EOPNOTSUPP
                 ? "the unit only counts: let a clock read it, as in {cpu-clock," + request.name +
                       "}:S"
                 : missing_hint(request, number);
      break;
    case EINVAL:
      if (request.frequency_hz > permissions.max_sample_rate) {
        what += fmt::format(" at {} Hz: the kernel allows {}", request.frequency_hz,
                            permissions.max_sample_rate);
        hint = fmt::format("ask for less, or `sysctl kernel.perf_event_max_sample_rate={}`",
                           request.frequency_hz);
      } else if (is_unit(request)) {
        hint = "many units only count: let a clock read it, as in {cpu-clock," + request.name +
               "}:S; or its terms are not what the unit takes";
      } else if (request.type == PERF_TYPE_BREAKPOINT) {
        hint =
            "the address must be a multiple of the length; x takes 8, r alone is not there on x86";
      } else if (request.type == PERF_TYPE_TRACEPOINT) {
        hint = "the kernel does not let perf record this tracepoint";
      } else {
        hint = "this kernel does not know an option that the event needs";
      }
      break;
    case EOVERFLOW:
      what += fmt::format(" with stacks of {} frames", request.stacks.most_frames);
      hint =
          "the kernel allows kernel.perf_event_max_stack: ask for less (--max-stack), or `sysctl "
          "kernel.perf_event_max_stack=N`";
      break;
    case EMFILE:
    case ENFILE:
      hint = "trace fewer events, or raise the limit on open files (ulimit -n)";
      break;
    case ESRCH:
      hint = "the process has ended";
      break;
    case ENOSPC:
      hint = "all of the CPU's debug registers are in use: watch fewer addresses";
      break;
    case EBUSY:
      hint = "another program holds the counter for itself";
      break;
    default:
      break;
  }
  return base::system_error(number, what, std::move(hint));
}

base::Error explain_map_error(int number, uint64_t size_bytes, size_t cpus,
                              const sys::Permissions& permissions) {
  const std::string what =
      fmt::format("cannot map rings of {} on {} CPUs", format_size(size_bytes), cpus);
  if (number != EPERM && number != ENOMEM) return base::system_error(number, what);
  if (permissions.may_lock_any_amount()) {
    return base::system_error(number, what, "ask for a smaller buffer: there is not enough memory");
  }
  return base::system_error(
      number, what,
      fmt::format(
          "the limit is {} KiB per CPU and user (kernel.perf_event_mlock_kb) plus {} KiB "
          "(ulimit -l): ask for a smaller buffer, raise one of them, or run as root or with "
          "cap_ipc_lock",
          permissions.perf_event_mlock_kb, permissions.memlock_bytes >> 10));
}

}  // namespace oc::perf
