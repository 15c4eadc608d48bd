#include "perf/health.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>

#include "base/fd.h"
#include "perf/cpu_rings.h"
#include "perf/event_opener.h"
#include "perf/guardian.h"
#include "perf/open_errors.h"
#include "perf/ring.h"
#include "sys/broker.h"
#include "sys/cpus.h"
#include "sys/tracefs.h"

namespace oc::perf {

namespace {

using State = sys::Finding::State;
using sys::Finding;

constexpr pid_t kSelf = 0;
constexpr pid_t kAll = -1;

perf_event_attr attr_of(uint32_t type, uint64_t config, bool with_kernel) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = type;
  attr.config = config;
  attr.sample_period = 1000000;
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
  attr.disabled = 1;
  attr.exclude_kernel = !with_kernel;
  attr.exclude_hv = !with_kernel;
  return attr;
}

/// Opens events disabled and forgets them.
class Trial {
 public:
  Trial(const sys::Permissions& permissions, Guardian& guardian)
      : permissions_(permissions), guardian_(guardian) {
    if (const auto online = sys::load_online_cpus(); online) cpu_ = online->front();
  }

  /// 0 or an errno. An event of the whole system is tried on one CPU.
  int open(perf_event_attr attr, pid_t pid) {
    last_ = base::Fd();
    const int fd = open_perf_event(attr, pid, pid == kAll ? cpu_ : -1);
    if (fd < 0) return -fd;
    last_ = base::Fd(fd);
    const base::Status kept = guardian_.keep({&fd, 1});
    if (!kept) guardian_ = Guardian();  // it is gone: closing takes a moment longer
    return 0;
  }
  /// The event opened last.
  int fd() const { return last_.number(); }
  const sys::Permissions& permissions() const { return permissions_; }

  /// For a refused event: why, as far as it is known.
  std::string refusal(int failure) const {
    std::string text = fmt::format("perf_event_open: {}", strerror(failure));
    if ((failure == EACCES || failure == EPERM) && !permissions_.has_perfmon)
      text += fmt::format(" (kernel.perf_event_paranoid is {})", permissions_.perf_event_paranoid);
    return text;
  }
  /// The command that lets an event through for which perf_event_paranoid of `needed` is enough.
  std::string fix(int failure, int needed) const {
    if (failure != EACCES && failure != EPERM) return {};
    if (permissions_.has_perfmon) return "docker run --privileged IMAGE oc doctor";
    return fmt::format("sudo sysctl kernel.perf_event_paranoid={}", needed);
  }

 private:
  const sys::Permissions& permissions_;
  Guardian& guardian_;
  base::Fd last_;
  int32_t cpu_ = 0;
};

Finding try_kernel_version(Trial& trial) {
  Finding finding;
  finding.name = "kernel";
  utsname names{};
  uname(&names);
  finding.value = names.release;
  std::string lacks;
  const auto feature = [&](const char* what, const auto& change) {
    perf_event_attr attr = attr_of(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY, false);
    change(attr);
    if (trial.open(attr, kSelf) == EINVAL) lacks += (lacks.empty() ? "" : ", ") + std::string(what);
  };
  feature("losses by event (6.0)", [](auto& attr) { attr.read_format = PERF_FORMAT_LOST; });
  feature("build ids of mapped files (5.12)",
          [](auto& attr) { attr.mmap = attr.mmap2 = attr.build_id = 1; });
  feature("cgroups of samples (5.7)", [](auto& attr) { attr.sample_type |= PERF_SAMPLE_CGROUP; });
  if (lacks.empty()) return finding;
  finding.state = State::kLimited;
  finding.value += ", older than some features";
  finding.meaning = "it does not tell: " + lacks;
  return finding;
}

Finding try_own(Trial& trial) {
  Finding finding;
  finding.name = "own commands";
  const auto attr = [](bool with_kernel) {
    return attr_of(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, with_kernel);
  };
  int failure = trial.open(attr(false), kSelf);
  if (failure != 0) {
    finding.state = State::kMissing;
    finding.value = trial.refusal(failure);
    finding.meaning = "nothing can be traced live; recorded traces can be read";
    finding.fix = trial.fix(failure, 2);
    return finding;
  }
  failure = trial.open(attr(true), kSelf);
  finding.value = "can be sampled, the kernel's part too";
  if (failure == 0) return finding;
  finding.state = State::kLimited;
  finding.value = fmt::format(
      "can be sampled, but not what the kernel does for them (kernel.perf_event_paranoid is {})",
      trial.permissions().perf_event_paranoid);
  finding.meaning = "events are taken with :u; context switches and migrations stay 0";
  finding.fix = trial.fix(failure, 1);
  return finding;
}

Finding try_system(Trial& trial) {
  Finding finding;
  finding.name = "whole system";
  const int failure = trial.open(attr_of(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, true), kAll);
  finding.value = "can be sampled";
  if (failure == 0) return finding;
  finding.state = State::kMissing;
  finding.value = trial.refusal(failure);
  finding.meaning = "only commands of your own: oc script NAME -- COMMAND";
  finding.fix = trial.fix(failure, 0);
  return finding;
}

Finding try_tracepoint(Trial& trial) {
  Finding finding;
  finding.name = "tracepoints";
  const auto root = sys::find_tracefs();
  const auto format = root ? sys::Tracefs(*root).load_format("sched:sched_switch")
                           : base::Result<event::EventFormat>(root.error());
  if (!format) {
    finding.state = State::kMissing;
    finding.value = "not tried: they are looked up in tracefs";
    finding.meaning = "see tracefs";
    return finding;
  }
  perf_event_attr attr = attr_of(PERF_TYPE_TRACEPOINT, format->id, true);
  attr.sample_type |= PERF_SAMPLE_RAW;
  attr.sample_period = 1;
  const int failure = trial.open(attr, kAll);
  finding.value = "can be recorded with their fields";
  if (failure == 0) return finding;
  finding.state = State::kMissing;
  finding.value = trial.refusal(failure);
  finding.meaning = "no tracepoints: sched:*, syscalls:*, block:* and all others";
  finding.fix = trial.fix(failure, -1);
  return finding;
}

Finding try_hardware(Trial& trial) {
  Finding finding;
  finding.name = "hardware events";
  int failure = trial.open(attr_of(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false), kSelf);
  finding.value = "cycles can be counted";
  if (failure == 0) return finding;
  finding.state = State::kLimited;
  finding.value = failure == ENOENT || failure == EOPNOTSUPP || failure == ENODEV
                      ? "this machine has no counters, as most virtual machines"
                      : trial.refusal(failure);
  finding.meaning = "no cycles, instructions, cache-misses; cpu samples come from the clock";
  finding.fix = trial.fix(failure, 2);
  return finding;
}

/// The type that /sys gives a kind of event; 0 when the kernel does not have it.
uint32_t load_type(const char* device) {
  std::ifstream file(fmt::format("/sys/bus/event_source/devices/{}/type", device));
  uint32_t type = 0;
  return file >> type ? type : 0;
}

/// In a shell that we are not: the probe is never hit, nor written into any process.
Finding try_uprobe(Trial& trial) {
  Finding finding;
  finding.name = "uprobes";
  finding.value = "functions of programs can be traced";
  constexpr const char* kProgram = "/bin/sh";
  perf_event_attr attr = attr_of(load_type("uprobe"), 0, true);
  attr.uprobe_path = reinterpret_cast<uintptr_t>(kProgram);
  attr.sample_period = 1;
  const int failure = attr.type == 0 ? ENOSYS : trial.open(attr, kSelf);
  if (failure == 0) return finding;
  finding.state = State::kLimited;
  finding.value = failure == ENOSYS ? "this kernel was built without them" : trial.refusal(failure);
  finding.meaning = "functions of programs cannot be traced";
  if (sys::Broker::active() != nullptr) {
    finding.value = "not with --user: whoever has no rights may not place probes";
    return finding;
  }
  if (failure == EACCES || failure == EPERM) finding.fix = sys::setcap_command("cap_perfmon+ep");
  return finding;
}

std::vector<RingOwner> owners_of(const std::vector<OpenEvent>& events) {
  std::vector<RingOwner> owners;
  for (const OpenEvent& event : events) owners.push_back({event.fd.number(), event.cpu});
  return owners;
}

/// The rings of a run of this process on all CPUs, as a run would map them.
Finding try_ring(const sys::Permissions& permissions, Guardian& guardian) {
  Finding finding;
  finding.name = "ring memory";
  std::vector<std::string> notes;
  EventOpener opener(permissions, guardian, notes);
  auto cpus = sys::load_online_cpus();
  std::vector<Place> places;
  for (const int32_t cpu : cpus ? *cpus : std::vector<int32_t>{0}) places.push_back({kSelf, cpu});
  EventRequest request;
  request.name = "dummy";
  perf_event_attr attr = attr_of(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY, false);
  auto sideband = opener.open(request, places, nullptr, attr, request.name);
  auto data = opener.open(request, places, nullptr, attr, request.name);
  if (!sideband || !data) {
    finding.value = "not tried: no event can be opened";
    return finding;
  }
  CpuRings rings;
  const base::Status mapped =
      rings.map(owners_of(*sideband), owners_of(*data), 0, permissions, notes);
  const uint64_t bytes = mapped ? rings.data_bytes() : 0;
  finding.value = fmt::format("{} on each CPU", format_size(bytes));
  rings.unmap();
  if (mapped && notes.empty()) return finding;
  finding.state = mapped ? State::kLimited : State::kMissing;
  finding.value = mapped ? fmt::format("{} on each CPU instead of {}", format_size(bytes),
                                       format_size(kDefaultDataBytes))
                         : mapped.error().what;
  finding.value +=
      fmt::format(" (kernel.perf_event_mlock_kb is {})", permissions.perf_event_mlock_kb);
  finding.meaning =
      mapped ? "events are lost sooner when many come at once" : "nothing can be traced live";
  // Beside the data there are the sideband's ring, and a page of each for its head and tail.
  const uint64_t needed_kb =
      (kDefaultDataBytes + kDefaultSidebandBytes + 2 * page_size_bytes()) / 1024;
  if (!permissions.may_lock_any_amount())
    finding.fix = fmt::format("sudo sysctl kernel.perf_event_mlock_kb={}", needed_kb);
  return finding;
}

/// All system calls at once are what takes most descriptors.
Finding judge_files() {
  Finding finding;
  finding.name = "open files";
  constexpr uint64_t kManyEvents = 700;
  const auto cpus = sys::load_online_cpus();
  const uint64_t needed = kManyEvents * (cpus ? cpus->size() : 1);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  finding.value =
      limit.rlim_max == RLIM_INFINITY ? "no limit" : fmt::format("up to {}", limit.rlim_max);
  if (limit.rlim_max >= needed) return finding;
  finding.state = State::kLimited;
  finding.meaning = fmt::format("not all events at once: syscalls:* on all CPUs takes {}", needed);
  finding.fix = fmt::format("sudo prlimit --pid $$ --nofile={}", needed);
  return finding;
}

Finding judge_rate(const sys::Permissions& permissions) {
  Finding finding;
  finding.name = "sample rate";
  constexpr uint64_t kDefaultHz = 999;
  std::ifstream file("/proc/sys/kernel/perf_cpu_time_max_percent");
  int percent = 25;
  file >> percent;
  finding.value = fmt::format("up to {} Hz", permissions.max_sample_rate);
  if (percent > 0 && percent < 100)
    finding.value += fmt::format(", and less when sampling takes more than {} % of a CPU", percent);
  if (permissions.max_sample_rate > kDefaultHz) return finding;
  finding.state = State::kLimited;
  finding.meaning = fmt::format("oc's default of {} Hz is refused: give -F {}", kDefaultHz,
                                permissions.max_sample_rate);
  finding.fix = "sudo sysctl kernel.perf_event_max_sample_rate=100000";
  return finding;
}

}  // namespace

std::vector<Finding> examine_events(const sys::Permissions& permissions) {
  auto started = Guardian::start();
  Guardian guardian = started ? std::move(*started) : Guardian();
  Trial trial(permissions, guardian);
  return {
      try_kernel_version(trial),       try_own(trial),      try_system(trial),
      try_tracepoint(trial),           try_hardware(trial), try_uprobe(trial),
      try_ring(permissions, guardian), judge_files(),       judge_rate(permissions),
  };
}

}  // namespace oc::perf
