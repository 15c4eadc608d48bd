#include "symbol/vdso.h"

#include <sys/auxv.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "sys/files.h"

namespace oc::symbol {
namespace {

/// Where the mapping that begins at `start` ends, by /proc/self/maps; 0: there is none.
uint64_t find_end(uint64_t start) {
  const std::string maps = sys::read_text("/proc/self/maps", size_t{16} << 20);
  for (size_t line = 0; line < maps.size();) {
    const char* const at = maps.data() + line;
    const char* const end = maps.data() + maps.size();
    uint64_t from = 0, to = 0;
    const auto first = std::from_chars(at, end, from, 16);
    if (first.ec == std::errc() && from == start && first.ptr != end &&
        std::from_chars(first.ptr + 1, end, to, 16).ec == std::errc())
      return to;
    const size_t next = maps.find('\n', line);
    if (next == maps.npos) break;
    line = next + 1;
  }
  return 0;
}

}  // namespace

std::unique_ptr<elf::File> load_own_vdso() {
  const uint64_t start = getauxval(AT_SYSINFO_EHDR);
  const uint64_t end = start == 0 ? 0 : find_end(start);
  if (end <= start) return nullptr;
  const auto* bytes = reinterpret_cast<const uint8_t*>(start);
  auto file = elf::File::make({bytes, bytes + (end - start)}, "[vdso]");
  return file ? std::make_unique<elf::File>(std::move(*file)) : nullptr;
}

}  // namespace oc::symbol
