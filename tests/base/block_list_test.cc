#include "base/block_list.h"

#include <catch2/catch.hpp>
#include <vector>

using oc::base::BlockList;

TEST_CASE("entries never move while the list grows") {
  BlockList<uint64_t, 2> list;
  std::vector<const uint64_t*> places;
  for (uint64_t i = 0; i < 10'000; ++i) places.push_back(&list.append(i));
  REQUIRE(list.size() == 10'000);
  for (uint32_t i = 0; i < 10'000; ++i) {
    REQUIRE(list[i] == i);
    REQUIRE(&list[i] == places[i]);
  }
}

TEST_CASE("blocks double, so at most half of the memory is unused") {
  BlockList<uint64_t, 2> list;
  CHECK(list.size_bytes() == 0);
  for (uint64_t i = 0; i < 5000; ++i) {
    list.append(i);
    REQUIRE(list.size_bytes() <= (2 * list.size() + 4) * sizeof(uint64_t));
  }
}
