#include <fmt/format.h>

#include <array>
#include <cmath>
#include <vector>

#include "format/formats.h"
#include "format/frame_texts.h"
#include "format/measure.h"
#include "machine/pair_table.h"

namespace oc::format {

namespace {

constexpr std::array<std::string_view, 3> kCollapsedExtensions{".collapsed", ".folded", ".stacks"};

/// `;` parts frames, the last space the count.
void append_name(std::string& line, std::string_view name) {
  for (const char c : clean_text(name)) line += c == ';' ? ':' : c;
}

/// comm;outermost;…;innermost COUNT, one line for each distinct stack of a name, in order of first appearance.
/// Counts are samples, or, where all are of one kind, their values rounded to whole ones: sums of several kinds mean
/// nothing. Source: flamegraph.pl's header.
base::Status write_collapsed(const Export& what, Output& out) {
  machine::Machine& machine = what.machine;
  machine::resolve_stacks(machine, what.selection.used_stacks(), false);
  const Measure measure = measure_of(what);
  machine::PairTable pairs;
  std::vector<double> weights;
  what.selection.for_each([&](const machine::Sample& sample, uint64_t) {
    const base::StringId comm =
        sample.context ? machine.processes.context(sample.context).comm : base::StringId{};
    const uint32_t id = pairs.intern(comm.value, sample.stack);
    if (id == weights.size()) weights.push_back(0);
    weights[id] += measure.of(sample);
  });
  std::vector<FrameText> frames;
  std::string line;
  for (uint32_t id = 0; id < weights.size(); ++id) {
    line.clear();
    append_name(line, machine.text(base::StringId{pairs[id].first}));
    const auto stack = read_stack(machine, pairs[id].second, what.inlined, frames);
    for (size_t i = stack.size(); i-- > 0;) {
      line += ';';
      append_name(line, machine.text(machine.places.function(stack[i].function).name));
    }
    line += fmt::format(" {:.0f}\n", std::round(weights[id]));
    out.write(line);
    if (!out.status()) break;
    if (id % 4096 == 0 && what.progress && !what.progress(double(id) / double(weights.size()))) {
      return base::make_error(base::Code::kUsage, "the export was given up");
    }
  }
  return {};
}

}  // namespace

Exporter collapsed_exporter() {
  Holds holds;
  holds.times = holds.threads = holds.process_names = holds.lines = holds.kinds = false;
  return {"collapsed", "stacks on one line each, for flame graph tools", kCollapsedExtensions,
          holds, write_collapsed};
}

}  // namespace oc::format
