// The symbol tables of an ELF file that somebody else made: sections, relocations, PLT, compressed symbols.

#include <cstdlib>

#include "elf/debug_data.h"
#include "elf/file.h"
#include "fuzz/target.h"
#include "symbol/symbol_table.h"

namespace {

using oc::symbol::SymbolTable;

void look_up(const SymbolTable& table) {
  SymbolTable::Walk walk(table);
  size_t letters = 0;
  for (const auto& symbol : table.symbols()) {
    letters += table.name(symbol).size();
    for (const uint64_t address : {symbol.start, symbol.start + symbol.size_bytes / 2}) {
      const auto* found = table.find(address);
      if (found != walk.find(address)) std::abort();  // both ways tell the same
      if (found != nullptr && found->start > address) std::abort();
    }
  }
  if (table.find(0) != nullptr && table.symbols().empty()) std::abort();
  (void)letters;
}

}  // namespace

FUZZ_TARGET(elf_symbols, data, size) {
  auto file = oc::elf::File::make({data, data + size}, "fuzz");
  if (!file) return 0;
  auto mini = oc::elf::load_mini_debug(*file);
  oc::elf::find_debug_alt_link(*file);
  file->debug_link();
  look_up(SymbolTable(&*file, nullptr, mini && *mini ? &**mini : nullptr));
  look_up(SymbolTable(nullptr, &*file, nullptr));
  return 0;
}
