// Lines and inlined calls of a file that somebody else made: units, entries, ranges, line programs; compressed ones too.

#include <cstdlib>
#include <optional>

#include "elf/file.h"
#include "elf/plain_debug.h"
#include "elf/relocated.h"
#include "fuzz/target.h"
#include "symbol/line_index.h"

namespace {

std::optional<oc::elf::File> make_plain(const oc::elf::File& file) {
  auto plain = oc::elf::PlainDebug::plan(file);
  if (!plain) return {};
  for (size_t part = 0; part < plain->parts(); ++part) plain->load(part);
  return plain->finish();
}

void look(oc::elf::File& file) {
  auto plain = make_plain(file);
  oc::symbol::LineIndex index(plain ? *plain : file, nullptr);
  std::vector<oc::symbol::SourceCall> calls;
  for (uint64_t address = 0; address < 0x2000; address += 7) {
    calls.clear();
    index.find(address, calls);
    if (calls.size() > 1 << 16) std::abort();
  }
}

}  // namespace

FUZZ_TARGET(dwarf, data, size) {
  auto file = oc::elf::File::make({data, data + size}, "fuzz");
  if (!file || !oc::symbol::LineIndex::has_lines(*file)) return 0;
  constexpr uint16_t kRelocatable = 1;
  if (file->type() == kRelocatable) {
    auto relocated = oc::elf::Relocated::make(*file);
    if (relocated) look(relocated->file());
    return 0;
  }
  look(*file);
  return 0;
}
