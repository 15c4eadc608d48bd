#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/nearest.h"
#include "event/filter.h"
#include "event/filter_scope.h"
#include "event/print_symbols.h"
#include "event/text_glob.h"

namespace oc::event {

using base::Code;
using base::Error;
using base::Result;

namespace {

using Op = FilterNode::Op;
using Place = FilterField::Place;
using Type = FilterField::Type;

/// A 65-bit integer: enough for every signed and unsigned one of 64.
struct Wide {
  bool is_negative = false;
  uint64_t bits = 0;  ///< two's complement when negative
};

Filter constant(bool value) {
  FilterNode node;
  node.op = value ? Op::kTrue : Op::kFalse;
  return {{node}};
}

/// What !(a OP b) is for numbers that are ordered.
Op inverse(Op op) {
  switch (op) {
    case Op::kEqual:
      return Op::kNotEqual;
    case Op::kNotEqual:
      return Op::kEqual;
    case Op::kLess:
      return Op::kGreaterEqual;
    case Op::kLessEqual:
      return Op::kGreater;
    case Op::kGreater:
      return Op::kLessEqual;
    default:
      return Op::kLess;
  }
}

/// -1, 0 or 1: whether `value` lies below, within or above what the field can hold.
int side_of(const FilterField& field, Wide value) {
  const uint32_t width = field.size * 8;
  if (field.is_signed) {
    const auto most = static_cast<uint64_t>(std::numeric_limits<int64_t>::max() >> (64 - width));
    if (value.is_negative) return value.bits < ~most ? -1 : 0;
    return value.bits > most ? 1 : 0;
  }
  if (value.is_negative) return -1;
  return width < 64 && value.bits >> width != 0 ? 1 : 0;
}

/// What `field OP constant` is when the constant lies to one side of all that the field can be.
bool holds_beyond(Op op, int side) {
  if (op == Op::kNotEqual) return true;
  if (op == Op::kEqual) return false;
  const bool is_less = op == Op::kLess || op == Op::kLessEqual;
  return is_less == (side > 0);
}

class Checker {
 public:
  Checker(std::string_view text, const FilterScope& scope) : text_(text), scope_(scope) {}

  Result<Filter> check(const FilterSyntax& syntax, bool negated) {
    switch (syntax.kind) {
      case FilterSyntax::Kind::kNot:
        return check(syntax.children.front(), !negated);
      case FilterSyntax::Kind::kAnd:
        return join(syntax, negated, !negated);
      case FilterSyntax::Kind::kOr:
        return join(syntax, negated, negated);
      default:
        return test(syntax, negated);
    }
  }

 private:
  Error error(TextSpan place, const std::string& what, const std::string& hint = {},
              Code code = Code::kUsage) const {
    return filter_error(text_, place, what, hint, code);
  }

  /// Joins the children; one that decides the whole makes up for fields that others miss.
  Result<Filter> join(const FilterSyntax& syntax, bool negated, bool is_and) {
    std::vector<Filter> parts;
    std::optional<Error> missing;
    for (const FilterSyntax& child : syntax.children) {
      auto part = check(child, negated);
      if (!part && part.error().code != Code::kNotFound) return part;
      if (part) {
        parts.push_back(std::move(*part));
      } else if (!missing) {
        missing = std::move(part.error());
      }
    }
    for (const Filter& part : parts) {
      if (is_and ? part.is_never() : part.is_always()) return constant(!is_and);
    }
    if (missing) return std::move(*missing);
    return joined(std::move(parts), is_and, syntax.span);
  }

  /// All of `parts`, or any of them; none decides the whole.
  static Filter joined(std::vector<Filter> parts, bool is_and, TextSpan span) {
    std::erase_if(parts,
                  [&](const Filter& part) { return is_and ? part.is_always() : part.is_never(); });
    if (parts.empty()) return constant(is_and);
    if (parts.size() == 1) return std::move(parts.front());
    Filter out;
    FilterNode head;
    head.op = is_and ? Op::kAnd : Op::kOr;
    head.count = static_cast<uint32_t>(parts.size());
    head.span = span;
    out.nodes.push_back(std::move(head));
    for (Filter& part : parts) {
      out.nodes.insert(out.nodes.end(), std::make_move_iterator(part.nodes.begin()),
                       std::make_move_iterator(part.nodes.end()));
    }
    return out;
  }

  Result<Filter> test(const FilterSyntax& syntax, bool negated) {
    const FilterName name = find_filter_name(scope_, syntax.field);
    if (!name.field) return no_field(syntax, name);
    if (syntax.compare == FilterCompare::kIn) return among(syntax, *name.field, negated);
    if (syntax.compare == FilterCompare::kIsTrue) {
      if (name.field->type != Type::kBool)
        return error(syntax.field_span, "'" + syntax.field + "' alone says nothing",
                     "compare it, as in: " + syntax.field + " != 0");
      FilterValue value;
      value.type = FilterValue::Type::kBool;
      value.bits = 1;
      return compare(syntax, *name.field, FilterCompare::kEqual, value, negated);
    }
    return compare(syntax, *name.field, syntax.compare, syntax.items.front().first, negated);
  }

  Error no_field(const FilterSyntax& syntax, const FilterName& name) const {
    if (!name.problem.empty())
      return error(syntax.field_span, name.problem, name.hint, Code::kNotFound);
    return error(
        syntax.field_span, "event '" + scope_.event + "' has no field '" + syntax.field + "'",
        base::did_you_mean(base::nearest(syntax.field, filter_names(scope_))), Code::kNotFound);
  }

  /// `in`: any of the values.
  Result<Filter> among(const FilterSyntax& syntax, const FilterField& field, bool negated) {
    std::vector<Filter> parts;
    for (const FilterSyntax::Item& item : syntax.items) {
      auto part = item.is_range
                      ? range(syntax, field, item, negated)
                      : compare(syntax, field, FilterCompare::kEqual, item.first, negated);
      if (!part) return part;
      if (negated ? part->is_never() : part->is_always()) return constant(!negated);
      parts.push_back(std::move(*part));
    }
    return joined(std::move(parts), negated, syntax.span);
  }

  Result<Filter> range(const FilterSyntax& syntax, const FilterField& field,
                       const FilterSyntax::Item& item, bool negated) {
    if (field.type != Type::kInteger && field.type != Type::kFloat)
      return error(item.first.span, "a range is of numbers, and '" + syntax.field + "' is none");
    std::vector<Filter> ends;
    for (const auto& [op, value] : {std::pair(FilterCompare::kGreaterEqual, &item.first),
                                    std::pair(FilterCompare::kLessEqual, &item.last)}) {
      auto end = compare(syntax, field, op, *value, negated);
      if (!end) return end;
      if (negated ? end->is_always() : end->is_never()) return constant(negated);
      ends.push_back(std::move(*end));
    }
    return joined(std::move(ends), !negated, syntax.span);
  }

  Result<Filter> compare(const FilterSyntax& syntax, const FilterField& field, FilterCompare how,
                         const FilterValue& value, bool negated) {
    if (field.type == Type::kText) return compare_text(syntax, field, how, value, negated);
    if (how > FilterCompare::kGreaterEqual)
      return error(syntax.span, "'" + syntax.field + "' is no text", "numbers are compared by ==");
    const Op op = static_cast<Op>(static_cast<int>(Op::kEqual) + static_cast<int>(how));
    FilterNode node;
    node.op = op;
    node.field = field;
    node.span = syntax.span;
    if (field.type == Type::kFloat) return compare_float(syntax, std::move(node), value, negated);
    if (field.type == Type::kBool) return compare_bool(syntax, std::move(node), value, negated);
    auto wide = integer(syntax, field, value);
    if (!wide) return std::move(wide.error());
    if (const int side = side_of(field, *wide); side != 0)
      return constant(holds_beyond(op, side) != negated);
    if (negated) node.op = inverse(op);
    node.bits = wide->bits;
    return Filter{{std::move(node)}};
  }

  /// The integer that a constant means for a field: a number, or a name that print fmt gives it.
  Result<Wide> integer(const FilterSyntax& syntax, const FilterField& field,
                       const FilterValue& value) {
    if (value.type == FilterValue::Type::kInteger)
      return Wide{value.is_negative && value.bits != 0,
                  value.is_negative ? 0 - value.bits : value.bits};
    if (value.type == FilterValue::Type::kText) return symbol(syntax, field, value);
    constexpr double kMost = 9223372036854775808.0;
    const bool is_whole = value.type == FilterValue::Type::kFloat &&
                          value.number == std::floor(value.number) && value.number > -kMost &&
                          value.number < kMost;
    if (!is_whole)
      return error(value.span, "'" + syntax.field + "' is an integer, and this is none");
    return Wide{value.number < 0, static_cast<uint64_t>(static_cast<int64_t>(value.number))};
  }

  Result<Wide> symbol(const FilterSyntax& syntax, const FilterField& field,
                      const FilterValue& value) {
    std::vector<std::string> names;
    if (field.place == Place::kPayload) {
      const Field& of_event = scope_.format->fields[field.index];
      for (auto& [name, number] : print_symbols(scope_.format->print_fmt, of_event.name)) {
        if (name == value.text) return Wide{number < 0, static_cast<uint64_t>(number)};
        names.push_back(std::move(name));
      }
    }
    if (names.empty())
      return error(value.span, "'" + syntax.field + "' is a number, and this is text",
                   "compare it with a number");
    std::string hint = base::did_you_mean(base::nearest(value.text, names));
    if (hint.empty()) hint = "it knows " + names.front() + " ... " + names.back();
    return error(value.span, "'" + syntax.field + "' has no value '" + value.text + "'", hint);
  }

  Result<Filter> compare_float(const FilterSyntax& syntax, FilterNode node,
                               const FilterValue& value, bool negated) {
    if (value.type != FilterValue::Type::kInteger && value.type != FilterValue::Type::kFloat)
      return error(value.span, "'" + syntax.field + "' is a number, and this is none");
    node.number = value.number;
    if (value.type == FilterValue::Type::kInteger)
      node.number =
          value.is_negative ? -static_cast<double>(value.bits) : static_cast<double>(value.bits);
    node.negated = negated;
    return Filter{{std::move(node)}};
  }

  Result<Filter> compare_bool(const FilterSyntax& syntax, FilterNode node, const FilterValue& value,
                              bool negated) {
    const bool is_bit =
        value.type == FilterValue::Type::kBool ||
        (value.type == FilterValue::Type::kInteger && value.bits <= 1 && !value.is_negative);
    if (!is_bit || (node.op != Op::kEqual && node.op != Op::kNotEqual))
      return error(syntax.span, "'" + syntax.field + "' is true or false",
                   "as in: " + syntax.field + " or !" + syntax.field);
    const bool is_inverted = negated != (node.op == Op::kNotEqual);
    node.op = Op::kEqual;
    node.bits = value.bits ^ (is_inverted ? 1 : 0);
    return Filter{{std::move(node)}};
  }

  Result<Filter> compare_text(const FilterSyntax& syntax, const FilterField& field,
                              FilterCompare how, const FilterValue& value, bool negated) {
    if (value.type != FilterValue::Type::kText)
      return error(value.span, "'" + syntax.field + "' is text, and this is none",
                   "text is quoted, as in: " + syntax.field + " == 'abc'");
    FilterNode node;
    node.field = field;
    node.span = syntax.span;
    node.text = value.text;
    node.negated = negated != (how == FilterCompare::kNotEqual);
    switch (how) {
      case FilterCompare::kEqual:
      case FilterCompare::kNotEqual:
        node.op = Op::kTextEqual;
        break;
      case FilterCompare::kGlob:
        simplify_glob(value, node);
        break;
      case FilterCompare::kContains:
        node.op = Op::kContains;
        break;
      case FilterCompare::kStartsWith:
        node.op = Op::kStartsWith;
        break;
      case FilterCompare::kEndsWith:
        node.op = Op::kEndsWith;
        break;
      default:
        return error(syntax.span, "text has no order in a filter", "as in: starts_with 'a'");
    }
    return fold_text(std::move(node));
  }

  /// A glob with stars at its ends only is one of the simpler tests.
  static void simplify_glob(const FilterValue& value, FilterNode& node) {
    std::string_view inner = value.glob;
    const bool is_open = inner.starts_with('*');
    while (inner.starts_with('*')) inner.remove_prefix(1);
    bool is_open_behind = false;
    while (inner.ends_with('*') && !inner.ends_with("\\*")) {
      inner.remove_suffix(1);
      is_open_behind = true;
    }
    node.op = Op::kGlob;
    node.text = value.glob;
    if (inner.find_first_of("*?[\\") != std::string_view::npos) return;
    node.text = inner;
    node.op = is_open          ? (is_open_behind ? Op::kContains : Op::kEndsWith)
              : is_open_behind ? Op::kStartsWith
                               : Op::kTextEqual;
    // "*" and "**" are open at both ends.
    if (inner.empty() && (is_open || is_open_behind)) node.op = Op::kContains;
  }

  /// Decides what can be: of the event's name, of text that the field cannot hold or always has.
  Filter fold_text(FilterNode node) const {
    const bool is_shape = node.op != Op::kTextEqual && node.op != Op::kGlob;
    const bool holds_nul = node.text.find('\0') != std::string::npos;
    if (node.field.place == Place::kEvent) return constant(event_is(node) != node.negated);
    if (holds_nul) return constant(node.negated);
    if (is_shape && node.text.empty()) return constant(!node.negated);
    const bool is_fixed = node.field.place == Place::kPayload && node.field.size != 0 &&
                          scope_.format->fields[node.field.index].kind == FieldKind::kChars;
    if (is_fixed && node.op != Op::kGlob && node.text.size() > node.field.size)
      return constant(node.negated);
    return {{std::move(node)}};
  }

  bool event_is(const FilterNode& node) const {
    const std::string& name = scope_.event;
    switch (node.op) {
      case Op::kTextEqual:
        return name == node.text;
      case Op::kContains:
        return name.find(node.text) != std::string::npos;
      case Op::kStartsWith:
        return name.starts_with(node.text);
      case Op::kEndsWith:
        return name.ends_with(node.text);
      default:
        return glob_text(node.text, name);
    }
  }

  std::string_view text_;
  const FilterScope& scope_;
};

}  // namespace

Result<Filter> check_filter(const FilterSyntax& syntax, std::string_view text,
                            const FilterScope& scope) {
  return Checker(text, scope).check(syntax, false);
}

}  // namespace oc::event
