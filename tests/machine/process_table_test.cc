#include "machine/process_table.h"

#include <catch2/catch.hpp>

using namespace oc;
using namespace oc::machine;

namespace {

MachineMapping code(uint64_t start, uint64_t end, uint32_t module, uint64_t offset = 0) {
  MachineMapping mapping;
  mapping.start = start;
  mapping.end = end;
  mapping.module = {module};
  mapping.offset = offset;
  return mapping;
}

}  // namespace

TEST_CASE("a pid that is used again is another process") {
  base::Interner texts;
  ProcessTable table(texts);
  table.fork(10, 1, 100, 100, 1, "sh");
  table.comm(20, 1, 100, 100, "make", true);
  table.exit(30, 1, 100, 100);
  table.fork(40, 2, 100, 100, 1, "cc");
  const ProcessId first = table.find(100, 25), second = table.find(100, 45);
  REQUIRE(first.value != second.value);
  CHECK(texts.text(table.process(first).comm) == "make");
  CHECK(table.process(first).start == 10);
  CHECK(table.process(first).end == 30);
  CHECK(texts.text(table.process(second).comm) == "cc");
  CHECK(table.process(second).end == kAfterTrace);
  CHECK(table.find(100, 5).value == 0);
}

TEST_CASE("a process ends with its last thread, not with its first") {
  base::Interner texts;
  ProcessTable table(texts);
  table.fork(0, 1, 5, 5, 1, "srv");
  table.fork(1, 2, 5, 6, 5, "srv");
  table.exit(2, 1, 5, 5);
  CHECK(table.process(table.find(5)).end == kAfterTrace);
  table.exit(3, 2, 5, 6);
  CHECK(table.process(table.find(5)).end == 3);
}

TEST_CASE("late samples of an ended thread are its own") {
  base::Interner texts;
  ProcessTable table(texts);
  table.fork(0, 1, 5, 5, 1, "a");
  table.exit(2, 1, 5, 5);
  CHECK(table.thread_of_life(1, 5, 5).value == table.thread(5, 5).value);
  table.fork(3, 2, 5, 5, 1, "b");
  CHECK(table.thread_of_life(1, 5, 5).value != table.thread_of_life(2, 5, 5).value);
}

TEST_CASE("a mapping cuts what was there, and a child has its parent's") {
  base::Interner texts;
  ProcessTable table(texts);
  table.found(1, 5, 5, "p");
  table.map(1, 5, code(0x1000, 0x4000, 7));
  table.map(2, 5, code(0x2000, 0x3000, 8));
  const ProcessId parent = table.find(5);
  const MachineMapping* low = table.find_mapping(parent, {7}, 0x10);
  const MachineMapping* high = table.find_mapping(parent, {7}, 0x2010);
  REQUIRE(low);
  REQUIRE(high);
  CHECK(high->start == 0x3000);
  CHECK(high->offset == 0x2000);
  table.fork(3, 2, 6, 6, 5, "p");
  const ProcessId child = table.find(6);
  REQUIRE(table.find_mapping(child, {8}, 0));
  CHECK(table.find_mapping(child, {8}, 0)->from == 3);
  table.comm(4, 2, 6, 6, "q", true);
  CHECK(table.find_mapping(child, {8}, 0)->until == 4);
  CHECK(table.find_mapping(parent, {8}, 0)->until == kAfterTrace);
}
