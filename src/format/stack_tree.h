#pragma once

#include <cstdint>
#include <utility>

#include "machine/pair_table.h"

namespace oc::format {

/// Stacks as a tree of nodes, each a frame called by its parent: what formats with a table of stacks have. Parents come
/// before their children. Node 0 is none; numbers in files are one less.
class StackTree {
 public:
  static constexpr uint32_t kRoot = 0;

  uint32_t add(uint32_t parent, uint32_t frame) { return nodes_.intern(parent, frame) + 1; }
  uint32_t size() const { return nodes_.size(); }  ///< nodes are 1 to that
  /// Parent and frame. Requires: a node of this tree.
  std::pair<uint32_t, uint32_t> operator[](uint32_t node) const { return nodes_[node - 1]; }

 private:
  machine::PairTable nodes_;
};

}  // namespace oc::format
