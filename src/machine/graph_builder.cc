#include "machine/graph_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/path.h"
#include "machine/name_match.h"

namespace oc::machine {

GraphBuilder::GraphBuilder(Machine& machine, GraphOptions options)
    : machine_(machine), options_(std::move(options)) {
  graph_.machine_ = &machine;
  graph_.nodes_.emplace_back();
  graph_.seen_called_.push_back(1);
  Label root;
  root.text = machine.texts.intern("all");
  graph_.labels_.push_back(root);
}

Graph GraphBuilder::build(const Selection& selection) {
  resolve_stacks(machine_, selection.used_stacks(), false);
  const bool has_top = options_.by_process || options_.by_thread || options_.by_comm;
  PairTable pairs;
  std::vector<Weight> weights;
  selection.for_each_chunk([&](const auto& chunk, uint64_t, std::span<const uint16_t> places) {
    for (const uint16_t i : places) {
      const uint32_t id = pairs.intern(has_top ? chunk.contexts[i] : 0, chunk.stacks[i]);
      if (id == weights.size()) weights.emplace_back();
      weights[id].sum += chunk.values[i];
      weights[id].count += chunk.weight(i);
    }
  });
  for (uint32_t id = 0; id < weights.size(); ++id) {
    add_stack(pairs[id].first, pairs[id].second, weights[id]);
  }
  return finish();
}

void GraphBuilder::add_stack(uint32_t context, StackRef stack, const Weight& weight) {
  read_stack(stack);
  if (!cut_to_focus()) return;
  add_functions(weight);
  std::vector<uint32_t> top;
  add_top(context, top);
  if (options_.is_inverted) std::reverse(stack_.begin(), stack_.end());
  add_path(top, weight);
}

/// Into `stack_`: labels, the outermost first, without what is hidden.
void GraphBuilder::read_stack(StackRef ref) {
  stack_.clear();
  const process::StackView stack = machine_.stack(ref);
  for (size_t i = stack.frames.size(); i-- > 0;) {
    const bool is_kernel = i < stack.kernel_frames;
    if (is_kernel ? !options_.kernel : !options_.user) continue;
    const Place place = machine_.places.find(stack.frames[i]);
    for (size_t k = place.lines.size(); k-- > 0;) {
      const Line& line = place.lines[k];
      if (k + 1 < place.lines.size() && !options_.inlined) break;
      if (is_hidden(line.function)) continue;
      Label label;
      label.what = Label::What::kFunction;
      label.function = line.function;
      label.is_kernel = is_kernel || place.is_kernel;
      if (options_.by_line) {
        label.file = line.file;
        label.line = line.line;
      }
      const uint32_t id = label_of(label);
      if (options_.fold_recursion && !stack_.empty() && stack_.back().label == id) continue;
      stack_.push_back({id, k + 1 < place.lines.size()});
    }
  }
}

/// False where the stack has no such function. Of several the outermost is the root, or the innermost where callers are
/// asked for.
bool GraphBuilder::cut_to_focus() {
  const auto has = [&](const std::string& pattern, std::vector<int8_t>& known) {
    return [&pattern, &known, this](const Step& step) {
      return matches(pattern, known, graph_.labels_[step.label].function);
    };
  };
  if (!options_.focus.empty()) {
    const auto at = std::find_if(stack_.begin(), stack_.end(), has(options_.focus, focused_));
    if (at == stack_.end()) return false;
    stack_.erase(stack_.begin(), at);
  }
  if (!options_.callers_of.empty()) {
    const auto at = std::find_if(stack_.rbegin(), stack_.rend(), has(options_.callers_of, called_));
    if (at == stack_.rend()) return false;
    stack_.erase(at.base(), stack_.end());
  }
  return true;
}

void GraphBuilder::add_top(uint32_t context, std::vector<uint32_t>& path) {
  if (context == 0) return;
  const ProcessTable& processes = machine_.processes;
  const Context& at = processes.context(ContextId{context});
  const Thread& thread = processes.thread(at.thread);
  const Process& process = processes.process(thread.process);
  const auto add = [&](Label::What what, uint32_t id, const std::string& text) {
    Label label;
    label.what = what;
    label.id = id;
    label.text = machine_.texts.intern(text);
    path.push_back(label_of(label));
  };
  if (options_.by_comm) add(Label::What::kComm, 0, std::string(machine_.text(at.comm)));
  if (options_.by_process) {
    add(Label::What::kProcess, thread.process.value,
        fmt::format("{} ({})", machine_.text(process.comm), process.pid));
  }
  if (options_.by_thread) {
    add(Label::What::kThread, at.thread.value,
        fmt::format("{} ({})", machine_.text(at.comm), thread.tid));
  }
}

/// The child of `node` with this label, with the weight added.
uint32_t GraphBuilder::step(uint32_t node, uint32_t label, bool is_inlined, const Weight& weight) {
  node = child_of(node, label);
  graph_.nodes_[node].total += weight.sum;
  graph_.nodes_[node].total_count += weight.count;
  if (!is_inlined) graph_.seen_called_[node] = 1;
  return node;
}

void GraphBuilder::add_path(std::span<const uint32_t> top, const Weight& weight) {
  graph_.nodes_[0].total += weight.sum;
  graph_.nodes_[0].total_count += weight.count;
  uint32_t node = 0;
  for (const uint32_t label : top) node = step(node, label, false, weight);
  for (const Step& at : stack_) node = step(node, at.label, at.is_inlined, weight);
  graph_.nodes_[node].self += weight.sum;
  graph_.nodes_[node].self_count += weight.count;
}

/// Each function of the stack once, however often it is there.
void GraphBuilder::add_functions(const Weight& weight) {
  ++turn_;
  for (size_t i = 0; i < stack_.size(); ++i) {
    const FunctionId function = graph_.labels_[stack_[i].label].function;
    if (function.value >= seen_.size()) {
      seen_.resize(machine_.places.functions(), 0);
      function_rows_.resize(seen_.size(), 0);
    }
    uint32_t& row = function_rows_[function.value];
    if (row == 0) {
      graph_.functions_.push_back({function});
      row = static_cast<uint32_t>(graph_.functions_.size());
    }
    auto& sums = graph_.functions_[row - 1];
    if (seen_[function.value] != turn_) {
      seen_[function.value] = turn_;
      sums.total += weight.sum;
      sums.total_count += weight.count;
    }
    if (i + 1 == stack_.size()) {
      sums.self += weight.sum;
      sums.self_count += weight.count;
    }
  }
}

uint32_t GraphBuilder::label_of(const Label& label) {
  const bool is_plain = label.what == Label::What::kFunction && !label.file && label.line == 0;
  if (is_plain) {
    const uint32_t function = label.function.value;
    if (function >= labels_of_functions_.size()) {
      labels_of_functions_.resize(machine_.places.functions(), 0);
    }
    uint32_t& known = labels_of_functions_[function];
    if (known == 0) {
      graph_.labels_.push_back(label);
      known = static_cast<uint32_t>(graph_.labels_.size());
    }
    return known - 1;
  }
  const uint64_t hash = (uint64_t{label.function.value} << 32 | label.file.value) * 31 +
                        label.line * 0x9e3779b97f4a7c15 + (uint64_t{label.id} << 20) +
                        label.text.value * 7 + static_cast<uint64_t>(label.what);
  auto& candidates = label_of_hash_[hash];
  for (const uint32_t id : candidates) {
    const Label& known = graph_.labels_[id];
    if (known.what == label.what && known.function == label.function && known.file == label.file &&
        known.line == label.line && known.id == label.id && known.text == label.text) {
      return id;
    }
  }
  graph_.labels_.push_back(label);
  candidates.push_back(static_cast<uint32_t>(graph_.labels_.size() - 1));
  return candidates.back();
}

uint32_t GraphBuilder::child_of(uint32_t parent, uint32_t label) {
  const uint32_t node = children_.intern(parent, label) + 1;
  if (node == graph_.nodes_.size()) {
    Graph::Node made;
    made.label = label;
    made.parent = parent;
    graph_.nodes_.push_back(made);
    graph_.seen_called_.push_back(0);
  }
  return node;
}

bool GraphBuilder::matches(const std::string& pattern, std::vector<int8_t>& known,
                           FunctionId function) {
  if (function.value >= known.size()) known.resize(machine_.places.functions(), -1);
  int8_t& fits = known[function.value];
  if (fits < 0) {
    fits = machine::matches(pattern, machine_.text(machine_.places.function(function).name));
  }
  return fits == 1;
}

bool GraphBuilder::is_hidden(FunctionId function) {
  if (!options_.hide.empty() && matches(options_.hide, hidden_, function)) return true;
  if (options_.hide_module.empty()) return false;
  if (function.value >= hidden_module_.size()) {
    hidden_module_.resize(machine_.places.functions(), -1);
  }
  int8_t& fits = hidden_module_[function.value];
  if (fits < 0) {
    const std::string_view path = machine_.text(machine_.places.function(function).module);
    fits = machine::matches(options_.hide_module, path) ||
           machine::matches(options_.hide_module, base::file_name(path));
  }
  return fits == 1;
}

/// Parents come before their children, so one pass is enough.
void GraphBuilder::take(const Graph& graph) {
  std::vector<uint32_t> node_of(graph.nodes_.size(), 0);
  for (uint32_t i = 0; i < graph.nodes_.size(); ++i) {
    const Graph::Node& from = graph.nodes_[i];
    if (i != 0) node_of[i] = child_of(node_of[from.parent], label_of(graph.label(i)));
    Graph::Node& to = graph_.nodes_[node_of[i]];
    to.self += from.self;
    to.total += from.total;
    to.self_count += from.self_count;
    to.total_count += from.total_count;
    if (!graph.is_inlined(i)) graph_.seen_called_[node_of[i]] = 1;
  }
  for (const auto& sums : graph.functions_) {
    if (sums.function.value >= function_rows_.size()) {
      function_rows_.resize(machine_.places.functions(), 0);
    }
    uint32_t& row = function_rows_[sums.function.value];
    if (row == 0) {
      graph_.functions_.push_back({sums.function});
      row = static_cast<uint32_t>(graph_.functions_.size());
    }
    auto& to = graph_.functions_[row - 1];
    to.self += sums.self;
    to.total += sums.total;
    to.self_count += sums.self_count;
    to.total_count += sums.total_count;
  }
}

/// Links siblings, the heaviest first.
Graph GraphBuilder::finish() {
  auto& nodes = graph_.nodes_;
  std::vector<uint32_t> order(nodes.size() - 1);
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i + 1;
  for (auto& node : nodes) node.first_child = node.next = 0;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    if (nodes[a].parent != nodes[b].parent) return nodes[a].parent < nodes[b].parent;
    if (nodes[a].total != nodes[b].total) return nodes[a].total > nodes[b].total;
    const auto left = graph_.text(a), right = graph_.text(b);
    return left != right ? left < right : a < b;
  });
  for (size_t i = order.size(); i-- > 0;) {
    Graph::Node& node = nodes[order[i]];
    node.next = nodes[node.parent].first_child;
    nodes[node.parent].first_child = order[i];
  }
  std::sort(graph_.functions_.begin(), graph_.functions_.end(), [&](const auto& a, const auto& b) {
    if (a.self != b.self) return a.self > b.self;
    if (a.total != b.total) return a.total > b.total;
    return machine_.text(machine_.places.function(a.function).name) <
           machine_.text(machine_.places.function(b.function).name);
  });
  return std::move(graph_);
}

}  // namespace oc::machine
