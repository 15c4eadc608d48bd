#include "format/flame_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/path.h"
#include "format/flame_svg.h"

namespace oc::format {

namespace {

using machine::Graph;

/// What makes siblings of two graphs the same: what they are, their name, and their module's file name.
std::string key_of(const Graph& graph, uint32_t node) {
  const Graph::Label& label = graph.label(node);
  std::string key(1, static_cast<char>('0' + static_cast<int>(label.what)));
  key += graph.text(node);
  if (label.what == Graph::Label::What::kFunction) {
    const machine::Machine& machine = graph.machine();
    const std::string_view module = machine.text(machine.places.function(label.function).module);
    key += '\0';
    key += base::file_name(module);
  }
  return key;
}

/// What the same path weighs in another graph.
struct Weight {
  double self = 0, total = 0;
};

/// For each node of `drawn`, the weight of the same path in `other`. Siblings with one key are taken together: each of
/// them gets its part of the other's by its own weight.
class Counterparts {
 public:
  Counterparts(const Graph& drawn, const Graph& other, const Measure& measure)
      : drawn_(drawn), other_(other), measure_(measure), weights_(drawn.nodes().size()) {
    pair({0}, {0});
    while (!open_.empty()) {
      const auto [mine, theirs] = std::move(open_.back());
      open_.pop_back();
      pair_children(mine, theirs);
    }
  }

  const Weight& of(uint32_t node) const { return weights_[node]; }
  double missing() const {
    return missing_;
  }  ///< weight of the other's branches that `drawn` does not have

 private:
  using Nodes = std::vector<uint32_t>;

  void pair(Nodes mine, Nodes theirs) {
    Weight sum;
    for (const uint32_t node : theirs) {
      sum.total += measure_.total(other_.nodes()[node]);
      sum.self += measure_.self(other_.nodes()[node]);
    }
    Weight own;
    for (const uint32_t node : mine) {
      own.total += measure_.total(drawn_.nodes()[node]);
      own.self += measure_.self(drawn_.nodes()[node]);
    }
    for (const uint32_t node : mine) {
      const double total = measure_.total(drawn_.nodes()[node]);
      const double part =
          own.total > 0 ? total / own.total : 1.0 / static_cast<double>(mine.size());
      weights_[node] = {sum.self * part, sum.total * part};
    }
    open_.emplace_back(std::move(mine), std::move(theirs));
  }

  static std::unordered_map<std::string, Nodes> children_of(const Graph& graph,
                                                            const Nodes& nodes) {
    std::unordered_map<std::string, Nodes> children;
    for (const uint32_t node : nodes) {
      uint32_t child = graph.nodes()[node].first_child;
      for (; child != 0; child = graph.nodes()[child].next) {
        children[key_of(graph, child)].push_back(child);
      }
    }
    return children;
  }

  void pair_children(const Nodes& mine, const Nodes& theirs) {
    auto other_children = children_of(other_, theirs);
    for (auto& [key, nodes] : children_of(drawn_, mine)) {
      const auto at = other_children.find(key);
      if (at == other_children.end()) continue;  // new: weights stay 0
      pair(std::move(nodes), std::move(at->second));
      other_children.erase(at);
    }
    for (const auto& [key, nodes] : other_children) {
      for (const uint32_t node : nodes) missing_ += measure_.total(other_.nodes()[node]);
    }
  }

  const Graph& drawn_;
  const Graph& other_;
  const Measure& measure_;
  std::vector<Weight> weights_;
  std::vector<std::pair<Nodes, Nodes>> open_;
  double missing_ = 0;
};

/// Both sides of a comparison in one unit: shares of the whole, or weights of `after`.
class Comparison {
 public:
  explicit Comparison(const FlameDiff& diff)
      : diff_(diff),
        drawn_(diff.by_before ? diff.before : diff.after),
        others_(drawn_, diff.by_before ? diff.after : diff.before, diff.measure) {
    const double before = diff.measure.total(diff.before.nodes()[0]);
    const double after = diff.measure.total(diff.after.nodes()[0]);
    whole_ = after > 0 ? after : before;
    scale_ = diff.before_scale > 0     ? diff.before_scale
             : before > 0 && after > 0 ? after / before
                                       : 1;
  }

  FlameLook look_of(const FlameBox& box) const {
    const Graph::Node& node = drawn_.nodes()[box.node];
    Weight before = others_.of(box.node),
           after{diff_.measure.self(node), diff_.measure.total(node)};
    if (diff_.by_before) std::swap(before, after);
    FlameLook look;
    look.name = drawn_.text(box.node);
    const Graph::Label& label = drawn_.label(box.node);
    if (label.what == Graph::Label::What::kFunction) {
      const machine::Machine& machine = drawn_.machine();
      look.details = machine.text(machine.places.function(label.function).module);
      look.details += '\n';
    }
    look.details += change_of("with callees", before.total, after.total) + "\n" +
                    change_of("itself", before.self, after.self);
    look.style = style_of(before.total * scale_, after.total);
    return look;
  }

  const Graph& drawn() const { return drawn_; }
  std::string text_of_missing() const {
    if (others_.missing() <= 0) return "";
    const double share = others_.missing() * (diff_.by_before ? 1 : scale_);
    return fmt::format("{} of the whole is not shown: it is only {}", text_of_share(share, whole_),
                       diff_.by_before ? "in the second" : "in the first");
  }

 private:
  std::string change_of(std::string_view what, double before, double after) const {
    const double was = before * scale_;
    return fmt::format("{}: {} before, {} now ({:+.2f} points), from {} to {}", what,
                       text_of_share(was, whole_), text_of_share(after, whole_),
                       whole_ > 0 ? 100 * (after - was) / whole_ : 0, diff_.measure.text(before),
                       diff_.measure.text(after));
  }

  /// By how many times it grew or shrank, in five steps; what is less than a thousandth of the whole is taken as noise.
  std::string style_of(double before, double after) const {
    const double change = after - before;
    if (std::abs(change) < whole_ / 1000) return "same";
    const double ratio = std::abs(change) / std::max(before, after);
    const auto step = static_cast<int>(std::min(4.0, ratio * 5));
    return fmt::format("{}-{}", change > 0 ? "more" : "less", step);
  }

  const FlameDiff& diff_;
  const Graph& drawn_;
  Counterparts others_;
  double whole_ = 0;
  double scale_ = 1;
};

}  // namespace

base::Status write_flame_diff(const FlameDiff& diff, Output& out) {
  const Comparison comparison(diff);
  const FlameLayout layout = lay_out(
      comparison.drawn(), [&](const Graph::Node& node) { return diff.measure.total(node); });
  FlamePage page;
  page.title = diff.title.empty() ? "What changed" : diff.title;
  page.notes = diff.notes;
  for (std::string note : {comparison.text_of_missing(), text_of_left_out(layout)}) {
    if (!note.empty()) page.notes.push_back(std::move(note));
  }
  page.legend = {{"more-4", "new or much more"},
                 {"more-0", "more"},
                 {"same", "the same"},
                 {"less-0", "less"},
                 {"less-4", "much less"}};
  return write_flame_svg(
      page, layout, [&](const FlameBox& box) { return comparison.look_of(box); }, out);
}

}  // namespace oc::format
