#include "symbol/build_id_path.h"

#include <fmt/format.h>

namespace oc::symbol {

std::string build_id_text(std::span<const uint8_t> id) {
  std::string text;
  for (const uint8_t byte : id) text += fmt::format("{:02x}", byte);
  return text;
}

std::string build_id_path(const std::string& folder, std::span<const uint8_t> id) {
  const std::string text = build_id_text(id);
  return fmt::format("{}/.build-id/{}/{}", folder, text.substr(0, 2), text.substr(2));
}

}  // namespace oc::symbol
