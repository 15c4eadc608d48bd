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
    for (const EventColumns& kind : kinds_) table_of_kind_.push_back(table_of(kind));
    Names names_of_tables;
    for (const char* name : {"facts", "losses", "events", "sqlite_"}) names_of_tables.add(name);
    std::vector<std::string> statements, selects;
    for (Table& table : tables_) {
      const std::string name = identifier(names_of_tables.add(table.name));
      selects.push_back("SELECT time_ns, cpu, pid, tid, comm, '" + name_in_quotes(table.name) +
                        "' AS event FROM " + name);
      statements.push_back(make_table(table, name));
    }
    make_view(std::move(selects), names_of_tables);
    for (const std::string& statement : statements) inserts_.emplace_back(file_, statement);
  }

  void add(const EventRow& row) override {
    const EventColumns& kind = kinds_[row.kind];
    if (table_of_kind_[row.kind] == kNoTable) return;
    const Table& table = tables_[table_of_kind_[row.kind]];
    values_.clear();
    texts_.clear();
    values_.push_back(row.time);
    for (const int32_t id : {row.cpu, row.pid, row.tid})
      values_.push_back(id < 0 ? kNoValue : SqliteValue(int64_t{id}));
    add_text(names_.text(row.comm));
    if (table.has_period) add_word(row, kind.period, false);
    if (table.has_ip) add_word(row, kind.ip, true);
    if (table.has_addr) add_word(row, kind.addr, true);
    for (const Field* field : table.fields)
      values_.push_back(sqlite_value(*field, row.payload, texts_.emplace_back()));
    inserts_[table_of_kind_[row.kind]](values_);
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
  static constexpr uint32_t kNoTable = UINT32_MAX;

  /// Of kinds with one name and the same fields: perf asks for one event in several ways, as of each CPU's type.
  struct Table {
    std::string name;
    const event::EventFormat* format = nullptr;
    bool has_period = false;
    bool has_ip = false;
    bool has_addr = false;
    std::vector<const Field*> fields{};
  };

  static std::string name_in_quotes(std::string_view name) {
    std::string text;
    for (const char c : clean_text(name)) text.append(c == '\'' ? 2 : 1, c);
    return text;
  }

  /// Control characters stay, as in fields.
  void add_text(std::string_view text) {
    std::string& kept = texts_.emplace_back();
    append_utf8(kept, text);
    values_.push_back(SqliteText{kept});
  }

  /// A word at a fixed place of the record, which not every kind of the table has.
  void add_word(const EventRow& row, uint16_t at, bool is_hex) {
    if (at == kAbsent) return values_.push_back(kNoValue);
    values_.push_back(
        value_of({load<uint64_t>(row.record + at), false, is_hex}, texts_.emplace_back()));
  }

  /// The table of a kind; perf's dummy events, which never happen, have none.
  uint32_t table_of(const EventColumns& kind) {
    if (kind.format == nullptr && (kind.name == "dummy" || kind.name.starts_with("dummy:")))
      return kNoTable;
    const auto known = std::find_if(tables_.begin(), tables_.end(), [&](const Table& table) {
      return table.name == kind.name && has_same_fields(table.format, kind.format);
    });
    Table& table = known != tables_.end() ? *known : tables_.emplace_back();
    table.name = kind.name;
    table.format = kind.format;
    table.has_period = table.has_period || kind.period != kAbsent;
    table.has_ip = table.has_ip || kind.ip != kAbsent;
    table.has_addr = table.has_addr || kind.addr != kAbsent;
    return static_cast<uint32_t>(&table - tables_.data());
  }

  static bool has_same_fields(const event::EventFormat* a, const event::EventFormat* b) {
    if (a == b) return true;
    if (a == nullptr || b == nullptr) return false;
    return std::equal(a->fields.begin(), a->fields.end(), b->fields.begin(), b->fields.end(),
                      [](const Field& x, const Field& y) {
                        return x.name == y.name && x.kind == y.kind && x.offset == y.offset &&
                               x.size == y.size && x.is_signed == y.is_signed;
                      });
  }

  /// Of all tables. One view has a limit (500 parts): of more there are views between.
  void make_view(std::vector<std::string> parts, Names& taken) {
    constexpr size_t kMostParts = 500;
    const auto joined = [&](size_t from, size_t to) {
      std::string all;
      for (size_t i = from; i < to; ++i) all += (i == from ? "" : " UNION ALL ") + parts[i];
      return all;
    };
    while (parts.size() > kMostParts) {
      std::vector<std::string> fewer;
      for (size_t at = 0; at < parts.size(); at += kMostParts) {
        const std::string name = identifier(taken.add("some_events"));
        file_.run("CREATE VIEW " + name + " AS " +
                  joined(at, std::min(at + kMostParts, parts.size())));
        fewer.push_back("SELECT * FROM " + name);
      }
      parts = std::move(fewer);
    }
    if (parts.empty()) {
      parts.emplace_back(
          "SELECT 0 AS time_ns, NULL AS cpu, NULL AS pid, NULL AS tid, NULL AS comm, '' AS event "
          "WHERE 0");
    }
    file_.run("CREATE VIEW events AS SELECT * FROM (" + joined(0, parts.size()) +
              ") ORDER BY time_ns");
  }

  /// The statement that adds a row to it.
  std::string make_table(Table& table, const std::string& name) {
    std::string sql = "CREATE TABLE " + name +
                      "(time_ns INTEGER NOT NULL, cpu INTEGER, pid INTEGER, tid INTEGER, comm TEXT";
    Names columns;
    size_t count = 5;
    for (const char* fixed : {"time_ns", "cpu", "pid", "tid", "comm"}) columns.add(fixed);
    const auto add = [&](const std::string& column, std::string_view type) {
      sql += ", " + identifier(columns.add(column)) + " " + std::string(type);
      ++count;
    };
    if (table.has_period) add("period", "INTEGER");
    if (table.has_ip) add("ip", "TEXT");
    if (table.has_addr) add("addr", "TEXT");
    for (size_t i = 0; table.format != nullptr && i < table.format->fields.size(); ++i) {
      const Field& field = table.format->fields[i];
      if (field.is_common || count >= kMostColumns) continue;
      const bool hides = is_hidden(field.name) || (field.name == "addr" && table.has_addr);
      add(hides ? "args." + field.name : field.name, type_of(field));
      table.fields.push_back(&field);
    }
    file_.run(sql + ")");
    std::string insert = "INSERT INTO " + name + " VALUES(?";
    for (size_t i = 1; i < count; ++i) insert += ",?";
    return insert + ")";
  }

  SqliteFile file_;
  std::vector<EventColumns> kinds_;
  const base::Interner& names_;
  Output& out_;
  std::vector<Table> tables_;
  std::vector<uint32_t> table_of_kind_;
  std::deque<SqliteFile::Insert> inserts_;  ///< by table
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
