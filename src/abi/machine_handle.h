#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "abi/host.h"
#include "format/output.h"
#include "machine/graph.h"
#include "machine/query.h"

extern "C" {
#include "abi/stack.h"

#include "abi/machine.h"
#include "abi/query.h"

#include "abi/export.h"
}

/// A machine with what Lua's calls need. Of a session, or (an import) its own.
struct oc_machine {
  oc::machine::Machine* machine = nullptr;
  oc_host* host = nullptr;
  std::unique_ptr<oc::machine::Machine> owned;
  oc::base::Error failure;
  oc_error error{};
};

struct oc_selection {
  oc_machine& owner;
  oc::machine::Filter filter;
  std::shared_ptr<const std::vector<uint8_t>> keep;  ///< by sample; null: all are let through
  uint64_t keep_first = 0;                           ///< number of the sample of its first byte
  std::unique_ptr<oc::machine::Selection> made;
  uint32_t generation = 0;  ///< of the machine's ids when it was made
};

struct oc_query {
  oc_selection& selection;
  std::vector<oc::machine::GroupBy> groups;
  std::unique_ptr<oc::machine::Query> made;
  std::string text;
  std::vector<double> quantiles;
  std::vector<std::vector<uint64_t>> histograms;
};

struct oc_graph {
  oc_machine& owner;
  oc::machine::Graph graph;
};

namespace oc::abi {

inline oc_text text_of(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view_of(const oc_text& text) { return {text.text, text.size_bytes}; }

inline int fail(oc_machine& machine, base::Error error) {
  machine.failure = std::move(error);
  machine.error = {static_cast<int32_t>(machine.failure.code), machine.failure.what.c_str(),
                   machine.failure.hint.c_str()};
  return -1;
}

/// Runs `body`; an exception of a library (memory that ends) becomes the machine's error, and the answer `otherwise`.
template <typename Result, typename Body>
Result guarded(oc_machine& machine, Result otherwise, Body&& body) {
  try {
    return body();
  } catch (const std::exception& problem) {
    fail(machine, base::make_error(base::Code::kSystem, problem.what()));
    return otherwise;
  }
}

/// Made again in its place when the machine's ids are others than they were (retention).
machine::Selection& current(oc_selection& selection);

/// Times from Lua: infinities and what is beyond 2^62 are no bound.
int64_t time_of(double ns);
double double_of(int64_t time);

}  // namespace oc::abi
