#include "event/filter_lexer.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

#include "event/words.h"

namespace oc::event {

using base::Error;
using base::Status;

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_hex_digit(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

struct Unit {
  std::string_view name;
  uint64_t nanos;
};
constexpr std::array kUnits = {Unit{"ns", 1}, Unit{"us", 1'000}, Unit{"ms", 1'000'000},
                               Unit{"s", 1'000'000'000}};

/// What people write who know another language, and what it is here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kForeign = {{
    {"=", "equal is =="},
    {"~", "globs are matched by =~"},
    {"&", "both must hold is &&; bits cannot be tested in a filter"},
    {"|", "one must hold is ||; bits cannot be tested in a filter"},
    {"<>", "not equal is !="},
    {"~=", "not equal is !="},
}};

}  // namespace

Error FilterLexer::error(uint32_t begin, const std::string& what, const std::string& hint) const {
  return filter_error(text_, {begin, at_}, what, hint);
}

Status FilterLexer::advance() {
  while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  Token token;
  token.span = {at_, at_};
  Status status;
  const char c = peek();
  const bool is_signed = (c == '-' || c == '+') && (is_digit(peek(1)) || peek(1) == '.');
  if (at_ >= text_.size()) {
    token.kind = Kind::kEnd;
  } else if (is_letter(c)) {
    token.kind = Kind::kName;
    while (is_word(peek()) || (peek() == '.' && is_letter(peek(1)))) token.text += text_[at_++];
  } else if (is_digit(c) || is_signed || (c == '.' && is_digit(peek(1)))) {
    status = read_number(token);
  } else if (c == '"' || c == '\'') {
    status = read_string(token);
  } else {
    status = read_operator(token);
  }
  if (!status) return status;
  token.span.end = at_;
  token.value.span = token.span;
  if (token.kind == Kind::kName && (token.text == "true" || token.text == "false")) {
    token.kind = Kind::kValue;
    token.value.type = FilterValue::Type::kBool;
    token.value.bits = token.text == "true" ? 1 : 0;
  }
  current_ = std::move(token);
  return {};
}

Status FilterLexer::read_number(Token& token) {
  const uint32_t begin = at_;
  FilterValue& value = token.value;
  token.kind = Kind::kValue;
  value.is_negative = peek() == '-';
  if (peek() == '-' || peek() == '+') ++at_;
  const bool is_hex = peek() == '0' && (peek(1) == 'x' || peek(1) == 'X');
  if (is_hex) at_ += 2;
  const uint32_t digits = at_;
  while (is_hex ? is_hex_digit(peek()) : is_digit(peek())) ++at_;
  const uint32_t whole_end = at_;
  bool is_float = false;
  if (!is_hex && peek() == '.' && peek(1) != '.') {
    is_float = true;
    for (++at_; is_digit(peek());) ++at_;
  }
  const bool has_sign = peek(1) == '-' || peek(1) == '+';
  if (!is_hex && (peek() == 'e' || peek() == 'E') && is_digit(peek(has_sign ? 2 : 1))) {
    is_float = true;
    for (at_ += has_sign ? 2 : 1; is_digit(peek());) ++at_;
  }
  const char* const first = text_.data() + digits;
  const char* const last = text_.data() + at_;
  uint64_t scale = 1;
  if (is_letter(peek())) {
    const uint32_t unit_at = at_;
    while (is_word(peek())) ++at_;
    const std::string_view unit = text_.substr(unit_at, at_ - unit_at);
    scale = 0;
    for (const Unit& known : kUnits) {
      if (!is_hex && known.name == unit) scale = known.nanos;
    }
    if (scale == 0) {
      return error(begin, "'" + std::string(text_.substr(begin, at_ - begin)) + "' is not a number",
                   is_hex ? "" : "times end in ns, us, ms or s");
    }
  }
  const std::string shown(text_.substr(begin, at_ - begin));
  if (is_float) {
    value.type = FilterValue::Type::kFloat;
    if (std::from_chars(first, last, value.number).ec != std::errc())
      return error(begin, "'" + shown + "' is beyond what a number can be");
    value.number *= value.is_negative ? -static_cast<double>(scale) : static_cast<double>(scale);
    if (!std::isfinite(value.number))
      return error(begin, "'" + shown + "' is beyond what a number can be");
    return {};
  }
  if (digits == whole_end) return error(begin, "'" + shown + "' is not a number");
  if (!is_hex && whole_end - digits > 1 && text_[digits] == '0')
    return error(begin, "'" + shown + "' begins with 0: is it octal?",
                 "decimal numbers begin with 1 to 9, hexadecimal ones with 0x");
  const auto read = std::from_chars(first, text_.data() + whole_end, value.bits, is_hex ? 16 : 10);
  const bool is_too_large = value.is_negative && value.bits > (uint64_t{1} << 63);
  if (read.ec != std::errc() || is_too_large ||
      __builtin_mul_overflow(value.bits, scale, &value.bits))
    return error(begin, "'" + shown + "' does not fit in 64 bits");
  return {};
}

/// Reads what follows a backslash; false when that means nothing.
bool FilterLexer::take_escape(char& out) {
  const char c = peek();
  ++at_;
  out = c;
  if (c == 'n') out = '\n';
  if (c == 't') out = '\t';
  if (c == 'r') out = '\r';
  if (c == 'x') {
    unsigned code = 0;
    const char* const first = text_.data() + at_;
    if (!is_hex_digit(peek()) || !is_hex_digit(peek(1))) return false;
    std::from_chars(first, first + 2, code, 16);
    out = static_cast<char>(code);
    at_ += 2;
  }
  return c != '\0' && std::string_view("ntrx\\'\"*?[]").find(c) != std::string_view::npos;
}

Status FilterLexer::read_string(Token& token) {
  const uint32_t begin = at_;
  const char quote = text_[at_++];
  token.kind = Kind::kValue;
  token.value.type = FilterValue::Type::kText;
  while (at_ < text_.size() && text_[at_] != quote) {
    const uint32_t begins = at_;
    char c = text_[at_++];
    const bool is_escaped = c == '\\';
    if (is_escaped && !take_escape(c))
      return error(begins, "this escape means nothing",
                   R"(there are \n \t \r \\ \' \" \xNN and, for globs, \* \? \[ \])");
    token.value.text += c;
    const bool is_special = std::string_view("*?[]\\").find(c) != std::string_view::npos;
    if (is_escaped && is_special) token.value.glob += '\\';
    token.value.glob += c;
  }
  if (at_ >= text_.size()) {
    return error(begin, "this text has no end", std::string("it ends with ") + quote);
  }
  ++at_;
  return {};
}

Status FilterLexer::read_operator(Token& token) {
  static constexpr std::array<std::string_view, 17> kOperators = {
      "&&", "||", "==", "!=", "<=", ">=", "=~", "..", "<", ">", "!", "(", ")", "{", "}", ",", "."};
  const std::string_view rest = text_.substr(at_);
  for (const auto& [foreign, hint] : kForeign) {
    const bool is_longer = rest.starts_with("==") || rest.starts_with("=~") ||
                           rest.starts_with("&&") || rest.starts_with("||");
    if (is_longer || !rest.starts_with(foreign)) continue;
    const uint32_t begin = at_;
    at_ += static_cast<uint32_t>(foreign.size());
    return error(begin, "a filter has no operator '" + std::string(foreign) + "'",
                 std::string(hint));
  }
  for (const std::string_view known : kOperators) {
    if (!rest.starts_with(known)) continue;
    token.kind = Kind::kOperator;
    token.text = known;
    at_ += static_cast<uint32_t>(known.size());
    return {};
  }
  const uint32_t begin = at_++;
  return error(begin, "a filter has no such sign");
}

}  // namespace oc::event
