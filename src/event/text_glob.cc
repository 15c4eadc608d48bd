#include "event/text_glob.h"

#include <cstddef>

namespace oc::event {

namespace {

/// One step of the pattern other than `*`: how many bytes it takes there; 0 when `c` does not fit.
size_t match_one(std::string_view pattern, char c) {
  if (pattern[0] == '?') return 1;
  if (pattern[0] == '\\' && pattern.size() > 1) return pattern[1] == c ? 2 : 0;
  if (pattern[0] != '[') return pattern[0] == c ? 1 : 0;
  const auto code = [](char byte) { return static_cast<unsigned char>(byte); };
  size_t at = 1;
  const bool is_inverted = at < pattern.size() && pattern[at] == '!';
  if (is_inverted) ++at;
  bool is_in = false;
  for (const size_t first = at; at < pattern.size(); ++at) {
    if (pattern[at] == ']' && at != first) return is_in != is_inverted ? at + 1 : 0;
    const bool is_range =
        at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']';
    const char last = is_range ? pattern[at + 2] : pattern[at];
    if (code(pattern[at]) <= code(c) && code(c) <= code(last)) is_in = true;
    if (is_range) at += 2;
  }
  return c == '[' ? 1 : 0;
}

}  // namespace

bool glob_text(std::string_view pattern, std::string_view text) {
  constexpr size_t kNone = std::string_view::npos;
  size_t at = 0;
  size_t p = 0;
  size_t star = kNone;  // where to go on after the last *, and from which byte of the text
  size_t star_at = 0;
  while (at < text.size()) {
    size_t step = 0;
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_at = at;
      continue;
    }
    if (p < pattern.size()) step = match_one(pattern.substr(p), text[at]);
    if (step != 0) {
      p += step;
      ++at;
    } else if (star != kNone) {
      p = star;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace oc::event
