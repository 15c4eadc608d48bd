#include "machine/sample_table.h"

#include <catch2/catch.hpp>

#include "machine/attribute_table.h"
#include "machine/machine.h"

using namespace oc;
using namespace oc::machine;

TEST_CASE("samples keep their numbers when the oldest go") {
  Machine machine;
  Retention retention;
  retention.samples = 20'000;
  machine.set_retention(retention);
  for (int i = 0; i < 100'000; ++i) {
    Sample sample;
    sample.time = i;
    machine.add(sample);
  }
  CHECK(machine.samples.size() >= 20'000);
  CHECK(machine.samples.size() < 20'000 + 2 * SampleTable::kChunk);
  CHECK(machine.dropped() == machine.samples.first());
  CHECK(machine.samples[machine.samples.first()].time == int64_t(machine.samples.first()));
  CHECK(machine.samples.end() == 100'000);
}

TEST_CASE("a sample costs less than 40 bytes") {
  SampleTable table;
  for (int i = 0; i < 1'000'000; ++i) table.add({});
  CHECK(table.size_bytes() < 40 * table.size());
}

TEST_CASE("a chunk has weights from its first sample on that stands for several") {
  SampleTable table;
  for (uint32_t i = 0; i < 2 * SampleTable::kChunk; ++i) {
    Sample sample;
    sample.weight = i == SampleTable::kChunk + 2 ? 9 : 1;
    table.add(sample);
  }
  CHECK_FALSE(table.chunks()[0].weights);
  CHECK(table[0].weight == 1);
  CHECK(table[SampleTable::kChunk + 1].weight == 1);
  CHECK(table[SampleTable::kChunk + 2].weight == 9);
  CHECK(table[SampleTable::kChunk + 3].weight == 1);
  CHECK(table.size_bytes() == table.size() * 28 + SampleTable::kChunk * 8);
}

TEST_CASE("times that go back are noticed") {
  SampleTable table;
  Sample sample;
  sample.time = 5;
  table.add(sample);
  CHECK(table.is_ordered());
  sample.time = 4;
  table.add(sample);
  CHECK(!table.is_ordered());
  CHECK(table.chunks().front().first_time == 4);
}

TEST_CASE("attributes are found in associated sets, also in a circle") {
  base::Interner texts;
  AttributeTable table;
  const Attribute user{texts.intern("user"), texts.intern("ann"), 0, true};
  const Attribute size{texts.intern("size"), {}, 7, false};
  const auto made = table.make({&user, 1}), another = table.make({&user, 1});
  const AttributesId connection = made.id, other = another.id;
  const AttributesId request = table.intern({&size, 1}, {&connection, 1});
  const AttributesId same = table.intern({&user, 1});
  table.associate(connection, request);
  CHECK(!table.find(same, size.name));  // which only holds the same
  CHECK(!table.find(other, size.name));
  CHECK(table.intern({&size, 1}, {&connection, 1}).value == request.value);
  CHECK(table.find(request, user.name)->text.value == user.text.value);
  CHECK(table.all(request).size() == 2);
  CHECK(!table.find(request, texts.intern("none")));
  CHECK(table.find(connection, size.name)->number == 7);
}
