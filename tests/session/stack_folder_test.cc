#include "session/stack_folder.h"

#include <linux/perf_event.h>

#include <catch2/catch.hpp>

#include "session/folded_sample.h"
#include "support/record_writer.h"

using oc::event::read_tail;
using oc::session::append_folded;
using oc::session::make_folded_events;
using oc::session::StackFolder;
using oc::source::record_header;
using oc::source::Span;
using oc::test::ByteVector;
using oc::test::ByteWriter;
using oc::test::Fields;
using oc::test::make_table;
using oc::test::RecordWriter;

namespace {

constexpr uint64_t kKernelMark = static_cast<uint64_t>(PERF_CONTEXT_KERNEL);
constexpr uint64_t kUserMark = static_cast<uint64_t>(PERF_CONTEXT_USER);
// Frame pointer, stack pointer, instruction pointer: asm/perf_regs.h.
#if defined(__aarch64__)
constexpr uint64_t kMask = 1ull << 29 | 1ull << 31 | 1ull << 32;
#else
constexpr uint64_t kMask = 1ull << 6 | 1ull << 7 | 1ull << 8;
#endif
constexpr uint64_t kStack = 0x7ffe0000;
constexpr uint64_t kCode = 0x100000;
constexpr int32_t kFolderPid = 0x3ffffff0;  // of no process of this machine

perf_event_attr stack_attr(uint64_t more = 0) {
  perf_event_attr attr =
      oc::test::plain_attr(PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER |
                           PERF_SAMPLE_STACK_USER | more);
  attr.exclude_callchain_user = 1;
  attr.sample_regs_user = kMask;
  attr.sample_stack_user = 64;
  return attr;
}

/// A chain of the kernel's.
ByteVector chain() { return ByteWriter().u64(2).u64(kKernelMark).u64(0xffffffff81000000).bytes; }

/// Registers in kCode and a stack of two frames, kCode + 0x100 and kCode + 0x200 being their return addresses.
ByteVector user_part() {
  ByteWriter out;
  out.u64(PERF_SAMPLE_REGS_ABI_64).u64(kStack + 16).u64(kStack).u64(kCode + 0x10);
  ByteWriter stack;
  stack.u64(1).u64(2);
  stack.u64(kStack + 48).u64(kCode + 0x100).u64(3).u64(4);  // at kStack + 16
  stack.u64(kStack + 64).u64(kCode + 0x200);                // at kStack + 48
  stack.u64(0).u64(0);                                      // nobody called that
  out.u64(stack.bytes.size()).add(stack.bytes).u64(stack.bytes.size());
  return out.bytes;
}

ByteVector no_user_part() { return ByteWriter().u64(0).u64(0).bytes; }

ByteVector joined(std::initializer_list<ByteVector> parts) {
  ByteWriter out;
  for (const ByteVector& part : parts) out.add(part);
  return out.bytes;
}

std::vector<uint64_t> words(std::span<const uint8_t> bytes) {
  std::vector<uint64_t> words(bytes.size() / 8);
  std::memcpy(words.data(), bytes.data(), words.size() * 8);
  return words;
}

Fields at(uint64_t time) {
  return {.time = time, .id = 1, .pid = kFolderPid, .tid = kFolderPid, .ip = kCode + 0x10};
}

/// Data of stream 0, sideband of stream 1.
struct FolderFixture {
  explicit FolderFixture(const perf_event_attr& attr)
      : data(attr),
        sideband(attr),
        events(make_table({{attr, {1}}})),
        files(0, {}),
        folder(events, files, events[0].layout.trailer_size) {}

  void map(uint64_t time) { sideband.mmap(at(time), kCode, 0x1000, "//anon"); }
  /// What was there before counts until the new program has its vDSO and something behind it.
  void exec(uint64_t time) {
    sideband.comm(at(time), kFolderPid, kFolderPid, "other", true);
    sideband.mmap(at(time), 0x700000, 0x1000, "[vdso]");
    sideband.mmap(at(time), 0x800000, 0x1000, "//anon");
  }
  void sample(uint64_t time) { data.sample(at(time), joined({chain(), user_part()})); }

  /// The chains of the folded samples.
  std::vector<std::vector<uint64_t>> fold(uint64_t horizon) {
    spans = {span_of(data, 0), span_of(sideband, 1)};
    folder.fold(
        spans, [](uint32_t stream) { return stream == 1; }, horizon);
    std::vector<std::vector<uint64_t>> chains;
    const auto folded = make_folded_events(events);
    for (const uint8_t* record = spans[0].begin; record < spans[0].end;) {
      const auto header = record_header(record);
      if (header.type == PERF_RECORD_SAMPLE) {
        const auto tail = read_tail(folded[0].layout, record, header.size_bytes);
        CHECK_FALSE(tail.damaged);
        chains.push_back(words(tail.callchain));
      }
      record += header.size_bytes;
    }
    return chains;
  }
  /// What was handed over goes.
  void next() {
    for (RecordWriter* writer : {&data, &sideband}) {
      writer->bytes.clear();
      writer->starts.clear();
    }
  }

  RecordWriter data, sideband;
  oc::event::EventTable events;
  oc::perf::Rundown files;
  StackFolder folder;
  std::vector<Span> spans;

 private:
  static Span span_of(const RecordWriter& writer, uint32_t stream) {
    Span span;
    span.begin = writer.bytes.data();
    span.end = span.begin + writer.bytes.size();
    span.stream = stream;
    return span;
  }
};

const std::vector<uint64_t> kWhole{kKernelMark,  0xffffffff81000000, kUserMark,
                                   kCode + 0x10, kCode + 0x100,      kCode + 0x200};
const std::vector<uint64_t> kFirst{kKernelMark, 0xffffffff81000000, kUserMark, kCode + 0x10};

}  // namespace

TEST_CASE("a folded sample keeps all other parts in the kernel's order") {
  perf_event_attr attr =
      stack_attr(PERF_SAMPLE_READ | PERF_SAMPLE_RAW | PERF_SAMPLE_WEIGHT | PERF_SAMPLE_CGROUP);
  attr.read_format = PERF_FORMAT_ID;
  const auto events = make_table({{attr, {1}}});
  RecordWriter writer(attr);
  const ByteVector raw = oc::test::raw_part({1, 2, 3, 4, 5});
  writer.sample(at(5), joined({ByteWriter().u64(77).u64(1).bytes, chain(), raw, user_part(),
                               ByteWriter().u64(88).u64(99).bytes}));
  const auto* record = writer.bytes.data();
  const auto tail = read_tail(events[0].layout, record, static_cast<uint32_t>(writer.bytes.size()));
  REQUIRE_FALSE(tail.damaged);
  const std::vector<oc::unwind::Frame> frames{{0x111, 0, false}, {0x222, 0, true}};
  std::vector<uint8_t> out;
  CHECK(append_folded(record, static_cast<uint32_t>(writer.bytes.size()), tail, frames, out) == 2);

  const auto folded = make_folded_events(events);
  const auto header = record_header(out.data());
  CHECK(header.size_bytes == out.size());
  CHECK(header.misc == PERF_RECORD_MISC_USER);
  const auto seen = read_tail(folded[0].layout, out.data(), header.size_bytes);
  REQUIRE_FALSE(seen.damaged);
  CHECK(words(seen.read) == std::vector<uint64_t>{77, 1});
  CHECK(words(seen.callchain) ==
        std::vector<uint64_t>{kKernelMark, 0xffffffff81000000, kUserMark, 0x111, 0x222});
  CHECK(std::equal(seen.raw.begin(), seen.raw.end(), raw.begin() + 4, raw.end()));
  CHECK(seen.weight == 88);
  CHECK(seen.cgroup == 99);
  // Nothing lies behind the last part.
  CHECK(out.size() == writer.bytes.size() - user_part().size() + 3 * 8);
}

TEST_CASE("frames that have no room in a record of 64 KiB are left out") {
  const perf_event_attr attr = stack_attr(PERF_SAMPLE_RAW);
  const auto events = make_table({{attr, {1}}});
  RecordWriter writer(attr);
  writer.sample(at(5), joined({chain(), oc::test::raw_part(ByteVector(60000)), user_part()}));
  const auto size = static_cast<uint32_t>(writer.bytes.size());
  const auto tail = read_tail(events[0].layout, writer.bytes.data(), size);
  const std::vector<oc::unwind::Frame> frames(4096, {0x111, 0, true});
  std::vector<uint8_t> out;
  const size_t count = append_folded(writer.bytes.data(), size, tail, frames, out);
  CHECK(count < 4096);
  CHECK(count > 500);
  CHECK(out.size() > 65528 - 8);
  const auto seen = read_tail(make_folded_events(events)[0].layout, out.data(),
                              record_header(out.data()).size_bytes);
  CHECK_FALSE(seen.damaged);
  CHECK(words(seen.callchain).size() == count + 3);
}

TEST_CASE("what the trace says of folded events has no registers and no stacks") {
  const auto events = make_table({{stack_attr(), {1, 2}}, {oc::test::tracepoint_attr(7), {3}}});
  const auto folded = make_folded_events(events);
  REQUIRE(folded.size() == 2);
  CHECK((folded[0].attr.sample_type & (PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER)) == 0);
  CHECK((folded[0].attr.sample_type & PERF_SAMPLE_CALLCHAIN) != 0);
  CHECK(folded[0].attr.exclude_callchain_user == 0);
  CHECK(folded[0].attr.sample_regs_user == 0);
  CHECK(folded[0].attr.sample_stack_user == 0);
  CHECK(folded[1].attr.sample_type == events[1].attr.sample_type);
  CHECK(folded.ids_by_kind() == events.ids_by_kind());
}

TEST_CASE("a stack is unwound with the code that was mapped at its moment") {
  FolderFixture fixture(stack_attr());
  fixture.sample(10);
  fixture.sample(20);
  fixture.sample(30);
  fixture.exec(25);
  fixture.map(15);
  CHECK(fixture.fold(100) == std::vector<std::vector<uint64_t>>{kFirst, kWhole, kFirst});
  const auto& counts = fixture.folder.counts();
  CHECK(counts.stacks == 3);
  CHECK(counts.frames == 5);
  CHECK(counts.cut() == 2);
  CHECK(counts.describe() ==
        std::vector<std::string>{"2 of 3 user stacks are cut: 2 no code at the return address"});
}

TEST_CASE("sideband that is newer than the horizon waits for older samples of the next round") {
  FolderFixture fixture(stack_attr());
  fixture.map(5);
  fixture.exec(20);
  fixture.sample(10);
  CHECK(fixture.fold(12) == std::vector<std::vector<uint64_t>>{kWhole});
  fixture.next();
  fixture.sample(15);
  fixture.sample(25);
  CHECK(fixture.fold(30) == std::vector<std::vector<uint64_t>>{kWhole, kFirst});
}

TEST_CASE("a sample without a user's part keeps the kernel's chain") {
  FolderFixture fixture(stack_attr());
  fixture.data.sample(at(5), joined({chain(), no_user_part()}));
  CHECK(fixture.fold(9) == std::vector<std::vector<uint64_t>>{{kKernelMark, 0xffffffff81000000}});
  CHECK(fixture.folder.counts().stacks == 0);
}

TEST_CASE("a chain is as deep as was asked for, kernel and user together") {
  perf_event_attr attr = stack_attr();
  attr.sample_max_stack = 3;
  FolderFixture fixture(attr);
  fixture.map(1);
  fixture.sample(5);
  CHECK(fixture.fold(9) ==
        std::vector<std::vector<uint64_t>>{
            {kKernelMark, 0xffffffff81000000, kUserMark, kCode + 0x10, kCode + 0x100}});
  CHECK(fixture.folder.counts().describe() ==
        std::vector<std::string>{"1 of 1 user stacks are cut: 1 too many frames"});
}

TEST_CASE("a span without stacks is passed on as it lies, other records of one with stacks too") {
  FolderFixture plain(stack_attr());
  plain.data.lost(at(3), 1, 5);
  plain.map(2);
  plain.fold(9);
  CHECK(plain.spans[0].begin == plain.data.bytes.data());
  CHECK(plain.spans[1].begin == plain.sideband.bytes.data());

  FolderFixture mixed(stack_attr());
  mixed.data.lost(at(3), 1, 5);
  const size_t lost_bytes = mixed.data.bytes.size();
  mixed.sample(5);
  mixed.data.lost(at(7), 1, 6);
  mixed.fold(9);
  const Span& span = mixed.spans[0];
  CHECK(std::equal(span.begin, span.begin + lost_bytes, mixed.data.bytes.begin()));
  CHECK(std::equal(span.end - lost_bytes, span.end,
                   mixed.data.bytes.end() - static_cast<ptrdiff_t>(lost_bytes)));
}

TEST_CASE("a sample that ends too early is told of and not stored") {
  FolderFixture fixture(stack_attr());
  fixture.data.sample(at(5), ByteWriter().u64(1000).bytes);
  fixture.sample(6);
  CHECK(fixture.fold(9).size() == 1);
  CHECK(fixture.folder.counts().damaged == 1);
}
