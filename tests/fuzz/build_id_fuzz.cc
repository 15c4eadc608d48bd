// An ELF file's headers and notes, as whatever file a process has mapped may hold them.

#include <cstdlib>
#include <span>

#include "elf/build_id.h"
#include "fuzz/target.h"

FUZZ_TARGET(build_id, data, size) {
  const std::span<const uint8_t> bytes(data, size);
  if (oc::elf::find_build_id(bytes).size() > 64) std::abort();
  for (const uint64_t alignment : {4, 8}) {
    if (oc::elf::find_build_id_note(bytes, alignment).size() > 64) std::abort();
  }
  return 0;
}
