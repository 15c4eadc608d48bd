#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oc::event {

/// The names that a `print fmt` gives to the values of `field`, in its order: the pairs of
/// `__print_symbolic(REC->field, { 0, "HI" }, { 1, "TIMER" })`.
///
/// Only where the argument is the field itself, perhaps in parentheses, and only pairs whose value is a
/// number (also negative, or 1 << n). Where a field is printed twice, the first wins. Flags
/// (`__print_flags`) are sums of names and no values of the field: none.
std::vector<std::pair<std::string, int64_t>> print_symbols(std::string_view print_fmt,
                                                           std::string_view field);

}  // namespace oc::event
