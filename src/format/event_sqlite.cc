// Events as tables of SQLite: one for each event.

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>

#include "base/bytes.h"
#include "event/field_bytes.h"
#include "event/field_width.h"
#include "format/event_writer.h"
#include "format/frame_texts.h"
#include "format/sqlite_file.h"

namespace oc::format {

using base::load;
using event::Field;
using event::FieldBytes;
using event::FieldKind;
using event::kAbsent;

namespace {

constexpr SqliteValue kNoValue = std::monostate();
constexpr size_t kMostColumns = 1990;  ///< SQLite's own limit is 2000

std::string identifier(std::string_view name) {
  std::string text = "\"";
  for (const char c : clean_text(name)) text.append(c == '"' ? 2 : 1, c);
  return text + '"';
}

/// Names of SQLite are the same in upper and lower case: the second of a name is NAME_2.
class Names {
 public:
  std::string add(const std::string& name) {
    std::string taken = name;
    for (int number = 2; !used_.insert(folded(taken)).second; ++number)
      taken = name + "_" + std::to_string(number);
    return taken;
  }

 private:
  static std::string folded(std::string text) {
    for (char& c : text) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
  }
  std::set<std::string> used_;
};

bool is_hex(const Field& field) { return field.is_hex || field.kind == FieldKind::kPointer; }

std::string_view type_of(const Field& field) {
  if (field.kind == FieldKind::kBool) return "INTEGER";
  if (field.kind == FieldKind::kInteger && !is_hex(field)) return "INTEGER";
  return field.kind == FieldKind::kFloat ? "REAL" : "TEXT";
}

/// Addresses, and what does not fit into SQLite's 64 bits with a sign, are texts in hex.
SqliteValue value_of(const EventInteger& integer, std::string& text) {
  const bool is_large = !integer.is_signed && integer.bits > INT64_MAX;
  if (!integer.is_hex && !is_large) return static_cast<int64_t>(integer.bits);
  append_integer(text, {integer.bits, false, true});
  return SqliteText{text};
}

class SqliteWriter final : public EventWriter {
 public:
  SqliteWriter(SqliteFile file, std::vector<EventColumns> kinds, const base::Interner& names,
               Output& out)
      : file_(std::move(file)), kinds_(std::move(kinds)), names_(names), out_(out) {
    // Before the statements: a table that is made later makes SQLite prepare them again.
    file_.run(
        "CREATE TABLE facts(name TEXT NOT NULL, value);"
        "CREATE TABLE losses(cpu INTEGER, event TEXT, records INTEGER NOT NULL);");
    Names tables;
    for (const char* name : {"facts", "losses", "events", "sqlite_"}) tables.add(name);
    std::vector<std::string> statements;
    std::string all;
    for (const EventColumns& kind : kinds_) {
      const std::string table = identifier(tables.add(kind.name));
      if (!all.empty()) all += " UNION ALL ";
      all += "SELECT time_ns, cpu, pid, tid, comm, '" + name_in_quotes(kind.name) +
             "' AS event FROM " + table;
      statements.push_back(make_table(kind, table));
    }
    make_view(all);
    for (const std::string& statement : statements) inserts_.emplace_back(file_, statement);
  }

  void add(const EventRow& row) override {
    const EventColumns& kind = kinds_[row.kind];
    values_.clear();
    texts_.clear();
    values_.push_back(row.time);
    for (const int32_t id : {row.cpu, row.pid, row.tid})
      values_.push_back(id < 0 ? kNoValue : SqliteValue(int64_t{id}));
    values_.push_back(names_.text(row.comm));
    if (kind.period != kAbsent)
      values_.push_back(value_of({load<uint64_t>(row.record + kind.period), false, false},
                                 texts_.emplace_back()));
    if (kind.ip != kAbsent)
      values_.push_back(
          value_of({load<uint64_t>(row.record + kind.ip), false, true}, texts_.emplace_back()));
    if (kind.addr != kAbsent)
      values_.push_back(
          value_of({load<uint64_t>(row.record + kind.addr), false, true}, texts_.emplace_back()));
    for (const Field* field : fields_[row.kind])
      values_.push_back(sqlite_value(*field, row.payload, texts_.emplace_back()));
    inserts_[row.kind](values_);
  }

  base::Status finish(const EventTableFacts& facts) override {
    inserts_.clear();
    {
      SqliteFile::Insert fact(file_, "INSERT INTO facts VALUES(?,?)");
      fact({std::string_view("start_ns"), static_cast<int64_t>(facts.start_ns)});
      fact({std::string_view("wall_offset_ns"),
            facts.wall_offset == 0 ? kNoValue : SqliteValue(facts.wall_offset)});
      SqliteFile::Insert loss(file_, "INSERT INTO losses VALUES(?,?,?)");
      for (const auto& lost : facts.losses) {
        loss({lost.cpu < 0 ? kNoValue : SqliteValue(int64_t{lost.cpu}),
              lost.event.empty() ? kNoValue : SqliteValue(std::string_view(lost.event)),
              static_cast<int64_t>(lost.records)});
      }
    }
    if (auto status = file_.finish(); !status) return status;
    return file_.copy_to(out_);
  }

 private:
  static std::string name_in_quotes(std::string_view name) {
    std::string text;
    for (const char c : clean_text(name)) text.append(c == '\'' ? 2 : 1, c);
    return text;
  }

  /// A view of many tables has a limit of its own (500 parts): beyond it there is none.
  void make_view(const std::string& all) {
    constexpr size_t kMostParts = 500;
    if (!kinds_.empty() && kinds_.size() <= kMostParts) {
      file_.run("CREATE VIEW events AS SELECT * FROM (" + all + ") ORDER BY time_ns");
    }
  }

  /// The statement that adds a row to it.
  std::string make_table(const EventColumns& kind, const std::string& table) {
    std::string sql = "CREATE TABLE " + table +
                      "(time_ns INTEGER NOT NULL, cpu INTEGER, pid INTEGER, tid INTEGER, comm TEXT";
    Names columns;
    size_t count = 5;
    for (const char* name : {"time_ns", "cpu", "pid", "tid", "comm"}) columns.add(name);
    const auto add = [&](const std::string& name, std::string_view type) {
      sql += ", " + identifier(columns.add(name)) + " " + std::string(type);
      ++count;
    };
    if (kind.period != kAbsent) add("period", "INTEGER");
    if (kind.ip != kAbsent) add("ip", "TEXT");
    if (kind.addr != kAbsent) add("addr", "TEXT");
    std::vector<const Field*>& fields = fields_.emplace_back();
    for (size_t i = 0; kind.format != nullptr && i < kind.format->fields.size(); ++i) {
      const Field& field = kind.format->fields[i];
      if (field.is_common || count >= kMostColumns) continue;
      const bool hides = is_hidden(field.name) || (field.name == "addr" && kind.addr != kAbsent);
      add(hides ? "args." + field.name : field.name, type_of(field));
      fields.push_back(&field);
    }
    file_.run(sql + ")");
    std::string insert = "INSERT INTO " + table + " VALUES(?";
    for (size_t i = 1; i < count; ++i) insert += ",?";
    return insert + ")";
  }

  SqliteFile file_;
  std::vector<EventColumns> kinds_;
  const base::Interner& names_;
  Output& out_;
  std::vector<std::vector<const Field*>> fields_;  ///< by kind
  std::deque<SqliteFile::Insert> inserts_;         ///< by kind
  std::vector<SqliteValue> values_;
  std::deque<std::string> texts_;  ///< of the row at hand
};

}  // namespace

SqliteValue sqlite_value(const Field& field, std::span<const uint8_t> payload, std::string& text) {
  const FieldBytes found = event::field_bytes(field, payload);
  if (found.damage != FieldBytes::Damage::kNone) return kNoValue;
  switch (field.kind) {
    case FieldKind::kInteger:
    case FieldKind::kPointer:
    case FieldKind::kBool:
      return value_of(read_integer(field, found.data), text);
    case FieldKind::kFloat: {
      const double number = read_float(found.bytes());
      return std::isfinite(number) ? SqliteValue(number) : kNoValue;
    }
    case FieldKind::kChars:
    case FieldKind::kDynamicChars:
      if (found.size != 0) append_utf8(text, base::bounded_text(found.data, found.size));
      return SqliteText{text};
    case FieldKind::kArray:
    case FieldKind::kDynamicArray:
      append_array(text, field, found.bytes());
      return SqliteText{text};
    case FieldKind::kBytes:
    case FieldKind::kDynamicBytes:
      append_hex(text, found.bytes());
      return SqliteText{text};
  }
  return kNoValue;
}

base::Result<std::unique_ptr<EventWriter>> make_event_sqlite(std::vector<EventColumns> kinds,
                                                             const base::Interner& names,
                                                             Output& out) {
  auto file = SqliteFile::open();
  if (!file) return std::move(file.error());
  std::unique_ptr<EventWriter> made =
      std::make_unique<SqliteWriter>(std::move(*file), std::move(kinds), names, out);
  return made;
}

}  // namespace oc::format
