#include "session/given_unwind.h"

#include <catch2/catch.hpp>

using oc::session::GivenUnwind;
using oc::unwind::Rule;
using oc::unwind::RuleKind;

namespace {

GivenUnwind::Given given(uint64_t offset, int16_t words) {
  Rule rule;
  rule.kind = RuleKind::kStack;
  rule.cfa = words;
  return {offset, 16, rule};
}

}  // namespace

TEST_CASE("a list of rules is one version, and a later list goes before the others") {
  GivenUnwind rules;
  CHECK(rules.find({1}, "/lib/a.so") == nullptr);
  rules.add("/lib/*.so", {given(0, 1), given(16, 2), given(32, 3)});
  CHECK(rules.version() == 1);
  rules.add("/lib/b.so", {});
  CHECK(rules.version() == 1);
  const auto* const first = rules.find({1}, "/lib/a.so");
  REQUIRE(first != nullptr);
  CHECK(first->find(20)->cfa == 2);
  CHECK(rules.find({2}, "/bin/a") == nullptr);
  rules.add("/lib/a.so", {given(16, 4)});
  CHECK(first->find(20)->cfa == 2);  // it may be in use
  CHECK(rules.find({1}, "/lib/a.so")->find(20)->cfa == 4);
  CHECK(rules.find({1}, "/lib/a.so")->find(40)->cfa == 3);
  CHECK(rules.find({3}, "/lib/c.so")->find(20)->cfa == 2);
}

TEST_CASE("of rules that come one by one, none but the newest is kept between batches") {
  GivenUnwind rules;
  for (uint64_t i = 0; i < 1000; ++i) {
    rules.forget_old();
    rules.add("//anon", {given(16 * i, 1)});
    REQUIRE(rules.find({1}, "//anon")->find(16 * i) != nullptr);
    CHECK(rules.find({2}, "/bin/a") == nullptr);
    CHECK(rules.old() <= 1);
  }
  rules.forget_old();
  CHECK(rules.old() == 0);
  const auto* const all = rules.find({1}, "//anon");
  rules.add("/bin/b", {given(0, 1)});
  CHECK(rules.find({1}, "//anon") == all);  // nothing of it is new
}
