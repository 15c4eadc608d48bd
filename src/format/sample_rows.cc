#include "format/sample_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

#include "format/escapes.h"
#include "format/event_writer.h"
#include "format/frame_texts.h"
#include "format/time_order.h"

namespace oc::format {

namespace {

constexpr std::array<std::string_view, 15> kColumns{"time",   "kind",   "value",   "unit", "cpu",
                                                    "pid",    "tid",    "process", "comm", "symbol",
                                                    "module", "offset", "file",    "line", "stack"};

class RowMaker {
 public:
  RowMaker(const Export& what, RowSyntax& syntax)
      : what_(what),
        machine_(what.machine),
        syntax_(syntax),
        names_(attribute_columns(what)),
        fields_(record_columns(what)) {}

  /// Lent: until the next call.
  std::string_view make(const machine::Sample& sample, uint64_t number);

 private:
  using Known = std::unordered_map<uint32_t, std::string>;

  template <typename Make>
  const std::string& part(Known& known, uint32_t id, Make make);
  void add_kind(std::string& row, machine::KindId kind, double value);
  void add_context(std::string& row, machine::ContextId context);
  void add_stack(std::string& row, machine::StackRef stack);
  void add_attributes(std::string& row, machine::AttributesId attributes);
  void add_text(std::string& row, std::string_view column, std::string_view text);
  void add_id(std::string& row, std::string_view column, int64_t id);

  const Export& what_;
  machine::Machine& machine_;
  RowSyntax& syntax_;
  std::vector<std::string_view> names_;
  std::vector<std::string> fields_;
  Known contexts_, stacks_, attributes_;
  std::string row_;
  std::vector<FrameText> frames_;
  std::vector<std::string_view> functions_;
};

template <typename Make>
const std::string& RowMaker::part(Known& known, uint32_t id, Make make) {
  const auto [at, is_new] = known.try_emplace(id);
  if (is_new) make(at->second);
  return at->second;
}

std::string_view RowMaker::make(const machine::Sample& sample, uint64_t number) {
  row_.clear();
  syntax_.number(row_, "time", static_cast<double>(sample.time));
  add_kind(row_, sample.kind, what_.weight_of(sample));
  add_id(row_, "cpu", sample.cpu == machine::kNoCpu ? -1 : sample.cpu);
  row_ += part(contexts_, sample.context.value,
               [&](std::string& row) { add_context(row, sample.context); });
  row_ += part(stacks_, sample.stack, [&](std::string& row) { add_stack(row, sample.stack); });
  row_ += part(attributes_, sample.attributes.value,
               [&](std::string& row) { add_attributes(row, sample.attributes); });
  if (!fields_.empty()) {
    const auto* format = sample.kind ? machine_.kind(sample.kind).format : nullptr;
    const auto payload = machine_.samples.record(number);
    syntax_.record(row_, fields_, payload.empty() ? nullptr : format, payload);
  }
  return row_;
}

void RowMaker::add_text(std::string& row, std::string_view column, std::string_view text) {
  if (text.empty()) return syntax_.absent(row, column);
  syntax_.text(row, column, text);
}

void RowMaker::add_id(std::string& row, std::string_view column, int64_t id) {
  if (id < 0) return syntax_.absent(row, column);
  syntax_.number(row, column, static_cast<double>(id));
}

void RowMaker::add_kind(std::string& row, machine::KindId kind, double value) {
  const bool is_known = bool(kind);
  add_text(row, "kind", is_known ? machine_.text(machine_.kind(kind).name) : "");
  syntax_.number(row, "value", value);
  const auto type = is_known ? machine_.kind(kind).type : machine::ValueType::kNumber;
  add_text(row, "unit", what_.values ? machine::unit_of(type) : "count");
}

void RowMaker::add_context(std::string& row, machine::ContextId context) {
  if (!context) {
    for (const auto column : {"pid", "tid", "process", "comm"}) syntax_.absent(row, column);
    return;
  }
  const machine::Context& at = machine_.processes.context(context);
  const machine::Thread& thread = machine_.processes.thread(at.thread);
  const machine::Process& process = machine_.processes.process(thread.process);
  add_id(row, "pid", process.pid);
  add_id(row, "tid", thread.tid);
  add_text(row, "process", machine_.text(process.comm));
  add_text(row, "comm", machine_.text(at.comm));
}

void RowMaker::add_stack(std::string& row, machine::StackRef stack) {
  const auto frames = read_stack(machine_, stack, what_.inlined, frames_);
  functions_.clear();
  for (size_t i = frames.size(); i-- > 0;) {
    functions_.push_back(machine_.text(machine_.places.function(frames[i].function).name));
  }
  if (frames.empty()) {
    for (const auto column : {"symbol", "module", "offset", "file", "line"}) {
      syntax_.absent(row, column);
    }
  } else {
    const FrameText& leaf = frames.front();
    const machine::Place place = machine_.places.find(leaf.frame);
    syntax_.text(row, "symbol", functions_.back());
    add_text(row, "module", machine_.text(machine_.places.function(leaf.function).module));
    add_text(row, "offset",
             place.module || place.has_address ? fmt::format("{:#x}", place.offset) : "");
    add_text(row, "file", machine_.text(leaf.file));
    add_id(row, "line", leaf.line == 0 ? -1 : int64_t{leaf.line});
  }
  syntax_.stack(row, functions_);
}

void RowMaker::add_attributes(std::string& row, machine::AttributesId attributes) {
  const auto all = machine_.attributes.all(attributes);
  std::vector<const machine::Attribute*> found(names_.size());
  for (const machine::Attribute& attribute : all) {
    const auto at = std::lower_bound(names_.begin(), names_.end(), machine_.text(attribute.name));
    if (at != names_.end()) found[static_cast<size_t>(at - names_.begin())] = &attribute;
  }
  syntax_.attributes(row, names_, found, machine_);
}

}  // namespace

std::span<const std::string_view> sample_columns() { return kColumns; }

std::vector<std::string_view> attribute_columns(const Export& what) {
  std::set<uint32_t> sets;
  what.selection.for_each([&](const machine::Sample& sample, uint64_t) {
    if (sample.attributes) sets.insert(sample.attributes.value);
  });
  std::set<std::string_view> names;
  for (const uint32_t set : sets) {
    for (const machine::Attribute& attribute : what.machine.attributes.all({set})) {
      names.insert(what.machine.text(attribute.name));
    }
  }
  return {names.begin(), names.end()};
}

std::string record_column(std::string_view field) {
  const bool is_taken =
      std::find(kColumns.begin(), kColumns.end(), field) != kColumns.end() || is_hidden(field);
  return is_taken ? "args." + std::string(field) : std::string(field);
}

std::vector<std::string> record_columns(const Export& what) {
  std::vector<uint8_t> is_used(what.machine.kinds().size() + 1);
  what.selection.for_each([&](const machine::Sample& sample, uint64_t number) {
    uint8_t& used = is_used[std::min<size_t>(sample.kind.value, is_used.size() - 1)];
    if (used == 0 && !what.machine.samples.record(number).empty()) used = 1;
  });
  std::vector<std::string> columns;
  for (uint32_t id = 1; id < is_used.size(); ++id) {
    const auto* format = what.machine.kind(machine::KindId{id}).format;
    if (is_used[id] == 0 || format == nullptr) continue;
    for (const event::Field& field : format->fields) {
      std::string name = record_column(field.name);
      const bool is_new = std::find(columns.begin(), columns.end(), name) == columns.end();
      if (!field.is_common && is_new) columns.push_back(std::move(name));
    }
  }
  return columns;
}

void append_json_record(std::string& out, const event::EventFormat& format,
                        std::span<const uint8_t> payload) {
  out += '{';
  bool is_first = true;
  for (const event::Field& field : format.fields) {
    if (field.is_common) continue;
    const size_t size = out.size();
    if (!is_first) out += ',';
    append_json(out, field.name);
    out += ':';
    if (append_json_value(out, field, payload)) {
      is_first = false;
    } else {
      out.resize(size);
    }
  }
  out += '}';
}

base::Status for_each_row(const Export& what, RowSyntax& syntax,
                          const std::function<bool(std::string_view row)>& take) {
  name_frames(what);
  RowMaker rows(what, syntax);
  const auto total = double(std::max<uint64_t>(what.machine.samples.size(), 1));
  uint64_t done = 0;
  bool goes_on = true, is_given_up = false;
  for_each_in_time(what.selection, [&](const machine::Sample& sample, uint64_t number) {
    if (!goes_on) return;
    goes_on = take(rows.make(sample, number));
    if (++done % kSamplesPerTurn != 0 || !what.progress || what.progress(double(done) / total))
      return;
    goes_on = false;
    is_given_up = true;
  });
  if (is_given_up) return base::make_error(base::Code::kUsage, "the export was given up");
  return {};
}

}  // namespace oc::format
