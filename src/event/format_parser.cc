#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "event/event_format.h"
#include "event/field_decl.h"
#include "event/print_fmt.h"
#include "event/words.h"

namespace oc::event {

namespace {

using base::Code;
using base::Error;
using base::make_error;
using base::Result;

// The kernel's largest event has about 60; a bound keeps look-ups by name cheap on hostile texts.
constexpr size_t kMaxFields = 1024;

/// A number that fills `text` up to a semicolon or the end; absent when there is anything else.
std::optional<uint32_t> number(std::string_view text) {
  text = trim(text.substr(0, text.find(';')));
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Reads one `format` text line by line. Lives for one call of parse_format.
class FormatParser {
 public:
  FormatParser(std::string_view text, std::string_view system, uint32_t long_size)
      : rest_(text), long_size_(long_size) {
    format_.system = system;
  }

  Result<EventFormat> run() {
    bool has_id = false;
    while (!rest_.empty()) {
      ++line_;
      const std::string_view whole = rest_;
      const std::string_view line = trim(take_line());
      if (line.starts_with("name:")) {
        format_.name = trim(line.substr(5));
      } else if (line.starts_with("ID:")) {
        const auto id = number(line.substr(3));
        if (!id) return bad("the ID is not a number");
        format_.id = *id;
        has_id = true;
      } else if (line.starts_with("field")) {
        if (auto status = add_field(line); !status) return std::move(status.error());
      } else if (line.starts_with("print fmt:")) {
        format_.print_fmt = trim(whole.substr(whole.find("fmt:") + 4));
        break;  // it is the last thing in the text, and may hold line breaks
      }
    }
    if (format_.name.empty()) return bad("the text ends without a \"name:\" line");
    if (!has_id) return bad("the text ends without an \"ID:\" line");
    apply_print_fmt(format_, long_size_);
    return std::move(format_);
  }

 private:
  std::string_view take_line() {
    const auto end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    return line;
  }

  Error bad(const std::string& why) const {
    const std::string event = format_.name.empty() ? "?" : format_.name;
    return make_error(Code::kInvalid, "format of event " + format_.system + ":" + event +
                                          ", line " + std::to_string(line_) + ": " + why);
  }

  void leave_out(const std::string& name, const std::string& why) {
    format_.notes.push_back("line " + std::to_string(line_) + ": field " + name +
                            " is left out: " + why);
  }

  /// "field:TYPE NAME; offset:N; size:N; signed:N;", the last one optional, with any white space.
  base::Status add_field(std::string_view line) {
    const auto colon = line.find(':');
    const auto semicolon = line.find(';');
    if (colon == line.npos || semicolon == line.npos || semicolon < colon) {
      return bad("a field line without \"field:TYPE NAME;\"");
    }
    const std::string_view declaration = line.substr(colon + 1, semicolon - colon - 1);
    const std::string_view places = line.substr(semicolon);
    const auto offset = value_of(places, "offset:");
    const auto size = value_of(places, "size:");
    const auto is_signed = value_of(places, "signed:");
    if (!offset) return bad("a field without a readable offset");
    if (!size) return bad("a field without a readable size");

    FieldPlace place{*offset, *size, std::nullopt};
    if (is_signed) place.is_signed = *is_signed != 0;
    auto field = make_field(declaration, place, long_size_);
    if (!field) return bad("a field without a name");
    keep(std::move(*field));
    if (format_.fields.size() + format_.notes.size() > kMaxFields) {
      return bad("more fields than any event has");
    }
    return {};
  }

  static std::optional<uint32_t> value_of(std::string_view places, std::string_view key) {
    const auto at = places.find(key);
    return at == places.npos ? std::nullopt : number(places.substr(at + key.size()));
  }

  void keep(Field field) {
    const bool is_dynamic = field.kind >= FieldKind::kDynamicChars;
    if (uint64_t{field.offset} + field.size > kMaxPayload) {
      leave_out(field.name, "it ends beyond 64 KiB");
    } else if (is_dynamic && field.size != 4) {
      leave_out(field.name, "a dynamic field has 4 bytes, not " + std::to_string(field.size));
    } else if (format_.find(field.name) != nullptr) {
      leave_out(field.name, "there is one of that name already");
    } else {
      format_.fields.push_back(std::move(field));
    }
  }

  std::string_view rest_;
  uint32_t long_size_;
  uint32_t line_ = 0;
  EventFormat format_;
};

}  // namespace

Result<EventFormat> parse_format(std::string_view text, std::string_view system,
                                 uint32_t long_size) {
  return FormatParser(text, system, long_size == 4 ? 4 : 8).run();
}

}  // namespace oc::event
