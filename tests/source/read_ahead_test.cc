#include "source/read_ahead.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "support/perf_data_writer.h"
#include "support/repeats.h"

using namespace oc::test;
using oc::base::Mapping;
using oc::source::ReadAhead;

namespace {

constexpr uint64_t kSize = 192 << 20;  // sparse; far more than a window
constexpr uint64_t kStep = 1 << 20;

/// A file of kSize bytes with a number at every kStep.
Mapping large_file() {
  const TempFile file(ByteVector{});
  std::filesystem::resize_file(file.path(), kSize);
  std::fstream out(file.path(), std::ios::binary | std::ios::in | std::ios::out);
  for (uint64_t at = 0; at < kSize; at += kStep) {
    out.seekp(static_cast<std::streamoff>(at));
    out.put(static_cast<char>(at / kStep));
  }
  out.close();
  auto mapping = Mapping::open(file.path());
  REQUIRE(mapping);
  return std::move(*mapping);
}

}  // namespace

TEST_CASE("reading ahead never changes what is read, before the reader or behind it") {
  const Mapping mapping = large_file();
  ReadAhead ahead(mapping);
  const auto bytes = mapping.bytes();
  for (uint64_t at = 0; at < kSize; at += kStep) {
    ahead.reached(at);
    REQUIRE(bytes[at] == static_cast<uint8_t>(at / kStep));
    REQUIRE(bytes[at / 2 / kStep * kStep] == static_cast<uint8_t>(at / 2 / kStep));
  }
  for (uint64_t at = 0; at < kSize; at += kStep)
    REQUIRE(bytes[at] == static_cast<uint8_t>(at / kStep));
}

TEST_CASE("reading ahead ends at any moment") {
  const Mapping mapping = large_file();
  for (int turn = 0; turn < oc::test::repeats(300); ++turn) {
    ReadAhead ahead(mapping);
    if (turn % 3 == 0) ahead.reached((static_cast<uint64_t>(turn) << 16) % kSize);
    if (turn % 5 == 0) std::this_thread::yield();
  }
}

TEST_CASE("bytes that somebody else owns are left alone") {
  const ByteVector bytes(32 << 20, 7);
  const Mapping mapping = Mapping::lend(bytes);
  {
    ReadAhead ahead(mapping);
    for (uint64_t at = 0; at < bytes.size(); at += kStep) ahead.reached(at);
    mapping.drop(0, bytes.size());
    mapping.will_need(0, bytes.size());
  }
  for (uint64_t at = 0; at < bytes.size(); at += kStep) REQUIRE(bytes[at] == 7);
}
