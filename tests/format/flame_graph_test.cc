#include "format/exported_world.h"
#include "format/flame_diff.h"
#include "format/flame_layout.h"
#include "format/frame_texts.h"
#include "support/sample_maker.h"

using namespace oc;
using machine::Graph;
using machine::Machine;
using machine::Selection;
using test::count_of;
using test::exported;
using test::has;

namespace {

/// The tooltip of the first frame of that name, or "".
std::string tooltip(const std::string& svg, const std::string& name) {
  const size_t from = svg.find("<title>" + name + "\n");
  if (from == std::string::npos) return "";
  return svg.substr(from + 7, svg.find("</title>", from) - from - 7);
}

std::string style_of(const std::string& svg, const std::string& name) {
  const size_t from = svg.find("\"><title>" + name + "\n");
  if (from == std::string::npos) return "";
  const size_t quote = svg.rfind('"', from - 1);
  return svg.substr(quote + 1, from - quote - 1);
}

Graph graph_of(Machine& machine) {
  const auto selection = Selection::make(machine, {});
  REQUIRE(selection);
  return Graph::make(*selection, {});
}

double count_weight(const Graph::Node& node) { return static_cast<double>(node.total_count); }

std::string diff_of(Machine& before, Machine& after, double scale, bool by_before = false) {
  const Graph left = graph_of(before), right = graph_of(after);
  std::string bytes;
  const auto out = format::Output::into(bytes);
  REQUIRE(format::write_flame_diff({left, right, {}, scale, by_before, "", {}}, *out));
  REQUIRE(out->finish());
  return bytes;
}

}  // namespace

TEST_CASE("a flame graph tells each frame's share, kind and module") {
  const std::string svg = exported("web", "flamegraph");
  CHECK(tooltip(svg, "all") == "all\n40,000 cycles, 100.00%");
  CHECK(tooltip(svg, "web") == "web\n30,000 cycles, 75.00%");
  CHECK(tooltip(svg, "parse") == "parse\n/srv/web (user)\n12,000 cycles, 30.00%");
  CHECK(tooltip(svg, "next") == "next\n/srv/web (inlined)\n12,000 cycles, 30.00%");
  CHECK(style_of(svg, "next").substr(0, 8) == "inlined-");
  CHECK(style_of(svg, "vfs_read").substr(0, 7) == "kernel-");
  CHECK(style_of(svg, "handler").substr(0, 4) == "jit-");
  CHECK(style_of(svg, "[plugin.so]").substr(0, 8) == "unknown-");
  CHECK(style_of(svg, "main").substr(0, 5) == "user-");
  CHECK(has(svg, "40 samples, width is their value: 40,000 cycles"));
  CHECK(has(svg, "17 records were lost: 17 cycles"));
  CHECK(has(svg, ">web.data</text>"));
}

TEST_CASE("a flame graph of no samples is an empty picture, of one sample a whole one") {
  CHECK(count_of(exported("empty", "flamegraph"), "<g class=\"none-0\"><title>") == 1);
  const std::string one = exported("one", "flamegraph");
  CHECK(tooltip(one, "work") == "work\n/bin/prog (user)\n7 cycles, 100.00%");
}

TEST_CASE("names in a flame graph are texts, whatever they are") {
  const std::string svg = exported("hostile", "flamegraph");
  CHECK(has(svg,
            "&lt;/script&gt;&lt;/title&gt;&lt;b a=&quot;1&quot; "
            "c=&#39;2&#39;&gt;&amp;amp;{{x}};]]&gt;&lt;!--"));
  CHECK(count_of(svg, "]]>") == 1);  // the end of the script
  CHECK(svg.find('\0') == std::string::npos);
  CHECK(svg == std::string(svg.c_str()));
  CHECK_FALSE(has(svg, "\xef\xbf\xbf"));
  CHECK(has(svg, std::string(1500, 'x') + "\xe2\x80\xa6"));  // 64 KiB are cut
  CHECK(svg.size() < 60000);
}

TEST_CASE("samples of several kinds weigh one each, and the picture says so") {
  Machine machine;
  test::SampleMaker maker(machine);
  maker.add("cycles", 1, 1000, 1, 1, "a", maker.stack({"main", "f"}));
  maker.add("faults", 2, 1, 1, 1, "a", maker.stack({"main", "g"}));
  const std::string svg = exported(machine, "flamegraph");
  CHECK(tooltip(svg, "f") == "f\n/bin/prog (user)\n1 sample, 50.00%");
  CHECK(has(svg, "2 kinds of samples: each sample weighs 1"));
  machine::Filter cycles;
  cycles.kinds = {"cycles"};
  CHECK(tooltip(exported(machine, "flamegraph", {cycles, "", true, true}), "f") ==
        "f\n/bin/prog (user)\n1,000 cycles, 100.00%");
}

TEST_CASE("values below zero are not drawn as widths") {
  Machine machine;
  test::SampleMaker maker(machine);
  maker.add("bytes", 1, -5, 1, 1, "a", maker.stack({"main", "free"}));
  maker.add("bytes", 2, 5, 1, 1, "a", maker.stack({"main", "malloc"}));
  const std::string svg = exported(machine, "flamegraph");
  CHECK(tooltip(svg, "free") == "free\n/bin/prog (user)\n1 sample, 50.00%");
  CHECK(has(svg, "there are values below zero"));
}

TEST_CASE("a layout leaves out what is too narrow, too deep or too much, and counts it") {
  Machine machine;
  test::fill_deep(machine);
  const Graph graph = graph_of(machine);
  const auto all = format::lay_out(graph, count_weight, {0, UINT32_MAX, UINT32_MAX});
  CHECK(all.boxes.size() == graph.nodes().size());
  CHECK(all.levels == 4001);
  for (const format::FlameLimits& limits :
       {format::FlameLimits{1.0 / 1000, 20000, 100}, format::FlameLimits{0, 500, 50},
        format::FlameLimits{0, 1, 1}}) {
    const auto some = format::lay_out(graph, count_weight, limits);
    CHECK(some.boxes.size() <= limits.most_boxes);
    CHECK(some.levels <= limits.most_depth);
    CHECK(some.boxes.size() + some.too_narrow + some.too_deep == graph.nodes().size());
    for (const auto& box : some.boxes) CHECK(box.width >= limits.narrowest);
  }
}

TEST_CASE("callees lie above their caller and beside each other") {
  Machine machine;
  test::fill_many(machine, 5000);
  const Graph graph = graph_of(machine);
  const auto layout = format::lay_out(graph, count_weight, {0, UINT32_MAX, UINT32_MAX});
  std::vector<format::FlameBox> box_of(graph.nodes().size());
  std::vector<double> used(graph.nodes().size(), 0);
  for (const auto& box : layout.boxes) box_of[box.node] = box;
  for (const auto& box : layout.boxes) {
    if (box.node == 0) continue;
    const auto& caller = box_of[graph.nodes()[box.node].parent];
    REQUIRE(box.depth == caller.depth + 1);
    REQUIRE(box.left >= caller.left - 1e-9);
    REQUIRE(box.left + box.width <= caller.left + caller.width + 1e-9);
    used[caller.node] += box.width;
  }
  for (const auto& box : layout.boxes) REQUIRE(used[box.node] <= box.width + 1e-9);
}

TEST_CASE(
    "50,000 different stacks and a deep one make a bounded picture that says what is missing") {
  const std::string svg = exported("deep", "flamegraph");
  CHECK(has(svg, "frames are left out:"));
  CHECK(has(svg, "deeper than 1800 levels"));
  CHECK(svg.size() < 8'000'000);
}

TEST_CASE("the same machine gives the same picture") {
  CHECK(exported("many", "flamegraph") == exported("many", "flamegraph"));
}

TEST_CASE("a differential flame graph compares shares of the same paths") {
  Machine before, after;
  test::fill_web(before);
  test::fill_web_later(after);
  const std::string svg = diff_of(before, after, 0);
  CHECK(tooltip(svg, "hash") ==
        "hash\n/srv/web\nwith callees: 0.00% before, 20.00% now (+20.00 points), from 0 samples to "
        "10 samples\n"
        "itself: 0.00% before, 20.00% now (+20.00 points), from 0 samples to 10 samples");
  CHECK(has(tooltip(svg, "parse"),
            "35.00% before, 60.00% now (+25.00 points), from 14 samples to 30 samples"));
  CHECK(style_of(svg, "hash") == "more-4");
  CHECK(style_of(svg, "all") == "same");
  CHECK(tooltip(svg, "copy").empty());
  CHECK(has(svg, "of the whole is not shown: it is only in the first"));
}

TEST_CASE("a differential flame graph of what was shows what went away") {
  Machine before, after;
  test::fill_web(before);
  test::fill_web_later(after);
  const std::string svg = diff_of(before, after, 0, true);
  CHECK(has(tooltip(svg, "copy"), "17.50% before, 0.00% now (-17.50 points)"));
  CHECK(style_of(svg, "copy") == "less-4");
  CHECK(has(svg, "20.00% of the whole is not shown: it is only in the second"));
}

TEST_CASE("weights are compared as they are where the caller gives their ratio") {
  Machine before, after;
  test::fill_web(before);
  test::fill_web_later(after);
  const std::string svg = diff_of(before, after, 1);
  CHECK(has(tooltip(svg, "all"),
            "80.00% before, 100.00% now (+20.00 points), from 40 samples to 50 samples"));
  Machine same, again;
  test::fill_web(same);
  test::fill_web(again);
  const std::string none = diff_of(same, again, 0);
  CHECK(count_of(none, "class=\"same\"><title>") > 8);
  CHECK_FALSE(has(none, "><title>main\n/srv/web\nwith callees: 100.00% before, 99"));
  CHECK(count_of(none, "<g class=\"more-") + count_of(none, "<g class=\"less-") ==
        4);  // the legend
  Machine empty, also_empty;
  CHECK(has(diff_of(empty, also_empty, 0), "<title>all\n"));
}
