#pragma once

#include <optional>
#include <string>
#include <vector>

#include "event/filter.h"

namespace oc::event {

/// What a name means in a scope, or why it means nothing that a filter can test.
struct FilterName {
  std::optional<FilterField> field;
  std::string problem;  ///< a sentence about the name; empty when there is no such field at all
  std::string hint;
};

/// Looks a name up as scripts do (lua/oc/view_source.lua): common names hide the payload's fields,
/// `args.` reaches those, and what only samples have yields to them.
FilterName find_filter_name(const FilterScope& scope, const std::string& name);

/// The names that a filter may use, for hints.
std::vector<std::string> filter_names(const FilterScope& scope);

}  // namespace oc::event
