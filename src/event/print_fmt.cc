#include "event/print_fmt.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "event/words.h"

namespace oc::event {

namespace {

// Bounds on hostile texts; the kernel's have at most a few dozen arguments, the simple ones are
// short.
constexpr size_t kMaxArguments = 512;
constexpr size_t kMaxSimpleArgument = 256;

enum class Shown : uint8_t { kOther, kDecimal, kPointer, kLongHex, kLongLongHex };

/// The end of the literal that starts at `at` (a quote): just past its closing quote.
size_t skip_literal(std::string_view text, size_t at) {
  const char quote = text[at++];
  while (at < text.size() && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

/// Takes the leading string literals, "abc" "def", off `text` and returns their joined inner text.
std::string take_format_string(std::string_view& text) {
  std::string format;
  text = trim(text);
  while (text.starts_with('"')) {
    const size_t end = skip_literal(text, 0);
    if (end >= 2) format += text.substr(1, end - 2);
    text = trim(text.substr(end));
  }
  return format;
}

/// Splits at commas outside parentheses, braces and literals.
std::vector<std::string_view> split_arguments(std::string_view text) {
  std::vector<std::string_view> arguments;
  if (text.starts_with(',')) text.remove_prefix(1);
  size_t begin = 0;
  int depth = 0;
  for (size_t at = 0; at < text.size() && arguments.size() < kMaxArguments;) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = skip_literal(text, at);
      continue;
    }
    if (c == '(' || c == '{' || c == '[') ++depth;
    if (c == ')' || c == '}' || c == ']') --depth;
    if (c == ',' && depth == 0) {
      arguments.push_back(trim(text.substr(begin, at - begin)));
      begin = at + 1;
    }
    ++at;
  }
  arguments.push_back(trim(text.substr(std::min(begin, text.size()))));
  return arguments;
}

/// True when the letter after %p still means "an address", as opposed to %pI4, %pU, %pM, %pd ...
bool is_address_extension(char c) {
  return !is_word(c) || std::string_view("xKSsBFf").find(c) != std::string_view::npos;
}

/// Reads the specifications of a printf text in order, one entry for each argument they consume.
std::vector<Shown> read_specs(std::string_view format) {
  std::vector<Shown> specs;
  for (size_t at = 0; at < format.size() && specs.size() < kMaxArguments; ++at) {
    if (format[at] != '%') continue;
    const auto skip = [&](std::string_view set) {
      const size_t begin = ++at;
      while (at < format.size() && set.find(format[at]) != set.npos) ++at;
      return format.substr(begin, at-- - begin);
    };
    const auto width = skip("-+ #0123456789.*");
    specs.insert(specs.end(), static_cast<size_t>(std::count(width.begin(), width.end(), '*')),
                 Shown::kOther);
    const auto length = skip("hlLzjtq");
    if (++at >= format.size()) break;
    const char next = at + 1 < format.size() ? format[at + 1] : ' ';
    const char c = format[at];
    Shown shown = Shown::kOther;
    if (c == '%') continue;
    if (c == 'd' || c == 'i' || c == 'u') shown = Shown::kDecimal;
    if (c == 'p' && is_address_extension(next)) shown = Shown::kPointer;
    if ((c == 'x' || c == 'X') && length == "l") shown = Shown::kLongHex;
    if ((c == 'x' || c == 'X') && (length == "ll" || length == "L" || length == "q")) {
      shown = Shown::kLongLongHex;
    }
    specs.push_back(shown);
  }
  return specs;
}

/// True for what may stand between the parentheses of a cast: "void *", "unsigned long".
bool is_cast(std::string_view inner) {
  return !trim(inner).empty() && std::all_of(inner.begin(), inner.end(), [](char c) {
    return is_word(c) || c == ' ' || c == '*';
  });
}

/// The name in `REC->name` or `REC->name[..]` when the argument is nothing else but casts and
/// parentheses around it; empty otherwise.
std::string_view simple_field(std::string_view argument) {
  constexpr std::string_view kRecord = "REC->";
  if (argument.size() > kMaxSimpleArgument) return {};
  while (argument.starts_with('(')) {
    size_t close = 0;
    for (int depth = 0; close < argument.size(); ++close) {
      if (argument[close] == '(') ++depth;
      if (argument[close] == ')' && --depth == 0) break;
    }
    if (close == argument.size()) return {};
    const std::string_view inner = argument.substr(1, close - 1);
    if (close + 1 == argument.size()) {
      argument = trim(inner);
    } else if (is_cast(inner)) {
      argument = trim(argument.substr(close + 1));
    } else {
      return {};
    }
  }
  if (!argument.starts_with(kRecord)) return {};
  argument.remove_prefix(kRecord.size());
  const auto end = std::find_if_not(argument.begin(), argument.end(), is_word);
  const std::string_view name(argument.data(), static_cast<size_t>(end - argument.begin()));
  const std::string_view rest = trim(argument.substr(name.size()));
  const bool is_indexed = rest.starts_with('[') && rest.find(']') == rest.size() - 1;
  return rest.empty() || is_indexed ? name : std::string_view{};
}

bool is_address(const Field& field, Shown shown, uint32_t long_size) {
  const bool is_number = field.kind == FieldKind::kInteger || field.kind == FieldKind::kArray;
  if (!is_number) return false;
  if (shown == Shown::kPointer) return field.element_size == long_size;
  if (field.is_signed) return false;
  if (shown == Shown::kLongHex) return field.element_size >= long_size;
  return shown == Shown::kLongLongHex && field.element_size == 8;
}

void mark_addresses(EventFormat& format, uint32_t long_size) {
  std::string_view text = format.print_fmt;
  const std::vector<Shown> specs = read_specs(take_format_string(text));
  const std::vector<std::string_view> arguments = split_arguments(text);
  std::vector<Field*> decimals;
  for (size_t i = 0; i < std::min(specs.size(), arguments.size()); ++i) {
    if (specs[i] == Shown::kOther) continue;
    const std::string_view name = simple_field(arguments[i]);
    if (name.empty()) continue;
    for (Field& field : format.fields) {
      if (field.name != name) continue;
      if (is_address(field, specs[i], long_size)) field.is_hex = true;
      const bool is_pointer =
          field.kind == FieldKind::kPointer || field.type.find('*') != std::string::npos;
      if (specs[i] == Shown::kDecimal && !is_pointer) decimals.push_back(&field);
    }
  }
  for (Field* field : decimals) field->is_hex = false;
}

}  // namespace

void apply_print_fmt(EventFormat& format, uint32_t long_size) {
  for (Field& field : format.fields) {
    if (field.kind != FieldKind::kDynamicArray) continue;
    for (const char* opaque : {"bitmask(", "cpumask(", "sockaddr("}) {
      if (format.print_fmt.find(opaque + field.name + ")") == std::string::npos) continue;
      field.kind = FieldKind::kDynamicBytes;
      field.element_size = 1;
      field.is_signed = false;
    }
  }
  if (format.system != "syscalls") mark_addresses(format, long_size);
}

}  // namespace oc::event
