#include "event/sample_tail.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "support/byte_writer.h"

using namespace oc::test;
using oc::event::make_layout;
using oc::event::read_tail;
using oc::event::SampleLayout;
using oc::event::SampleTail;

namespace {

constexpr uint64_t kWeightStruct = 1ull << 24;
constexpr uint64_t kHwIndex = 1ull << 17;
constexpr uint64_t kCounters = 1ull << 19;
constexpr uint64_t kFormatLost = 1ull << 4;

perf_event_attr attr_of(uint64_t sample_type) {
  perf_event_attr attr{};
  attr.sample_type = sample_type;
  return attr;
}

/// A record of a header and `tail`, in an allocation of its exact size: ASan sees a read behind it.
struct Record {
  explicit Record(const ByteVector& tail) {
    const auto size = static_cast<uint16_t>(8 + tail.size());
    bytes = ByteWriter().put(perf_event_header{PERF_RECORD_SAMPLE, 0, size}).add(tail).bytes;
    bytes.shrink_to_fit();
  }
  SampleTail read(const SampleLayout& layout) const {
    return read_tail(layout, bytes.data(), static_cast<uint32_t>(bytes.size()));
  }
  ByteVector bytes;
};

ByteVector copy(std::span<const uint8_t> span) { return {span.begin(), span.end()}; }

ByteVector words(std::initializer_list<uint64_t> values) {
  ByteWriter out;
  for (const uint64_t value : values) out.u64(value);
  return out.bytes;
}

/// Reads `tail` and demands that nothing is missing.
SampleTail whole(const perf_event_attr& attr, const Record& record) {
  const auto tail = record.read(make_layout(attr));
  CHECK_FALSE(tail.damaged);
  CHECK(tail.present == attr.sample_type);
  return tail;
}

constexpr uint64_t kEverything =
    PERF_SAMPLE_READ | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_RAW | PERF_SAMPLE_BRANCH_STACK |
    PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER | PERF_SAMPLE_WEIGHT | PERF_SAMPLE_DATA_SRC |
    PERF_SAMPLE_TRANSACTION | PERF_SAMPLE_REGS_INTR | PERF_SAMPLE_PHYS_ADDR | PERF_SAMPLE_CGROUP |
    PERF_SAMPLE_DATA_PAGE_SIZE | PERF_SAMPLE_CODE_PAGE_SIZE | PERF_SAMPLE_AUX;

perf_event_attr everything() {
  auto attr = attr_of(kEverything);
  attr.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID;
  attr.branch_sample_type = kHwIndex;
  attr.sample_regs_user = 0b1011;
  attr.sample_regs_intr = 0b11;
  return attr;
}

ByteVector everything_tail() {
  ByteWriter out;
  out.add(words({1, 11, 12}));       // READ: one event, value and id
  out.add(words({2, 0xaa, 0xbb}));   // CALLCHAIN
  out.u32(4).u32(0xfeed);            // RAW
  out.add(words({1, 77, 1, 2, 3}));  // BRANCH_STACK: nr, hw_idx, entry
  out.add(words({2, 21, 22, 23}));   // REGS_USER: abi, three registers
  out.add(words({16, 31, 32, 8}));   // STACK_USER: 16 bytes, 8 used
  out.add(words({41, 42, 43}));      // WEIGHT, DATA_SRC, TRANSACTION
  out.add(words({1, 51, 52}));       // REGS_INTR
  out.add(words({61, 62, 63, 64}));  // PHYS_ADDR, CGROUP, page sizes
  out.u64(8).u64(0xab);              // AUX
  return out.bytes;
}

}  // namespace

TEST_CASE("every field of a sample is found in the kernel's order") {
  const Record record(everything_tail());
  const auto tail = whole(everything(), record);
  CHECK(copy(tail.read) == words({1, 11, 12}));
  CHECK(copy(tail.callchain) == words({0xaa, 0xbb}));
  CHECK(copy(tail.raw) == ByteWriter().u32(0xfeed).bytes);
  CHECK(copy(tail.branches) == words({1, 2, 3}));
  CHECK(tail.user_regs_abi == 2);
  CHECK(copy(tail.user_regs) == words({21, 22, 23}));
  CHECK(copy(tail.user_stack) == words({31}));
  CHECK(tail.weight == 41);
  CHECK(tail.data_src == 42);
  CHECK(tail.transaction == 43);
  CHECK(tail.intr_regs_abi == 1);
  CHECK(copy(tail.intr_regs) == words({51, 52}));
  CHECK(tail.phys_addr == 61);
  CHECK(tail.cgroup == 62);
  CHECK(tail.data_page_size == 63);
  CHECK(tail.code_page_size == 64);
  CHECK(copy(tail.aux) == words({0xab}));
}

TEST_CASE("a tail cut at any byte is damaged, and what lies before the cut is kept") {
  const auto layout = make_layout(everything());
  const auto all = everything_tail();
  uint64_t before = 0;
  for (size_t size = 0; size < all.size(); ++size) {
    INFO("cut at " << size);
    const Record record(ByteVector(all.begin(), all.begin() + static_cast<long>(size)));
    const auto tail = record.read(layout);
    CHECK(tail.damaged);
    CHECK((tail.present & before) == before);  // more bytes never take a field away
    CHECK((tail.present & PERF_SAMPLE_AUX) == 0);
    before = tail.present;
  }
  CHECK(before == (kEverything & ~static_cast<uint64_t>(PERF_SAMPLE_AUX)));
}

TEST_CASE("any word may be huge without a read behind the record") {
  const auto layout = make_layout(everything());
  for (size_t at = 0; at + 8 <= everything_tail().size(); at += 4) {
    for (const uint64_t value :
         {uint64_t{0}, UINT64_MAX, uint64_t{1} << 61, uint64_t{1} << 63,
          uint64_t{0x2000'0000'0000'0001}, uint64_t{0xaaaa'aaaa'aaaa'aaab}, uint64_t{65535}}) {
      auto bytes = everything_tail();
      poke(bytes, at, value);
      const Record record(bytes);
      const auto tail = record.read(layout);
      for (const auto span : {tail.read, tail.callchain, tail.raw, tail.branches, tail.user_regs,
                              tail.user_stack, tail.intr_regs, tail.aux}) {
        if (span.empty()) continue;
        REQUIRE(span.data() >= record.bytes.data());
        REQUIRE(span.data() + span.size() <= record.bytes.data() + record.bytes.size());
      }
    }
  }
}

TEST_CASE("READ has a value, then times, id and lost as its format says") {
  for (uint64_t format = 0; format < 32; ++format) {
    auto attr = attr_of(PERF_SAMPLE_READ | PERF_SAMPLE_CALLCHAIN);
    attr.read_format = format;
    const size_t times = ((format & PERF_FORMAT_TOTAL_TIME_ENABLED) != 0) +
                         ((format & PERF_FORMAT_TOTAL_TIME_RUNNING) != 0);
    const size_t each = 1u + ((format & PERF_FORMAT_ID) != 0) + ((format & kFormatLost) != 0);
    const bool is_group = (format & PERF_FORMAT_GROUP) != 0;
    for (const size_t members : {0u, 1u, 3u}) {
      if (!is_group && members != 1) continue;
      ByteVector read = is_group ? words({members}) : ByteVector();
      read.resize((times + (is_group ? 1 : 0) + members * each) * 8);
      const Record record(ByteWriter().add(read).add(words({1, 0x1234})).bytes);
      INFO("format " << format << ", members " << members);
      const auto tail = whole(attr, record);
      CHECK(tail.read.size() == read.size());
      CHECK(copy(tail.callchain) == words({0x1234}));
    }
  }
}

TEST_CASE("a call chain keeps its context markers and may be empty") {
  const auto attr = attr_of(PERF_SAMPLE_CALLCHAIN);
  const Record marked(words({2, PERF_CONTEXT_KERNEL, 0xffff8000}));
  CHECK(copy(whole(attr, marked).callchain) == words({PERF_CONTEXT_KERNEL, 0xffff8000}));
  const Record empty(words({0}));
  CHECK(whole(attr, empty).callchain.empty());
}

TEST_CASE("raw data may be empty, and are found behind a call chain") {
  const auto attr = attr_of(PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_RAW);
  const Record behind(ByteWriter().add(words({1, 9})).u32(12).u64(5).u32(6).bytes);
  CHECK(copy(whole(attr, behind).raw) == ByteWriter().u64(5).u32(6).bytes);
  const Record empty(ByteWriter().u64(0).u32(0).u32(0).bytes);
  CHECK(whole(attr, empty).raw.empty());
}

TEST_CASE("branches come with or without the hardware's index and counters") {
  auto attr = attr_of(PERF_SAMPLE_BRANCH_STACK | PERF_SAMPLE_TRANSACTION);
  const Record plain(words({2, 1, 2, 3, 4, 5, 6, 99}));
  CHECK(whole(attr, plain).branches.size() == 48);
  CHECK(whole(attr, plain).transaction == 99);
  attr.branch_sample_type = kHwIndex;
  const Record indexed(words({1, UINT64_MAX, 1, 2, 3, 99}));
  CHECK(copy(whole(attr, indexed).branches) == words({1, 2, 3}));
  CHECK(whole(attr, indexed).transaction == 99);
  attr.branch_sample_type = kCounters;
  const Record counted(words({2, 1, 2, 3, 4, 5, 6, 71, 72, 99}));
  CHECK(whole(attr, counted).branches.size() == 48);
  CHECK(whole(attr, counted).transaction == 99);
}

TEST_CASE("registers without an ABI are not there") {
  auto attr = attr_of(PERF_SAMPLE_REGS_USER | PERF_SAMPLE_REGS_INTR | PERF_SAMPLE_CGROUP);
  attr.sample_regs_user = 0xff;
  attr.sample_regs_intr = 1;
  for (const uint64_t abi : {0u, 1u, 2u}) {
    ByteWriter out;
    out.u64(abi);
    for (int i = 0; i < (abi == 0 ? 0 : 8); ++i) out.u64(7);
    out.u64(2).u64(8).u64(99);
    const Record record(out.bytes);
    const auto tail = whole(attr, record);
    CHECK(tail.user_regs_abi == abi);
    CHECK(tail.user_regs.size() == (abi == 0 ? 0u : 64u));
    CHECK(copy(tail.intr_regs) == words({8}));
    CHECK(tail.cgroup == 99);
  }
}

TEST_CASE("a stack of size 0 has no dynamic size; otherwise it is as long as was copied") {
  const auto attr = attr_of(PERF_SAMPLE_STACK_USER | PERF_SAMPLE_CGROUP);
  const Record none(words({0, 99}));
  CHECK(whole(attr, none).user_stack.empty());
  CHECK(whole(attr, none).cgroup == 99);
  const Record part(words({16, 1, 2, 8, 99}));
  CHECK(copy(whole(attr, part).user_stack) == words({1}));
  const Record empty(words({16, 1, 2, 0, 99}));
  CHECK(whole(attr, empty).user_stack.empty());
  const Record lying(words({16, 1, 2, 1u << 20, 99}));  // cannot have copied more than there is
  CHECK(copy(whole(attr, lying).user_stack) == words({1, 2}));
  CHECK(whole(attr, lying).cgroup == 99);
}

TEST_CASE("WEIGHT and WEIGHT_STRUCT share one place") {
  for (const uint64_t bit : {uint64_t{PERF_SAMPLE_WEIGHT}, kWeightStruct}) {
    const Record record(words({5, 6}));
    const auto tail = whole(attr_of(bit | PERF_SAMPLE_DATA_SRC), record);
    CHECK(tail.weight == 5);
    CHECK(tail.data_src == 6);
  }
}

TEST_CASE("a record shorter than its fixed fields is damaged and nothing is read") {
  const auto layout = make_layout(attr_of(PERF_SAMPLE_IP | PERF_SAMPLE_TIME | PERF_SAMPLE_WEIGHT));
  for (size_t size = 0; size < 16; ++size) {
    const Record record{ByteVector(size)};
    const auto tail = record.read(layout);
    CHECK(tail.damaged);
    CHECK(tail.present == 0);
  }
}

TEST_CASE("a sample may be longer than its type says") {
  const Record record(words({5, 6, 7}));
  CHECK(whole(attr_of(PERF_SAMPLE_WEIGHT), record).weight == 5);
}
