#include "event/filter_syntax.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/nearest.h"
#include "event/filter_lexer.h"

namespace oc::event {

using base::Error;
using base::Result;
using base::Status;

namespace {

using Kind = FilterLexer::Kind;

constexpr size_t kShown = 100;

constexpr std::array<std::pair<std::string_view, FilterCompare>, 10> kCompares = {{
    {"==", FilterCompare::kEqual},
    {"!=", FilterCompare::kNotEqual},
    {"<", FilterCompare::kLess},
    {"<=", FilterCompare::kLessEqual},
    {">", FilterCompare::kGreater},
    {">=", FilterCompare::kGreaterEqual},
    {"=~", FilterCompare::kGlob},
    {"contains", FilterCompare::kContains},
    {"starts_with", FilterCompare::kStartsWith},
    {"ends_with", FilterCompare::kEndsWith},
}};

/// The comparison with its sides swapped; nothing for those of text.
bool swap_sides(FilterCompare& compare) {
  switch (compare) {
    case FilterCompare::kEqual:
    case FilterCompare::kNotEqual:
      return true;
    case FilterCompare::kLess:
      compare = FilterCompare::kGreater;
      return true;
    case FilterCompare::kLessEqual:
      compare = FilterCompare::kGreaterEqual;
      return true;
    case FilterCompare::kGreater:
      compare = FilterCompare::kLess;
      return true;
    case FilterCompare::kGreaterEqual:
      compare = FilterCompare::kLessEqual;
      return true;
    default:
      return false;
  }
}

/// Recursive descent; one text, one use.
class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : lexer_(text) {}

  Result<FilterSyntax> parse() {
    if (const Status first = lexer_.advance(); !first) return first.error();
    if (at_end()) return error_here("the filter is empty", "as in: next_pid == 5");
    auto tree = parse_or();
    if (tree && !at_end()) return unexpected();
    return tree;
  }

 private:
  bool at_end() const { return lexer_.current().kind == Kind::kEnd; }

  Error error_here(const std::string& what, const std::string& hint = {}) const {
    return filter_error(lexer_.text(), lexer_.current().span, what, hint);
  }

  Error unexpected() const {
    const auto& token = lexer_.current();
    if (token.kind == Kind::kName && (token.text == "and" || token.text == "or"))
      return error_here("'" + token.text + "' is not an operator of filters",
                        token.text == "and" ? "write &&" : "write ||");
    const std::string shown(
        lexer_.text().substr(token.span.begin, token.span.end - token.span.begin));
    return error_here("'" + shown + "' is not expected here",
                      token.text == ")" ? "there is no ( for it" : "tests are joined by && and ||");
  }

  Result<FilterSyntax> parse_or() {
    return parse_list("||", FilterSyntax::Kind::kOr, [this] {
      return parse_list("&&", FilterSyntax::Kind::kAnd, [this] { return parse_unary(); });
    });
  }

  template <typename Parse>
  Result<FilterSyntax> parse_list(std::string_view joint, FilterSyntax::Kind kind, Parse parse) {
    auto first = parse();
    if (!first || !lexer_.is(joint)) return first;
    FilterSyntax list;
    list.kind = kind;
    list.span.begin = first->span.begin;
    list.children.push_back(std::move(*first));
    while (lexer_.is(joint)) {
      if (const Status next = lexer_.advance(); !next) return next.error();
      auto more = parse();
      if (!more) return more;
      list.span.end = more->span.end;
      list.children.push_back(std::move(*more));
    }
    return list;
  }

  Result<FilterSyntax> parse_unary() {
    const bool is_not = lexer_.is("!");
    if (!is_not && !lexer_.is("(")) return parse_test();
    if (++depth_ > kMaxFilterDepth) return error_here("this filter is nested too deeply");
    const uint32_t begin = lexer_.current().span.begin;
    if (const Status next = lexer_.advance(); !next) return next.error();
    auto inner = is_not ? parse_unary() : parse_or();
    if (!inner) return inner;
    --depth_;
    if (is_not) {
      FilterSyntax negation;
      negation.kind = FilterSyntax::Kind::kNot;
      negation.span = {begin, inner->span.end};
      negation.children.push_back(std::move(*inner));
      return negation;
    }
    if (!lexer_.is(")")) {
      if (!at_end()) return unexpected();
      return filter_error(lexer_.text(), {begin, begin + 1}, "this ( is not closed");
    }
    inner->span = {begin, lexer_.current().span.end};
    if (const Status next = lexer_.advance(); !next) return next.error();
    return inner;
  }

  Result<FilterSyntax> parse_test() {
    if (++tests_ > kMaxFilterTests) return error_here("this filter has too many tests");
    FilterSyntax test;
    test.span = lexer_.current().span;
    if (lexer_.current().kind == Kind::kValue) return parse_value_first(std::move(test));
    if (lexer_.current().kind != Kind::kName) {
      if (at_end()) return error_here("the filter ends where a test should follow");
      return error_here("a field or a value should stand here", "as in: next_pid == 5");
    }
    Status status = take_field(test);
    if (!status) return std::move(status.error());
    if (lexer_.is("in")) {
      status = parse_in(test);
    } else if (take_compare(test.compare, status)) {
      if (status) status = take_value(test);
    } else {
      if (lexer_.current().kind == Kind::kName && !lexer_.is("and") && !lexer_.is("or"))
        return no_such_word();
      test.compare = FilterCompare::kIsTrue;
    }
    if (!status) return std::move(status.error());
    return test;
  }

  /// "5 == next_pid"
  Result<FilterSyntax> parse_value_first(FilterSyntax test) {
    test.items.push_back({lexer_.current().value, {}, false});
    Status status = lexer_.advance();
    const TextSpan op = lexer_.current().span;
    if (!status) return std::move(status.error());
    if (!take_compare(test.compare, status))
      return error_here("a comparison should follow this value", "as in: next_pid == 5");
    if (!status) return std::move(status.error());
    if (!swap_sides(test.compare))
      return filter_error(lexer_.text(), op, "the field comes first, then this, then the text");
    if (lexer_.current().kind != Kind::kName)
      return error_here("a field should stand on one side", "as in: next_pid == 5");
    status = take_field(test);
    if (!status) return std::move(status.error());
    return test;
  }

  Error no_such_word() const {
    std::vector<std::string> words = {"in"};
    for (const auto& [word, compare] : kCompares) words.emplace_back(word);
    const std::string& word = lexer_.current().text;
    const std::string hint = base::did_you_mean(base::nearest(word, words));
    return error_here("a filter has no operator '" + word + "'",
                      hint.empty() ? "oc help and the guide list them" : hint);
  }

  Status take_field(FilterSyntax& test) {
    test.field = lexer_.current().text;
    test.field_span = lexer_.current().span;
    test.span.end = lexer_.current().span.end;
    return lexer_.advance();
  }

  /// True when a comparison stands here; it is passed over.
  bool take_compare(FilterCompare& compare, Status& status) {
    for (const auto& [word, meaning] : kCompares) {
      if (!lexer_.is(word)) continue;
      compare = meaning;
      status = lexer_.advance();
      return true;
    }
    return false;
  }

  Status read_value(FilterValue& value) {
    if (lexer_.current().kind == Kind::kName)
      return error_here("'" + lexer_.current().text + "' is not a value",
                        "text is quoted; two fields cannot be compared in a filter");
    if (lexer_.current().kind != Kind::kValue)
      return error_here("a value should stand here", "a number, 'text', true or false");
    value = lexer_.current().value;
    return lexer_.advance();
  }

  Status take_value(FilterSyntax& test) {
    FilterSyntax::Item item;
    Status status = read_value(item.first);
    test.span.end = item.first.span.end;
    test.items.push_back(std::move(item));
    return status;
  }

  Status parse_in(FilterSyntax& test) {
    test.compare = FilterCompare::kIn;
    Status status = lexer_.advance();
    const std::string close = lexer_.is("{") ? "}" : ")";
    if (status && !lexer_.is("(") && !lexer_.is("{"))
      return error_here("a list should follow 'in'", "as in: id in (0, 1, 5..9)");
    if (status) status = lexer_.advance();
    while (status) {
      FilterSyntax::Item item;
      if (++tests_ > kMaxFilterTests) return error_here("this filter has too many tests");
      status = read_value(item.first);
      if (status && lexer_.is("..")) {
        item.is_range = true;
        status = lexer_.advance();
        if (status) status = read_value(item.last);
      }
      test.items.push_back(std::move(item));
      if (!status) break;
      test.span.end = lexer_.current().span.end;
      if (lexer_.is(close)) return lexer_.advance();
      if (!lexer_.is(",")) return error_here("a comma or " + close + " should follow");
      status = lexer_.advance();
    }
    return status;
  }

  FilterLexer lexer_;
  uint32_t depth_ = 0;
  uint32_t tests_ = 0;
};

}  // namespace

Error filter_error(std::string_view text, TextSpan place, const std::string& what,
                   const std::string& hint, base::Code code) {
  const size_t begin = std::min<size_t>(place.begin, text.size());
  const size_t from = begin > kShown - 20 ? begin - (kShown - 20) : 0;
  std::string shown(text.substr(from, kShown));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < ' ' || c == 127; }, ' ');
  const std::string before = from > 0 ? "..." : "";
  const std::string behind = from + kShown < text.size() ? "..." : "";
  std::string sentence = "filter: " + what + "\n     | " + before + shown + behind + "\n     | " +
                         std::string(before.size() + begin - from, ' ') + "^";
  if (!hint.empty()) sentence += " " + hint;
  return base::make_error(code, std::move(sentence));
}

Result<FilterSyntax> parse_filter(std::string_view text) {
  if (text.size() > kMaxFilterText)
    return base::make_error(base::Code::kUsage, "filter: the text is longer than 16384 bytes");
  return FilterParser(text).parse();
}

}  // namespace oc::event
