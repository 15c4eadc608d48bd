#include "perf/attr_builder.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>

namespace oc::perf {

namespace {

constexpr uint64_t kSampleType = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
                                 PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD;

// What perf asks for (tools/perf/arch): all general registers, without those that the kernel refuses.
#if defined(__x86_64__)
constexpr uint64_t kUserRegisters = 0xff0fff;  // asm/perf_regs.h, without DS ES FS GS
#elif defined(__aarch64__)
constexpr uint64_t kUserRegisters = (uint64_t{1} << 33) - 1;  // X0 to X29, LR, SP, PC
#else
constexpr uint64_t kUserRegisters =
    0;  // none: stacks by registers are refused where they are asked for
#endif

uint64_t sample_type_of(const EventRequest& request) {
  uint64_t type = kSampleType | request.parts | (request.format ? PERF_SAMPLE_RAW : 0) |
                  (request.with_address ? PERF_SAMPLE_ADDR : 0);
  if (request.reads_group()) type |= PERF_SAMPLE_READ;
  if (request.is_read_only()) return type;
  if (request.stacks.kind != Stacks::kNone) type |= PERF_SAMPLE_CALLCHAIN;
  if (request.stacks.kind == Stacks::kDwarf) type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
  return type;
}

/// Which parts count, how precisely; what is not said is as in perf: guests are left out of what the
/// hardware counts.
void apply_modifiers(const EventRequest& request, perf_event_attr& attr) {
  const Modifiers& modifiers = request.modifiers;
  const bool is_hardware = request.type != PERF_TYPE_SOFTWARE &&
                           request.type != PERF_TYPE_TRACEPOINT &&
                           request.type != PERF_TYPE_BREAKPOINT;
  attr.exclude_user = modifiers.exclude_user;
  attr.exclude_kernel = modifiers.exclude_kernel;
  attr.exclude_hv = modifiers.exclude_hv;
  attr.exclude_host = modifiers.exclude_host;
  attr.exclude_guest = modifiers.names_guest ? modifiers.exclude_guest : is_hardware;
  attr.exclude_idle = modifiers.exclude_idle;
  attr.precise_ip = modifiers.precise_max ? 3u : modifiers.precise & 3u;
  const bool leads = request.group == 0 || request.is_leader;
  attr.pinned = modifiers.pinned && leads;
  attr.exclusive = modifiers.exclusive && leads;
}

void apply_stacks(const EventRequest& request, perf_event_attr& attr) {
  if (request.stacks.kind == Stacks::kNone || request.is_read_only()) return;
  attr.sample_max_stack = request.stacks.most_frames;
  if (request.stacks.kind != Stacks::kDwarf) return;
  attr.exclude_callchain_user = 1;  // the user's part comes from its stack
  attr.sample_regs_user = kUserRegisters;
  attr.sample_stack_user = request.stacks.dump_bytes;
}

perf_event_attr make_basic(const AttrBasis& basis) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.sample_type = kSampleType;
  attr.read_format = PERF_FORMAT_ID;
  if (basis.reads_lost) attr.read_format |= PERF_FORMAT_LOST;
  attr.disabled = 1;
  attr.sample_id_all = 1;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  attr.inherit = basis.follows_command;
  attr.enable_on_exec = basis.follows_command && !basis.starts_paused;
  return attr;
}

/// exclude_kernel has no effect on sideband records and keeps the dummy open to every user.
perf_event_attr make_dummy(const LiveRequest& request, const AttrBasis& basis) {
  perf_event_attr attr = make_basic(basis);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.sample_period = 1;
  attr.exclude_kernel = 1;
  attr.watermark = 1;  // wakeup_watermark 0: half the ring, however large it could be mapped
  constexpr uint64_t kFixed = kSampleType | PERF_SAMPLE_RAW | PERF_SAMPLE_ADDR;
  if (!request.events.empty()) attr.sample_type = sample_type_of(request.events.front()) & kFixed;
  return attr;
}

/// Samples name groups by id: records name those that are made meanwhile.
bool samples_cgroups(const LiveRequest& request) {
  return !request.events.empty() && (request.events.front().parts & PERF_SAMPLE_CGROUP) != 0;
}

}  // namespace

bool has_user_stacks(const LiveRequest& request) {
  return std::any_of(request.events.begin(), request.events.end(),
                     [](const EventRequest& event) { return event.stacks.kind == Stacks::kDwarf; });
}

bool keeps_user_stacks(const LiveRequest& request) {
  return !request.folds_stacks && has_user_stacks(request);
}

perf_event_attr make_event_attr(const EventRequest& request, const AttrBasis& basis) {
  perf_event_attr attr = make_basic(basis);
  attr.type = request.type;
  attr.config = request.config;
  attr.config1 = request.config1;
  attr.config2 = request.config2;
  attr.bp_type = request.bp_type;
  attr.sample_type = sample_type_of(request);
  if (request.reads_group()) attr.read_format |= PERF_FORMAT_GROUP;
  apply_modifiers(request, attr);
  apply_stacks(request, attr);
  // In a group that is switched on by its leader, the others are not off themselves.
  if (request.group != 0 && !request.is_leader) attr.disabled = attr.enable_on_exec = 0;
  if (request.is_read_only()) return attr;  // no period: it never samples by itself
  if (request.frequency_hz != 0) {
    attr.freq = 1;
    attr.sample_freq = request.frequency_hz;
  } else {
    attr.sample_period = request.period;
  }
  return attr;
}

perf_event_attr make_sideband_attr(const LiveRequest& request, const AttrBasis& basis) {
  perf_event_attr attr = make_dummy(request, basis);
  attr.enable_on_exec = basis.follows_command;
  attr.comm = 1;
  attr.comm_exec = 1;
  attr.task = 1;
  attr.mmap = attr.mmap2 = request.mmap_records || request.code_records || request.is_recorded;
  attr.mmap_data = request.mmap_records || keeps_user_stacks(request);
  attr.build_id = basis.extras.build_ids;
  attr.namespaces = basis.extras.namespaces;
  attr.cgroup = basis.extras.cgroups || samples_cgroups(request);
  attr.ksymbol = basis.extras.ksymbols;
  attr.bpf_event = basis.extras.bpf_events;
  attr.text_poke = basis.extras.text_pokes;
  return attr;
}

perf_event_attr make_data_attr(const LiveRequest& request, const AttrBasis& basis) {
  perf_event_attr attr = make_dummy(request, basis);
  attr.context_switch = request.switch_records;
  attr.wakeup_watermark = basis.wakeup_bytes;
  return attr;
}

bool is_kernel_only(const perf_event_attr& attr) {
  if (attr.type == PERF_TYPE_TRACEPOINT) return true;
  if (attr.type != PERF_TYPE_SOFTWARE) return false;
  switch (attr.config) {
    case PERF_COUNT_SW_CPU_CLOCK:
    case PERF_COUNT_SW_TASK_CLOCK:
    case PERF_COUNT_SW_PAGE_FAULTS:
    case PERF_COUNT_SW_PAGE_FAULTS_MIN:
    case PERF_COUNT_SW_PAGE_FAULTS_MAJ:
    case PERF_COUNT_SW_ALIGNMENT_FAULTS:
    case PERF_COUNT_SW_EMULATION_FAULTS:
    case PERF_COUNT_SW_DUMMY:
      return false;
    default:
      return true;
  }
}

std::string make_own_filter(const std::vector<int32_t>& tids) {
  std::string filter;
  for (const int32_t tid : tids) {
    filter += fmt::format("{}common_pid != {}", filter.empty() ? "" : " && ", tid);
  }
  return filter;
}

std::string join_filters(const std::string& own, const std::string& asked) {
  if (own.empty() || asked.empty()) return own + asked;
  return "(" + own + ") && (" + asked + ")";
}

}  // namespace oc::perf
