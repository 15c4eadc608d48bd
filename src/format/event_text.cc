// Events as text: comma-separated values, and a line of JSON for each.

#include <algorithm>
#include <cmath>
#include <map>

#include "base/bytes.h"
#include "event/field_bytes.h"
#include "format/escapes.h"
#include "format/event_writer.h"
#include "format/frame_texts.h"
#include "machine/selection.h"

namespace oc::format {

using base::load;
using event::Field;
using event::FieldBytes;
using event::FieldKind;
using event::kAbsent;

namespace {

constexpr size_t kTextPiece = 1 << 16;  ///< bytes handed to the output at once

/// What both share: rows gather in `text_`, which goes to the output in pieces.
class TextWriter : public EventWriter {
 public:
  TextWriter(std::vector<EventColumns> kinds, const base::Interner& names, Output& out)
      : kinds_(std::move(kinds)), names_(names), out_(out) {
    text_.reserve(2 * kTextPiece);
  }
  base::Status finish(const EventTableFacts&) override {
    flush();
    return out_.status();
  }

 protected:
  void flush() {
    out_.write(text_);
    text_.clear();
  }
  void flush_pieces() {
    if (text_.size() >= kTextPiece) flush();
  }
  void whole(int64_t number) {
    append_integer(text_, {static_cast<uint64_t>(number), true, false});
  }
  /// A name as `write` writes it, which is called once for each.
  template <typename Write>
  const std::string& name_of(base::StringId id, Write write) {
    if (id.value >= written_.size()) written_.resize(std::max<size_t>(id.value + 1, 64) * 2);
    std::string& name = written_[id.value];
    if (name.empty()) write(name, names_.text(id));
    return name;
  }

  std::vector<EventColumns> kinds_;
  const base::Interner& names_;
  Output& out_;
  std::string text_;

 private:
  std::vector<std::string> written_;  ///< by id; "": not yet
};

// CSV -----------------------------------------------------------------------------------------------

/// Source: RFC 4180.
void append_event_cell(std::string& row, std::string_view text) {
  const auto is_plain = [](char c) {
    return static_cast<uint8_t>(c) >= 0x20 && static_cast<uint8_t>(c) < 0x80 && c != ',' &&
           c != '"';
  };
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    row += text;
    return;
  }
  std::string clean;
  append_utf8(clean, text);
  row += '"';
  for (const char c : clean) row.append(c == '"' ? 2 : 1, c);
  row += '"';
}

/// One table for all kinds: a column for each name of a field.
class CsvWriter final : public TextWriter {
 public:
  CsvWriter(std::vector<EventColumns> kinds, const base::Interner& names, Output& out)
      : TextWriter(std::move(kinds), names, out) {
    std::vector<std::string> columns{"time", "cpu", "pid", "tid", "comm", "event"};
    for (const EventColumns& kind : kinds_) {
      has_period_ |= kind.period != kAbsent;
      has_ip_ |= kind.ip != kAbsent;
      has_addr_ |= kind.addr != kAbsent;
    }
    if (has_period_) columns.push_back("period");
    if (has_ip_) columns.push_back("ip");
    if (has_addr_) columns.push_back("addr");
    place_fields(columns);
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i != 0) text_ += ',';
      append_event_cell(text_, columns[i]);
    }
    text_ += '\n';
  }

  void add(const EventRow& row) override {
    const EventColumns& kind = kinds_[row.kind];
    whole(row.time);
    for (const int32_t number : {row.cpu, row.pid, row.tid}) {
      text_ += ',';
      if (number >= 0) whole(number);
    }
    text_ += ',';
    text_ += name_of(row.comm, append_event_cell);
    text_ += names_of_kinds_[row.kind];
    if (has_period_) number_at(row, kind.period, false);
    if (has_ip_) number_at(row, kind.ip, true);
    if (has_addr_) number_at(row, kind.addr, true);
    for (const Field* field : fields_[row.kind]) {
      text_ += ',';
      if (field != nullptr) append_csv_value(text_, *field, row.payload);
    }
    text_ += '\n';
    flush_pieces();
  }

 private:
  /// Adds a column for each name; which field of each kind stands in it.
  void place_fields(std::vector<std::string>& columns) {
    const size_t first = columns.size();
    std::map<std::string, size_t> places;
    fields_.resize(kinds_.size());
    for (size_t i = 0; i < kinds_.size(); ++i) {
      append_event_cell(names_of_kinds_.emplace_back(","), kinds_[i].name);
      if (kinds_[i].format == nullptr) continue;
      for (const Field& field : kinds_[i].format->fields) {
        if (field.is_common) continue;
        const std::string name = is_hidden(field.name) ? "args." + field.name : field.name;
        // A sample's own address hides a field of that name, as the columns in front do.
        const auto [at, is_new] = places.try_emplace(name, columns.size() - first);
        if (is_new) columns.push_back(has_addr_ && name == "addr" ? "args.addr" : name);
        if (fields_[i].size() <= at->second) fields_[i].resize(at->second + 1);
        fields_[i][at->second] = &field;
      }
    }
    for (auto& fields : fields_) fields.resize(columns.size() - first);
  }

  void number_at(const EventRow& row, uint16_t place, bool is_hex) {
    text_ += ',';
    if (place != kAbsent)
      append_integer(text_, {load<uint64_t>(row.record + place), false, is_hex});
  }

  bool has_period_ = false, has_ip_ = false, has_addr_ = false;
  std::vector<std::string> names_of_kinds_;        ///< with the comma before each
  std::vector<std::vector<const Field*>> fields_;  ///< by kind, by column; null: it has none there
};

// JSON ----------------------------------------------------------------------------------------------

/// A string with its quotes. Source: RFC 8259, 7.
void append_string(std::string& out, std::string_view text) {
  const auto is_plain = [](char c) {
    return static_cast<uint8_t>(c) >= 0x20 && static_cast<uint8_t>(c) < 0x7f && c != '\\' &&
           c != '"';
  };
  out += '"';
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    out += text;
  } else {
    std::string clean;
    append_utf8(clean, text);
    for (const char c : clean) {
      const auto code = static_cast<uint8_t>(c);
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (code < 0x20 || code == 0x7f) {
        out += "\\u00";
        append_hex(out, {&code, 1});
      } else {
        out += c;
      }
    }
  }
  out += '"';
}

/// An object for each event, its members named as `e:json()` names them.
class JsonWriter final : public TextWriter {
 public:
  JsonWriter(std::vector<EventColumns> kinds, const base::Interner& names, Output& out)
      : TextWriter(std::move(kinds), names, out) {
    for (const EventColumns& kind : kinds_) {
      Members& members = members_.emplace_back();
      members.event = ",\"event\":";
      append_string(members.event, kind.name);
      if (kind.format == nullptr) continue;
      for (const Field& field : kind.format->fields) {
        if (field.is_common) continue;
        const bool is_args =
            is_hidden(field.name) || (field.name == "addr" && kind.addr != kAbsent);
        std::string key;
        append_string(key, field.name);
        (is_args ? members.args : members.fields).push_back({&field, key + ":"});
      }
    }
  }

  void add(const EventRow& row) override {
    const EventColumns& kind = kinds_[row.kind];
    const Members& members = members_[row.kind];
    text_ += "{\"time\":";
    whole(row.time);
    id(",\"cpu\":", row.cpu);
    id(",\"pid\":", row.pid);
    id(",\"tid\":", row.tid);
    text_ += ",\"comm\":";
    text_ += name_of(row.comm, append_string);
    text_ += members.event;
    if (kind.period != kAbsent) {
      text_ += ",\"period\":";
      append_integer(text_, {load<uint64_t>(row.record + kind.period), false, false});
    }
    address(",\"ip\":\"", row, kind.ip);
    address(",\"addr\":\"", row, kind.addr);
    for (const Member& member : members.fields) add_member(member, row.payload, ',');
    if (!members.args.empty()) {
      text_ += ",\"args\":{";
      char before = 0;
      for (const Member& member : members.args) {
        if (add_member(member, row.payload, before)) before = ',';
      }
      text_ += '}';
    }
    text_ += "}\n";
    flush_pieces();
  }

 private:
  struct Member {
    const Field* field;
    std::string key;  ///< in quotes, with its colon
  };
  struct Members {
    std::string event;
    std::vector<Member> fields, args;
  };

  void id(std::string_view key, int32_t number) {
    if (number < 0) return;
    text_ += key;
    whole(number);
  }

  void address(std::string_view key, const EventRow& row, uint16_t place) {
    if (place == kAbsent) return;
    text_ += key;
    append_integer(text_, {load<uint64_t>(row.record + place), false, true});
    text_ += '"';
  }

  /// False: it is absent.
  bool add_member(const Member& member, std::span<const uint8_t> payload, char before) {
    const size_t size = text_.size();
    if (before != 0) text_ += before;
    text_ += member.key;
    if (append_json_value(text_, *member.field, payload)) return true;
    text_.resize(size);
    return false;
  }

  std::vector<Members> members_;  ///< by kind
};

}  // namespace

void append_csv_value(std::string& out, const Field& field, std::span<const uint8_t> payload) {
  const FieldBytes found = event::field_bytes(field, payload);
  if (found.damage != FieldBytes::Damage::kNone) return;
  switch (field.kind) {
    case FieldKind::kInteger:
    case FieldKind::kPointer:
    case FieldKind::kBool:
      return append_integer(out, read_integer(field, found.data));
    case FieldKind::kFloat:
      if (const double number = read_float(found.bytes()); std::isfinite(number))
        out += machine::text_of_number(number);
      return;
    case FieldKind::kChars:
    case FieldKind::kDynamicChars:
      if (found.size != 0) append_event_cell(out, base::bounded_text(found.data, found.size));
      return;
    case FieldKind::kArray:
    case FieldKind::kDynamicArray: {
      std::string array;
      append_array(array, field, found.bytes());
      return append_event_cell(out, array);
    }
    case FieldKind::kBytes:
    case FieldKind::kDynamicBytes:
      return append_hex(out, found.bytes());
  }
}

bool append_json_value(std::string& out, const Field& field, std::span<const uint8_t> payload) {
  const FieldBytes found = event::field_bytes(field, payload);
  if (found.damage != FieldBytes::Damage::kNone) return false;
  switch (field.kind) {
    case FieldKind::kBool:
      out += load<uint8_t>(found.data) != 0 ? "true" : "false";
      return true;
    case FieldKind::kInteger:
    case FieldKind::kPointer: {
      const EventInteger integer = read_integer(field, found.data);
      if (integer.is_hex) out += '"';
      append_integer(out, integer);
      if (integer.is_hex) out += '"';
      return true;
    }
    case FieldKind::kFloat:
      append_json(out, read_float(found.bytes()));
      return true;
    case FieldKind::kChars:
    case FieldKind::kDynamicChars:
      append_string(
          out, found.size == 0 ? std::string_view() : base::bounded_text(found.data, found.size));
      return true;
    case FieldKind::kArray:
    case FieldKind::kDynamicArray:
      append_array(out, field, found.bytes());
      return true;
    case FieldKind::kBytes:
    case FieldKind::kDynamicBytes:
      out += '"';
      append_hex(out, found.bytes());
      out += '"';
      return true;
  }
  return true;
}

std::unique_ptr<EventWriter> make_event_csv(std::vector<EventColumns> kinds,
                                            const base::Interner& names, Output& out) {
  return std::make_unique<CsvWriter>(std::move(kinds), names, out);
}

std::unique_ptr<EventWriter> make_event_json(std::vector<EventColumns> kinds,
                                             const base::Interner& names, Output& out) {
  return std::make_unique<JsonWriter>(std::move(kinds), names, out);
}

}  // namespace oc::format
