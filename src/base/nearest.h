#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oc::base {

/// Edits that turn `a` into `b`, regardless of ASCII case: insert, delete, replace, or swap two
/// neighbours. Stops counting beyond `limit` and then returns `limit + 1`.
///
/// Optimal string alignment: the Damerau-Levenshtein distance without edits inside swapped letters.
size_t edit_distance(std::string_view a, std::string_view b, size_t limit);

/// The candidates that somebody who typed `word` may have meant: best first, then by alphabet, at
/// most `most`. Close means one edit for each three letters, at least 1 and at most 4. Meant for
/// the hints of errors ("did you mean ...?"), so it allocates.
std::vector<std::string> nearest(std::string_view word, std::span<const std::string> candidates,
                                 size_t most = 3);

/// "did you mean a, b or c?"; empty when nothing is near.
std::string did_you_mean(const std::vector<std::string>& names);

}  // namespace oc::base
