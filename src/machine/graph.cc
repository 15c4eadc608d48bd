#include "machine/graph.h"

#include "machine/graph_builder.h"

namespace oc::machine {

std::string_view Graph::text(uint32_t node) const {
  const Label& at = label(node);
  if (at.what == Label::What::kFunction) {
    return machine_->text(machine_->places.function(at.function).name);
  }
  return machine_->text(at.text);
}

Graph Graph::make(const Selection& selection, const GraphOptions& options) {
  GraphBuilder builder(selection.machine(), options);
  return builder.build(selection);
}

/// Adds the nodes of `other`, from the root on, to those of the same label under the same parent.
void Graph::merge(const Graph& other) {
  GraphBuilder builder(*machine_, {});
  builder.take(*this);
  builder.take(other);
  *this = builder.finish();
}

}  // namespace oc::machine
