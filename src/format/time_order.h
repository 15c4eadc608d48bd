#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "format/exporter.h"

namespace oc::format {

/// Calls `visit(sample, number)` for each chosen sample in ascending order of time, of equal times in the order of the
/// table. 16 bytes a sample meanwhile where the table is not in that order already.
template <typename Visit>
void for_each_in_time(const machine::Selection& selection, Visit visit) {
  const machine::SampleTable& samples = selection.machine().samples;
  if (samples.is_ordered()) return selection.for_each(visit);
  std::vector<std::pair<int64_t, uint64_t>> order;
  selection.for_each([&](const machine::Sample& sample, uint64_t number) {
    order.emplace_back(sample.time, number);
  });
  std::sort(order.begin(), order.end());
  for (const auto& [time, number] : order) visit(samples[number], number);
}

/// The same until the output fails, with progress told now and then. False: the user gave up.
template <typename Visit>
bool write_in_time(const Export& what, const Output& out, Visit visit) {
  const auto total = static_cast<double>(what.selection.count());
  uint64_t done = 0;
  bool goes_on = true;
  for_each_in_time(what.selection, [&](const machine::Sample& sample, uint64_t number) {
    if (!goes_on || !out.status()) return;
    visit(sample, number);
    if (++done % 65536 == 0 && what.progress) goes_on = what.progress(double(done) / total);
  });
  return goes_on;
}

/// The spans of a selection in ascending order of their start; of equal starts the longer first, so that parents come
/// before their children.
std::vector<machine::SpanId> chosen_spans(const machine::Selection& selection);

}  // namespace oc::format
