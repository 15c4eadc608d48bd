#include "perf/cpu_rings.h"

#include <catch2/catch.hpp>

using namespace oc::perf;

TEST_CASE("a ring has a power of two pages") {
  const uint64_t page = page_size_bytes();
  CHECK(round_up_to_ring(0) == page);
  CHECK(round_up_to_ring(page) == page);
  CHECK(round_up_to_ring(page + 1) == 2 * page);
  CHECK(round_up_to_ring(3u << 20) == 4u << 20);
  CHECK(round_up_to_ring(~uint64_t{0}) == uint64_t{1} << 40);
}

TEST_CASE("rings have 8 MiB unless all together would take much of the memory") {
  CHECK(default_data_bytes(2, uint64_t{24} << 30) == kDefaultDataBytes);
  CHECK(default_data_bytes(2, 64u << 20) == 2u << 20);
  CHECK(default_data_bytes(256, uint64_t{16} << 30) == 4u << 20);
  CHECK(default_data_bytes(8, 1u << 20) == kMinRingBytes);
}
