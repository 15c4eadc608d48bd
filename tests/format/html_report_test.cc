#include "format/exported_world.h"
#include "format/report_data.h"
#include "support/sample_maker.h"

using namespace oc;
using format::ReportData;
using machine::Machine;
using test::count_of;
using test::exported;
using test::has;

namespace {

ReportData data_of(Machine& machine, const format::ReportLimits& limits = {}) {
  const auto selection = machine::Selection::make(machine, {});
  REQUIRE(selection);
  return format::make_report_data({machine, *selection, {}, true, true, {}}, limits);
}

struct Sums {
  uint64_t count = 0;
  double sum = 0;
};

Sums sums_of(const ReportData& data) {
  Sums sums;
  for (const auto& row : data.rows) {
    sums.count += row.count;
    sums.sum += row.sum;
  }
  return sums;
}

}  // namespace

TEST_CASE("samples that are alike are one row of a report") {
  Machine machine;
  test::SampleMaker maker(machine);
  const auto stack = maker.stack({"main", "work"});
  for (int i = 0; i < 100; ++i) maker.add("cycles", 5, 3, 1, 1, "a", stack, 2);
  maker.add("cycles", 6, 4, 1, 1, "a", stack, 2);
  maker.add("cycles", 6, 4, 1, 1, "a", 0, machine::kNoCpu);
  const ReportData data = data_of(machine);
  REQUIRE(data.rows.size() == 3);
  CHECK(data.rows[0].count == 100);
  CHECK(data.rows[0].sum == 300);
  CHECK(data.rows[0].cpu == 3);
  CHECK(data.rows[1].cpu == 0);
  CHECK(data.rows[1].node == 0);
  CHECK(data.bins == 2);
  CHECK(data.functions[data.nodes[data.rows[0].node].function].name == "work");
}

TEST_CASE("times from the first to the last lie in bins of one width") {
  Machine machine;
  test::SampleMaker maker(machine);
  for (const int64_t time : {INT64_MIN / 2, int64_t{0}, INT64_MAX / 2})
    maker.add("cycles", time, 1, 1, 1, "a", 0);
  const ReportData data = data_of(machine);
  CHECK(data.bins <= 1024);
  CHECK(data.rows.front().bin == 0);
  CHECK(data.rows.back().bin == data.bins - 1);
}

TEST_CASE("a report is thinned until it fits, loses no weight and says what was done") {
  Machine machine;
  test::fill_many(machine, 20000);
  const Sums all = sums_of(data_of(machine));
  CHECK(all.count == 20000);
  for (const format::ReportLimits& limits :
       {format::ReportLimits{1024, 500, 300000}, format::ReportLimits{1024, 100000, 2000},
        format::ReportLimits{64, 100, 100}}) {
    const ReportData data = data_of(machine, limits);
    CHECK_FALSE(data.thinned.empty());
    const Sums sums = sums_of(data);
    CHECK(sums.count == all.count);
    CHECK(sums.sum == all.sum);
    CHECK(data.nodes.size() <= 2 * limits.most_nodes + 2);
    for (uint32_t i = 1; i < data.nodes.size(); ++i) REQUIRE(data.nodes[i].parent < i);
    for (const auto& row : data.rows) {
      REQUIRE(row.node < data.nodes.size());
      REQUIRE(row.bin < data.bins);
    }
  }
  CHECK(data_of(machine, {1024, 100000, 2000}).rows.size() <= 2000);
}

TEST_CASE("numbers are packed as LEB128 in base64") {
  CHECK(format::pack_numbers({}).empty());
  CHECK(format::pack_numbers({0}) == "AA==");
  CHECK(format::pack_numbers({127, 128, 300}) == "f4ABrAI=");
  CHECK(format::pack_numbers({UINT64_MAX}) == "////////////AQ==");
  CHECK(format::pack_doubles({1.0}) == "AAAAAAAA8D8=");
}

TEST_CASE("a report carries its parts, loads nothing and tells losses") {
  const std::string page = exported("web", "html");
  CHECK(count_of(page, "<!--") == 0);
  CHECK(has(page, "<title>web.data</title>"));
  CHECK(has(page, "default-src 'none'"));
  CHECK_FALSE(has(page, "http://"));
  CHECK_FALSE(has(page, "https://"));
  CHECK(has(page, "\"notes\":[\"17 records were lost: 17 cycles\"]"));
  CHECK(has(page, "[\"across\",\"request\",1,9000000,9000000,9000000]"));
  CHECK(exported("web", "html") == page);
}

TEST_CASE("names in a report cannot end its script") {
  const std::string page = exported("hostile", "html");
  CHECK(count_of(page, "</script>") == 2);
  CHECK(count_of(page, "<script") == 2);
  CHECK(count_of(page, "</title>") == 1);
  CHECK(page.find('\0') == std::string::npos);
  CHECK(page.size() < 200000);
}

TEST_CASE("reports of no samples and of one sample are reports") {
  CHECK(has(exported("empty", "html"), "\"nodes\":1,\"rows\":0"));
  CHECK(has(exported("one", "html"), "\"nodes\":3,\"rows\":1"));
}
