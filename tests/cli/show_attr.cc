// Shows the perf_event_attr that each name means: "NAME\tfield=value …". For comparison with perf.
#include <cstdio>

#include "perf/attr_builder.h"
#include "session/live_plan.h"

int main(int count, char** names) {
  for (int i = 1; i < count; ++i) {
    oc::session::LivePlan plan;
    const auto found = plan.resolve(names[i], {});
    if (!found) {
      std::fprintf(stderr, "%s: %s\n", names[i], found.error().what.c_str());
      continue;
    }
    const perf_event_attr attr = plan.kind(found->front()).attr;
    std::printf(
        "%s\ttype=%u config=%#llx bp_type=%u config1=%#llx config2=%#llx exclude_user=%d "
        "exclude_kernel=%d exclude_hv=%d exclude_host=%d exclude_idle=%d precise_ip=%d "
        "pinned=%d exclusive=%d\n",
        names[i], attr.type, attr.config, attr.bp_type, attr.config1, attr.config2,
        attr.exclude_user, attr.exclude_kernel, attr.exclude_hv, attr.exclude_host,
        attr.exclude_idle, attr.precise_ip, attr.pinned, attr.exclusive);
  }
  return 0;
}
