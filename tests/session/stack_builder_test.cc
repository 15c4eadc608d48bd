#include "session/stack_builder.h"

#include <linux/perf_event.h>

#include <catch2/catch.hpp>
#include <initializer_list>
#include <random>
#include <string>

#include "support/record_writer.h"

using oc::base::Interner;
using oc::process::FrameId;
using oc::process::ModuleKind;
using oc::process::StackEnd;
using oc::process::StackId;
using oc::session::StackBuilder;
using oc::session::StackMode;
using oc::session::StackTables;
using oc::source::record_header;
using oc::test::ByteVector;
using oc::test::ByteWriter;
using oc::test::Fields;
using oc::test::make_table;
using oc::test::RecordWriter;

namespace {

constexpr uint64_t kKernel = static_cast<uint64_t>(PERF_CONTEXT_KERNEL);
constexpr uint64_t kUser = static_cast<uint64_t>(PERF_CONTEXT_USER);
constexpr uint64_t kGuest = static_cast<uint64_t>(PERF_CONTEXT_GUEST_USER);

perf_event_attr chain_attr() {
  perf_event_attr attr = oc::test::plain_attr(PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN);
  return attr;
}

ByteVector chain(std::initializer_list<uint64_t> words) {
  ByteVector bytes(8 * (words.size() + 1));
  uint64_t count = words.size();
  std::memcpy(bytes.data(), &count, 8);
  size_t at = 8;
  for (const uint64_t word : words) {
    std::memcpy(bytes.data() + at, &word, 8);
    at += 8;
  }
  return bytes;
}

/// A builder that is told what a RecordWriter wrote.
struct BuilderFixture {
  explicit BuilderFixture(const perf_event_attr& attr, StackMode mode = StackMode::kChains,
                          StackBuilder::MakeUnwinding make_unwinding = nullptr)
      : writer(attr),
        events(make_table({{attr, {1}}})),
        builder(tables, events, mode, std::move(make_unwinding)) {}

  /// Applies the records; the last one is a sample in a thread of process 10.
  oc_event run(uint16_t sample_misc = PERF_RECORD_MISC_USER) {
    oc_event event{};
    event.pid = event.tid = 10;
    for (const size_t at : writer.starts) {
      uint8_t* const record = writer.bytes.data() + at;
      auto header = record_header(record);
      if (header.type != PERF_RECORD_SAMPLE) {
        builder.apply(header, header.misc, record,
                      header.size_bytes - events[0].layout.trailer_size, 0);
        continue;
      }
      header.misc = sample_misc;
      builder.add(record, header, 0, event);
    }
    builder.finish_batch();
    writer.bytes.clear();
    writer.starts.clear();
    return event;
  }
  /// "path+offset" of a frame, with "<" behind it when it is a return address.
  std::string frame(uint32_t id) const {
    const auto found = tables.frames.find(FrameId{id});
    return std::string(tables.modules.path(found.module)) + "+" + std::to_string(found.offset) +
           (found.is_return ? "<" : "");
  }
  std::vector<std::string> frames(const oc_event& event) const {
    std::vector<std::string> out;
    for (const uint32_t id : tables.stacks.find(StackId{event.stack}).frames)
      out.push_back(frame(id));
    return out;
  }
  StackEnd end(const oc_event& event) const { return tables.stacks.find(StackId{event.stack}).end; }

  Interner strings;
  StackTables tables{strings};
  RecordWriter writer;
  oc::event::EventTable events;
  StackBuilder builder;
};

}  // namespace

TEST_CASE("markers in a call chain say whose frames follow, and the first of each part is exact") {
  BuilderFixture f(chain_attr());
  f.writer.mmap({.pid = 10}, 0x400000, 0x1000, "/bin/a");
  f.writer.sample({.pid = 10, .ip = 0xffffffff81000010},
                  chain({kKernel, 0xffffffff81000010, 0xffffffff81000020, kUser, 0x400010, 0x400020,
                         kGuest, 0x77}));
  const oc_event event = f.run(PERF_RECORD_MISC_KERNEL);
  CHECK(f.frames(event) == std::vector<std::string>{"[kernel.kallsyms]+18446744071578845200",
                                                    "[kernel.kallsyms]+18446744071578845216<",
                                                    "/bin/a+16", "/bin/a+32<", "+119"});
  const auto stack = f.tables.stacks.find(StackId{event.stack});
  CHECK(stack.kernel_frames == 2);
  CHECK(stack.end == StackEnd::kComplete);
  CHECK(event.frame == stack.frames[0]);
  CHECK(f.builder.counts().frames == 5);
}

TEST_CASE("mappings count as of the moment of the sample") {
  BuilderFixture f(chain_attr());
  const auto at = [&](const char* expected) {
    f.writer.sample({.pid = 10, .ip = 0x400010}, chain({kUser, 0x400010}));
    CHECK(f.frames(f.run()) == std::vector<std::string>{expected});
  };
  at("+4194320");
  f.writer.mmap({}, 0x400000, 0x1000, "/bin/a");  // of pid 1
  at("+4194320");
  f.writer.fork({}, 10, 10, 1, 1);
  at("/bin/a+16");
  f.writer.comm({}, 10, 10, "b", true);
  at("/bin/a+16");  // who called execve
  f.writer.mmap({.pid = 10}, 0x400000, 0x1000, "/bin/b");
  f.writer.exit({}, 10, 10);
  at("/bin/b+16");
}

TEST_CASE("a call at the very end of a mapping belongs to it") {
  BuilderFixture f(chain_attr());
  f.writer.mmap({.pid = 10}, 0x400000, 0x1000, "/bin/a");
  f.writer.sample({.pid = 10}, chain({kUser, 0x401000, 0x401000}));
  CHECK(f.frames(f.run()) == std::vector<std::string>{"+4198400", "/bin/a+4096<"});
}

TEST_CASE("stacks say why they end") {
  SECTION("at the limit that was asked for") {
    auto attr = chain_attr();
    attr.sample_max_stack = 2;
    BuilderFixture f(attr);
    f.writer.sample({.pid = 10}, chain({kUser, 1, 2}));
    CHECK(f.end(f.run()) == StackEnd::kTooDeep);
  }
  SECTION("without a user part") {
    auto attr = chain_attr();
    attr.exclude_callchain_user = 1;
    BuilderFixture f(attr);
    f.writer.sample({.pid = 10}, chain({kKernel, 0xffffffff81000000}));
    CHECK(f.end(f.run(PERF_RECORD_MISC_KERNEL)) == StackEnd::kNoUserStack);
  }
  SECTION("without a chain: where the sample was taken") {
    BuilderFixture f(oc::test::plain_attr(PERF_SAMPLE_IP));
    f.writer.sample({.pid = 10, .ip = 0x1234});
    const oc_event event = f.run();
    CHECK(f.end(event) == StackEnd::kNotRecorded);
    CHECK(f.frames(event) == std::vector<std::string>{"+4660"});
  }
  SECTION("in a record that is cut off") {
    BuilderFixture f(chain_attr());
    f.writer.sample({.pid = 10}, chain({kUser, 1, 2}));
    f.writer.bytes[f.writer.starts[0] + f.events[0].layout.tail] = 200;  // more than there are
    CHECK(f.end(f.run()) == StackEnd::kDamaged);
  }
}

TEST_CASE("a chain's user frames count where there are no registers or no stack to unwind") {
  // As simpleperf writes it: asked for, unwound while recording, and the parts left empty.
  auto attr = oc::test::plain_attr(PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER |
                                   PERF_SAMPLE_STACK_USER);
  attr.exclude_callchain_user = 1;
  attr.sample_regs_user = 3;
  BuilderFixture f(attr, GENERATE(StackMode::kChains, StackMode::kUnwind),
                   [](oc::session::FrameFinder&) -> std::unique_ptr<oc::session::Unwinding> {
                     FAIL("there is nothing to unwind");
                     return nullptr;
                   });
  f.writer.mmap({.pid = 10}, 0x400000, 0x1000, "/bin/a");
  const auto run = [&](const ByteVector& words, const ByteVector& rest, uint64_t ip) {
    ByteVector tail = words;
    tail.insert(tail.end(), rest.begin(), rest.end());
    f.writer.sample({.pid = 10, .ip = ip}, tail);
    return f.run(ip < kUser >> 1 ? PERF_RECORD_MISC_USER : PERF_RECORD_MISC_KERNEL);
  };
  const ByteVector nothing = ByteWriter().u64(0).u64(0).bytes;  // no registers, no stack
  const ByteVector no_stack = ByteWriter().u64(2).u64(7).u64(8).u64(0).bytes;
  const std::vector<std::string> both{"[kernel.kallsyms]+18446744071578845200", "/bin/a+16",
                                      "/bin/a+32<"};
  for (const ByteVector& rest : {nothing, no_stack}) {
    const oc_event event = run(chain({kKernel, 0xffffffff81000010, kUser, 0x400010, 0x400020}),
                               rest, 0xffffffff81000010);
    CHECK(f.frames(event) == both);
    CHECK(f.end(event) == StackEnd::kComplete);
    CHECK(f.tables.stacks.find(StackId{event.stack}).kernel_frames == 1);
    CHECK(f.frames(run(chain({kUser, 0x400010}), rest, 0x400010)) ==
          std::vector<std::string>{"/bin/a+16"});
  }
  // Neither: the place where the sample was taken.
  CHECK(f.frames(run(chain({}), nothing, 0x400010)) == std::vector<std::string>{"/bin/a+16"});
  const oc_event kernel = run(chain({}), nothing, 0xffffffff81000010);
  CHECK(f.frames(kernel) == std::vector<std::string>{both[0]});
  CHECK(f.tables.stacks.find(StackId{kernel.stack}).kernel_frames == 1);
}

TEST_CASE("user frames are not missing where they are in a chain that was asked for without") {
  auto attr = chain_attr();
  attr.exclude_callchain_user = 1;
  BuilderFixture f(attr);
  f.writer.sample({.pid = 10}, chain({kUser, 1, 2}));
  CHECK(f.end(f.run()) == StackEnd::kComplete);
}

TEST_CASE("places without stacks") {
  BuilderFixture f(chain_attr(), StackMode::kNone);
  f.writer.mmap({.pid = 10}, 0x400000, 0x1000, "/bin/a");
  f.writer.sample({.pid = 10, .ip = 0x400010}, chain({kUser, 0x400010}));
  const oc_event event = f.run();
  CHECK(event.stack == 0);
  CHECK(f.frame(event.frame) == "/bin/a+16");
  CHECK(f.builder.counts().samples == 0);
}

TEST_CASE("the kernel's mapping tells its name and where it lies") {
  BuilderFixture f(chain_attr());
  f.writer.record(PERF_RECORD_MMAP, PERF_RECORD_MISC_KERNEL, ByteVector(40 - 8, 0));  // of nothing
  f.run();
  CHECK_FALSE(f.tables.kernel().is_told);
  const auto map = [&](uint64_t start, uint64_t size, uint64_t offset, std::string name) {
    name.resize((name.size() + 8) / 8 * 8);
    const auto body = ByteWriter().put(-1).put(0).u64(start).u64(size).u64(offset).add(
        ByteVector(name.begin(), name.end()));
    f.writer.kernel(PERF_RECORD_MMAP, PERF_RECORD_MISC_KERNEL, body.bytes, {});
  };
  map(0xffffffff81000000, 0x1000000, 0xffffffff81000040, "[kernel.kallsyms]_text");
  map(0xffffffffc0000000, 0x1000, 0, "[ext4]");
  map(0xffffffff82000000, 0x1000, 0, "[kernel.kallsyms]_other");
  f.writer.sample({.pid = 10}, chain({kKernel, 0xffffffffc0000010, 0xffffffff81000010}));
  const auto frames = f.frames(f.run(PERF_RECORD_MISC_KERNEL));
  CHECK(frames[0].starts_with("[ext4]+"));
  CHECK(frames[1].starts_with("[kernel.kallsyms]+"));
  CHECK(f.tables.kernel().text_start == 0xffffffff81000040);
  CHECK(f.tables.kernel().text_symbol == "_text");
}

TEST_CASE("code that the kernel makes has the name of its time, and none when it is gone") {
  constexpr uint64_t kAt = 0xffffffffc0300000;
  constexpr uint16_t kGone = 1;  // PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER
  BuilderFixture f(chain_attr());
  const auto tell = [&](uint16_t flags, std::string_view name) {
    ByteVector body(16);
    const uint32_t size = 64;
    const uint16_t type = PERF_RECORD_KSYMBOL_TYPE_BPF;
    std::memcpy(body.data(), &kAt, 8);
    std::memcpy(body.data() + 8, &size, 4);
    std::memcpy(body.data() + 12, &type, 2);
    std::memcpy(body.data() + 14, &flags, 2);
    body.insert(body.end(), name.begin(), name.end());
    body.resize((body.size() + 8) / 8 * 8);
    f.writer.kernel(PERF_RECORD_KSYMBOL, 0, body, {.pid = 10});
  };
  const auto there = [&] {
    f.writer.sample({.pid = 10, .ip = kAt + 4}, chain({kKernel, kAt + 4}));
    return f.frames(f.run(PERF_RECORD_MISC_KERNEL)).at(0);
  };
  tell(0, "bpf_prog_1_first");
  CHECK(there().starts_with("bpf_prog_1_first+"));
  tell(kGone, "bpf_prog_1_first");
  CHECK(there().starts_with("[kernel.kallsyms]+"));
  tell(0, "bpf_prog_2_second");
  CHECK(there().starts_with("bpf_prog_2_second+"));
}

TEST_CASE("records and chains of noise do no harm") {
  std::mt19937 random(11);
  BuilderFixture f(chain_attr());
  const uint16_t types[] = {PERF_RECORD_MMAP, PERF_RECORD_MMAP2, PERF_RECORD_COMM,
                            PERF_RECORD_FORK, PERF_RECORD_EXIT,  PERF_RECORD_KSYMBOL};
  for (int round = 0; round < 20'000; ++round) {
    ByteVector body(8 * (random() % 14));
    for (uint8_t& byte : body) byte = static_cast<uint8_t>(random() % 3 == 0 ? random() : 0);
    if (body.size() >= 4 && random() % 2 == 0) body[0] = 10, body[1] = body[2] = body[3] = 0;
    if (random() % 2 == 0) {
      f.writer.record(types[random() % 6], static_cast<uint16_t>(random()), body);
      for (const size_t at : f.writer.starts) {
        const auto header = record_header(f.writer.bytes.data() + at);
        f.builder.apply(header, header.misc, f.writer.bytes.data() + at, header.size_bytes, 0);
      }
      f.writer.bytes.clear();
      f.writer.starts.clear();
    } else {
      f.writer.sample({.pid = 10, .ip = random()}, body);
      f.run(static_cast<uint16_t>(random() % 8));
    }
  }
  CHECK(f.builder.counts().samples > 5'000);
  CHECK(f.tables.stacks.size() > 1);
}
