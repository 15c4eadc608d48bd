#include "process/stack_table.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

using oc::process::describe;
using oc::process::kStackEnds;
using oc::process::StackEnd;
using oc::process::StackId;
using oc::process::StackTable;
using oc::process::StackView;

namespace {

std::vector<uint32_t> frames_of(const StackView& view) {
  return {view.frames.begin(), view.frames.end()};
}

}  // namespace

TEST_CASE("equal stacks have one id; their kernel part and their end tell them apart") {
  StackTable table;
  const std::vector<uint32_t> frames = {4, 5, 6};
  const StackId first = table.intern(frames, 1, StackEnd::kComplete);
  CHECK(first.value == 1);
  CHECK(table.intern(frames, 1, StackEnd::kComplete) == first);
  CHECK(table.intern(frames, 2, StackEnd::kComplete).value == 2);
  CHECK(table.intern(frames, 1, StackEnd::kTooDeep).value == 3);
  CHECK(table.intern({}, 0, StackEnd::kNotRecorded).value == 4);
  const StackView view = table.find(first);
  CHECK(frames_of(view) == frames);
  CHECK(view.kernel_frames == 1);
  CHECK(view.end == StackEnd::kComplete);
  CHECK(table.find(StackId{3}).end == StackEnd::kTooDeep);
  CHECK(table.find(StackId{4}).frames.empty());
  CHECK(table.find(StackId{}).end == StackEnd::kNotRecorded);
  CHECK(table.frames() == 9);
}

TEST_CASE("a stack of more frames than a record can hold is cut") {
  StackTable table;
  std::vector<uint32_t> frames(StackTable::kMostFrames + 5);
  std::iota(frames.begin(), frames.end(), 1u);
  const StackView cut =
      table.find(table.intern(frames, StackTable::kMostFrames, StackEnd::kComplete));
  CHECK(cut.frames.size() == StackTable::kMostFrames);
  CHECK(cut.kernel_frames == StackTable::kMostFrames);
  CHECK(cut.end == StackEnd::kTooDeep);
}

TEST_CASE(
    "stacks stay where they are while the table grows, and cost little more than their frames") {
  StackTable table;
  std::mt19937 random(3);
  std::vector<std::vector<uint32_t>> stacks;
  constexpr uint32_t kStacks = 60'000;
  for (uint32_t i = 0; i < kStacks; ++i) {
    std::vector<uint32_t> frames(1 + random() % 40);
    for (uint32_t& frame : frames) frame = static_cast<uint32_t>(random());
    REQUIRE(table.intern(frames, 0, StackEnd::kComplete).value == i + 1);
    stacks.push_back(std::move(frames));
  }
  for (uint32_t i = 0; i < kStacks; ++i) {
    REQUIRE(table.intern(stacks[i], 0, StackEnd::kComplete).value == i + 1);
    REQUIRE(frames_of(table.find(StackId{i + 1})) == stacks[i]);
  }
  CHECK(table.size_bytes() < 2 * 4 * (table.frames() + kStacks) + 40 * kStacks);
}

TEST_CASE("another thread reads stacks by ids that it was given, while more come") {
  StackTable table;
  std::atomic<uint32_t> given{0};
  constexpr uint32_t kStacks = 50'000;
  std::thread reader([&] {
    uint32_t seen = 0;
    while (seen < kStacks) {
      const uint32_t id = given.load(std::memory_order_acquire);
      if (id == seen) continue;
      seen = id;
      const StackView view = table.find(StackId{id});
      if (view.frames.size() != 1 + id % 7 || view.frames[0] != id) std::abort();
    }
  });
  for (uint32_t id = 1; id <= kStacks; ++id) {
    const std::vector<uint32_t> frames(1 + id % 7, id);
    table.intern(frames, 0, StackEnd::kComplete);
    given.store(id, std::memory_order_release);
  }
  reader.join();
  CHECK(table.size() == kStacks);
}

TEST_CASE("each end of a stack has words of its own") {
  for (size_t i = 0; i < kStackEnds; ++i) {
    CHECK_FALSE(describe(static_cast<StackEnd>(i)).empty());
    for (size_t k = 0; k < i; ++k)
      CHECK(describe(static_cast<StackEnd>(i)) != describe(static_cast<StackEnd>(k)));
  }
  CHECK(describe(static_cast<StackEnd>(60)) == "not known");
}
