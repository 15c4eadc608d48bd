// What a file's symbols cost: symbol_tables FILE prints the time to make its table, its size, and the time of a look-up;
// symbol_tables kernel the same of the running kernel, read from /proc and from the kept file.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "base/clock.h"
#include "symbol/demangle.h"
#include "symbol/file_symbols.h"
#include "symbol/kernel_symbols.h"

using namespace oc;
using namespace oc::symbol;

namespace {

/// CPU time: others' work on the machine does not count.
double seconds_of(auto&& body) {
  const auto begin = base::now_of(CLOCK_PROCESS_CPUTIME_ID);
  body();
  return static_cast<double>(base::now_of(CLOCK_PROCESS_CPUTIME_ID) - begin) / 1e9;
}

void show_kernel() {
  std::string folder = std::filesystem::temp_directory_path() / "oc_bench_XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return;
  KernelSymbols::Settings settings;
  settings.cache = folder;
  for (const char* how : {"from /proc", "kept"}) {
    KernelSymbols kernel(settings);
    const double took = seconds_of([&] { kernel.size(); });
    fmt::print("kernel {}: {} names in {:.1f} ms\n", how, kernel.size(), took * 1e3);
  }
  std::error_code problem;
  std::filesystem::remove_all(folder, problem);
}

void show_file(const std::string& path) {
  auto file = FileSymbols::open(path, Places::make_default());
  if (!file) {
    fmt::print("{}\n", file.error().what);
    return;
  }
  const double made = seconds_of([&] { (*file)->table(); });
  const SymbolTable& table = (*file)->table();
  if (table.symbols().empty()) return;
  std::mt19937_64 random(1);
  std::vector<uint64_t> addresses(1 << 18);
  const auto first = table.symbols().front().start, last = table.symbols().back().start;
  for (auto& address : addresses) address = first + random() % (last - first + 1);
  size_t found = 0;
  const double looked = seconds_of([&] {
    for (const auto address : addresses) found += table.find(address) != nullptr ? 1 : 0;
  });
  std::sort(addresses.begin(), addresses.end());
  const double walked = seconds_of([&] {
    SymbolTable::Walk walk(table);
    for (const auto address : addresses) found += walk.find(address) != nullptr ? 1 : 0;
  });
  size_t letters = 0;
  const double demangled = seconds_of([&] {
    for (const auto& symbol : table.symbols())
      letters += demangle(table.name(symbol), NameForm::kShort).size();
  });
  const auto count = static_cast<double>(addresses.size());
  const auto symbols = static_cast<double>(table.symbols().size());
  fmt::print(
      "{}: {} symbols in {:.2f} ms, {} bytes each; look-up {:.0f} ns, sorted {:.0f} ns; "
      "demangling {:.0f} ns{}\n",
      path, table.symbols().size(), made * 1e3, table.size_bytes() / table.symbols().size(),
      looked * 1e9 / count, walked * 1e9 / count, demangled * 1e9 / symbols,
      found + letters == 0 ? " (nothing found)" : "");
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "kernel") {
      show_kernel();
    } else {
      show_file(argv[i]);
    }
  }
  return 0;
}
