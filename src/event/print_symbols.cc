#include "event/print_symbols.h"

#include <cctype>
#include <charconv>
#include <optional>

namespace oc::event {

namespace {

constexpr size_t kMaxSymbols = 4096;

/// Reads pieces off the front of a text; a read that fails leaves it where it was.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool take(std::string_view piece) {
    skip_space();
    if (!text_.starts_with(piece)) return false;
    text_.remove_prefix(piece.size());
    return true;
  }

  std::string_view take_name() {
    skip_space();
    size_t size = 0;
    while (size < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[size])) != 0 || text_[size] == '_'))
      ++size;
    const std::string_view name = text_.substr(0, size);
    text_.remove_prefix(size);
    return name;
  }

  std::optional<std::string> take_literal() {
    if (!take("\"")) return std::nullopt;
    std::string out;
    while (!text_.empty() && text_.front() != '"') {
      if (text_.front() == '\\' && text_.size() > 1) text_.remove_prefix(1);
      out += text_.front();
      text_.remove_prefix(1);
    }
    if (!take("\"")) return std::nullopt;
    return out;
  }

  /// "-5", "0x10UL", "(1 << 3)"
  std::optional<int64_t> take_value() {
    const bool has_parenthesis = take("(");
    auto value = take_number();
    if (value && take("<<")) {
      const auto shift = take_number();
      if (!shift || *shift < 0 || *shift > 63) return std::nullopt;
      value = static_cast<int64_t>(static_cast<uint64_t>(*value) << *shift);
    }
    if (has_parenthesis && !take(")")) return std::nullopt;
    return value;
  }

  /// Passes over what is left of "{ value, name }".
  bool skip_pair() {
    const size_t end = text_.find('}');
    if (end == std::string_view::npos) return false;
    text_.remove_prefix(end);
    return true;
  }

 private:
  void skip_space() {
    while (!text_.empty() && std::isspace(static_cast<unsigned char>(text_.front())) != 0)
      text_.remove_prefix(1);
  }

  std::optional<int64_t> take_number() {
    const bool is_negative = take("-");
    const bool is_hex = take("0x") || take("0X");
    uint64_t bits = 0;
    skip_space();
    const auto read =
        std::from_chars(text_.data(), text_.data() + text_.size(), bits, is_hex ? 16 : 10);
    if (read.ec != std::errc()) return std::nullopt;
    const auto size = static_cast<size_t>(read.ptr - text_.data());
    if (!is_hex && size > 1 && text_.front() == '0') return std::nullopt;  // octal
    text_.remove_prefix(size);
    while (!text_.empty() && std::string_view("uUlL").find(text_.front()) != std::string_view::npos)
      text_.remove_prefix(1);
    return static_cast<int64_t>(is_negative ? 0 - bits : bits);
  }

  std::string_view text_;
};

}  // namespace

std::vector<std::pair<std::string, int64_t>> print_symbols(std::string_view print_fmt,
                                                           std::string_view field) {
  constexpr std::string_view kCall = "__print_symbolic(";
  std::vector<std::pair<std::string, int64_t>> symbols;
  for (size_t at = 0; symbols.empty();) {
    at = print_fmt.find(kCall, at);
    if (at == std::string_view::npos) break;
    at += kCall.size();
    Cursor cursor(print_fmt.substr(at));
    const bool has_parenthesis = cursor.take("(");
    if (!cursor.take("REC->") || cursor.take_name() != field) continue;
    if (has_parenthesis && !cursor.take(")")) continue;
    while (cursor.take(",") && cursor.take("{") && symbols.size() < kMaxSymbols) {
      const auto value = cursor.take_value();
      if (value && cursor.take(",")) {
        if (auto name = cursor.take_literal()) symbols.emplace_back(std::move(*name), *value);
      }
      if (!cursor.skip_pair() || !cursor.take("}")) break;
    }
  }
  return symbols;
}

}  // namespace oc::event
