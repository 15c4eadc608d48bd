#pragma once

#include <cstdint>
#include <string_view>

namespace oc::unwind {

/// Why a stack has no further frames.
enum class End : uint8_t {
  kComplete,    ///< the outermost frame: CFI says that nobody called it, or the return address is 0
  kStackEnd,    ///< the next frame lies beyond the stack bytes that were kept
  kNoMapping,   ///< no code is mapped at the return address
  kUnreadable,  ///< the file that is mapped there could not be read
  kNoRules,     ///< the file has no CFI for that place, or memory without frame pointers
  kBadRule,     ///< CFI that makes no sense
  kNoProgress,  ///< the caller's frame is not above this one: a loop
  kTooDeep,     ///< no room for more frames
  kNoRegisters,  ///< the sample has none (or those of a task of 32 bits), or not one that a frame needs
};
constexpr uint32_t kEndCount = 9;

/// A few words for people: "the stack bytes end". Owned by the program.
std::string_view describe(End end);

}  // namespace oc::unwind
