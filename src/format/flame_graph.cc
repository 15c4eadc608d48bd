#include <fmt/format.h>

#include <array>

#include "format/flame_svg.h"
#include "format/formats.h"
#include "format/frame_kind.h"
#include "format/measure.h"
#include "format/trace_notes.h"

namespace oc::format {

namespace {

using machine::Graph;

constexpr std::array<std::string_view, 1> kFlameGraphExtensions{".svg"};

FlamePage page_of(const Export& what, const Graph& graph, const Measure& measure,
                  const FlameLayout& layout) {
  FlamePage page;
  page.title = title_of(what);
  const Graph::Node& root = graph.nodes()[0];
  std::string said = text_in_groups(static_cast<double>(root.total_count)) +
                     (root.total_count == 1 ? " sample" : " samples");
  if (measure.by_value) said += ", width is their value: " + measure.text(root.total);
  page.notes.push_back(said);
  if (!measure.why.empty()) page.notes.push_back(measure.why);
  for (std::string& note : trace_notes(what.machine)) page.notes.push_back(std::move(note));
  if (std::string left_out = text_of_left_out(layout); !left_out.empty()) {
    page.notes.push_back(std::move(left_out));
  }
  for (size_t i = 0; i + 1 < kFrameKinds; ++i) {
    const auto kind = static_cast<FrameKind>(i);
    page.legend.emplace_back(std::string(name_of(kind)) + "-1", describe(kind));
  }
  return page;
}

FlameLook look_of(const Graph& graph, const FlameBox& box, const Measure& measure) {
  const machine::Machine& machine = graph.machine();
  const Graph::Node& node = graph.nodes()[box.node];
  const Graph::Label& label = graph.label(box.node);
  FlameLook look;
  look.name = graph.text(box.node);
  FrameKind kind = FrameKind::kNone;
  if (label.what == Graph::Label::What::kFunction) {
    const machine::Function& function = machine.places.function(label.function);
    kind = kind_of(machine, function, graph.is_inlined(box.node));
    look.details = fmt::format("{} ({})\n", machine.text(function.module), name_of(kind));
  }
  const double whole = measure.total(graph.nodes()[0]);
  const double total = measure.total(node), self = measure.self(node);
  look.details += measure.text(total) + ", " + text_of_share(total, whole);
  if (self > 0 && self < total) look.details += "; itself " + text_of_share(self, whole);
  look.style =
      fmt::format("{}-{}", name_of(kind), kind == FrameKind::kNone ? 0 : shade_of(look.name));
  return look;
}

/// Frames below the thread's name at that moment, as in collapsed stacks.
base::Status write_flame_graph(const Export& what, Output& out) {
  const Measure measure = measure_of(what);
  machine::GraphOptions options;
  options.inlined = what.inlined;
  options.by_comm = true;
  const Graph graph = Graph::make(what.selection, options);
  if (what.progress && !what.progress(0.5)) {
    return base::make_error(base::Code::kUsage, "the export was given up");
  }
  const FlameLayout layout =
      lay_out(graph, [&](const Graph::Node& node) { return measure.total(node); });
  return write_flame_svg(
      page_of(what, graph, measure, layout), layout,
      [&](const FlameBox& box) { return look_of(graph, box, measure); }, out);
}

}  // namespace

Exporter flame_graph_exporter() {
  Holds holds;
  holds.times = holds.threads = holds.lines = holds.kinds = false;
  holds.losses = true;
  return {"flamegraph", "a flame graph to look at, in one SVG file", kFlameGraphExtensions, holds,
          write_flame_graph};
}

}  // namespace oc::format
