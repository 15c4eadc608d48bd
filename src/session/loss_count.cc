#include "session/loss_count.h"

namespace oc::session {

std::vector<source::Loss> add_missing(std::vector<source::Loss> counted,
                                      const std::map<int32_t, uint64_t>& told_by_cpu) {
  std::map<int32_t, uint64_t> by_cpu;
  for (const source::Loss& loss : counted) by_cpu[loss.cpu] += loss.records;
  for (const auto& [cpu, told] : told_by_cpu) {
    if (told <= by_cpu[cpu]) continue;
    source::Loss rest;
    rest.cpu = cpu;
    rest.records = told - by_cpu[cpu];
    counted.push_back(rest);
  }
  return counted;
}

}  // namespace oc::session
