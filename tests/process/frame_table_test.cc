#include "process/frame_table.h"

#include <catch2/catch.hpp>

using oc::process::Frame;
using oc::process::FrameId;
using oc::process::FrameTable;
using oc::process::ModuleId;

TEST_CASE("the same frame has the same id, and ids are dense from 1") {
  FrameTable frames;
  const Frame leaf{0x1000, ModuleId{1}, false};
  const Frame caller{0x1000, ModuleId{1}, true};
  const Frame elsewhere{0x1000, ModuleId{2}, false};
  CHECK(frames.intern(leaf).value == 1);
  CHECK(frames.intern(caller).value == 2);
  CHECK(frames.intern(elsewhere).value == 3);
  CHECK(frames.intern(leaf).value == 1);
  CHECK(frames.find(FrameId{2}) == caller);
  CHECK(frames.find(FrameId{}) == Frame{});
  CHECK(frames.size() == 3);
}

TEST_CASE("a look-up of a caller uses the byte before") {
  CHECK(Frame{0x1000, {}, false}.lookup_offset() == 0x1000);
  CHECK(Frame{0x1000, {}, true}.lookup_offset() == 0xfff);
  CHECK(Frame{0, {}, true}.lookup_offset() == 0);
}

TEST_CASE("frames keep their ids and their place while the table grows") {
  FrameTable frames;
  constexpr uint32_t kFrames = 100'000;
  for (uint32_t i = 0; i < kFrames; ++i)
    REQUIRE(frames.intern({uint64_t{i} << 12, ModuleId{1 + i % 7}, i % 2 == 1}).value == i + 1);
  for (uint32_t i = 0; i < kFrames; ++i) {
    const Frame frame{uint64_t{i} << 12, ModuleId{1 + i % 7}, i % 2 == 1};
    REQUIRE(frames.intern(frame).value == i + 1);
    REQUIRE(frames.find(FrameId{i + 1}) == frame);
  }
  CHECK(frames.size_bytes() < kFrames * 48);
}
