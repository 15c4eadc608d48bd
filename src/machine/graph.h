#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "machine/selection.h"

namespace oc::machine {

/// What a graph shows of stacks.
struct GraphOptions {
  bool is_inverted = false;  ///< callers below callees: the innermost function on top
  bool inlined = true;       ///< inlined functions are nodes of their own
  bool by_process = false, by_thread = false, by_comm = false;  ///< nodes above the stacks
  bool by_line = false;             ///< places of a function apart from each other
  bool fold_recursion = false;      ///< a function that calls itself, directly, is one node
  bool kernel = true, user = true;  ///< frames of these parts
  std::string focus;  ///< glob: only stacks with such a function, which becomes their root
  std::string
      callers_of;  ///< glob: only stacks with such a function, which becomes their innermost frame
  std::string hide;         ///< glob: frames of such functions are left out, their callees stay
  std::string hide_module;  ///< the same for modules
};

/// Who called whom, as a tree with weights: each path from the root is the beginning of stacks.
///
/// Children are in descending order of `total`, ties by name. Node 0 is the root, with the total of all. A stack that has
/// no frames counts for the root (or its process) itself.
class Graph {
 public:
  struct Node {
    uint32_t label = 0;  ///< `Graph::label` says what it means
    uint32_t parent = 0;
    uint32_t first_child = 0;                  ///< 0: none
    uint32_t next = 0;                         ///< sibling; 0: none
    double self = 0, total = 0;                ///< exclusive and inclusive, of values
    uint64_t self_count = 0, total_count = 0;  ///< the same of samples
  };
  /// What a node stands for.
  struct Label {
    enum class What : uint8_t { kRoot, kProcess, kThread, kComm, kFunction };
    What what = What::kRoot;
    FunctionId function;
    base::StringId file;  ///< with by_line
    uint32_t line = 0;
    uint32_t id = 0;  ///< of the process or thread
    base::StringId text;
    bool is_kernel = false;
  };

  static Graph make(const Selection& selection, const GraphOptions& options);

  /// Parents before their children.
  const std::vector<Node>& nodes() const { return nodes_; }
  const Label& label(uint32_t node) const { return labels_[nodes_[node].label]; }
  std::string_view text(uint32_t node) const;
  /// Its function was inlined into its caller, each time.
  bool is_inlined(uint32_t node) const { return !seen_called_[node]; }
  Machine& machine() const { return *machine_; }
  /// By function, the heaviest first. A function that is in a stack more than once counts once in `total`.
  struct ByFunction {
    FunctionId function;
    double self = 0, total = 0;
    uint64_t self_count = 0, total_count = 0;
  };
  const std::vector<ByFunction>& functions() const { return functions_; }
  /// One tree of several, with the weights of each node added.
  void merge(const Graph& other);

 private:
  friend class GraphBuilder;
  Machine* machine_ = nullptr;
  std::vector<Node> nodes_;
  std::vector<Label> labels_;
  std::vector<uint8_t> seen_called_;  ///< by node: 1 where it was seen and not inlined
  std::vector<ByFunction> functions_;
};

}  // namespace oc::machine
