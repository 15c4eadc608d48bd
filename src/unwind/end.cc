#include "unwind/end.h"

namespace oc::unwind {

std::string_view describe(End end) {
  switch (end) {
    case End::kComplete:
      return "complete";
    case End::kStackEnd:
      return "the stack bytes end";
    case End::kNoMapping:
      return "no code at the return address";
    case End::kUnreadable:
      return "a file that cannot be read";
    case End::kNoRules:
      return "code without unwind rules";
    case End::kBadRule:
      return "a bad unwind rule";
    case End::kNoProgress:
      return "a loop";
    case End::kTooDeep:
      return "too many frames";
    case End::kNoRegisters:
      break;
  }
  return "no registers";
}

}  // namespace oc::unwind
