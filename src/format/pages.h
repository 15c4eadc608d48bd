#pragma once

#include <cstddef>
#include <string_view>

namespace oc::format {

/// A style sheet, script or page that the program carries, from this folder (embed.lua).
struct PageText {
  std::string_view name, text;
};
extern const PageText kPageTexts[];
extern const size_t kPageTextCount;

/// "" for what it does not carry.
inline std::string_view page_text(std::string_view name) {
  for (size_t i = 0; i < kPageTextCount; ++i) {
    if (kPageTexts[i].name == name) return kPageTexts[i].text;
  }
  return {};
}

}  // namespace oc::format
