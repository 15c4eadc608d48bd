#include "base/interner.h"

#include <catch2/catch.hpp>
#include <string>

using oc::base::Interner;
using oc::base::StringId;

TEST_CASE("the same text has the same id, another text another") {
  Interner names;
  const StringId a = names.intern("dd");
  CHECK(a.value == 1);
  CHECK(names.intern("gzip").value == 2);
  CHECK(names.intern("dd") == a);
  CHECK(names.text(a) == "dd");
  CHECK(names.intern("").value == 3);
  CHECK(names.text(StringId{3}).empty());
}

TEST_CASE("ids and texts survive growth") {
  Interner names;
  for (int i = 0; i < 20000; ++i) names.intern("name" + std::to_string(i));
  CHECK(names.size() == 20000);
  for (int i = 0; i < 20000; i += 97) {
    const std::string text = "name" + std::to_string(i);
    CHECK(names.text(names.intern(text)) == text);
  }
  CHECK(names.size() == 20000);
}

TEST_CASE("an unknown id has no text") {
  Interner names;
  CHECK(names.text(StringId{0}).empty());
  CHECK(names.text(StringId{77}).empty());
  CHECK(names.text(StringId{0xffffffff}).empty());
}
