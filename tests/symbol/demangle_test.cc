#include "symbol/demangle.h"

#include <catch2/catch.hpp>
#include <chrono>

using oc::symbol::demangle;
using enum oc::symbol::NameForm;

// The expected texts are what c++filt of binutils 2.40 prints (tests/verify/names_test.py compares many more).
TEST_CASE("names are told as they were written, with parameters or without") {
  CHECK(demangle("_ZNSt6vectorIiSaIiEE9push_backERKi", kShort) ==
        "std::vector<int, std::allocator<int> >::push_back");
  CHECK(demangle("_ZNSt6vectorIiSaIiEE9push_backERKi", kFull) ==
        "std::vector<int, std::allocator<int> >::push_back(int const&)");
  CHECK(demangle("_ZN4core3fmt5write17h01234567c9abcdefE", kShort) == "core::fmt::write");
  CHECK(demangle("_RNvC6_123foo3bar", kShort) == "123foo::bar");
  CHECK(demangle("_D3std5stdio7writelnFZv", kFull) == "std.stdio.writeln()");
}

TEST_CASE("what is not mangled stays, and versions and suffixes stay behind the name") {
  for (const char* name : {"main", "", "_", "_start", "_Z", "_Zzz", "runtime.main", "$x", "@plt"})
    CHECK(demangle(name, kFull) == name);
  CHECK(demangle("_ZNSaIcED1Ev@@GLIBCXX_3.4", kShort) ==
        "std::allocator<char>::~allocator@@GLIBCXX_3.4");
  CHECK(demangle("_ZN1A1fEv@plt", kFull) == "A::f()@plt");
  CHECK(demangle("_ZN1A1fEv.cold", kFull) == "A::f() [clone .cold]");
  CHECK(demangle("memcpy@@GLIBC_2.14", kFull) == "memcpy@@GLIBC_2.14");
}

TEST_CASE("names that ask for more than any memory come back as they are, and soon") {
  // Each level has the one before it twice.
  std::string name = "_Z1f1AIiiE";
  for (int i = 0; i < 30; ++i) {
    std::string last =
        i == 0 ? "S_"
               : std::string("S") + static_cast<char>(i < 11 ? '0' + i - 1 : 'A' + i - 11) + "_";
    name += "1BI" + last + last + "E";
  }
  const auto begin = std::chrono::steady_clock::now();
  CHECK(demangle(name, kFull).size() <= 65536 + name.size());
  CHECK(demangle("_Z" + std::string(4000, 'P') + "i", kFull).size() < 70000);
  const std::string long_name = "_ZN" + std::string(100000, 'x') + "E";
  CHECK(demangle(long_name, kFull) == long_name);
  const std::string backs = "_D1a" + std::string(500, 'Q') + "bFZv";
  CHECK(demangle(backs, kFull) == backs);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}
