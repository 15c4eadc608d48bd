// A pprof profile that somebody was given, packed or not.

#include "fuzz/target.h"
#include "support/exercise_import.h"

FUZZ_TARGET(import_pprof, data, size) {
  constexpr uint64_t kUnpackedLimit = 1 << 20;
  oc::test::exercise_import(oc::format::import_pprof({data, size}, false));
  oc::test::exercise_import(oc::format::import_bytes({data, size}, "input", kUnpackedLimit));
  return 0;
}
