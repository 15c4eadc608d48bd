#include "elf/dwarf_entries.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "elf/debug_data.h"
#include "elf/file.h"
#include "elf/plt.h"
#include "elf/symbol_section.h"

using namespace oc::elf;

namespace {

struct Entry {
  uint64_t offset = 0;
  uint32_t tag = 0;
  uint32_t depth = 0;
  bool has_code = false;
  friend bool operator==(const Entry&, const Entry&) = default;
};

std::string fixture(const std::string& name) {
  const char* const root = std::getenv("OC_SOURCE_ROOT");
  return std::string(root != nullptr ? root : ".") + "/tests/fuzz/corpus/" + name;
}

/// As libdw walks them.
void walk(Dwarf_Die entry, uint32_t depth, std::vector<Entry>& found) {
  do {
    Dwarf_Attribute attribute;
    const bool has_code = dwarf_attr(&entry, DW_AT_low_pc, &attribute) != nullptr ||
                          dwarf_attr(&entry, DW_AT_ranges, &attribute) != nullptr;
    found.push_back(
        {dwarf_dieoffset(&entry), static_cast<uint32_t>(dwarf_tag(&entry)), depth, has_code});
    Dwarf_Die child;
    if (dwarf_child(&entry, &child) == 0) walk(child, depth + 1, found);
  } while (depth != 0 && dwarf_siblingof(&entry, &entry) == 0);
}

std::vector<Entry> read(File& file, const DwarfUnit& unit) {
  DwarfEntries entries(file.load_bytes(*file.find_section(".debug_info")),
                       file.load_bytes(*file.find_section(".debug_abbrev")), unit);
  std::vector<Entry> found;
  while (entries.next())
    found.push_back({entries.offset(), entries.tag(), entries.depth(), entries.has_code()});
  CHECK_FALSE(entries.failed());
  return found;
}

}  // namespace

TEST_CASE("the entries of a unit are those that libdw walks") {
  for (const std::string& path :
       {fixture("dwarf/gcc5.so"), fixture("dwarf/gcc4.so"), fixture("dwarf/clang5.so"),
        fixture("dwarf/clang4.so"), fixture("dwarf/zlib.so"), std::string("/proc/self/exe")}) {
    auto file = File::open(path);
    REQUIRE(file);
    if (file->find_section(".debug_info") == nullptr) continue;
    Dwarf* const dwarf = dwarf_begin_elf(file->handle(), DWARF_C_READ, nullptr);
    REQUIRE(dwarf != nullptr);
    Dwarf_CU* cu = nullptr;
    Dwarf_Die root;
    size_t total = 0;
    while (total < 200000 &&
           dwarf_get_units(dwarf, cu, &cu, nullptr, nullptr, &root, nullptr) == 0) {
      DwarfUnit unit;
      Dwarf_Die self;
      unit.first_entry = dwarf_dieoffset(&root);
      REQUIRE(dwarf_cu_die(cu, &self, &unit.version, &unit.abbreviations, &unit.address_size,
                           &unit.offset_size, nullptr, nullptr) != nullptr);
      std::vector<Entry> expected;
      walk(root, 0, expected);
      CHECK(read(*file, unit) == expected);
      total += expected.size();
    }
    CHECK(total > 10);
    dwarf_end(dwarf);
  }
}

TEST_CASE("entries that make no sense end, and are told of") {
  const std::vector<uint8_t> abbreviations{1, 0x11, 1, 0, 0, 2, 0x2e, 1, 0x49, 0x16, 0, 0, 0};
  DwarfUnit unit;
  const auto count = [&](std::vector<uint8_t> info, bool fails) {
    DwarfEntries entries(info, abbreviations, unit);
    size_t found = 0;
    while (entries.next()) ++found;
    CHECK(entries.failed() == fails);
    return found;
  };
  CHECK(count({}, false) == 0);
  CHECK(count({1, 0}, false) == 1);
  CHECK(count({1, 9}, true) == 1);  // no such code
  CHECK(count({1, 2, 0x16, 0x16, 0x16}, true) ==
        1);                                // a form that says what its form is, and so on
  CHECK(count({1, 2, 0x0b}, true) == 1);   // cut off
  CHECK(count({1, 0, 7, 7}, false) == 1);  // what is behind is not its own
  unit.first_entry = ~uint64_t{0};
  CHECK(count({1, 0}, false) == 0);
}

TEST_CASE("an entry of the PLT is named by the slot that it jumps through") {
  auto file = File::open(fixture("dwarf/gcc5.so"));
  REQUIRE(file);
  const auto entries = load_plt(*file);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].address == 0x2a0);
  CHECK(entries[0].size_bytes == 16);
  CHECK(entries[0].target == "_ZN4tiny4workEi");
}

TEST_CASE("symbols, compressed symbols and checksums of a file are read") {
  auto file = File::open(fixture("elf_symbols/mini.so"));
  REQUIRE(file);
  CHECK(SymbolSection(*file, 2).size() == 0);
  const SymbolSection dynamic(*file, 11);
  REQUIRE(dynamic.size() == 4);
  CHECK(dynamic.name(dynamic[2]) == "entry");
  CHECK(dynamic[2].value == 0x3c0);
  CHECK(dynamic[2].size_bytes == 31);
  CHECK(dynamic[99].value == 0);
  CHECK(dynamic.name(~0u).empty());
  auto mini = load_mini_debug(*file);
  REQUIRE(mini);
  REQUIRE(mini->has_value());
  CHECK(SymbolSection(**mini, 2).size() > 2);
  auto plain = File::open(fixture("dwarf/gcc5.so"));
  REQUIRE(plain);
  CHECK_FALSE(load_mini_debug(*plain)->has_value());
  const std::string check = "123456789";  // of which the CRC-32 is well known
  CHECK(debug_checksum({reinterpret_cast<const uint8_t*>(check.data()), check.size()}) ==
        0xcbf43926);
}
