// A jitdump, which a program wrote, or whoever may write to its folder.

#include <cstdlib>

#include "fuzz/target.h"
#include "symbol/jit_dump.h"

FUZZ_TARGET(jit_dump, data, size) {
  const auto dump = oc::symbol::JitDump::make({data, data + size}, "fuzz");
  if (!dump) return 0;
  for (const oc::base::Nanos time : {uint64_t{0}, uint64_t{1500}, uint64_t{2500}, ~uint64_t{0}}) {
    for (uint64_t address = 0x1000; address < 0x4000; address += 61) {
      const auto* found = dump->find(address, time);
      if (found == nullptr) continue;
      if (address - found->start >= found->size_bytes) std::abort();
      if (time != ~uint64_t{0} && (time < found->from || time >= found->until)) std::abort();
      dump->find_line(*found, address);
    }
  }
  return 0;
}
