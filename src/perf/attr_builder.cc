#include "perf/attr_builder.h"

#include <fmt/format.h>
#include <time.h>

namespace oc::perf {

namespace {

constexpr uint64_t kSampleType = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
                                 PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD;

uint64_t sample_type_of(const EventRequest& request) {
  return kSampleType | (request.format ? PERF_SAMPLE_RAW : 0) |
         (request.with_address ? PERF_SAMPLE_ADDR : 0) |
         (request.with_cgroup ? PERF_SAMPLE_CGROUP : 0);
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
  if (!request.events.empty()) attr.sample_type = sample_type_of(request.events.front());
  return attr;
}

/// Samples name groups by id: records name those that are made meanwhile.
bool samples_cgroups(const LiveRequest& request) {
  return !request.events.empty() && request.events.front().with_cgroup;
}

}  // namespace

perf_event_attr make_event_attr(const EventRequest& request, const AttrBasis& basis) {
  perf_event_attr attr = make_basic(basis);
  attr.type = request.type;
  attr.config = request.config;
  attr.sample_type = sample_type_of(request);
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
  attr.mmap = attr.mmap2 = request.mmap_records || request.is_recorded;
  attr.mmap_data = request.mmap_records;
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
