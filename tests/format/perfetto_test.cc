#include "format/exported_world.h"
#include "support/exported.h"
#include "support/sample_maker.h"
#include "support/traced_machine.h"

using namespace oc;
using namespace oc::machine;

namespace {

/// Fields of a message by number, in order: bytes, or a number in `value`.
struct Field {
  uint32_t number = 0;
  uint64_t value = 0;
  std::string bytes;
};

std::vector<Field> fields_of(std::string_view message) {
  std::vector<Field> fields;
  size_t at = 0;
  const auto varint = [&] {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      REQUIRE(at < message.size());
      const auto byte = static_cast<uint8_t>(message[at++]);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (!(byte & 0x80)) return value;
    }
  };
  while (at < message.size()) {
    const uint64_t tag = varint();
    Field field{static_cast<uint32_t>(tag >> 3), 0, {}};
    if ((tag & 7) == 0) {
      field.value = varint();
    } else {
      const size_t size = (tag & 7) == 2 ? varint() : 8;
      REQUIRE(size <= message.size() - at);
      field.bytes = message.substr(at, size);
      at += size;
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

const Field* find(const std::vector<Field>& fields, uint32_t number) {
  for (const Field& field : fields) {
    if (field.number == number) return &field;
  }
  return nullptr;
}

/// Fields of each packet.
std::vector<std::vector<Field>> packets_of(const std::string& trace) {
  std::vector<std::vector<Field>> packets;
  for (const Field& packet : fields_of(trace)) {
    REQUIRE(packet.number == 1);
    packets.push_back(fields_of(packet.bytes));
  }
  return packets;
}

}  // namespace

// Readers drop a sequence that does not begin so, and say nothing.
TEST_CASE(
    "perfetto: each sequence begins by clearing its state, and samples say that they need it") {
  Machine machine;
  test::SampleMaker maker(machine);
  for (int i = 0; i < 10; ++i)
    maker.add(i % 2 ? "cycles" : "page-faults", i, 1, 1, 1, "a", maker.stack({"main"}));
  machine.facts.losses.push_back({1, {}, 4});
  std::vector<uint64_t> begun;
  size_t samples = 0, lost = 0;
  for (const auto& packet : packets_of(test::exported(machine, "perfetto"))) {
    const Field *sequence = find(packet, 10), *flags = find(packet, 13), *sample = find(packet, 66);
    REQUIRE(sequence != nullptr);
    const bool is_known = std::find(begun.begin(), begun.end(), sequence->value) != begun.end();
    const uint64_t flag = flags == nullptr ? 0 : flags->value;
    CHECK(is_known == (flag != 1));
    if (!is_known) begun.push_back(sequence->value);
    if (sample == nullptr) continue;
    const auto of_sample = fields_of(sample->bytes);
    const Field* records = find(of_sample, 17);
    if (records != nullptr) {
      lost += records->value;
    } else {
      ++samples;
      CHECK(flag == 2);
    }
  }
  CHECK(begun.size() == 4);  // facts, two kinds, losses
  CHECK(samples == 10);
  CHECK(lost == 4);
}

TEST_CASE("perfetto: mappings have build ids and paths, frames their place in the file") {
  test::TracedMachine traced;
  const auto libc = traced.file("/lib/libc.so.6", {0xab, 0xcd});
  traced.add_sample(100, 5,
                    {traced.frame_at(libc, 0x1234, "malloc", 0),
                     traced.frame_at(libc, 0x5000, "qsort", 0, true)});
  traced.add_sample(200, 5,
                    {traced.frame_at(libc, 0x1234, "malloc", 0),
                     traced.frame_at(libc, 0x5000, "qsort", 0, true)});
  size_t tables = 0;
  for (const auto& packet : packets_of(test::exported(traced.machine, "perfetto"))) {
    const Field* interned = find(packet, 12);
    if (interned == nullptr) continue;
    ++tables;
    const auto rows = fields_of(interned->bytes);
    CHECK(find(fields_of(find(rows, 16)->bytes), 2)->bytes == "\xab\xcd");
    CHECK(find(fields_of(find(rows, 17)->bytes), 2)->bytes == "/lib/libc.so.6");
    CHECK(find(fields_of(find(rows, 6)->bytes), 4)->value == 0x4fff);  // the outermost frame first
    const auto stack = fields_of(find(rows, 7)->bytes);
    REQUIRE(stack.size() == 3);
    CHECK(stack[1].value == 1);
    CHECK(stack[2].value == 2);
  }
  CHECK(tables == 1);  // the second sample has nothing new
  traced.set_segment({0x402000, 0x1000, 0x400000, 0x9000});
  for (const auto& packet : packets_of(test::exported(traced.machine, "perfetto"))) {
    const Field* interned = find(packet, 12);
    if (interned == nullptr) continue;
    const auto rows = fields_of(interned->bytes);
    CHECK(find(fields_of(find(rows, 19)->bytes), 6)->value == 0x401000);
    CHECK(find(fields_of(find(rows, 6)->bytes), 4)->value == 0x405fff);
  }
}

TEST_CASE("perfetto: an empty machine has clocks, and the same machine gives the same bytes") {
  CHECK(packets_of(test::exported("empty", "perfetto")).size() == 1);
  for (const char* world : {"one", "web", "hostile"}) {
    CHECK(test::exported(world, "perfetto") == test::exported(world, "perfetto"));
  }
}
