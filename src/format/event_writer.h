#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/interner.h"
#include "base/result.h"
#include "event/event_format.h"
#include "event/sample_layout.h"
#include "format/output.h"
#include "format/sqlite_file.h"

namespace oc::format {

/// A kind of events that a table is to have.
struct EventColumns {
  std::string name;                            ///< "sched:sched_switch"
  const event::EventFormat* format = nullptr;  ///< null: nobody knows its payload
  /// Places in the record, event::kAbsent: none.
  uint16_t period = event::kAbsent;
  uint16_t ip = event::kAbsent;
  uint16_t addr = event::kAbsent;
};

/// One event. Lent: for the call.
struct EventRow {
  int64_t time = 0;     ///< ns since the session began
  uint32_t kind = 0;    ///< index of its EventColumns
  base::StringId comm;  ///< of its thread, then
  int32_t cpu = -1;     ///< -1: not known, as of pid and tid
  int32_t pid = -1;
  int32_t tid = -1;
  const uint8_t* record = nullptr;
  std::span<const uint8_t> payload;
};

/// What a table of events tells beside them, at its end.
struct EventTableFacts {
  struct Loss {
    int32_t cpu = -1;
    std::string event;  ///< "": not known
    uint64_t records = 0;
  };
  uint64_t start_ns = 0;    ///< the trace's clock when the session began
  int64_t wall_offset = 0;  ///< 0: not known
  std::vector<Loss> losses;
};

/// Writes events as rows while a trace is read: of one kind or of several.
///
///     time cpu pid tid comm event [period] [ip] [addr]  and the payload's fields, but for common_*
///
/// A payload field that has the name of one of these is called args.NAME, as in scripts. What an event does not have, or
/// its record has no bytes for, is absent. Names of threads are in `names`. The kinds and the output outlive the writer.
class EventWriter {
 public:
  virtual ~EventWriter() = default;
  /// Hot: nothing is allocated for an event of whole numbers. What fails is kept for `finish`.
  virtual void add(const EventRow& row) = 0;
  /// The output is still to be finished.
  virtual base::Status finish(const EventTableFacts& facts) = 0;
};

/// How a table of events is written.
enum class EventTableFormat : uint8_t { kCsv, kJsonLines, kSqlite };

/// Errors: of SQLite, the temporary folder.
base::Result<std::unique_ptr<EventWriter>> make_event_writer(EventTableFormat format,
                                                             std::vector<EventColumns> kinds,
                                                             const base::Interner& names,
                                                             Output& out);

// Parts of those -----------------------------------------------------------------------------------

/// Whether a field is called args.NAME.
bool is_hidden(std::string_view field);

/// An integer, bool or address of a payload.
struct EventInteger {
  uint64_t bits = 0;  ///< sign-extended where it has a sign
  bool is_signed = false;
  bool is_hex = false;
};
EventInteger read_integer(const event::Field& field, const uint8_t* bytes);
/// "-12", "0x1f".
void append_integer(std::string& out, const EventInteger& integer);
/// [1,2]; addresses in quotes. As JSON has it, in every table.
void append_array(std::string& out, const event::Field& field, std::span<const uint8_t> bytes);
/// The value of a field as a cell, without the comma; nothing where it is absent.
void append_csv_value(std::string& out, const event::Field& field,
                      std::span<const uint8_t> payload);
/// As JSON; false, and nothing is written, where it is absent.
bool append_json_value(std::string& out, const event::Field& field,
                       std::span<const uint8_t> payload);
/// Two digits a byte.
void append_hex(std::string& out, std::span<const uint8_t> bytes);
double read_float(std::span<const uint8_t> bytes);

/// As a column of SQLite; a text stands in `text`.
SqliteValue sqlite_value(const event::Field& field, std::span<const uint8_t> payload,
                         std::string& text);

base::Result<std::unique_ptr<EventWriter>> make_event_sqlite(std::vector<EventColumns> kinds,
                                                             const base::Interner& names,
                                                             Output& out);
std::unique_ptr<EventWriter> make_event_csv(std::vector<EventColumns> kinds,
                                            const base::Interner& names, Output& out);
std::unique_ptr<EventWriter> make_event_json(std::vector<EventColumns> kinds,
                                             const base::Interner& names, Output& out);

}  // namespace oc::format
