// A pprof profile that somebody was given, packed or not.

#include "support/exercise_import.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kUnpackedLimit = 1 << 20;
  oc::test::exercise_import(oc::format::import_pprof({data, size}, false));
  oc::test::exercise_import(oc::format::import_bytes({data, size}, "input", kUnpackedLimit));
  return 0;
}
