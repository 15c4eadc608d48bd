#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "format/event_writer.h"
#include "format/formats.h"
#include "format/frame_texts.h"
#include "format/pages.h"
#include "format/sqlite_file.h"
#include "format/trace_notes.h"
#include "process/module_table.h"

namespace oc::format {

namespace {

using Insert = SqliteFile::Insert;

constexpr std::array<std::string_view, 3> kSqliteExtensions{".sqlite", ".db", ".sqlite3"};
constexpr SqliteValue kNull = std::monostate();

std::string hex(uint64_t number) { return fmt::format("0x{:016x}", number); }
SqliteValue id_or_null(uint32_t id) { return id == 0 ? kNull : SqliteValue(int64_t{id}); }
/// The beginning and the end of time are told as nothing.
SqliteValue time_or_null(int64_t time) {
  return time == machine::kBeforeTrace || time == machine::kAfterTrace ? kNull : SqliteValue(time);
}
SqliteValue number_of(double number) {
  const bool is_whole = std::abs(number) < 0x1p53 && number == std::trunc(number);
  return is_whole ? SqliteValue(static_cast<int64_t>(number)) : SqliteValue(number);
}
SqliteValue cpu_or_null(uint16_t cpu) {
  return cpu == machine::kNoCpu ? kNull : SqliteValue(int64_t{cpu});
}

/// Fills the tables of tables.sql. Only what the samples and spans refer to is written, so that a part of a trace does not
/// tell of others.
class TableWriter {
 public:
  TableWriter(const Export& what, SqliteFile& file)
      : what_(what), machine_(what.machine), file_(file) {}

  base::Status write() {
    file_.run(std::string(page_text("tables.sql")));
    write_facts();
    write_kinds();
    if (!write_samples()) return base::make_error(base::Code::kUsage, "the export was given up");
    write_spans();
    write_stacks();
    write_attributes();
    write_processes();
    return file_.finish();
  }

 private:
  SqliteValue text(base::StringId id) const { return id ? SqliteValue(machine_.text(id)) : kNull; }

  void write_facts() {
    const machine::TraceFacts& facts = machine_.facts;
    Insert fact(file_, "INSERT INTO facts VALUES(?,?)");
    for (const auto& [name, value] : facts.host) {
      const std::string key = "host." + name;
      fact({std::string_view(key), std::string_view(value)});
    }
    const std::string title = title_of(what_);
    fact({std::string_view("title"), std::string_view(title)});
    fact({std::string_view("start_ns"), static_cast<int64_t>(facts.start_ns)});
    fact({std::string_view("end_ns"), facts.end});
    fact({std::string_view("wall_offset_ns"),
          facts.wall_offset == 0 ? kNull : SqliteValue(facts.wall_offset)});
    fact({std::string_view("dropped_samples"), static_cast<int64_t>(machine_.dropped())});
    Insert loss(file_, "INSERT INTO losses VALUES(?,?,?)");
    for (const machine::Loss& lost : facts.losses) {
      loss({lost.cpu < 0 ? kNull : SqliteValue(int64_t{lost.cpu}), text(lost.event),
            static_cast<int64_t>(lost.records)});
    }
    Insert note(file_, "INSERT INTO notes VALUES(?)");
    for (const std::string& said : trace_notes(machine_)) note({std::string_view(said)});
  }

  void write_kinds() {
    Insert kind(file_, "INSERT INTO kinds VALUES(?,?,?,?,?)");
    int64_t id = 0;
    for (const machine::Kind& known : machine_.kinds()) {
      kind({++id, machine_.text(known.name), text(known.group), machine::unit_of(known.type),
            known.period == 0 ? kNull : SqliteValue(known.period)});
    }
  }

  /// The thread of a context, to be written later; and the name that it had.
  std::pair<SqliteValue, SqliteValue> use(machine::ContextId context) {
    if (!context) return {kNull, kNull};
    const machine::Context& at = machine_.processes.context(context);
    threads_.insert(at.thread.value);
    return {int64_t{at.thread.value}, text(at.comm)};
  }

  /// The number of a stack, in order of appearance.
  SqliteValue use(machine::StackRef stack) {
    if (machine_.stack(stack).frames.empty()) return kNull;
    const auto [at, is_new] =
        stack_numbers_.try_emplace(stack, static_cast<int64_t>(stacks_.size() + 1));
    if (is_new) stacks_.push_back(stack);
    return at->second;
  }

  SqliteValue use(machine::AttributesId set) {
    if (set) sets_.insert(set.value);
    return id_or_null(set.value);
  }

  bool write_samples() {
    Insert insert(file_, "INSERT INTO samples VALUES(?,?,?,?,?,?,?,?,?)");
    Insert field(file_, "INSERT OR IGNORE INTO records VALUES(?,?,?)");
    bool goes_on = true;
    const auto all = static_cast<double>(std::max<uint64_t>(machine_.samples.size(), 1));
    what_.selection.for_each([&](const machine::Sample& sample, uint64_t number) {
      if (!goes_on) return;
      const auto [thread, comm] = use(sample.context);
      insert({static_cast<int64_t>(number + 1), sample.time, id_or_null(sample.kind.value),
              number_of(sample.value), thread, comm, cpu_or_null(sample.cpu), use(sample.stack),
              use(sample.attributes)});
      write_record(field, sample, number);
      if (number % 65536 != 0 || !what_.progress) return;
      goes_on = what_.progress(0.8 * static_cast<double>(number - machine_.samples.first()) / all);
    });
    return goes_on;
  }

  void write_record(Insert& insert, const machine::Sample& sample, uint64_t number) {
    const auto payload = machine_.samples.record(number);
    const auto* format = sample.kind ? machine_.kind(sample.kind).format : nullptr;
    if (payload.empty() || format == nullptr) return;
    for (const event::Field& field : format->fields) {
      if (field.is_common) continue;
      std::string text;
      insert({static_cast<int64_t>(number + 1), std::string_view(field.name),
              sqlite_value(field, payload, text)});
    }
  }

  void write_spans() {
    Insert insert(file_, "INSERT INTO spans VALUES(?,?,?,?,?,?,?,?,?,?,?)");
    int64_t id = machine_.spans.dropped();
    for (const machine::Span& span : machine_.spans.all()) {
      ++id;
      if (!what_.selection.takes(span)) continue;
      const auto [thread, comm] = use(span.context);
      insert({id, machine_.text(span.name), id_or_null(span.kind.value), span.start, span.end,
              thread, comm, id_or_null(span.parent.value), cpu_or_null(span.cpu), use(span.stack),
              use(span.attributes)});
    }
  }

  void write_stacks() {
    name_frames(what_);
    Insert stack(file_, "INSERT INTO stacks VALUES(?,?,?,?)");
    Insert place(file_, "INSERT INTO stack_frames VALUES(?,?,?)");
    insert_frame_.emplace(file_, "INSERT INTO frames VALUES(?,?,?,?,?,?,?)");
    insert_function_.emplace(file_, "INSERT INTO functions VALUES(?,?,?,?,?,?)");
    std::vector<FrameText> buffer;
    int64_t number = 0;
    for (const machine::StackRef ref : stacks_) {
      ++number;
      const auto frames = read_stack(machine_, ref, what_.inlined, buffer);
      int64_t position = 0, leaf = 0;
      for (const FrameText& frame : frames) {
        const int64_t id = frame_number(frame);
        if (position == 0) leaf = id;
        place({number, position++, id});
      }
      stack({number, position, leaf == 0 ? kNull : SqliteValue(leaf),
             process::describe(machine_.stack(ref).end)});
    }
    insert_frame_.reset();
    insert_function_.reset();
  }

  int64_t frame_number(const FrameText& frame) {
    // Functions at one place differ by themselves or by their lines.
    const uint64_t key = uint64_t{frame.frame} << 32 | frame.function.value;
    auto& known = frame_numbers_[key];
    for (const auto& [line, number] : known) {
      if (line == frame.line) return number;
    }
    known.emplace_back(frame.line, ++frames_);
    const machine::Place place = machine_.places.find(frame.frame);
    const std::string offset = hex(place.offset);
    const bool has_offset = place.offset != 0 || place.module;
    (*insert_frame_)({frames_, function_number(frame.function), text(frame.file),
                      frame.line == 0 ? kNull : SqliteValue(int64_t{frame.line}),
                      has_offset ? SqliteValue(std::string_view(offset)) : kNull,
                      int64_t{frame.is_inlined}, int64_t{frame.is_kernel}});
    return frames_;
  }

  int64_t function_number(machine::FunctionId id) {
    const auto [at, is_new] =
        function_numbers_.try_emplace(id.value, static_cast<int64_t>(function_numbers_.size() + 1));
    if (is_new) {
      const machine::Function& function = machine_.places.function(id);
      (*insert_function_)({at->second, machine_.text(function.name),
                           machine_.text(function.full_name), machine_.text(function.module),
                           int64_t{function.is_kernel}, int64_t{function.is_known}});
    }
    return at->second;
  }

  void write_attributes() {
    Insert insert(file_, "INSERT INTO attributes VALUES(?,?,?)");
    for (const uint32_t set : sets_) {
      for (const machine::Attribute& attribute : machine_.attributes.all({set})) {
        insert({int64_t{set}, machine_.text(attribute.name),
                attribute.is_text ? text(attribute.text) : number_of(attribute.number)});
      }
    }
  }

  void write_processes() {
    Insert thread(file_, "INSERT INTO threads VALUES(?,?,?,?,?,?)");
    std::set<uint32_t> processes;
    for (const uint32_t id : threads_) {
      const machine::Thread& at = machine_.processes.thread({id});
      processes.insert(at.process.value);
      thread({int64_t{id}, int64_t{at.process.value}, int64_t{at.tid},
              at.names.empty() ? kNull : text(at.names.back().name), time_or_null(at.start),
              time_or_null(at.end)});
    }
    Insert process(file_, "INSERT INTO processes VALUES(?,?,?,?,?,?,?,?,?)");
    for (const uint32_t id : processes) {
      const machine::Process& at = machine_.processes.process(machine::ProcessId{id});
      process({int64_t{id}, int64_t{at.pid}, text(at.comm), text(at.command_line), text(at.cgroup),
               at.namespace_pid == 0 ? kNull : SqliteValue(int64_t{at.namespace_pid}),
               id_or_null(at.parent.value), time_or_null(at.start), time_or_null(at.end)});
    }
    write_mappings(processes);
  }

  void write_mappings(const std::set<uint32_t>& processes) {
    Insert mapping(file_, "INSERT INTO mappings VALUES(?,?,?,?,?,?,?)");
    std::set<uint32_t> modules;
    for (const machine::MachineMapping& at : machine_.processes.mappings()) {
      if (at.process && processes.count(at.process.value) == 0) continue;
      modules.insert(at.module.value);
      const std::string start = hex(at.start), end = hex(at.end), offset = hex(at.offset);
      mapping({id_or_null(at.process.value), int64_t{at.module.value}, std::string_view(start),
               std::string_view(end), std::string_view(offset), time_or_null(at.from),
               time_or_null(at.until)});
    }
    Insert module(file_, "INSERT INTO modules VALUES(?,?,?)");
    for (const uint32_t id : modules) {
      std::string build_id;
      if (machine_.traced().modules != nullptr) {
        for (const uint8_t byte : machine_.traced().modules->find({id}).build_id.view()) {
          build_id += fmt::format("{:02x}", byte);
        }
      }
      module({int64_t{id}, machine_.module_path({id}),
              build_id.empty() ? kNull : SqliteValue(std::string_view(build_id))});
    }
  }

  const Export& what_;
  machine::Machine& machine_;
  SqliteFile& file_;
  std::set<uint32_t> threads_, sets_;
  std::vector<machine::StackRef> stacks_;
  std::unordered_map<uint32_t, int64_t> stack_numbers_, function_numbers_;
  std::unordered_map<uint64_t, std::vector<std::pair<uint32_t, int64_t>>>
      frame_numbers_;  ///< by place and function
  int64_t frames_ = 0;
  std::optional<Insert> insert_frame_, insert_function_;  ///< while stacks are written
};

/// SQLite needs a file that it can seek in, so the tables are made in a temporary one.
base::Status write_sqlite(const Export& what, Output& out) {
  auto file = SqliteFile::open();
  if (!file) return std::move(file.error());
  if (auto status = TableWriter(what, *file).write(); !status) return status;
  return file->copy_to(out);
}

}  // namespace

Exporter sqlite_exporter() {
  Holds holds;
  holds.build_ids = holds.spans = holds.attributes = holds.losses = holds.is_binary = true;
  return {"sqlite", "tables of samples, stacks, processes and spans, for SQL", kSqliteExtensions,
          holds, write_sqlite};
}

}  // namespace oc::format
