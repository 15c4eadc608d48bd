#include <algorithm>
#include <array>
#include <cmath>

#include "format/event_writer.h"
#include "format/formats.h"
#include "format/frame_texts.h"
#include "format/sample_rows.h"

namespace oc::format {

namespace {

constexpr std::array<std::string_view, 1> kCsvExtensions{".csv"};

/// A cell and the comma after it. Source: RFC 4180.
void append_cell(std::string& row, std::string_view text) {
  const std::string clean = clean_text(text);
  if (clean.find_first_of(",\"") == std::string::npos) {
    row += clean;
  } else {
    row += '"';
    for (const char c : clean) row.append(c == '"' ? 2 : 1, c);
    row += '"';
  }
  row += ',';
}

class CsvSyntax : public RowSyntax {
 public:
  void text(std::string& row, std::string_view, std::string_view text) override {
    append_cell(row, text);
  }
  void number(std::string& row, std::string_view, double number) override {
    if (std::isfinite(number)) row += machine::text_of_number(number);
    row += ',';
  }
  void absent(std::string& row, std::string_view) override { row += ','; }
  /// As in collapsed stacks.
  void stack(std::string& row, std::span<const std::string_view> functions) override {
    std::string text;
    for (const std::string_view function : functions) {
      if (!text.empty()) text += ';';
      for (const char c : function) text += c == ';' ? ':' : c;
    }
    append_cell(row, text);
  }
  void attributes(std::string& row, std::span<const std::string_view> columns,
                  std::span<const machine::Attribute* const> attributes,
                  const machine::Machine& machine) override {
    for (size_t i = 0; i < columns.size(); ++i) {
      const machine::Attribute* attribute = attributes[i];
      if (attribute == nullptr) {
        row += ',';
      } else if (attribute->is_text) {
        append_cell(row, machine.text(attribute->text));
      } else {
        number(row, columns[i], attribute->number);
      }
    }
  }
  void record(std::string& row, std::span<const std::string> columns,
              const event::EventFormat* format, std::span<const uint8_t> payload) override {
    if (format == nullptr) {
      row.append(columns.size(), ',');
      return;
    }
    if (format != known_) place(columns, *format);
    for (const event::Field* field : fields_) {
      if (field != nullptr) append_csv_value(row, *field, payload);
      row += ',';
    }
  }

 private:
  /// Which field of that format stands in each column.
  void place(std::span<const std::string> columns, const event::EventFormat& format) {
    known_ = &format;
    fields_.assign(columns.size(), nullptr);
    for (const event::Field& field : format.fields) {
      const auto at = std::find(columns.begin(), columns.end(), record_column(field.name));
      if (!field.is_common && at != columns.end()) {
        fields_[static_cast<size_t>(at - columns.begin())] = &field;
      }
    }
  }

  const event::EventFormat* known_ = nullptr;
  std::vector<const event::Field*> fields_;
};

/// A row with names of columns, then one a sample.
base::Status write_csv(const Export& what, Output& out) {
  const auto put = [&](std::string_view row) {
    row.remove_suffix(1);  // the last cell's comma
    out.write(row);
    out.write("\n");
    return bool(out.status());
  };
  std::string header;
  for (const std::string_view column : sample_columns()) append_cell(header, column);
  for (const std::string_view name : attribute_columns(what)) append_cell(header, name);
  for (const std::string& name : record_columns(what)) append_cell(header, name);
  put(header);
  CsvSyntax syntax;
  if (auto status = for_each_row(what, syntax, put); !status) return status;
  return out.status();
}

}  // namespace

Exporter csv_exporter() {
  Holds holds;
  holds.attributes = true;
  return {"csv", "a table with a row for each sample", kCsvExtensions, holds, write_csv};
}

}  // namespace oc::format
