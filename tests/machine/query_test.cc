#include "machine/query.h"

#include <array>
#include <catch2/catch.hpp>

#include "machine/graph.h"
#include "support/sample_maker.h"

using namespace oc;
using namespace oc::machine;

namespace {

struct World {
  Machine machine;
  test::SampleMaker maker{machine};
  World() {
    const StackRef read = maker.stack({"main", "read_all", "[k]vfs_read"});
    const StackRef parse = maker.stack({"main", "parse", "malloc@/usr/lib/libc.so.6"});
    const StackRef deep = maker.stack({"main", "parse", "parse", "copy"});
    maker.add("cycles", 10, 100, 1, 1, "web", read, 0);
    maker.add("cycles", 20, 200, 1, 2, "web", parse, 1);
    maker.add("cycles", 30, 400, 7, 7, "db", parse, 1);
    maker.add("faults", 40, 1, 7, 7, "db", deep, 0);
    maker.add("cycles", 50, 800, 7, 7, "db2", deep, 0);
  }
  Selection all(Filter filter = {}) {
    auto selection = Selection::make(machine, std::move(filter));
    REQUIRE(selection);
    return std::move(*selection);
  }
};

std::vector<std::string> lines(const Query& query) {
  std::vector<std::string> out;
  for (const Row& row : query.rows()) {
    std::string line;
    for (uint32_t i = 0; i < row.keys.size(); ++i) line += query.text(i, row.keys[i]) + " ";
    out.push_back(line + std::to_string(row.count) + " " + std::to_string(int(row.sum)));
  }
  return out;
}

std::vector<std::string> by(const Selection& selection, std::vector<std::string> names) {
  std::vector<GroupBy> groups;
  for (const auto& name : names) groups.push_back(*parse_group_by(name));
  Query query(selection, groups);
  query.run();
  return lines(query);
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("samples are counted by name, function, module, CPU and both of two") {
  World world;
  const Selection all = world.all();
  CHECK(by(all, {"comm"}) == Lines{"db2 1 800", "db 2 401", "web 2 300"});
  CHECK(by(all, {"symbol"}) == Lines{"copy 2 801", "malloc 2 600", "vfs_read 1 100"});
  CHECK(by(all, {"module"}) ==
        Lines{"/bin/prog 2 801", "/usr/lib/libc.so.6 2 600", "[kernel.kallsyms] 1 100"});
  CHECK(by(all, {"cpu"}) == Lines{"0 3 901", "1 2 600"});
  CHECK(by(all, {"comm", "symbol"}) == Lines{"db2 copy 1 800", "db malloc 1 400",
                                             "web malloc 1 200", "web vfs_read 1 100",
                                             "db copy 1 1"});
  CHECK(by(all, {"process"}) == Lines{"db2 (7) 3 1201", "web (1) 2 300"});
  CHECK(by(all, {"stack", "kind"}).front() == "main;parse;parse;copy cycles 1 800");
  CHECK(by(all, {}) == Lines{"5 1501"});
}

TEST_CASE("stacks that read the same are one row, whatever their addresses") {
  World world;
  const StackRef again = world.maker.stack({"main", "parse", "malloc"});
  world.maker.add("cycles", 60, 1000, 7, 7, "db", again, 1);
  world.maker.add("cycles", 70, 3000, 1, 1, "web", world.maker.stack({"main", "parse"}), 1);
  world.maker.add("cycles", 80, 5, 1, 1, "web", 0, 1);
  Filter filter;
  filter.cpus = {1};
  const Selection chosen = world.all(filter);
  CHECK(by(chosen, {"stack"}) == Lines{"main;parse 1 3000", "main;parse;malloc 3 1600", " 1 5"});
  CHECK(by(chosen, {"comm", "stack"}) == Lines{"web main;parse 1 3000",
                                               "db main;parse;malloc 2 1400",
                                               "web main;parse;malloc 1 200", "web  1 5"});
  Query query(chosen, {*parse_group_by("stack")});
  query.run();
  CHECK(query.quantiles({0, 0.5, 1})[1] == std::vector<double>{200, 400, 1000});
  CHECK(world.machine.stack(static_cast<StackRef>(query.number(0, query.rows()[1].keys[0])))
            .frames.size() == 3);
}

TEST_CASE("each filter lets through what it says") {
  World world;
  const auto count = [&](Filter filter) { return world.all(std::move(filter)).count(); };
  Filter filter;
  filter.kinds = {"faults"};
  CHECK(count(filter) == 1);
  filter = {};
  filter.comms = {"db*"};
  CHECK(count(filter) == 3);
  filter = {};
  filter.tasks = {"db"};
  CHECK(count(filter) == 2);
  filter = {};
  filter.from = 20;
  filter.until = 50;
  CHECK(count(filter) == 3);
  filter = {};
  filter.symbols = {"parse"};
  filter.cpus = {1};
  CHECK(count(filter) == 2);
  filter = {};
  filter.modules = {"libc*"};
  CHECK(count(filter) == 2);
  filter = {};
  filter.pids = {1};
  filter.tids = {2};
  CHECK(count(filter) == 1);
}

TEST_CASE("a kind that is not there is told with the nearest names") {
  World world;
  Filter filter;
  filter.kinds = {"cycle"};
  auto selection = Selection::make(world.machine, filter);
  REQUIRE(!selection);
  CHECK(selection.error().hint == "did you mean cycles?");
}

TEST_CASE("quantiles are values of the samples, histograms powers of two") {
  World world;
  const Selection all = world.all();
  Query query(all, {*parse_group_by("kind")});
  query.run();
  CHECK(query.quantiles({0, 0.5, 0.75, 1})[0] == std::vector<double>{100, 200, 400, 800});
  CHECK(query.histograms()[0] == std::vector<uint64_t>{0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(query.histograms()[1] == std::vector<uint64_t>{0, 1});
}

TEST_CASE("an entry that stands for several samples counts as often, each with the mean") {
  Machine machine;
  Sample sample;
  sample.kind = machine.kind("cpu", ValueType::kDuration);
  sample.value = 990;
  sample.weight = 99;
  machine.add(sample);
  sample.value = 50;
  sample.weight = 1;
  machine.add(sample);
  const auto selection = Selection::make(machine, {});
  REQUIRE(selection);
  Query query(*selection, {});
  query.run();
  REQUIRE(query.rows().size() == 1);
  CHECK(query.rows()[0].count == 100);
  CHECK(query.quantiles({0.5, 0.99, 0.995})[0] == std::vector<double>{10, 10, 50});
  const auto histogram = query.histograms()[0];
  REQUIRE(histogram.size() == 7);
  CHECK(histogram[4] == 99);  // [8, 16)
  CHECK(histogram[6] == 1);   // [32, 64)
}

TEST_CASE("a graph counts inclusive and exclusive weights, recursion once") {
  World world;
  const Graph graph = Graph::make(world.all(), {});
  REQUIRE(graph.nodes()[0].total == 1501);
  const uint32_t main = graph.nodes()[0].first_child;
  CHECK(graph.text(main) == "main");
  CHECK(graph.nodes()[main].next == 0);
  const uint32_t parse = graph.nodes()[main].first_child;
  CHECK(graph.text(parse) == "parse");
  CHECK(graph.nodes()[parse].total == 1401);
  CHECK(graph.nodes()[parse].self == 0);
  for (const auto& sums : graph.functions()) {
    const auto name = world.machine.text(world.machine.places.function(sums.function).name);
    if (name == "parse") CHECK(sums.total == 1401);
    if (name == "copy") CHECK(sums.self == 801);
  }
}

TEST_CASE("focus, callers, hiding and folding change the stacks") {
  World world;
  GraphOptions options;
  options.focus = "parse";
  options.fold_recursion = true;
  const Graph focused = Graph::make(world.all(), options);
  const uint32_t top = focused.nodes()[0].first_child;
  CHECK(focused.text(top) == "parse");
  CHECK(focused.text(focused.nodes()[top].first_child) == "copy");
  options = {};
  options.callers_of = "malloc";
  options.is_inverted = true;
  options.by_comm = true;
  const Graph callers = Graph::make(world.all(), options);
  const uint32_t db = callers.nodes()[0].first_child;
  CHECK(callers.text(db) == "db");
  CHECK(callers.nodes()[db].total == 400);
  const uint32_t malloc = callers.nodes()[db].first_child;
  CHECK(callers.text(malloc) == "malloc");
  CHECK(callers.text(callers.nodes()[malloc].first_child) == "parse");
}

TEST_CASE("merged graphs are the graph of both") {
  World world;
  Filter web, rest;
  web.comms = {"web"};
  rest.comms = {"db*"};
  Graph graph = Graph::make(world.all(web), {});
  graph.merge(Graph::make(world.all(rest), {}));
  const Graph whole = Graph::make(world.all(), {});
  REQUIRE(graph.nodes().size() == whole.nodes().size());
  CHECK(graph.nodes()[0].total == whole.nodes()[0].total);
  CHECK(graph.functions().size() == whole.functions().size());
}

TEST_CASE("a node is inlined where its function was inlined each time, also after a merge") {
  Machine machine;
  test::SampleMaker maker(machine);
  const OwnFrame next{"next", "/bin/prog", "", 0, 1, false},
      parse{"parse", "/bin/prog", "", 0, 1, false}, main{"main", "/bin/prog", "", 0, 2, false},
      called{"next", "/bin/prog", "", 0, 3, false};
  const std::array<OwnFrame, 2> place{next, parse};
  const std::array<uint32_t, 2> inlined{machine.places.add(place), machine.places.add({&main, 1})};
  maker.add("cycles", 1, 1, 1, 1, "a", machine.add_stack(inlined));
  const auto is_inlined = [](const Graph& graph, std::string_view name) {
    for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
      if (graph.text(i) == name) return graph.is_inlined(i);
    }
    return false;
  };
  const auto selection = Selection::make(machine, {});
  REQUIRE(selection);
  Graph first = Graph::make(*selection, {});
  CHECK(is_inlined(first, "next"));
  CHECK_FALSE(is_inlined(first, "parse"));
  CHECK_FALSE(is_inlined(first, "all"));
  // The same path, called for once.
  const std::array<uint32_t, 3> plain{machine.places.add({&called, 1}),
                                      machine.places.add({&parse, 1}), inlined[1]};
  maker.add("cycles", 2, 1, 1, 1, "a", machine.add_stack(plain));
  const auto both = Selection::make(machine, {});
  REQUIRE(both);
  const Graph second = Graph::make(*both, {});
  CHECK_FALSE(is_inlined(second, "next"));
  first.merge(second);
  CHECK_FALSE(is_inlined(first, "next"));
}

TEST_CASE("spans are chosen by time, kind, thread and CPU") {
  World world;
  const auto add = [&](int64_t start, int64_t end, std::string_view kind, int32_t tid,
                       uint16_t cpu) {
    Span span;
    span.start = start;
    span.end = end;
    span.kind = world.machine.kind(kind);
    span.context =
        world.machine.processes.context(world.machine.processes.thread(1, tid),
                                        world.machine.texts.intern(tid == 1 ? "web" : "other"));
    span.cpu = cpu;
    world.machine.spans.add(span);
  };
  add(0, 10, "wait", 1, 0);
  add(20, 30, "wait", 2, 1);
  add(25, 26, "call", 1, kNoCpu);
  const auto chosen = [&](const Filter& filter) {
    const Selection selection = world.all(filter);
    std::string found;
    for (const Span& span : world.machine.spans.all()) found += selection.takes(span) ? '1' : '0';
    return found;
  };
  Filter time, kind, comm, cpu;
  time.from = 10;
  time.until = 25;
  kind.kinds = {"wait"};
  comm.comms = {"other"};
  cpu.cpus = {1};
  CHECK(chosen({}) == "111");
  CHECK(chosen(time) == "110");
  CHECK(chosen(kind) == "110");
  CHECK(chosen(comm) == "010");
  CHECK(chosen(cpu) == "010");
}

TEST_CASE("a task is its own name, or that of its process at that moment") {
  Machine machine;
  test::SampleMaker maker{machine};
  const StackRef stack = maker.stack({"main"});
  machine.processes.found(0, 5, 5, "sh");
  machine.processes.found(0, 5, 6, "worker");
  machine.processes.found(0, 9, 9, "other");
  maker.add("cycles", 10, 1, 5, 5, "sh", stack);
  maker.add("cycles", 20, 2, 5, 6, "worker", stack);
  machine.processes.comm(30, 0, 5, 5, "server", true);
  maker.add("cycles", 40, 4, 5, 5, "server", stack);
  maker.add("cycles", 50, 8, 5, 6, "worker", stack);
  maker.add("cycles", 60, 16, 9, 9, "other", stack);
  maker.add("cycles", 70, 32, 9, 10, "alone", stack);
  Span wait;
  wait.start = 25;
  wait.end = 45;
  wait.kind = machine.kind("wait");
  wait.context =
      machine.processes.context(machine.processes.thread(5, 6), machine.texts.intern("worker"));
  const SpanId span = machine.spans.add(wait);
  const auto of = [&](Filter filter) {
    auto selection = Selection::make(machine, std::move(filter));
    REQUIRE(selection);
    double sum = 0;
    selection->for_each([&](const Sample& sample, uint64_t) { sum += sample.value; });
    return std::pair(sum, selection->takes(machine.spans[span]));
  };
  Filter filter;
  filter.tasks = {"sh"};
  CHECK(of(filter) == std::pair(3.0, true));
  filter.tasks = {"ser*"};
  CHECK(of(filter) == std::pair(12.0, false));
  filter.tasks = {"worker"};
  CHECK(of(filter) == std::pair(10.0, true));
  filter.tasks = {"other"};
  CHECK(of(filter) == std::pair(48.0, false));
  filter.tasks = {"server"};
  filter.comms = {"worker"};
  CHECK(of(filter) == std::pair(8.0, false));
  filter = {};
  filter.comms = {"sh"};
  CHECK(of(filter).first == 1);
}
