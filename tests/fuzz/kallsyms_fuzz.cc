// A kernel's symbols: as /proc or a trace tells them, and as a file of ours keeps them.

#include <cstdlib>
#include <span>

#include "fuzz/target.h"
#include "symbol/kallsyms.h"
#include "symbol/kept_names.h"

FUZZ_TARGET(kallsyms, data, size) {
  using namespace oc::symbol;
  auto names = parse_kallsyms({reinterpret_cast<const char*>(data), size});
  const auto again = unpack_names(pack_names(names));
  if (!again || again->names != names.names || again->symbols.size() != names.symbols.size())
    std::abort();
  for (auto& symbol : names.symbols) module_of(names.names, symbol.name);
  unpack_names({data, size});
  const SymbolTable table(std::move(names.symbols), names.names);
  for (const auto& symbol : table.symbols()) {
    if (symbol.start != ~uint64_t{0} && table.find(symbol.start) != &symbol) std::abort();
  }
  return 0;
}
