#include "perf/event_lookup.h"

#include <linux/perf_event.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "perf/attr_builder.h"
#include "perf/cache_events.h"

using namespace oc::perf;
using Catch::Matchers::Contains;

namespace {

namespace fs = std::filesystem;

/// A machine with two kinds of units, as /sys/bus/event_source/devices shows them.
class Machine {
 public:
  Machine() {
    root_ = fs::temp_directory_path() / ("oc-pmus." + std::to_string(getpid()));
    fs::remove_all(root_);
    put("cpu/type", "4");
    put("cpu/format/event", "config:0-7,32-35");
    put("cpu/format/umask", "config:8-15");
    put("cpu/format/edge", "config:18");
    put("cpu/format/ldlat", "config1:0-15");
    put("cpu/events/mem-loads", "event=0xcd,umask=0x1,ldlat=3");
    put("cpu/events/mem-loads.unit", "none");
    for (const char* unit : {"uncore_imc_0", "uncore_imc_1"}) {
      put(std::string(unit) + "/type", unit[11] == '0' ? "14" : "15");
      put(std::string(unit) + "/cpumask", "0");
      put(std::string(unit) + "/format/event", "config:0-7");
    }
  }
  ~Machine() { fs::remove_all(root_); }

  std::vector<EventRequest> find(const std::string& text) const {
    auto found = look_up_event(parse_event_list(text)->front(), oc::sys::Pmus(root_));
    if (!found) FAIL(text << ": " << found.error().what);
    return std::move(*found);
  }
  std::string problem(const std::string& text) const {
    const auto found = look_up_event(parse_event_list(text)->front(), oc::sys::Pmus(root_));
    if (found) FAIL(text << " was taken");
    return found.error().what + " / " + found.error().hint;
  }
  void put(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }

 private:
  fs::path root_;
};

}  // namespace

TEST_CASE("terms of a unit fill the bits that its format names") {
  const Machine machine;
  const auto request = machine.find("cpu/event=0x1a3,umask=0x10,edge/u").front();
  CHECK(request.type == 4);
  CHECK(request.config == (0xa3u | 0x10u << 8 | 1u << 18 | uint64_t{1} << 32));
  CHECK(request.modifiers.exclude_kernel);
  CHECK(machine.find("cpu/config=0x12,config1=7/").front().config1 == 7);
  CHECK(machine.find("cpu/r3c/").front().config == 0x3c);
}

TEST_CASE("named events of a unit are its terms, with or without the unit's name") {
  const Machine machine;
  for (const char* name : {"cpu/mem-loads/", "mem-loads", "cpu/mem-loads,period=1000/"}) {
    const auto request = machine.find(name).front();
    CHECK(request.config == (0xcdu | 1u << 8));
    CHECK(request.config1 == 3);
  }
}

TEST_CASE("units of which there are several are all meant, on the CPUs that stand for them") {
  const auto found = Machine().find("uncore_imc/event=1/");
  REQUIRE(found.size() == 2);
  CHECK(found[1].type == 15);
  CHECK(found[1].cpus == std::vector<int32_t>{0});
  CHECK(found[1].name == "uncore_imc_1/event=1/");
  CHECK(Machine().find("imc/event=1/").size() == 2);
}

TEST_CASE("software, hardware, cache, raw and numeric events need no unit") {
  const Machine machine;
  CHECK(machine.find("cpu-cycles:k").front().name == "cycles:k");
  CHECK(machine.find("faults").front().config == PERF_COUNT_SW_PAGE_FAULTS);
  const auto cache = machine.find("l1d-load-misses").front();
  CHECK(cache.name == "L1-dcache-load-misses");
  CHECK(cache.type == PERF_TYPE_HW_CACHE);
  CHECK(cache.config == 0x10000);
  CHECK(machine.find("r1a8").front().config == 0x1a8);
  CHECK(machine.find("4:0x3c").front().config == 0x3c);
  CHECK(machine.find("branches").front().type == PERF_TYPE_HARDWARE);
  CHECK(machine.find("nobody:knows").empty());
}

TEST_CASE("every cache event is found by its name, and has an encoding of its own") {
  std::vector<uint64_t> configs;
  for (const auto& event : cache_events()) {
    const auto found = find_cache_event(event.name);
    REQUIRE(found);
    CHECK(found->config == event.config);
    CHECK(std::count(configs.begin(), configs.end(), event.config) == 0);
    configs.push_back(event.config);
  }
  CHECK(configs.size() == 32);
  CHECK(!find_cache_event("iTLB-stores"));
  CHECK(!find_cache_event("LLC-"));
  CHECK(!find_cache_event("LLC-loads-loads-misses"));
}

TEST_CASE("a wrong term or unit is told with the nearest") {
  const Machine machine;
  CHECK_THAT(machine.problem("cpu/evnt=1/"), Contains("'evnt'") && Contains("did you mean event"));
  CHECK_THAT(machine.problem("cpu/edge=2/"), Contains("does not fit into 1 bits"));
  CHECK_THAT(machine.problem("cpuu/event=1/"), Contains("no unit 'cpuu'") && Contains("cpu"));
  CHECK_THAT(machine.problem("cycles/umask=1/"), Contains("no term 'umask'"));
  CHECK_THAT(machine.problem("cycles/period=0/"), Contains("period is 0"));
  CHECK_THAT(machine.problem("cycles/call-graph=lbr/"), Contains("call-graph"));
  CHECK_THAT(machine.problem("cycles:q"), Contains("no modifier"));
  machine.put("cpu/format/odd", "config:9-3");
  CHECK_THAT(machine.problem("cpu/odd=1/"), Contains("format/odd"));
}

TEST_CASE("an attr has what the request says: groups, stacks, breakpoints") {
  EventRequest leader;
  leader.type = PERF_TYPE_SOFTWARE;
  leader.group = 1;
  leader.is_leader = true;
  leader.modifiers.sample_read = true;
  leader.stacks.kind = Stacks::kDwarf;
  auto attr = make_event_attr(leader, {});
  CHECK((attr.sample_type & PERF_SAMPLE_READ) != 0);
  CHECK((attr.read_format & PERF_FORMAT_GROUP) != 0);
  CHECK(attr.sample_stack_user == 8192);
  CHECK(attr.exclude_callchain_user);
  EventRequest member = leader;
  member.is_leader = false;
  attr = make_event_attr(member, {});
  CHECK(attr.sample_period == 0);
  CHECK(!attr.disabled);
  CHECK((attr.sample_type & (PERF_SAMPLE_READ | PERF_SAMPLE_STACK_USER)) == 0);
}
