#include "base/tuple_table.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <tuple>

using oc::base::TupleTable;

namespace {

uint64_t bits(double value) {
  uint64_t word;
  std::memcpy(&word, &value, sizeof word);
  return word;
}

/// The share of keys that the first slot answers, as the reader without a loop sees it.
double first_slot_share(const TupleTable& table) {
  uint32_t hits = 0;
  for (uint32_t row = 1; row < table.size(); ++row) {
    const auto& key = table.rows()[row];
    const uint64_t slot = TupleTable::hash(key.a, key.b) >> table.shift();
    hits += table.slots()[slot] == static_cast<int32_t>(row);
  }
  return static_cast<double>(hits) / (table.size() - 1);
}

double share_for(int count, const std::function<std::pair<uint64_t, uint64_t>(int)>& key) {
  TupleTable table(1u << 24);
  for (int i = 0; i < count; ++i) table.find_or_add(key(i).first, key(i).second, 1);
  return first_slot_share(table);
}

}  // namespace

TEST_CASE("rows are dense, from 1, in the order of arrival") {
  TupleTable table(100);
  CHECK(table.find_or_add(7, 0, 1) == 1);
  CHECK(table.find_or_add(7, 0, 2) == 2);
  CHECK(table.find_or_add(0, 7, 1) == 3);
  CHECK(table.find_or_add(7, 0, 1) == 1);
  CHECK(table.find(0, 7, 1) == 3);
  CHECK(table.find(9, 9, 1) == 0);
  CHECK(table.size() == 4);
  CHECK(table.rows()[0].kinds == TupleTable::kNoKey);
}

TEST_CASE("random tuples keep their rows through growth, as in a map") {
  std::mt19937_64 random(1);
  TupleTable table(1u << 20);
  std::map<std::tuple<uint64_t, uint64_t, uint32_t>, uint32_t> expected;
  for (int i = 0; i < 200000; ++i) {
    const uint64_t a = random() % 300;
    const uint64_t b = random() % 300 << 32;
    const auto kinds = static_cast<uint32_t>(random() % 2);
    const auto next = static_cast<uint32_t>(expected.size() + 1);
    const auto entry = expected.try_emplace({a, b, kinds}, next).first;
    REQUIRE(table.find_or_add(a, b, kinds) == entry->second);
  }
  CHECK(table.size() == expected.size() + 1);
}

TEST_CASE("at the limit a new key has row 0 and is counted, known keys go on") {
  TupleTable table(2);
  CHECK(table.find_or_add(1, 0, 1) == 1);
  CHECK(table.find_or_add(2, 0, 1) == 2);
  CHECK(table.find_or_add(3, 0, 1) == 0);
  CHECK(table.find_or_add(4, 0, 1) == 0);
  CHECK(table.find_or_add(2, 0, 1) == 2);
  CHECK(table.refused() == 2);
  CHECK(table.size() == 3);
}

TEST_CASE("clear forgets keys and refusals") {
  TupleTable table(1);
  table.find_or_add(1, 0, 1);
  table.find_or_add(2, 0, 1);
  table.clear();
  CHECK(table.size() == 1);
  CHECK(table.refused() == 0);
  CHECK(table.find(1, 0, 1) == 0);
  CHECK(table.find_or_add(2, 0, 1) == 1);
}

TEST_CASE("most keys of the usual shapes lie in their first slot") {
  const auto number = [](int i) { return std::pair(bits(i), uint64_t{0}); };
  const auto pair = [](int i) { return std::pair(bits(i / 8), bits(i % 8)); };
  const auto square = [](int i) { return std::pair(bits(i / 256), bits(i % 256)); };
  const auto kernel = [](int i) {
    return std::pair(0xffffffff81000000u + static_cast<uint64_t>(i) * 16, uint64_t{0});
  };
  const auto heap = [](int i) {
    return std::pair(0xffff888000000000u + static_cast<uint64_t>(i) * 4096, uint64_t{0});
  };
  const auto power = [](int i) {
    return std::pair(bits(static_cast<double>(1ull << i)), uint64_t{0});
  };
  for (const int count : {50, 1000, 4000, 30000, 300000}) {
    const double least = count <= 4000 ? 0.8 : 0.7;
    CAPTURE(count);
    CHECK(share_for(count, number) > least);
    CHECK(share_for(count, pair) > least);
    CHECK(share_for(count, square) > least);
    CHECK(share_for(count, kernel) > least);
    CHECK(share_for(count, heap) > least);
  }
  CHECK(share_for(60, power) > 0.8);
}
