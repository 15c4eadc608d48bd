#include "format/flame_layout.h"

#include <algorithm>

namespace oc::format {

namespace {

using GraphNode = machine::Graph::Node;

/// Shares of the whole and depths by node. A caller is never narrower than its callee, so that limits cut off whole
/// branches.
struct Sizes {
  std::vector<double> widths;
  std::vector<uint32_t> depths;
};

Sizes measure(const std::vector<GraphNode>& nodes,
              const std::function<double(const GraphNode&)>& weight) {
  Sizes sizes;
  sizes.widths.resize(nodes.size());
  sizes.depths.resize(nodes.size());
  const double whole = weight(nodes[0]);
  sizes.widths[0] = 1;
  for (uint32_t i = 1; i < nodes.size(); ++i) {
    const double share = whole > 0 ? weight(nodes[i]) / whole : 0;
    sizes.widths[i] = std::clamp(share, 0.0, sizes.widths[nodes[i].parent]);
    sizes.depths[i] = sizes.depths[nodes[i].parent] + 1;
  }
  return sizes;
}

/// The limit that leaves no more boxes than may be.
double narrowest_of(const Sizes& sizes, const FlameLimits& limits) {
  std::vector<double> widths;
  for (size_t i = 0; i < sizes.widths.size(); ++i) {
    const bool is_drawn =
        sizes.widths[i] >= limits.narrowest && sizes.depths[i] < limits.most_depth;
    if (is_drawn) widths.push_back(sizes.widths[i]);
  }
  if (widths.size() <= limits.most_boxes) return limits.narrowest;
  const auto last = widths.begin() + limits.most_boxes;
  std::nth_element(widths.begin(), last, widths.end(), std::greater<>());
  // All of the width at the limit go: which of them would be left is chance.
  const double cut = *last;
  return cut * (1 + 1e-12);
}

}  // namespace

FlameLayout lay_out(const machine::Graph& graph,
                    const std::function<double(const GraphNode&)>& weight,
                    const FlameLimits& limits) {
  const std::vector<GraphNode>& nodes = graph.nodes();
  const Sizes sizes = measure(nodes, weight);
  FlameLayout layout;
  layout.narrowest = narrowest_of(sizes, limits);
  std::vector<FlameBox> open{{0, 0, 0, 1}};
  while (!open.empty()) {
    const FlameBox box = open.back();
    open.pop_back();
    layout.boxes.push_back(box);
    layout.levels = std::max(layout.levels, box.depth + 1);
    if (box.depth + 1 >= limits.most_depth) continue;
    double left = box.left;
    const auto first = static_cast<ptrdiff_t>(open.size());
    for (uint32_t child = nodes[box.node].first_child; child != 0; child = nodes[child].next) {
      const double width = sizes.widths[child];
      if (width >= layout.narrowest) open.push_back({child, box.depth + 1, left, width});
      left += width;
    }
    std::reverse(open.begin() + first, open.end());  // the leftmost is next
  }
  for (uint32_t i = 1; i < nodes.size(); ++i) {
    if (sizes.depths[i] >= limits.most_depth) {
      ++layout.too_deep;
    } else if (sizes.widths[i] < layout.narrowest) {
      ++layout.too_narrow;
    }
  }
  return layout;
}

}  // namespace oc::format
