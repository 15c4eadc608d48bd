// A perf map, which a program wrote, or whoever may write to /tmp.

#include <cstdlib>

#include "fuzz/target.h"
#include "symbol/perf_map.h"

FUZZ_TARGET(perf_map, data, size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const oc::symbol::PerfMap map(text);
  for (uint64_t address = 0; address < 0x10000; address += 251) {
    const auto* found = map.find(address);
    if (found != nullptr && address - found->start >= found->size_bytes) std::abort();
  }
  return 0;
}
