#pragma once

#include <string>
#include <vector>

#include "format/measure.h"
#include "format/output.h"
#include "machine/graph.h"

namespace oc::format {

/// Two graphs, of one machine or of two, that are compared: what changed from `before` to `after`.
struct FlameDiff {
  const machine::Graph& before;
  const machine::Graph& after;
  Measure measure;  ///< of both
  /// What weights of `before` are multiplied with, to be comparable with those of `after`: the ratio of durations, say.
  /// 0: both wholes count the same, so that shares are compared.
  double before_scale = 0;
  bool by_before = false;  ///< widths are those of `before`, so that one sees what went away
  std::string title;
  std::vector<std::string> notes;  ///< lines below the title
};

/// Writes a differential flame graph (SVG): widths are those of `after`, red grew, blue shrank, deeper is more. Nodes
/// are the same where the paths of their names from the root are the same; modules count by their file names.
base::Status write_flame_diff(const FlameDiff& diff, Output& out);

}  // namespace oc::format
