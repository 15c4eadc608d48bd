#pragma once

#include <cstdint>
#include <string_view>

namespace oc::symbol {

/// Who told a function's name.
enum class NameSource : uint8_t {
  kNone,       ///< nobody
  kGiven,      ///< the user, from Lua
  kSymtab,     ///< .symtab of the file
  kDebugFile,  ///< .symtab of its separate debug file
  kMiniDebug,  ///< .gnu_debugdata
  kDynsym,     ///< .dynsym
  kPlt,        ///< made from the relocations of the PLT: "memcpy@plt"
  kKallsyms,   ///< the running kernel, or what the trace or a folder has of another
  kBpf,        ///< a BPF program
  kJit,        ///< a jitdump
  kPerfMap,    ///< /tmp/perf-PID.map
};
constexpr uint32_t kNameSources = 11;

/// For people: ".symtab", "the PLT".
std::string_view text_of(NameSource source);

}  // namespace oc::symbol
