#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "machine/graph.h"

namespace oc::format {

/// A node's place in a flame graph.
struct FlameBox {
  uint32_t node = 0;
  uint32_t depth = 0;          ///< of the root 0
  double left = 0, width = 0;  ///< shares of the whole
};

/// How much of a graph is drawn: what nobody could see, and what no program would open, is left out and counted.
struct FlameLimits {
  double narrowest = 1.0 / 12000;  ///< share of the whole: a tenth of a point on 1200
  uint32_t most_boxes = 20000;
  uint32_t most_depth = 1800;  ///< so that a picture stays below 32767 points, cairo's limit
};

/// Where the nodes of a graph lie:
///
///     depth 2  |callee|callee |    |      |          each above its caller, side by side from the caller's
///     depth 1  |caller             |caller   |       left on, in the graph's order (the heaviest first)
///     depth 0  |root                              |
struct FlameLayout {
  std::vector<FlameBox> boxes;            ///< callers before their callees
  uint32_t levels = 0;                    ///< depth of the deepest box, and 1
  uint64_t too_narrow = 0, too_deep = 0;  ///< nodes that are left out
  double narrowest = 0;                   ///< the limit that held
};

/// `weight` of a node: not below zero, at least that of its children together.
FlameLayout lay_out(const machine::Graph& graph,
                    const std::function<double(const machine::Graph::Node&)>& weight,
                    const FlameLimits& limits = {});

}  // namespace oc::format
