#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "format/escapes.h"
#include "format/firefox_thread.h"
#include "format/formats.h"
#include "format/time_order.h"

namespace oc::format {

namespace {

constexpr std::array<std::string_view, 1> kFirefoxExtensions{".firefox.json"};

using machine::Machine;
using machine::ThreadId;

std::string quoted(std::string_view text) {
  std::string json;
  append_json(json, text);
  return json;
}

/// A machine as Firefox Profiler's processed profile, version 55: it upgrades older versions and refuses newer ones, so
/// this one is kept. Source: its src/types/profile.js of that version; docs/formats/firefox.md.
///
/// Samples of one kind are samples: of the processor's time where there are such, else the most frequent kind. All
/// other samples are markers with a stack, and so are spans.
class FirefoxExport {
 public:
  FirefoxExport(const Export& what, Output& out)
      : what_(what), out_(out), machine_(what.machine), libs_(machine_) {}

  base::Status run() {
    name_frames(what_);
    spans_ = chosen_spans(what_.selection);
    choose_kind();
    gather();
    out_.write("{\"threads\":[");
    // The reader opens no profile without threads.
    std::vector<uint32_t> order = order_threads();
    if (order.empty()) order.push_back(0);
    for (size_t i = 0; i < order.size() && out_.status(); ++i) {
      if (i != 0) out_.write(",");
      write_thread(order[i]);
      if (what_.progress && !what_.progress(double(i + 1) / double(order.size()))) {
        return base::make_error(base::Code::kUsage, "the export was given up");
      }
    }
    out_.write("],\"libs\":" + libs_.text() + ",\"meta\":" + meta() + "}\n");
    return {};
  }

 private:
  /// What belongs to one thread.
  struct Parts {
    std::vector<uint64_t> samples;  ///< numbers, in order of time
    std::vector<machine::SpanId> spans;
  };

  void choose_kind();
  void gather();
  std::vector<uint32_t> order_threads() const;
  void write_thread(uint32_t id);
  FirefoxThread::Facts facts_of(ThreadId id) const;
  std::string number_of(int32_t number, uint32_t life,
                        const std::map<int32_t, std::vector<uint32_t>>& lives) const;
  void add_span(const machine::Span& span, FirefoxThread& thread);
  void add_event(const machine::Sample& sample, FirefoxThread& thread);
  std::string attributes(machine::AttributesId id, std::set<std::string>& keys) const;
  double weight_of(const machine::Sample& sample) const;
  std::string_view weight_type() const;
  std::string meta() const;
  std::string schemas() const;
  std::string extra() const;
  double ms(int64_t time) const { return double(time - zero_) / 1e6; }
  base::StringId kind_name(machine::KindId kind) const {
    return kind && kind.value <= machine_.kinds().size() ? machine_.kind(kind).name
                                                         : base::StringId{};
  }

  const Export& what_;
  Output& out_;
  Machine& machine_;
  FirefoxLibs libs_;
  std::vector<machine::SpanId> spans_;
  std::vector<Parts> parts_;  ///< by ThreadId; 0: of no thread
  machine::KindId kind_;      ///< of what are samples
  int64_t zero_ = 0, last_ = 0;
  std::map<std::string, std::set<std::string>> schemas_;  ///< fields by type of marker
  std::map<int32_t, std::vector<uint32_t>> pids_, tids_;  ///< lives of each
};

void FirefoxExport::choose_kind() {
  std::vector<uint64_t> counts(machine_.kinds().size() + 1, 0);
  what_.selection.for_each([&](const machine::Sample& sample, uint64_t) {
    if (sample.kind.value >= counts.size()) counts.resize(sample.kind.value + 1, 0);
    ++counts[sample.kind.value];
    zero_ = std::min(zero_, sample.time);
    last_ = std::max(last_, sample.time);
  });
  uint64_t most = 0;
  bool is_cpu = false;
  for (uint32_t id = 0; id < counts.size(); ++id) {
    const bool is_known = id != 0 && id <= machine_.kinds().size();
    const bool cpu = is_known && machine_.text(machine_.kind({id}).group) == "cpu";
    if (counts[id] == 0 || (is_cpu && !cpu)) continue;
    if (counts[id] <= most && cpu == is_cpu) continue;
    kind_ = {id};
    most = counts[id];
    is_cpu = cpu;
  }
}

void FirefoxExport::gather() {
  const machine::ProcessTable& processes = machine_.processes;
  parts_.resize(processes.threads().size() + 1);
  const auto thread_of = [&](machine::ContextId context) {
    return context ? processes.context(context).thread.value : 0;
  };
  for_each_in_time(what_.selection, [&](const machine::Sample& sample, uint64_t number) {
    parts_[thread_of(sample.context)].samples.push_back(number);
  });
  for (const machine::SpanId id : spans_) {
    const machine::Span& span = machine_.spans[id];
    parts_[thread_of(span.context)].spans.push_back(id);
    zero_ = std::min(zero_, span.start);
    last_ = std::max(last_, span.end);
  }
  for (uint32_t id = 1; id < parts_.size(); ++id) tids_[processes.thread({id}).tid].push_back(id);
  for (uint32_t id = 1; id <= processes.processes().size(); ++id) {
    pids_[processes.process({id}).pid].push_back(id);
  }
}

/// Threads of a process lie together, its first one before the others.
std::vector<uint32_t> FirefoxExport::order_threads() const {
  std::vector<uint32_t> order;
  const machine::ProcessTable& processes = machine_.processes;
  for (uint32_t id = 0; id < parts_.size(); ++id) {
    if (!parts_[id].samples.empty() || !parts_[id].spans.empty()) order.push_back(id);
  }
  const auto key = [&](uint32_t id) {
    if (id == 0) return std::tuple(uint32_t{0}, false, id);
    const machine::Thread& thread = processes.thread({id});
    return std::tuple(thread.process.value, thread.tid != processes.process(thread.process).pid,
                      id);
  };
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return key(a) < key(b); });
  return order;
}

/// "100", and "100.1" for who has the number of one before it: the reader takes them as names.
std::string FirefoxExport::number_of(int32_t number, uint32_t life,
                                     const std::map<int32_t, std::vector<uint32_t>>& lives) const {
  const auto at = lives.find(number);
  if (at == lives.end()) return std::to_string(number);
  const auto place = std::find(at->second.begin(), at->second.end(), life) - at->second.begin();
  return place == 0 ? std::to_string(number) : fmt::format("{}.{}", number, place);
}

FirefoxThread::Facts FirefoxExport::facts_of(ThreadId id) const {
  FirefoxThread::Facts facts;
  if (!id) return {"no thread", "no process", "0", "0", true, 0, -1};
  const machine::Thread& thread = machine_.processes.thread(id);
  const machine::Process& process = machine_.processes.process(thread.process);
  const base::StringId name = thread.names.empty() ? process.comm : thread.names.back().name;
  facts.name = machine_.text(name);
  facts.process_name = machine_.text(process.comm);
  facts.pid = number_of(process.pid, thread.process.value, pids_);
  facts.tid = number_of(thread.tid, id.value, tids_);
  facts.is_main = thread.tid == process.pid;
  facts.start = thread.start == machine::kBeforeTrace ? 0 : std::max(0.0, ms(thread.start));
  facts.end = thread.end == machine::kAfterTrace ? -1 : ms(thread.end);
  return facts;
}

double FirefoxExport::weight_of(const machine::Sample& sample) const {
  const double weight = what_.weight_of(sample);
  return weight_type() == "tracing-ms" ? weight / 1e6 : weight;
}

std::string_view FirefoxExport::weight_type() const {
  if (!what_.values || !kind_name(kind_)) return "samples";
  const machine::ValueType type = machine_.kind(kind_).type;
  if (type == machine::ValueType::kBytes) return "bytes";
  return type == machine::ValueType::kDuration ? "tracing-ms" : "samples";
}

/// `,"name":value` for each, and their names among the keys of that type of marker.
std::string FirefoxExport::attributes(machine::AttributesId id, std::set<std::string>& keys) const {
  std::string data;
  if (!id) return data;
  for (const machine::Attribute& attribute : machine_.attributes.all(id)) {
    std::string key(machine_.text(attribute.name));
    if (key == "type" || key == "cause" || key == "value") key += "_";
    key = shorten(key, 200);
    if (keys.size() >= 1000 && keys.count(key) == 0) continue;  // each is a row of every tooltip
    keys.insert(key);
    data += "," + quoted(key) + ":";
    data += quoted(attribute.is_text ? std::string(machine_.text(attribute.text))
                                     : machine::text_of_number(attribute.number));
  }
  return data;
}

void FirefoxExport::add_span(const machine::Span& span, FirefoxThread& thread) {
  const std::string type = "span " + shorten(machine_.text(kind_name(span.kind)), 200);
  std::string data = "\"type\":" + quoted(type);
  data += attributes(span.attributes, schemas_[type]);
  thread.add_marker(span.name ? span.name : kind_name(span.kind), ms(span.start), ms(span.end),
                    false, std::move(data), span.stack);
}

void FirefoxExport::add_event(const machine::Sample& sample, FirefoxThread& thread) {
  const std::string type = "event " + shorten(machine_.text(kind_name(sample.kind)), 200);
  std::string data = "\"type\":" + quoted(type) + ",\"value\":";
  append_json(data, what_.weight_of(sample));
  data += attributes(sample.attributes, schemas_[type]);
  thread.add_marker(kind_name(sample.kind), ms(sample.time), ms(sample.time), true, std::move(data),
                    sample.stack);
}

void FirefoxExport::write_thread(uint32_t id) {
  FirefoxThread thread(what_, libs_);
  for (const uint64_t number : parts_[id].samples) {
    const machine::Sample sample = machine_.samples[number];
    if (sample.kind == kind_) {
      thread.add_sample(ms(sample.time), sample.stack, weight_of(sample));
    } else {
      add_event(sample, thread);
    }
  }
  for (const machine::SpanId span : parts_[id].spans) add_span(machine_.spans[span], thread);
  thread.write(facts_of({id}), weight_type(), out_);
  parts_[id] = {};
}

std::string FirefoxExport::schemas() const {
  std::string text = "[";
  for (const auto& [type, keys] : schemas_) {
    if (text.size() > 1) text += ",";
    text += "{\"name\":" + quoted(type) +
            ",\"display\":[\"marker-chart\",\"marker-table\",\"timeline-overview\"],\"fields\":[";
    std::string fields;
    if (type.starts_with("event "))
      fields = ",{\"key\":\"value\",\"label\":\"value\",\"format\":\"decimal\"}";
    for (const std::string& key : keys) {
      fields +=
          ",{\"key\":" + quoted(key) + ",\"label\":" + quoted(key) + ",\"format\":\"string\"}";
    }
    text += (fields.empty() ? fields : fields.substr(1)) + "]}";
  }
  return text + "]";
}

/// What is shown about the profile: losses first, then the machine that it comes from.
std::string FirefoxExport::extra() const {
  const auto section = [](std::string_view label, const std::string& entries) {
    if (entries.empty()) return std::string();
    return ",{\"label\":" + quoted(label) + ",\"entries\":[" + entries.substr(1) + "]}";
  };
  const auto entry = [](std::string_view label, std::string_view format, const std::string& value) {
    return ",{\"label\":" + quoted(label) + ",\"format\":\"" + std::string(format) +
           "\",\"value\":" + value + "}";
  };
  std::string losses, notes, host;
  for (const machine::Loss& loss : machine_.facts.losses) {
    if (loss.records == 0) continue;
    std::string label =
        loss.cpu < 0 ? std::string("no CPU known") : fmt::format("CPU {}", loss.cpu);
    if (loss.event) label += " (" + shorten(machine_.text(loss.event), 200) + ")";
    losses += entry(label, "integer", std::to_string(loss.records));
  }
  if (machine_.dropped() != 0)
    losses += entry("let go to save memory", "integer", std::to_string(machine_.dropped()));
  for (const std::string& note : machine_.facts.notes)
    notes += entry("note", "string", quoted(note));
  for (const auto& [name, value] : machine_.facts.host)
    host += entry(name, "string", quoted(value));
  const std::string all =
      section("Lost records", losses) + section("Notes", notes) + section("Machine", host);
  return "[" + (all.empty() ? all : all.substr(1)) + "]";
}

std::string FirefoxExport::meta() const {
  const machine::TraceFacts& facts = machine_.facts;
  double interval = 1;
  if (kind_name(kind_)) {
    const machine::Kind& kind = machine_.kind(kind_);
    if (kind.type == machine::ValueType::kDuration && kind.period > 0) interval = kind.period / 1e6;
  }
  const double start =
      facts.wall_offset == 0
          ? 0
          : double(facts.wall_offset + static_cast<int64_t>(facts.start_ns) + zero_) / 1e6;
  const std::string title = what_.title.empty() ? facts.name : what_.title;
  std::string text =
      "{\"version\":31,\"preprocessedProfileVersion\":55,\"processType\":0,\"stackwalk\":1,"
      "\"debug\":false";
  text += fmt::format(
      ",\"interval\":{},\"startTime\":{},\"profilingStartTime\":0,\"profilingEndTime\":{}",
      interval, start, ms(std::max(last_, facts.end)) + interval);
  text += fmt::format(",\"startTimeAsClockMonotonicNanosecondsSinceBoot\":{}",
                      static_cast<int64_t>(facts.start_ns) + zero_);
  text += ",\"product\":" + quoted(title.empty() ? "oc" : title) + ",\"importedFrom\":\"oc\"";
  const auto fact = [&](const char* name, const char* key) {
    const auto at = facts.host.find(name);
    if (at != facts.host.end()) text += fmt::format(",\"{}\":", key) + quoted(at->second);
  };
  fact("kernel", "oscpu");
  fact("cpu", "CPUName");
  fact("command", "arguments");
  text += R"(,"categories":[{"name":"Other","color":"grey","subcategories":["Other"]},)"
          R"({"name":"User","color":"yellow","subcategories":["Other"]},)"
          R"({"name":"Kernel","color":"orange","subcategories":["Other"]}])";
  text +=
      ",\"symbolicated\":true,\"usesOnlyOneStackType\":true,\"sourceCodeIsNotOnSearchfox\":true";
  return text + ",\"keepProfileThreadOrder\":true,\"markerSchema\":" + schemas() +
         ",\"extra\":" + extra() + "}";
}

base::Status write_firefox(const Export& what, Output& out) {
  return FirefoxExport(what, out).run();
}

}  // namespace

Exporter firefox_exporter() {
  Holds holds;
  holds.build_ids = holds.spans = holds.losses = true;
  return {"firefox", "threads, samples and markers for profiler.firefox.com", kFirefoxExtensions,
          holds, write_firefox};
}

}  // namespace oc::format
