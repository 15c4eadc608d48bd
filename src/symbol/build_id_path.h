#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace oc::symbol {

/// "48dc540c8b76…", as file, readelf and perf print it.
std::string build_id_text(std::span<const uint8_t> id);

/// FOLDER/.build-id/48/dc540c8b76…, to which folders of debug files add ".debug", and perf's and ours "/elf". Requires:
/// an id of two bytes or more.
std::string build_id_path(const std::string& folder, std::span<const uint8_t> id);

}  // namespace oc::symbol
