// What the events of a recording were opened with: a line an event, "NAME\tid,…\tfield=value …", by the
// names of perf_event_attr. Usage: show_attrs FILE

#include <linux/perf_event.h>

#include <cstdio>

#include "source/recorded_trace.h"

namespace {

void show_numbers(const perf_event_attr& attr) {
  const std::pair<const char*, unsigned long long> numbers[] = {
      {"type", attr.type},
      {"config", attr.config},
      {"sample_period", attr.sample_period},
      {"sample_type", attr.sample_type},
      {"read_format", attr.read_format},
      {"precise_ip", attr.precise_ip},
      {"wakeup_events", attr.wakeup_events},
      {"bp_type", attr.bp_type},
      {"bp_addr", attr.bp_addr},
      {"bp_len", attr.bp_len},
      {"branch_sample_type", attr.branch_sample_type},
      {"sample_regs_user", attr.sample_regs_user},
      {"sample_stack_user", attr.sample_stack_user},
  };
  for (const auto& [name, value] : numbers) std::printf("\t%s=%llu", name, value);
}

void show_flags(const perf_event_attr& attr) {
  const std::pair<const char*, bool> flags[] = {
      {"disabled", attr.disabled},
      {"inherit", attr.inherit},
      {"pinned", attr.pinned},
      {"exclusive", attr.exclusive},
      {"exclude_user", attr.exclude_user},
      {"exclude_kernel", attr.exclude_kernel},
      {"exclude_hv", attr.exclude_hv},
      {"exclude_idle", attr.exclude_idle},
      {"mmap", attr.mmap},
      {"comm", attr.comm},
      {"freq", attr.freq},
      {"inherit_stat", attr.inherit_stat},
      {"enable_on_exec", attr.enable_on_exec},
      {"task", attr.task},
      {"watermark", attr.watermark},
      {"mmap_data", attr.mmap_data},
      {"sample_id_all", attr.sample_id_all},
      {"exclude_host", attr.exclude_host},
      {"exclude_guest", attr.exclude_guest},
      {"exclude_callchain_kernel", attr.exclude_callchain_kernel},
      {"exclude_callchain_user", attr.exclude_callchain_user},
      {"mmap2", attr.mmap2},
      {"comm_exec", attr.comm_exec},
      {"use_clockid", attr.use_clockid},
      {"context_switch", attr.context_switch},
      {"write_backward", attr.write_backward},
      {"namespaces", attr.namespaces},
      {"cgroup", attr.cgroup},
      {"ksymbol", attr.ksymbol},
  };
  for (const auto& [name, value] : flags) std::printf("\t%s=%s", name, value ? "true" : "false");
}

}  // namespace

int main(int, char** argv) {
  const auto trace = oc::source::RecordedTrace::open(argv[1]);
  if (!trace) {
    std::fprintf(stderr, "%s\n", trace.error().what.c_str());
    return 1;
  }
  const auto& events = (*trace)->events();
  const auto ids = events.ids_by_kind();
  for (uint32_t i = 0; i < events.size(); ++i) {
    std::printf("%s\t", events[i].name.c_str());
    for (size_t at = 0; at < ids[i].size(); ++at)
      std::printf("%s%llu", at == 0 ? "" : ",", static_cast<unsigned long long>(ids[i][at]));
    show_numbers(events[i].attr);
    show_flags(events[i].attr);
    std::printf("\n");
  }
  return 0;
}
