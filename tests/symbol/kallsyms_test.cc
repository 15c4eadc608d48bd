#include "symbol/kallsyms.h"

#include <catch2/catch.hpp>

#include "symbol/kept_names.h"

using namespace oc::symbol;

namespace {

constexpr std::string_view kText =
    "ffffffff81000000 T _stext\n"
    "ffffffff81000000 T _text\n"
    "ffffffff81000040 t work\n"
    "ffffffff81000020 W early\n"
    "ffffffffc0201000 t hook\t[nf_tables]\n"
    "ffffffffc0300000 t bpf_prog_12_run\t[bpf]\n"
    "ffffffff82000000 D data\n"
    "0000000000000000 A percpu\n"
    "no line\n"
    "ffffffff81000060 t last";

}  // namespace

TEST_CASE("code is taken from kallsyms, with its module and by address") {
  const auto names = parse_kallsyms(kText);
  CHECK(names.text_start == 0xffffffff81000000);
  CHECK(names.text == 0xffffffff81000000);
  CHECK(names.skipped == 1);
  CHECK(names.hidden == 0);
  REQUIRE(names.symbols.size() == 7);
  CHECK(names.symbols[2].start == 0xffffffff81000020);
  CHECK(names.symbols[6].start == 0xffffffffc0201000);
  CHECK(module_of(names.names, names.symbols[6].name) == "nf_tables");
  CHECK(module_of(names.names, names.symbols[0].name).empty());
  const SymbolTable table(names.symbols, names.names);
  const auto* found = table.find(0xffffffff8100005f);
  REQUIRE(found != nullptr);
  CHECK(table.name(*found) == "work");
  CHECK(table.name(*table.find(0xffffffff81000000)) == "_text");  // the last of two names
  CHECK(table.find(0xffffffff80ffffff) == nullptr);
}

TEST_CASE("code ends where its section or module does") {
  const auto names = parse_kallsyms(
      "ffffffff81000000 T _stext\n"
      "ffffffff81000040 t work\n"
      "ffffffff81000100 T _etext\n"
      "ffffffff83000000 T start\n"
      "ffffffff83000080 T _einittext\n"
      "ffffffffc0201000 t hook\t[nf_tables]\n"
      "ffffffffc0201800 t unhook\t[nf_tables]\n"
      "ffffffffc0400000 t near\t[other]\n"
      "ffffffffc0400800 t touching\t[third]\n");
  const SymbolTable table(names.symbols, names.names);
  const auto name_at = [&](uint64_t address) {
    const auto* const found = table.find(address);
    return found == nullptr ? std::string_view() : table.name(*found);
  };
  CHECK(name_at(0xffffffff810000ff) == "work");
  CHECK(name_at(0xffffffff81000100).empty());
  CHECK(name_at(0xffffffff82ffffff).empty());
  CHECK(name_at(0xffffffff8300007f) == "start");
  CHECK(name_at(0xffffffff83000080).empty());
  CHECK(name_at(0xffffffffc0200fff).empty());
  CHECK(name_at(0xffffffffc02017ff) == "hook");
  CHECK(name_at(0xffffffffc0202fff) == "unhook");
  CHECK(name_at(0xffffffffc0203000).empty());
  CHECK(name_at(0xffffffffc04007ff) == "near");
  CHECK(name_at(0xffffffffc0400800) == "touching");
}

TEST_CASE("addresses that the kernel hides are counted") {
  const auto names = parse_kallsyms("0000000000000000 T _stext\n0000000000000000 t work\n");
  CHECK(names.hidden == 2);
  CHECK(names.symbols.empty());
}

TEST_CASE("kept names come back, and damaged ones do not") {
  const auto names = parse_kallsyms(kText);
  const auto packed = pack_names(names);
  const auto again = unpack_names(packed);
  REQUIRE(again.has_value());
  CHECK(again->names == names.names);
  CHECK(again->text_start == names.text_start);
  REQUIRE(again->symbols.size() == names.symbols.size());
  for (size_t i = 0; i < names.symbols.size(); ++i) {
    CHECK(again->symbols[i].start == names.symbols[i].start);
    CHECK(again->symbols[i].name == names.symbols[i].name);
    CHECK(again->symbols[i].binding == names.symbols[i].binding);
  }
  for (size_t i = 0; i < packed.size(); ++i) {
    auto bad = packed;
    bad[i] ^= 1;
    CHECK_FALSE(unpack_names(bad).has_value());
    CHECK_FALSE(unpack_names(std::span(packed).first(i)).has_value());
  }
}
