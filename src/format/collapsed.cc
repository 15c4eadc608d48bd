#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "format/formats.h"
#include "format/frame_texts.h"
#include "format/measure.h"
#include "machine/pair_table.h"
#include "machine/shown_stacks.h"

namespace oc::format {

namespace {

constexpr std::array<std::string_view, 3> kCollapsedExtensions{".collapsed", ".folded", ".stacks"};

/// Rounded, without an exponent.
void append_whole(std::string& text, double weight) {
  constexpr double kExact = 9007199254740992.0;
  const double rounded = std::round(weight);
  if (std::abs(rounded) >= kExact) {
    text += fmt::format("{:.0f}", rounded);
  } else {
    text += fmt::format_int(static_cast<int64_t>(rounded)).str();
  }
}

/// `;` parts frames, the last space the count.
std::string collapsed_name(std::string_view name) {
  std::string text = clean_text(name);
  std::replace(text.begin(), text.end(), ';', ':');
  return text;
}

/// comm;outermost;…;innermost COUNT, one line for each that reads differently, in order of first appearance.
/// Counts are what folded_measure_of says: samples, or values rounded to whole ones. Source: flamegraph.pl's header.
class CollapsedWriter {
 public:
  explicit CollapsedWriter(const Export& what)
      : what_(what), machine_(what.machine), shown_(what.machine, what.inlined) {}
  base::Status write(Output& out);

 private:
  void gather();
  void append_stack(machine::StackRef stack);
  const std::string& name_of(machine::FunctionId function);

  const Export& what_;
  machine::Machine& machine_;
  machine::ShownStacks shown_;
  machine::PairTable pairs_;               ///< name and number of the stack as it is shown
  std::vector<machine::StackRef> stacks_;  ///< the first of each pair
  std::vector<double> weights_;
  std::vector<std::string> names_;  ///< by function, each with ';' in front; "": not made yet
  std::string line_;
};

void CollapsedWriter::gather() {
  const Measure measure = folded_measure_of(what_);
  what_.selection.for_each([&](const machine::Sample& sample, uint64_t) {
    const base::StringId comm =
        sample.context ? machine_.processes.context(sample.context).comm : base::StringId{};
    const uint32_t id = pairs_.intern(comm.value, shown_.number(sample.stack));
    if (id == weights_.size()) {
      weights_.push_back(0);
      stacks_.push_back(sample.stack);
    }
    weights_[id] += measure.of(sample);
  });
}

const std::string& CollapsedWriter::name_of(machine::FunctionId function) {
  if (function.value >= names_.size()) names_.resize(machine_.places.functions());
  std::string& name = names_[function.value];
  if (name.empty())
    name = ";" + collapsed_name(machine_.text(machine_.places.function(function).name));
  return name;
}

/// As read_stack has it, from the outermost in.
void CollapsedWriter::append_stack(machine::StackRef stack) {
  const auto frames = machine_.stack(stack).frames;
  for (size_t i = frames.size(); i-- > 0;) {
    const auto lines = machine_.places.lines(frames[i]);
    const size_t last = what_.inlined ? 0 : lines.size() - 1;
    for (size_t k = lines.size(); k-- > last;) line_ += name_of(lines[k].function);
  }
}

base::Status CollapsedWriter::write(Output& out) {
  name_frames(what_);
  gather();
  const auto total = static_cast<double>(weights_.size());
  for (uint32_t id = 0; id < weights_.size(); ++id) {
    line_ = collapsed_name(machine_.text(base::StringId{pairs_[id].first}));
    append_stack(stacks_[id]);
    line_ += ' ';
    append_whole(line_, weights_[id]);
    line_ += '\n';
    out.write(line_);
    if (!out.status()) break;
    if (id % 4096 == 0 && what_.progress && !what_.progress(double(id) / total)) {
      return base::make_error(base::Code::kUsage, "the export was given up");
    }
  }
  return {};
}

base::Status write_collapsed(const Export& what, Output& out) {
  return CollapsedWriter(what).write(out);
}

}  // namespace

Exporter collapsed_exporter() {
  Holds holds;
  holds.times = holds.threads = holds.process_names = holds.lines = holds.kinds = false;
  return {"collapsed",
          "stacks on one line each, for flame graph tools",
          kCollapsedExtensions,
          holds,
          write_collapsed,
          Compression::kNone,
          true};
}

}  // namespace oc::format
