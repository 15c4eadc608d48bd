#include "session/decoder.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "session/loss_records.h"
#include "source/file_source.h"
#include "support/fake_run.h"
#include "support/perf_data_writer.h"

using namespace oc::test;
using namespace oc::session;
using oc::event::EventTable;
using oc::event::KernelRecord;

namespace {

const perf_event_attr kAttr = plain_attr();

std::vector<double> times_of(const std::vector<SeenEvent>& seen) {
  std::vector<double> times;
  for (const SeenEvent& event : seen) times.push_back(event.time);
  return times;
}

std::vector<std::string> comms_of(const std::vector<SeenEvent>& seen) {
  std::vector<std::string> comms;
  for (const SeenEvent& event : seen) comms.push_back(event.comm);
  return comms;
}

RecordWriter samples(const std::vector<uint64_t>& times) {
  RecordWriter w(kAttr);
  for (const uint64_t time : times) w.sample({.time = time, .id = 1});
  return w;
}

oc::event::EventTable one_kind() { return make_table({{kAttr, {1}}}); }

}  // namespace

TEST_CASE("only kinds that are wanted are delivered, and what is not is still applied") {
  const auto table = make_table({{kAttr, {1}}, {kAttr, {2}}});
  RecordWriter w(kAttr);
  w.comm({.time = 1, .id = 1}, 5, 5, "sh");
  w.sample({.time = 2, .id = 1, .pid = 5, .tid = 5})
      .sample({.time = 3, .id = 2, .pid = 5, .tid = 5});
  w.exit({.time = 4, .id = 1}, 5, 5);
  FakeRun run(table);
  run.source.round({{0, w.bytes}}, 100).last();
  SECTION("a sample") {
    const auto seen = run.want(FakeRun::sample(1)).all();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].kind == FakeRun::sample(1));
    CHECK(seen[0].comm == "sh");
    CHECK(seen[0].time == 2);  // the session began at 1
    CHECK(run.batch.counts.records == 4);
    CHECK(run.batch.counts.delivered == 1);
    CHECK(run.batch.counts.bytes == w.bytes.size());
  }
  SECTION("a record") {
    const auto seen = run.want(KernelRecord::kExit).all();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].kind == FakeRun::of(KernelRecord::kExit));
    CHECK(seen[0].comm == "sh");
  }
  SECTION("nothing") {
    CHECK(run.all().empty());
    CHECK(run.batch.is_last);
    CHECK(run.batch.until == 99);
  }
  SECTION("everything") { CHECK(run.want_all().all().size() == 4); }
}

TEST_CASE("who wants no sample has none ordered, and the process records all the same") {
  RecordWriter w(kAttr);
  for (uint64_t i = 0; i < 300; ++i) {
    w.sample({.time = 10 + 10 * i, .id = 1});
    if (i % 100 == 50) w.exit({.time = 15 + 10 * i, .id = 1}, 5, 5);
    if (i % 10 == 9) w.round();
  }
  PerfDataWriter file;
  file.add(kAttr, {1});
  file.records = w.bytes;
  const TempFile temp(file.bytes());
  auto trace = oc::source::PerfDataFile::open(temp.path());
  REQUIRE(trace);
  oc::source::FileSource source(*trace);
  oc::session::TraceModel model;
  oc::session::Selection selection;
  selection.wanted.resize(oc::event::kKernelRecords + 1);
  selection.wanted[FakeRun::of(KernelRecord::kExit)] = 1;
  oc::session::Decoder decoder(source, model, selection);
  oc::session::Batch batch;
  batch.events.resize(1000);
  REQUIRE(decoder.fill({}, batch));
  CHECK(batch.is_last);
  REQUIRE(batch.count == 3);
  CHECK(batch.events[2].time == 15 + 10 * 250 - 10);
  CHECK(batch.counts.records == 303);
  CHECK(batch.counts.last_time == 10 + 10 * 299);
}

TEST_CASE("a thread has the name that it had at that moment") {
  RecordWriter w(kAttr);
  const auto at = [](uint64_t time, int32_t tid) {
    return Fields{.time = time, .id = 1, .pid = tid, .tid = tid};
  };
  w.sample(at(1, 7));  // before anybody told
  w.comm(at(2, 7), 7, 7, "bash").sample(at(3, 7));
  w.fork(at(4, 7), 8, 8, 7, 7).sample(at(5, 8));
  w.comm(at(6, 8), 8, 8, "ls", true).sample(at(7, 8)).sample(at(8, 7));
  w.exit(at(9, 8), 8, 8).sample(at(10, 8));
  w.fork(at(11, 7), 8, 8, 7, 7).sample(at(12, 8));  // the tid again
  w.sample(at(13, 0)).sample(at(14, -1));
  FakeRun run(one_kind());
  run.source.round({{0, w.bytes}}, 100).last();
  const auto seen = run.want(FakeRun::sample()).all();
  const std::vector<std::string> expected = {":7", "bash", "bash",    "ls", "bash",
                                             "ls", "bash", "swapper", ":-1"};
  CHECK(comms_of(seen) == expected);
  CHECK(seen[3].thread == seen[2].thread);
  CHECK(seen[5].thread == seen[3].thread);
  CHECK(seen[6].thread != seen[3].thread);
}

TEST_CASE("records that are not samples say which thread they are about") {
  RecordWriter w(kAttr);
  const Fields by{.time = 1, .id = 1, .pid = 70, .tid = 71, .cpu = 3};
  w.comm(by, 5, 6, "sh").fork(by, 8, 9, 5, 6).exit(by, 5, 6).mmap(by, 0x1000, 4096, "/bin/sh");
  w.context_switch(by, true).context_switch_wide(by, false, 1, 2).comm(by, 5, 6, "x", true);
  FakeRun run(one_kind());
  run.source.round({{0, w.bytes}}, 100).last();
  const auto seen = run.want_all().all();
  REQUIRE(seen.size() == 7);
  const KernelRecord kinds[] = {KernelRecord::kComm,      KernelRecord::kFork,
                                KernelRecord::kExit,      KernelRecord::kMmap,
                                KernelRecord::kSwitchOut, KernelRecord::kSwitchInWide,
                                KernelRecord::kExec};
  for (size_t i = 0; i < seen.size(); ++i) {
    CHECK(seen[i].kind == FakeRun::of(kinds[i]));
    const bool is_other = i == 3 || i == 4 || i == 5;
    CHECK(seen[i].pid == (is_other ? 70 : 5));
    CHECK(seen[i].tid == (is_other ? 71 : 6));
    CHECK(seen[i].cpu == 3);
    CHECK(seen[i].payload.size() == seen[i].record.size() - 8 - 32);
  }
}

TEST_CASE("records without a trailer have no cpu and are delivered first") {
  auto attr = kAttr;
  attr.sample_id_all = 0;
  RecordWriter w(attr);
  w.sample({.time = 5, .id = 1}).comm({}, 1, 1, "sh");
  FakeRun run(make_table({{attr, {}}}));
  run.source.round({{0, w.bytes}}, 100).last();
  const auto seen = run.want_all().all();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].kind == FakeRun::of(KernelRecord::kComm));
  CHECK(seen[0].cpu == -1);
  CHECK(seen[0].time == 0);
  CHECK(seen[1].comm == "sh");
}

TEST_CASE("losses are counted by cpu") {
  RecordWriter w(kAttr);
  w.lost({.time = 1, .id = 1, .cpu = 2}, 1, 10).lost({.time = 2, .id = 1, .cpu = 3}, 1, 5);
  w.lost({.time = 3, .id = 1, .cpu = 2}, 1, 1).lost_samples({.time = 4, .id = 1, .cpu = 9}, 7);
  FakeRun run(one_kind());
  run.source.round({{0, w.bytes}}, 100).last();
  CHECK(run.all().empty());
  CHECK(run.decoder().lost_by_cpu() == std::map<int32_t, uint64_t>{{2, 11}, {3, 5}, {9, 7}});
}

// At the end of a recording perf (6.1 and later) reads from the kernel how many records each event lost,
// and writes these sums as LOST_SAMPLES without a time. They tell again of what LOST records told.
TEST_CASE("sums that perf wrote at the end are not counted beside the losses they sum up") {
  const auto lost_with = [](uint64_t sum, uint16_t misc) {
    RecordWriter w(kAttr);
    w.lost({.time = 1, .id = 1, .cpu = 2}, 1, 10).lost({.time = 2, .id = 1, .cpu = 3}, 1, 5);
    w.lost_samples({.time = 0, .id = 1}, sum, misc);
    FakeRun run(one_kind());
    run.source.round({{0, w.bytes}}, 100).last();
    run.all();
    return run.decoder().lost_by_cpu();
  };
  using ByCpu = std::map<int32_t, uint64_t>;
  CHECK(lost_with(15, 0) == ByCpu{{2, 10}, {3, 5}});
  // Also what was lost after the last LOST record, on a CPU that the sum does not tell.
  CHECK(lost_with(22, 0) == ByCpu{{-1, 7}, {2, 10}, {3, 5}});
  CHECK(lost_with(9, 0) == ByCpu{{2, 10}, {3, 5}});
  constexpr uint16_t kByFilter = 1u
                                 << 15;  // PERF_RECORD_MISC_LOST_SAMPLES_BPF: left out on purpose
  CHECK(lost_with(22, kByFilter) == ByCpu{{2, 10}, {3, 5}});
}

TEST_CASE("sums that oc wrote at the end tell the event and the CPU, and are not counted twice") {
  const auto table = make_table({{kAttr, {1, 2}}, {kAttr, {3}}});
  RecordWriter w(kAttr);
  w.lost({.time = 1, .id = 1, .cpu = 2}, 1, 10).lost({.time = 2, .id = 1, .cpu = 3}, 1, 5);
  const std::vector<oc::source::Loss> before{{2, 0, 100}, {4, 1, 7}};
  const std::vector<oc::source::Loss> now{{2, 0, 108}, {2, 1, 4}, {3, 0, 3}, {4, 1, 7}, {9, 9, 1}};
  const auto since = losses_since(before, now);
  REQUIRE(since.size() == 4);
  w.raw_bytes(make_loss_records(table, since));  // of event 9 nobody knows an id
  FakeRun run(table);
  run.source.round({{0, w.bytes}}, 100).last();
  run.all();
  using ByEvent = std::map<std::pair<int32_t, uint32_t>, uint64_t>;
  ByEvent lost;
  for (const auto& loss : run.decoder().losses()) lost[{loss.cpu, loss.event}] += loss.records;
  // On CPU 2 two were lost after the last LOST record; on CPU 3 that told of two more.
  CHECK(lost == ByEvent{{{2, 0}, 8}, {{2, 1}, 4}, {{3, 0}, 3}, {{3, EventTable::kUnknown}, 2}});
  CHECK(run.decoder().lost_by_cpu() == std::map<int32_t, uint64_t>{{2, 12}, {3, 5}});
}

TEST_CASE("events of the program itself are left out, unless they are asked for") {
  const auto table = make_table({{kAttr, {1}}, {kAttr, {2}}});
  RecordWriter w(kAttr);
  for (const int32_t pid : {40, 41}) {
    w.sample({.time = 1, .id = 1, .pid = pid, .tid = pid});
    w.sample({.time = 2, .id = 2, .pid = pid, .tid = pid});
    w.comm({.time = 3, .id = 1, .pid = pid, .tid = pid}, pid, pid, "x");
  }
  FakeRun run(table);
  run.source.round({{0, w.bytes}}, 100).last();
  run.want_all().selection.own_pid = 40;
  run.selection.keep_own[FakeRun::sample(1)] = 1;
  const auto seen = run.all();
  REQUIRE(seen.size() == 4);
  for (const auto& event : seen) CHECK((event.pid == 41 || event.kind == FakeRun::sample(1)));
  CHECK(run.batch.counts.own == 2);
}

TEST_CASE("a payload shorter than its event's fields is counted, not delivered") {
  auto table_with_format = [] {
    oc::event::EventTable table;
    oc::event::EventKind kind{};
    kind.attr = tracepoint_attr(7);
    oc::event::EventFormat format;
    format.name = "thing";
    oc::event::Field field;
    field.name = "value";
    field.offset = 8;
    field.size = field.element_size = 8;
    format.fields.push_back(field);
    kind.format = format;
    table.add(std::move(kind), {1});
    table.finish();
    return table;
  };
  for (const bool behind_chain : {false, true}) {
    auto table = table_with_format();
    auto attr = tracepoint_attr(7);
    if (behind_chain) {
      attr.sample_type |= PERF_SAMPLE_CALLCHAIN;
      auto kind = table[0];
      kind.attr = attr;
      table = oc::event::EventTable();
      table.add(std::move(kind), {1});
      table.finish();
    }
    RecordWriter w(attr);
    const ByteVector chain = behind_chain ? ByteWriter().u64(1).u64(9).bytes : ByteVector();
    const auto put = [&](const ByteVector& raw) {
      w.sample({.time = 1, .id = 1}, ByteWriter().add(chain).add(raw).bytes);
    };
    put(raw_part(ByteVector(20, 0xab)));             // whole
    put(raw_part(ByteVector(4)));                    // too short for `value`
    put(ByteWriter().u32(100).u32(0).bytes);         // longer than the record
    put(ByteWriter().u32(UINT32_MAX).u32(0).bytes);  // much longer
    put({});                                         // no RAW at all
    put(ByteWriter().u16(1).bytes);                  // not even its size
    FakeRun run(std::move(table));
    run.source.round({{0, w.bytes}}, 100).last();
    const auto seen = run.want_all().all();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].payload == ByteVector(20, 0xab));
    CHECK(run.batch.counts.malformed == 5);
  }
}

TEST_CASE("records shorter than their kind are counted, at every length") {
  for (const uint32_t type :
       {uint32_t{PERF_RECORD_COMM}, uint32_t{PERF_RECORD_FORK}, uint32_t{PERF_RECORD_MMAP},
        uint32_t{PERF_RECORD_MMAP2}, uint32_t{PERF_RECORD_LOST}, uint32_t{PERF_RECORD_LOST_SAMPLES},
        uint32_t{PERF_RECORD_SWITCH_CPU_WIDE}, uint32_t{PERF_RECORD_THROTTLE}}) {
    const int number = oc::event::kernel_record_of(type, 0);
    const auto least = oc::event::kernel_record_formats()[static_cast<size_t>(number)].fixed_size();
    for (uint32_t size = 0; size < least + 4; ++size) {
      auto attr = kAttr;
      attr.sample_id_all = 0;
      RecordWriter w(attr);
      w.record(type, 0, ByteVector(size, 0xff));
      w.bytes.shrink_to_fit();
      FakeRun run(make_table({{attr, {}}}));
      run.source.round({{0, w.bytes}}, 100).last();
      INFO("type " << type << ", " << size << " bytes");
      CHECK(run.want_all().all().size() == (size < least ? 0 : 1));
      CHECK(run.batch.counts.malformed == (size < least ? 1 : 0));
    }
  }
}

TEST_CASE("samples of an id that no event has are counted") {
  RecordWriter w(kAttr);
  w.sample({.time = 1, .id = 1}).sample({.time = 2, .id = 99});
  w.record(PERF_RECORD_SAMPLE, 0, ByteVector(8));
  FakeRun run(make_table({{kAttr, {1}}, {kAttr, {2}}}));
  run.source.round({{0, w.bytes}}, 100).last();
  CHECK(run.want_all().all().size() == 1);
  CHECK(run.batch.counts.unknown == 2);
}

TEST_CASE("kinds of records that oc does not know are passed") {
  RecordWriter w(kAttr);
  for (const uint32_t type : {0u, 6u, 22u, 23u, 24u, 25u, 26u, 40u, 50u, 63u})
    w.record(type, 0xffff, ByteVector(40, 0xff));
  w.sample({.time = 3, .id = 1});
  FakeRun run(one_kind());
  run.source.round({{0, w.bytes}}, 100).last();
  CHECK(run.want_all().all().size() == 1);
  CHECK(run.batch.counts.records == 11);
}

TEST_CASE("a late record is delivered and counted") {
  FakeRun run(one_kind());
  run.source.round({{0, samples({10, 20}).bytes}}, 20)
      .round({{0, samples({15, 30}).bytes}}, 30)
      .last();
  CHECK(times_of(run.want_all().all()) == std::vector<double>{0, 10, 5, 20});
  CHECK(run.batch.counts.late == 1);
}

TEST_CASE("a record older than the session's beginning has a negative time") {
  FakeRun run(one_kind());
  run.source.round({{0, samples({100}).bytes}}, 100).round({{0, samples({40}).bytes}}, 110).last();
  CHECK(times_of(run.want_all().all()) == std::vector<double>{0, -60});
}

TEST_CASE("an empty source ends at once") {
  FakeRun run(one_kind());
  run.source.round({}, 0).last();
  CHECK(run.want_all().all().empty());
  CHECK(run.batch.is_last);
  CHECK(run.batch.until == 0);
}
