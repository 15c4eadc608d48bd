#include <catch2/catch.hpp>

#include "session/process_facts.h"
#include "support/fake_run.h"

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
