#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "machine/machine.h"

namespace oc::format {

/// What some bytes are, of what opens as a machine.
enum class Importable : uint8_t { kNone, kCollapsed, kPprof };

/// By content, which is not packed; the beginning of a file is enough.
Importable importable(std::span<const uint8_t> bytes);

using Imported = base::Result<std::unique_ptr<machine::Machine>>;

/// Opens a profile that other tools wrote: pprof or collapsed stacks, packed by gzip or zstd or not, whatever its name.
/// What is damaged is left out and counted in the machine's notes. Errors: it is none of these, with what it is where
/// that can be told; it unpacks to more than 1 GiB.
Imported import_file(const std::string& path);
/// The same of bytes. `name`: what errors call them.
Imported import_bytes(std::span<const uint8_t> bytes, const std::string& name,
                      uint64_t unpacked_limit);

// One for each file of this room that reads a format. Requires: `importable` says it is that. `is_cut`: the bytes are
// only the beginning.
Imported import_collapsed(std::span<const uint8_t> bytes, bool is_cut);
Imported import_pprof(std::span<const uint8_t> bytes, bool is_cut);
inline std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Why a file that is called one of collapsed stacks is none, with the first line that is not.
base::Error no_stacks(std::span<const uint8_t> bytes, const std::string& name);

/// Whether they begin as one.
bool looks_like_collapsed(std::span<const uint8_t> bytes);
bool looks_like_pprof(std::span<const uint8_t> bytes);

}  // namespace oc::format
