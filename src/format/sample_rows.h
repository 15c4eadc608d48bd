#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/event_format.h"
#include "format/exporter.h"

namespace oc::format {

/// How a table writes the cells of its rows; each appends one to the row. What is absent has no value in this row.
class RowSyntax {
 public:
  virtual ~RowSyntax() = default;
  virtual void text(std::string& row, std::string_view column, std::string_view text) = 0;
  virtual void number(std::string& row, std::string_view column, double number) = 0;
  virtual void absent(std::string& row, std::string_view column) = 0;
  /// Names of functions, the outermost first.
  virtual void stack(std::string& row, std::span<const std::string_view> functions) = 0;
  /// `columns`: names of all attributes of the table, in order; null where this sample has none of that name.
  virtual void attributes(std::string& row, std::span<const std::string_view> columns,
                          std::span<const machine::Attribute* const> attributes,
                          const machine::Machine& machine) = 0;
  /// The payload that was kept with a sample of that format; `columns` as of all. Null: none was.
  virtual void record(std::string& row, std::span<const std::string> columns,
                      const event::EventFormat* format, std::span<const uint8_t> payload) = 0;
};

/// Columns of every table of samples, in their order; attributes follow.
///
///     time      ns since the trace began         symbol, module  of the innermost frame
///     kind      event                            offset          its place in the module, in hex (of the kernel and of
///     value     in `unit`                                        memory an address); file, line: of the source
///     cpu, pid, tid, process, comm               stack           the outermost function first
std::span<const std::string_view> sample_columns();
/// Names of all attributes that chosen samples have, in order of name.
std::vector<std::string_view> attribute_columns(const Export& what);

/// Names of the fields of payloads that chosen samples have, as columns: args.NAME where another column has the name.
std::vector<std::string> record_columns(const Export& what);
std::string record_column(std::string_view field);
/// A JSON object of the payload's fields, but for common_*.
void append_json_record(std::string& out, const event::EventFormat& format,
                        std::span<const uint8_t> payload);

/// Calls `take(row)` for each sample in order of time. What depends on its context, stack or attributes is made once for
/// each of these. False from `take` ends it. Errors: the user gave up.
base::Status for_each_row(const Export& what, RowSyntax& syntax,
                          const std::function<bool(std::string_view row)>& take);

}  // namespace oc::format
