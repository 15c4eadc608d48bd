#include <array>

#include "format/escapes.h"
#include "format/formats.h"
#include "format/sample_rows.h"

namespace oc::format {

namespace {

constexpr std::array<std::string_view, 2> kJsonlExtensions{".jsonl", ".ndjson"};

/// A member and the comma after it. What is absent has none.
class JsonSyntax : public RowSyntax {
 public:
  void text(std::string& row, std::string_view column, std::string_view text) override {
    append_json(row, column);
    row += ':';
    append_json(row, text);
    row += ',';
  }
  void number(std::string& row, std::string_view column, double number) override {
    append_json(row, column);
    row += ':';
    append_json(row, number);
    row += ',';
  }
  void absent(std::string&, std::string_view) override {}
  void stack(std::string& row, std::span<const std::string_view> functions) override {
    row += "\"stack\":[";
    for (size_t i = 0; i < functions.size(); ++i) {
      if (i != 0) row += ',';
      append_json(row, functions[i]);
    }
    row += "],";
  }
  void attributes(std::string& row, std::span<const std::string_view> columns,
                  std::span<const machine::Attribute* const> attributes,
                  const machine::Machine& machine) override {
    std::string members;
    for (size_t i = 0; i < columns.size(); ++i) {
      const machine::Attribute* attribute = attributes[i];
      if (attribute == nullptr) continue;
      if (attribute->is_text) {
        text(members, columns[i], machine.text(attribute->text));
      } else {
        number(members, columns[i], attribute->number);
      }
    }
    if (members.empty()) return;
    members.pop_back();
    row += "\"attributes\":{" + members + "},";
  }
  void record(std::string& row, std::span<const std::string>, const event::EventFormat* format,
              std::span<const uint8_t> payload) override {
    if (format == nullptr) return;
    row += "\"record\":";
    append_json_record(row, *format, payload);
    row += ',';
  }
};

base::Status write_jsonl(const Export& what, Output& out) {
  JsonSyntax syntax;
  auto status = for_each_row(what, syntax, [&](std::string_view row) {
    row.remove_suffix(1);  // the last member's comma
    out.write("{");
    out.write(row);
    out.write("}\n");
    return bool(out.status());
  });
  if (!status) return status;
  return out.status();
}

}  // namespace

Exporter json_lines_exporter() {
  Holds holds;
  holds.attributes = true;
  return {"jsonl", "a line of JSON for each sample", kJsonlExtensions, holds, write_jsonl};
}

}  // namespace oc::format
