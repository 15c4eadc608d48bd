#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oc::event {

/// Bounds on what a filter may be; beyond them the parser says so.
constexpr size_t kMaxFilterText = 16384;
constexpr uint32_t kMaxFilterDepth = 64;    ///< parentheses and ! inside each other
constexpr uint32_t kMaxFilterTests = 1000;  ///< comparisons; each value after `in` is one

/// A piece of the filter's text: bytes [begin, end).
struct TextSpan {
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// A constant of a filter, as written.
struct FilterValue {
  enum class Type : uint8_t { kInteger, kFloat, kText, kBool };

  Type type = Type::kInteger;
  bool is_negative = false;  ///< of an integer: its value is -bits
  uint64_t bits = 0;         ///< magnitude of an integer; 0 or 1 of a bool
  double number = 0;         ///< of a float
  std::string text;          ///< escapes are resolved
  std::string glob;          ///< the same as a glob: what was escaped keeps a backslash
  TextSpan span;
};

enum class FilterCompare : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kGlob,  ///< =~
  kContains,
  kStartsWith,
  kEndsWith,
  kIn,
  kIsTrue,  ///< a field that stands alone
};

/// A filter as a tree, before anybody knows which fields there are. Passive data.
struct FilterSyntax {
  enum class Kind : uint8_t { kAnd, kOr, kNot, kCompare };

  /// One of the values after `in`; a single value has no `last`.
  struct Item {
    FilterValue first;
    FilterValue last;
    bool is_range = false;
  };

  Kind kind = Kind::kCompare;
  std::vector<FilterSyntax> children;  ///< two or more of kAnd and kOr, one of kNot
  FilterCompare compare = FilterCompare::kEqual;
  std::string field;  ///< as written: "next_pid", "args.pid"
  TextSpan field_span;
  std::vector<Item> items;  ///< one; any number of kIn; none of kIsTrue
  TextSpan span;
};

/// Parses a filter.
///
///     filter  = and { "||" and }          and  = unary { "&&" unary }
///     unary   = "!" unary | "(" filter ")" | test
///     test    = field | field op value | value op field | field "in" "(" item { "," item } ")"
///     item    = value | value ".." value
///     op      = == != < <= > >= =~ contains starts_with ends_with
///     value   = 12 -3 0xff 1.5 2ms "text" 'text' true false
///
/// `in` takes braces too. Times (ns us ms s) are numbers of nanoseconds. Errors quote the text with a
/// caret below the place.
base::Result<FilterSyntax> parse_filter(std::string_view text);

/// An error about a place in a filter: the sentence, the text and a caret, the hint behind that.
base::Error filter_error(std::string_view text, TextSpan place, const std::string& what,
                         const std::string& hint = {}, base::Code code = base::Code::kUsage);

}  // namespace oc::event
