// Collapsed stacks that somebody was given.

#include "fuzz/target.h"
#include "support/exercise_import.h"

FUZZ_TARGET(import_collapsed, data, size) {
  constexpr uint64_t kUnpackedLimit = 1 << 20;
  oc::test::exercise_import(oc::format::import_collapsed({data, size}, size % 2 == 1));
  oc::test::exercise_import(oc::format::import_bytes({data, size}, "input", kUnpackedLimit));
  return 0;
}
