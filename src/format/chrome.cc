#include <fmt/format.h>

#include <array>
#include <set>
#include <unordered_map>
#include <vector>

#include "format/escapes.h"
#include "format/formats.h"
#include "format/frame_texts.h"
#include "format/measure.h"
#include "format/sample_rows.h"
#include "format/span_tracks.h"
#include "format/time_order.h"
#include "format/trace_notes.h"
#include "machine/pair_table.h"

namespace oc::format {

namespace {

using machine::Sample;

constexpr std::array<std::string_view, 3> kChromeExtensions{".trace.json", ".chrome.json",
                                                            ".trace"};
constexpr size_t kMostChromeName = 2000;

/// ns as µs, exactly.
std::string micros(int64_t nanos) {
  const bool is_negative = nanos < 0;
  const uint64_t size =
      is_negative ? 0 - static_cast<uint64_t>(nanos) : static_cast<uint64_t>(nanos);
  return fmt::format("{}{}.{:03}", is_negative ? "-" : "", size / 1000, size % 1000);
}

/// Writes the JSON object of a trace. Source: "Trace Event Format" (Google, 2016); what readers insist on is in
/// docs/formats/chrome.md.
class ChromeWriter {
 public:
  ChromeWriter(const Export& what, Output& out) : what_(what), machine_(what.machine), out_(out) {}

  base::Status write() {
    text_ = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n";
    write_names();
    write_spans();
    const bool is_done = write_points() && (write_end_of_events(), write_samples());
    if (!is_done) return base::make_error(base::Code::kUsage, "the export was given up");
    write_facts();
    text_ += "}\n";
    out_.write(text_);
    return {};
  }

 private:
  struct Ids {
    int32_t pid = 0, tid = 0;
  };

  Ids ids_of(machine::ContextId context) const {
    if (!context) return {};
    const machine::Thread& thread =
        machine_.processes.thread(machine_.processes.context(context).thread);
    return {machine_.processes.process(thread.process).pid, thread.tid};
  }

  void string(std::string_view value) { append_json(text_, shorten(value, kMostChromeName)); }

  /// Begins an object of the list at hand.
  void begin(std::string_view head) {
    if (text_.size() > 1 << 16) {
      out_.write(text_);
      text_.clear();
    }
    if (!is_first_) text_ += ",\n";
    is_first_ = false;
    text_ += head;
  }

  /// {"ph":"M", …} with a time although it has none: some readers want it of every event.
  void write_name(std::string_view what, Ids ids, std::string_view name) {
    begin("{\"ph\":\"M\",\"ts\":0,\"name\":");
    append_json(text_, what);
    text_ += fmt::format(",\"pid\":{},\"tid\":{},\"args\":{{\"name\":", ids.pid, ids.tid);
    string(name);
    text_ += "}}";
  }

  /// Of the processes and threads that samples or spans refer to. Of two lives of one pid the later names it.
  void write_names() {
    std::vector<uint8_t> is_used(machine_.processes.contexts().size() + 1, 0);
    what_.selection.for_each(
        [&](const Sample& sample, uint64_t) { is_used[sample.context.value] = 1; });
    for (const machine::Span& span : machine_.spans.all()) {
      if (what_.selection.takes(span)) is_used[span.context.value] = 1;
    }
    std::set<uint32_t> threads, processes;
    for (uint32_t id = 1; id < is_used.size(); ++id) {
      if (is_used[id]) threads.insert(machine_.processes.context({id}).thread.value);
    }
    for (const uint32_t id : threads)
      processes.insert(machine_.processes.thread({id}).process.value);
    // Readers refuse a list without events.
    if (is_used[0] != 0 || processes.empty()) write_name("process_name", {}, "no process");
    for (const uint32_t id : processes) {
      const machine::Process& process = machine_.processes.process({id});
      write_name("process_name", {process.pid, process.pid}, machine_.text(process.comm));
    }
    for (const uint32_t id : threads) {
      const machine::Thread& thread = machine_.processes.thread({id});
      const machine::Process& process = machine_.processes.process(thread.process);
      const base::StringId name = thread.names.empty() ? process.comm : thread.names.back().name;
      write_name("thread_name", {process.pid, thread.tid}, machine_.text(name));
    }
  }

  void write_spans() {
    for (const TrackSpan& track : nest_spans(what_.selection)) {
      const machine::Span& span = machine_.spans[track.span];
      if (track.is_nested) {
        begin("{\"ph\":\"X\",");
        write_span(span, track.span);
        text_ +=
            ",\"ts\":" + micros(span.start) + ",\"dur\":" + micros(span.end - span.start) + "}";
        continue;
      }
      // What overlaps has a track of its own, by its id.
      for (const bool is_begin : {true, false}) {
        begin(is_begin ? "{\"ph\":\"b\"," : "{\"ph\":\"e\",");
        write_span(span, track.span);
        text_ += fmt::format(",\"id\":\"{}\",\"ts\":{}}}", track.span.value,
                             micros(is_begin ? span.start : span.end));
      }
    }
  }

  void write_span(const machine::Span& span, machine::SpanId id) {
    const Ids ids = ids_of(span.context);
    text_ += "\"name\":";
    string(machine_.text(span.name));
    text_ += ",\"cat\":";
    string(span.kind ? machine_.text(machine_.kind(span.kind).name) : "span");
    text_ +=
        fmt::format(",\"pid\":{},\"tid\":{},\"args\":{{\"span\":{}", ids.pid, ids.tid, id.value);
    if (span.parent) text_ += fmt::format(",\"parent\":{}", span.parent.value);
    if (span.cpu != machine::kNoCpu) text_ += fmt::format(",\"cpu\":{}", span.cpu);
    write_attributes(span.attributes);
    text_ += "}";
  }

  void write_attributes(machine::AttributesId set) {
    for (const machine::Attribute& attribute : machine_.attributes.all(set)) {
      text_ += ",";
      string(machine_.text(attribute.name));
      text_ += ":";
      if (attribute.is_text) {
        string(machine_.text(attribute.text));
      } else {
        append_json(text_, attribute.number);
      }
    }
  }

  void write_record(const Sample& sample, uint64_t number) {
    const auto payload = machine_.samples.record(number);
    const auto* format = sample.kind ? machine_.kind(sample.kind).format : nullptr;
    if (payload.empty() || format == nullptr) return;
    text_ += ",\"record\":";
    append_json_record(text_, *format, payload);
  }

  /// Samples without a stack: values over time of kinds that are numbers or sizes, moments of others.
  bool write_points() {
    uint64_t done = 0;
    bool goes_on = true;
    what_.selection.for_each([&](const Sample& sample, uint64_t number) {
      if (!goes_on || !goes_on_at(done++, 0)) {
        goes_on = false;
        return;
      }
      if (has_stack(sample)) return;
      const bool has_kind = static_cast<bool>(sample.kind);
      const machine::ValueType type =
          has_kind ? machine_.kind(sample.kind).type : machine::ValueType::kCount;
      const bool is_counter =
          type == machine::ValueType::kNumber || type == machine::ValueType::kBytes;
      const Ids ids = ids_of(sample.context);
      begin(is_counter ? "{\"ph\":\"C\",\"name\":" : "{\"ph\":\"i\",\"s\":\"t\",\"name\":");
      string(has_kind ? machine_.text(machine_.kind(sample.kind).name) : "sample");
      text_ += fmt::format(",\"pid\":{},\"tid\":{},\"ts\":{},\"args\":{{\"value\":", ids.pid,
                           ids.tid, micros(sample.time));
      append_json(text_, sample.value);
      if (!is_counter && sample.cpu != machine::kNoCpu)
        text_ += fmt::format(",\"cpu\":{}", sample.cpu);
      if (!is_counter) write_attributes(sample.attributes);
      write_record(sample, number);
      text_ += "}}";
    });
    return goes_on;
  }

  bool has_stack(const Sample& sample) const {
    return !machine_.stack(sample.stack).frames.empty();
  }

  void write_end_of_events() {
    text_ += "\n]";
    is_first_ = true;
  }

  /// Frames as a tree, callers before callees; then samples, each with the number of its innermost frame.
  bool write_samples() {
    text_ += ",\n\"stackFrames\":{\n";
    name_frames(what_);
    std::unordered_map<uint32_t, uint32_t> node_of;  // by stack
    what_.selection.for_each([&](const Sample& sample, uint64_t) {
      const auto [at, is_new] = node_of.try_emplace(sample.stack, 0);
      if (is_new) at->second = write_stack(sample.stack);
    });
    text_ += "\n},\n\"samples\":[\n";
    is_first_ = true;
    uint64_t done = 0;
    bool goes_on = true;
    // speedscope takes the time to the next sample of a thread as the weight of one.
    for_each_in_time(what_.selection, [&](const Sample& sample, uint64_t) {
      goes_on = goes_on && goes_on_at(done++, 0.5);
      const uint32_t node = goes_on ? node_of[sample.stack] : 0;
      if (node == 0) return;
      const Ids ids = ids_of(sample.context);
      begin("{\"name\":");
      string(sample.kind ? machine_.text(machine_.kind(sample.kind).name) : "sample");
      if (sample.cpu != machine::kNoCpu) text_ += fmt::format(",\"cpu\":{}", sample.cpu);
      text_ += fmt::format(",\"pid\":{},\"tid\":{},\"ts\":{},\"sf\":{},\"weight\":", ids.pid,
                           ids.tid, micros(sample.time), node);
      append_json(text_, what_.weight_of(sample));
      text_ += "}";
    });
    text_ += "\n]";
    return goes_on;
  }

  /// The number of its innermost frame, from 1 on; 0: it has none. Readers take 0 for none.
  uint32_t write_stack(machine::StackRef stack) {
    uint32_t node = 0;
    const auto frames = read_stack(machine_, stack, what_.inlined, frames_);
    for (size_t i = frames.size(); i-- > 0;) {
      const uint32_t caller = node;
      node = nodes_.intern(caller, frames[i].function.value) + 1;
      if (node == written_) {
        ++written_;
        const machine::Function& function = machine_.places.function(frames[i].function);
        begin(fmt::format("\"{}\":{{\"category\":", node));
        string(machine_.text(function.module));
        text_ += ",\"name\":";
        string(machine_.text(function.name));
        if (caller != 0) text_ += fmt::format(",\"parent\":{}", caller);
        text_ += "}";
      }
    }
    return node;
  }

  void write_facts() {
    text_ += ",\n\"otherData\":{\"title\":";
    string(title_of(what_));
    for (const auto& [name, value] : machine_.facts.host) {
      text_ += ",";
      append_json(text_, "host " + name);
      text_ += ":";
      string(value);
    }
    size_t number = 0;
    for (const std::string& note : trace_notes(machine_)) {
      text_ += fmt::format(",\"note {}\":", ++number);
      string(note);
    }
    text_ += "}";
  }

  bool goes_on_at(uint64_t done, double from) {
    if (done % 16384 != 0 || done == 0) return true;
    if (!out_.status()) return true;  // the caller is told by finish
    const auto all = static_cast<double>(std::max<uint64_t>(machine_.samples.size(), 1));
    return !what_.progress || what_.progress(from + 0.5 * static_cast<double>(done) / all);
  }

  const Export& what_;
  machine::Machine& machine_;
  Output& out_;
  std::string text_;
  bool is_first_ = true;
  machine::PairTable nodes_;
  uint32_t written_ = 1;
  std::vector<FrameText> frames_;
};

base::Status write_chrome(const Export& what, Output& out) {
  return ChromeWriter(what, out).write();
}

}  // namespace

Exporter chrome_exporter() {
  Holds holds;
  holds.lines = false;
  holds.spans = holds.attributes = holds.losses = true;
  return {"chrome", "trace events (JSON) for chrome://tracing, Perfetto, speedscope",
          kChromeExtensions, holds, write_chrome};
}

}  // namespace oc::format
