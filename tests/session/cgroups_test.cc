#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "machine/query.h"
#include "session/process_facts.h"
#include "session/session.h"
#include "support/fake_run.h"
#include "support/perf_data_writer.h"

using namespace oc::test;

namespace {

/// { u64 id; char path[] } as the kernel writes it.
ByteVector group(uint64_t id, std::string_view path) {
  return ByteWriter().u64(id).text(path).put<uint8_t>(0).pad().bytes;
}

}  // namespace

TEST_CASE("records of cgroups name the ids that samples carry, whoever wants them") {
  const perf_event_attr attr = plain_attr();
  RecordWriter w(attr);
  w.record(PERF_RECORD_CGROUP, 0, group(1, "/"));  // as perf writes those that were there before
  w.kernel(PERF_RECORD_CGROUP, 0, group(4711, "/system.slice/docker-1.scope"),
           {.time = 2, .id = 1});
  w.sample({.time = 3, .id = 1});
  FakeRun run(make_table({{attr, {1}}}));
  run.source.round({{0, w.bytes}}, 100).last();
  CHECK(run.want(FakeRun::sample()).all().size() == 1);
  CHECK(run.model.cgroups.find(1) == "/");
  CHECK(run.model.cgroups.find(4711) == "/system.slice/docker-1.scope");
}

TEST_CASE("a machine has each sample in the cgroup of its moment") {
  const perf_event_attr attr = plain_attr(PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_CGROUP);
  RecordWriter w(attr);
  w.comm({.time = 1, .id = 1}, 5, 5, "mover");
  w.record(PERF_RECORD_CGROUP, 0, group(1, "/"));
  w.record(PERF_RECORD_CGROUP, 0, group(77, "/audit/sub"));
  const auto sample = [&](uint64_t time, uint64_t cgroup) {  // its place varies with the chain
    ByteWriter tail;
    tail.u64(time % 3);
    for (uint64_t i = 0; i < time % 3; ++i) tail.u64(0x1000 + i);
    w.sample({.time = time, .id = 1, .pid = 5, .tid = 5}, tail.u64(cgroup).bytes);
  };
  sample(10, 1);
  sample(11, 77);
  sample(12, 77);
  sample(13, 1);  // back
  sample(14, 9);  // nobody told of it
  sample(15, 0);
  const TempFile file(PerfDataWriter(attr, w.bytes).bytes());
  oc::session::Session session;
  REQUIRE(session.open_file(file.path()));
  session.kinds().want(oc::event::kKernelRecords);
  session.declare_machine();
  REQUIRE(session.start({}));
  while (*session.next(std::chrono::milliseconds(0)) != nullptr) {
  }
  session.finish();
  oc::machine::Machine& machine = *session.machine();
  std::vector<std::string> seen;
  for (uint64_t i = 0; i < machine.samples.size(); ++i) {
    const auto cgroup = machine.processes.cgroup_of(machine.samples[i].context);
    seen.emplace_back(machine.text(cgroup));
  }
  // Of the last one only its process's is known.
  CHECK(seen ==
        std::vector<std::string>{"/", "/audit/sub", "/audit/sub", "/", "cgroup:9", "cgroup:9"});
  oc::machine::Filter filter;
  filter.cgroups = {"/audit/*"};
  auto chosen = oc::machine::Selection::make(machine, filter);
  REQUIRE(chosen);
  CHECK(chosen->count() == 2);
  auto all = oc::machine::Selection::make(machine, {});
  oc::machine::Query query(*all, {*oc::machine::parse_group_by("cgroup")});
  query.run(oc::machine::Query::Order::kCount);
  std::vector<std::string> rows;
  for (const auto& row : query.rows())
    rows.push_back(query.text(0, row.keys[0]) + " " + std::to_string(row.count));
  CHECK(rows == std::vector<std::string>{"/ 2", "/audit/sub 2", "cgroup:9 2"});
}

TEST_CASE("a record of a cgroup that is cut off, or has no end of text, does no harm") {
  const perf_event_attr attr = plain_attr();
  RecordWriter w(attr);
  for (size_t size = 0; size < 8; size += 4)
    w.record(PERF_RECORD_CGROUP, 0, ByteVector(size, 0x41));
  w.record(PERF_RECORD_CGROUP, 0, ByteVector(24, 0x41));
  FakeRun run(make_table({{attr, {1}}}));
  run.source.round({{0, w.bytes}}, 100).last();
  CHECK(run.all().empty());
  CHECK(run.batch.counts.malformed == 2);
  CHECK(run.model.cgroups.find(0x4141414141414141) == std::string(16, 'A'));
}

TEST_CASE("what is asked of a process that has gone is empty") {
  const auto gone = oc::session::load_process_facts(0x7ffffff0);
  CHECK(gone.cgroup.empty());
  CHECK(gone.namespace_pid == 0);
  CHECK(oc::session::load_process_facts(0).cgroup == "/");
  CHECK(oc::session::load_process_facts(-1).cgroup.empty());
  CHECK(oc::session::facts_of_cgroup("/lxc.payload.web/x").container == "web");
}
