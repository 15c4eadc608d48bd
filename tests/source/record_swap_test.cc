// Pieces of the other byte order; whole recordings are turned in tests/verify/byte_order_test.py.

#include "source/record_swap.h"

#include <catch2/catch.hpp>

#include "source/attr_bytes.h"
#include "support/record_writer.h"

using namespace oc::test;
using namespace oc::source;
using oc::base::ByteOrder;
using oc::base::swapped;

TEST_CASE("an attr of the other order has its numbers, bits and the pair of precise_ip") {
  // By hand, as a big-endian machine lays the struct out.
  ByteWriter w;
  w.u32(swapped(uint32_t{2})).u32(swapped(uint32_t{112})).u64(swapped(uint64_t{0x1234}));
  w.u64(swapped(uint64_t{4000})).u64(swapped(uint64_t{0x10087})).u64(swapped(uint64_t{4}));
  // disabled is the highest bit; precise_ip = 2 are the bits 48 and 47 from below: 1 0.
  w.u64(swapped(uint64_t{1} << 63 | uint64_t{1} << 48 | uint64_t{1} << (63 - 18)));
  w.u32(swapped(uint32_t{7})).u32(0).u64(0).u64(0).u64(swapped(uint64_t{0x20000}));
  w.u64(swapped(uint64_t{0xff})).u32(swapped(uint32_t{8192})).u32(swapped(uint32_t{1}));
  w.u64(0).u32(0).u16(swapped(uint16_t{127})).u16(0);
  const perf_event_attr attr = read_attr(w.bytes, ByteOrder::kOther);
  CHECK(attr.type == 2);
  CHECK(attr.config == 0x1234);
  CHECK(attr.sample_type == 0x10087);
  CHECK(attr.disabled == 1);
  CHECK(attr.inherit == 0);
  CHECK(attr.precise_ip == 2);
  CHECK(attr.sample_id_all == 1);
  CHECK(attr.branch_sample_type == 0x20000);
  CHECK(attr.sample_stack_user == 8192);
  CHECK(attr.clockid == 1);
  CHECK(attr.sample_max_stack == 127);
}

TEST_CASE("a branch's flags are numbered from the top by the other order") {
  // mispred, in_tx, cycles 0x1234, type 5 (ind_call), priv 2
  const uint64_t other = 1ull << 63 | 1ull << 61 | 0x1234ull << 44 | 5ull << 40 | 2ull << 31;
  CHECK(swapped_branch_flags(other) ==
        (1ull | 1ull << 2 | 0x1234ull << 4 | 5ull << 20 | 2ull << 30));
}

TEST_CASE("a payload's fields are turned by its format, those that overlap once") {
  oc::event::EventFormat format;
  const auto add = [&](const char* name, oc::event::FieldKind kind, uint32_t offset, uint32_t size,
                       uint32_t element) {
    oc::event::Field field;
    field.name = name;
    field.kind = kind;
    field.offset = offset;
    field.size = size;
    field.element_size = element;
    format.fields.push_back(field);
  };
  using oc::event::FieldKind;
  add("a", FieldKind::kInteger, 0, 4, 4);
  add("same", FieldKind::kInteger, 0, 4, 4);
  add("text", FieldKind::kChars, 4, 4, 1);
  add("words", FieldKind::kDynamicArray, 8, 4, 2);
  add("beyond", FieldKind::kInteger, 100, 8, 8);
  ByteVector payload = ByteWriter()
                           .u32(swapped(uint32_t{77}))
                           .text("abcd")
                           .u32(swapped(uint32_t{4u << 16 | 12}))
                           .u16(swapped(uint16_t{1}))
                           .u16(swapped(uint16_t{2}))
                           .bytes;
  const PayloadSwapper swapper(format);
  swapper.swap(payload);
  CHECK(payload == ByteWriter().u32(77).text("abcd").u32(4u << 16 | 12).u16(1).u16(2).bytes);

  // The data of a dynamic field that lies among the fixed ones stays, and so does a payload that is cut off.
  ByteVector odd =
      ByteWriter().u32(swapped(uint32_t{77})).text("abcd").u32(swapped(4u << 16)).bytes;
  swapper.swap(odd);
  CHECK(odd == ByteWriter().u32(77).text("abcd").u32(4u << 16).bytes);
  ByteVector cut = {1, 2, 3};
  swapper.swap(cut);
  CHECK(cut == ByteVector{1, 2, 3});
}

TEST_CASE("the addresses of a deferred call chain are turned, its trailer too") {
  const auto attr = plain_attr();
  const auto events = make_table({{attr, {1}}});
  const auto body = [](auto turned) {
    ByteWriter w;
    for (const uint64_t word : {0xc00c1eull, 2ull, 0x1122334455667788ull, 0x10ull})
      w.u64(turned(word));
    return w.bytes;
  };
  const auto same = [](uint64_t word) { return word; };
  RecordWriter here(attr), other(attr);
  here.kernel(22, 2, body(same), {.time = 5, .id = 1, .pid = 3, .tid = 4});
  other.kernel(22, 2, body([](uint64_t word) { return swapped(word); }), {});
  auto record = here.bytes;
  const RecordSwapper swapper(events);
  swapper.swap(record);
  CHECK(ByteVector(record.begin() + 8, record.begin() + 40) ==
        ByteVector(other.bytes.begin() + 8, other.bytes.begin() + 40));
  swapper.swap(record);
  CHECK(record == here.bytes);
}

TEST_CASE("records that are too short for what they promise stay in their bounds") {
  auto attr = plain_attr((1ull << 25) - 1);
  attr.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID;
  attr.branch_sample_type = 1ull << 17 | 1ull << 19;
  attr.sample_regs_user = attr.sample_regs_intr = ~0ull;
  const auto events = make_table({{attr, {1}}});
  const RecordSwapper swapper(events);
  for (uint32_t type = 0; type < 32; ++type) {
    for (uint16_t size = 8; size < 300; ++size) {
      ByteVector record(size, 0xff);
      poke(record, 0, type);
      poke(record, 6, size);
      swapper.swap(record);
      CHECK(oc::base::load<uint32_t>(record.data()) == type);
    }
  }
}
