#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "event/filter_syntax.h"

namespace oc::event {

/// Cuts a filter's text into words, numbers, strings and operators.
///
/// `current` is the token at hand; after a failure it stays what it was. The text outlives the lexer.
class FilterLexer {
 public:
  enum class Kind : uint8_t { kEnd, kName, kValue, kOperator };

  struct Token {
    Kind kind = Kind::kEnd;
    std::string text;   ///< of a name or an operator
    FilterValue value;  ///< of kValue
    TextSpan span;
  };

  explicit FilterLexer(std::string_view text) : text_(text) {}

  const Token& current() const { return current_; }
  /// Reads the next token.
  base::Status advance();
  bool is(std::string_view operator_or_word) const {
    return (current_.kind == Kind::kOperator || current_.kind == Kind::kName) &&
           current_.text == operator_or_word;
  }
  std::string_view text() const { return text_; }

 private:
  base::Status read_number(Token& token);
  base::Status read_string(Token& token);
  base::Status read_operator(Token& token);
  bool take_escape(char& out);

  base::Error error(uint32_t begin, const std::string& what, const std::string& hint = {}) const;
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  std::string_view text_;
  uint32_t at_ = 0;
  Token current_;
};

}  // namespace oc::event
