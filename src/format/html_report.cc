#include <fmt/format.h>

#include <array>
#include <cmath>
#include <map>

#include "format/escapes.h"
#include "format/formats.h"
#include "format/measure.h"
#include "format/pages.h"
#include "format/report_data.h"
#include "format/trace_notes.h"

namespace oc::format {

namespace {

constexpr std::array<std::string_view, 2> kHtmlExtensions{".html", ".htm"};
/// In the order in which they build on each other.
constexpr std::array<std::string_view, 5> kScripts{
    "report_model.js", "report_flame.js", "report_timeline.js", "report_tables.js", "report.js"};

/// Writes `[…]`, one item each by `item(text, value)`.
template <typename List, typename Item>
void append_list(std::string& text, const List& list, Item item) {
  text += '[';
  for (size_t i = 0; i < list.size(); ++i) {
    if (i != 0) text += ',';
    item(text, list[i]);
  }
  text += ']';
}

void append_texts(std::string& text, const std::vector<std::string>& list) {
  append_list(text, list,
              [](std::string& out, const std::string& item) { append_json(out, item); });
}

void append_facts(std::string& text, const Export& what, const ReportData& data) {
  const machine::TraceFacts& facts = what.machine.facts;
  std::vector<std::pair<std::string, std::string>> rows;
  if (!facts.name.empty()) rows.emplace_back("trace", facts.name);
  for (const auto& [name, value] : facts.host) rows.emplace_back(name, shorten(value, 4000));
  rows.emplace_back("samples", text_in_groups(static_cast<double>(what.selection.count())));
  if (facts.end > 0) rows.emplace_back("duration", text_of_nanos(static_cast<double>(facts.end)));
  const bool has_times =
      data.bins > 1 || data.bin_ns > 1;  // those of other tools' profiles have none
  if (has_times)
    rows.emplace_back("times exact to", text_of_nanos(static_cast<double>(data.bin_ns)));
  append_list(text, rows, [](std::string& out, const auto& row) {
    out += '[';
    append_json(out, row.first);
    out += ',';
    append_json(out, row.second);
    out += ']';
  });
}

/// Functions by ids of texts: modules are few.
void append_functions(std::string& text, const ReportData& data) {
  std::map<std::string, size_t> module_of;
  std::vector<std::string> modules;
  for (const auto& function : data.functions) {
    if (module_of.try_emplace(function.module, modules.size()).second)
      modules.push_back(function.module);
  }
  text += "\"modules\":";
  append_texts(text, modules);
  text += ",\n\"functions\":";
  append_list(text, data.functions, [&](std::string& out, const ReportData::Function& function) {
    out += '[';
    append_json(out, function.name);
    out += fmt::format(",{}]", module_of[function.module]);
  });
}

void append_threads(std::string& text, const Export& what, const ReportData& data) {
  const machine::ProcessTable& table = what.machine.processes;
  std::map<uint32_t, size_t> number_of;
  std::vector<machine::ProcessId> processes;
  const auto process_of = [&](machine::ThreadId thread) {
    return thread ? table.thread(thread).process : machine::ProcessId{};
  };
  for (const machine::ThreadId thread : data.threads) {
    const machine::ProcessId id = process_of(thread);
    if (number_of.try_emplace(id.value, processes.size()).second) processes.push_back(id);
  }
  text += "\"processes\":";
  append_list(text, processes, [&](std::string& out, machine::ProcessId id) {
    out += fmt::format("[{},", id ? table.process(id).pid : -1);
    append_json(out, id ? shorten(what.machine.text(table.process(id).comm), 400) : "no process");
    out += ']';
  });
  text += ",\n\"threads\":";
  append_list(text, data.threads, [&](std::string& out, machine::ThreadId id) {
    const bool has_name = id && !table.thread(id).names.empty();
    const auto name = has_name ? table.thread(id).names.back().name
                      : id     ? table.process(process_of(id)).comm
                               : base::StringId{};
    out += fmt::format("[{},{},", number_of[process_of(id).value], id ? table.thread(id).tid : -1);
    append_json(out, id ? shorten(what.machine.text(name), 400) : "no thread");
    out += ']';
  });
}

void append_kinds(std::string& text, const Export& what, const ReportData& data) {
  append_list(text, data.kinds, [&](std::string& out, machine::KindId id) {
    if (!id) {
      out += "[\"samples\",\"\"]";
      return;
    }
    const machine::Kind& kind = what.machine.kind(id);
    out += '[';
    append_json(out, shorten(what.machine.text(kind.name), 400));
    out += ',';
    append_json(out, machine::unit_of(kind.type));
    out += ']';
  });
}

void append_columns(std::string& text, const ReportData& data) {
  const auto column = [&](std::string_view name, size_t size, const auto& value) {
    std::vector<uint64_t> numbers(size);
    for (size_t i = 0; i < size; ++i) numbers[i] = value(i);
    text += fmt::format(",\n\"{}\":\"{}\"", name, pack_numbers(numbers));
  };
  const auto& nodes = data.nodes;
  const auto& rows = data.rows;
  text += fmt::format(",\n\"nodes\":{},\"rows\":{}", nodes.size(), rows.size());
  column("nodeParent", nodes.size(), [&](size_t i) { return i - nodes[i].parent; });
  column("nodeFunction", nodes.size(), [&](size_t i) { return nodes[i].function; });
  column("nodeKind", nodes.size(), [&](size_t i) { return static_cast<uint64_t>(nodes[i].kind); });
  column("rowBin", rows.size(),
         [&](size_t i) { return rows[i].bin - (i == 0 ? 0 : rows[i - 1].bin); });
  column("rowThread", rows.size(), [&](size_t i) { return rows[i].thread; });
  column("rowCpu", rows.size(), [&](size_t i) { return rows[i].cpu; });
  column("rowEvent", rows.size(), [&](size_t i) { return rows[i].kind; });
  column("rowNode", rows.size(), [&](size_t i) { return rows[i].node; });
  column("rowCount", rows.size(), [&](size_t i) { return rows[i].count; });
  bool is_whole = true;
  for (const auto& row : rows)
    is_whole &= row.sum >= 0 && row.sum < 0x1p53 && row.sum == std::trunc(row.sum);
  if (is_whole) {
    column("rowSum", rows.size(), [&](size_t i) { return static_cast<uint64_t>(rows[i].sum); });
    return;
  }
  std::vector<double> sums;
  for (const auto& row : rows) sums.push_back(std::isfinite(row.sum) ? row.sum : 0);
  text += ",\n\"rowSumDoubles\":\"" + pack_doubles(sums) + "\"";
}

/// [name, kind, count, sum, min, max] for each name of spans, in ns.
void append_spans(std::string& text, const Export& what) {
  struct Sums {
    uint64_t count = 0;
    double sum = 0;
    int64_t least = INT64_MAX, most = 0;
  };
  std::map<std::pair<uint32_t, uint32_t>, Sums> by_name;
  for (const machine::Span& span : what.machine.spans.all()) {
    if (!what.selection.takes(span)) continue;
    Sums& sums = by_name[{span.name.value, span.kind.value}];
    const int64_t length = span.end - span.start;
    ++sums.count;
    sums.sum += static_cast<double>(length);
    sums.least = std::min(sums.least, length);
    sums.most = std::max(sums.most, length);
  }
  const std::vector<std::pair<std::pair<uint32_t, uint32_t>, Sums>> rows(by_name.begin(),
                                                                         by_name.end());
  append_list(text, rows, [&](std::string& out, const auto& row) {
    const auto& [key, sums] = row;
    out += '[';
    append_json(out, shorten(what.machine.text(base::StringId{key.first}), 400));
    out += ',';
    append_json(out, key.second == 0
                         ? ""
                         : what.machine.text(what.machine.kind(machine::KindId{key.second}).name));
    out += fmt::format(",{},{:.0f},{},{}]", sums.count, sums.sum, sums.least, sums.most);
  });
}

std::string json_of(const Export& what, const ReportData& data) {
  std::string text = "{\"title\":";
  append_json(text, shorten(title_of(what), 1000));
  text += ",\n\"notes\":";
  append_texts(text, trace_notes(what.machine));
  text += ",\n\"thinned\":";
  append_texts(text, data.thinned);
  text += ",\n\"facts\":";
  append_facts(text, what, data);
  text += fmt::format(",\n\"start\":{},\"binNs\":{},\"bins\":{},\n", data.start, data.bin_ns,
                      data.bins);
  append_functions(text, data);
  text += ",\n";
  append_threads(text, what, data);
  text += ",\n\"kinds\":";
  append_kinds(text, what, data);
  text += ",\n\"spans\":";
  append_spans(text, what);
  append_columns(text, data);
  return text + "}\n";
}

/// The page with its parts in the places that it marks: <!--title-->, <!--style-->, <!--data-->, <!--script-->.
base::Status write_html(const Export& what, Output& out) {
  const ReportData data = make_report_data(what);
  if (what.progress && !what.progress(0.7)) {
    return base::make_error(base::Code::kUsage, "the export was given up");
  }
  std::string_view page = page_text("report.html");
  while (!page.empty()) {
    const size_t from = std::min(page.find("<!--"), page.size());
    const size_t to = std::min(page.find("-->", from), page.size());
    out.write(page.substr(0, from));
    const std::string_view mark = page.substr(from, to - from);
    page.remove_prefix(std::min(to + 3, page.size()));
    if (mark == "<!--title") {
      std::string title;
      append_xml(title, shorten(title_of(what), 1000));
      out.write(title);
    } else if (mark == "<!--style") {
      out.write(page_text("report.css"));
    } else if (mark == "<!--data") {
      out.write(json_of(what, data));
    } else if (mark == "<!--script") {
      for (const std::string_view script : kScripts) out.write(page_text(script));
    }
  }
  return {};
}

}  // namespace

Exporter html_report_exporter() {
  Holds holds;
  holds.lines = false;
  holds.spans = holds.losses = true;
  return {"html", "a report to look at: flame graph, timeline, tables, in one page",
          kHtmlExtensions, holds, write_html};
}

}  // namespace oc::format
