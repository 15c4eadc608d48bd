#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "machine/graph.h"
#include "machine/pair_table.h"

namespace oc::machine {

/// Makes a graph of stacks with weights: each distinct stack (under its process, say) is walked once, from its root to its leaf.
class GraphBuilder {
 public:
  GraphBuilder(Machine& machine, GraphOptions options);

  Graph build(const Selection& selection);
  /// Adds all nodes of a graph that is there.
  void take(const Graph& graph);
  Graph finish();

 private:
  using Label = Graph::Label;
  struct Weight {
    double sum = 0;
    uint64_t count = 0;
  };

  void add_stack(uint32_t context, StackRef stack, const Weight& weight);
  void read_stack(StackRef stack);
  bool cut_to_focus();
  void add_top(uint32_t context, std::vector<uint32_t>& path);
  void add_path(std::span<const uint32_t> top, const Weight& weight);
  uint32_t step(uint32_t node, uint32_t label, bool is_inlined, const Weight& weight);
  void add_functions(const Weight& weight);
  uint32_t label_of(const Label& label);
  uint32_t child_of(uint32_t parent, uint32_t label);
  bool matches(const std::string& pattern, std::vector<int8_t>& known, FunctionId function);
  bool is_hidden(FunctionId function);

  Machine& machine_;
  GraphOptions options_;
  Graph graph_;
  PairTable children_;  ///< (parent, label) → node - 1
  std::unordered_map<uint64_t, std::vector<uint32_t>> label_of_hash_;
  std::vector<uint32_t> labels_of_functions_;  ///< by function, without lines: 1 + label
  /// A label of the stack at hand.
  struct Step {
    uint32_t label = 0;
    bool is_inlined = false;
  };
  std::vector<Step> stack_;  ///< the outermost first
  std::vector<int8_t> focused_, called_, hidden_,
      hidden_module_;                    ///< by function: -1 not looked at
  std::vector<uint32_t> seen_;           ///< by function: the stack that it was counted for
  std::vector<uint32_t> function_rows_;  ///< by function: 1 + its row
  uint32_t turn_ = 0;
};

}  // namespace oc::machine
