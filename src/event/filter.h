#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event_format.h"
#include "event/filter_syntax.h"
#include "event/sample_layout.h"

namespace oc::event {

/// A field as a filter reads it.
struct FilterField {
  enum class Type : uint8_t { kInteger, kFloat, kBool, kText };
  enum class Place : uint8_t {
    kPayload,  ///< `index`: of the format's fields
    kRecord,   ///< `index`: offset in the sample, 8 bytes unsigned (ip, addr, period ...)
    kCommon,   ///< `index`: a FilterCommon, in the descriptor
    kEvent,    ///< the event's name: known when the filter is checked
    kAlias,    ///< `index`: of the scope's aliases; whoever made the scope knows how to read it
  };
  Type type = Type::kInteger;
  Place place = Place::kPayload;
  uint32_t index = 0;
  uint32_t size = 0;       ///< bytes to be read: of integers and floats
  bool is_signed = false;  ///< how the bytes are to be read: of integers
};

enum class FilterCommon : uint8_t { kPid, kTid, kCpu, kThread, kTime, kComm };

/// A field that a canonical event adds: a payload field under another name, or one of its own.
struct FilterAlias {
  std::string name;
  FilterField::Type type = FilterField::Type::kInteger;  ///< integers: 4 bytes, signed
  std::string payload_field;                             ///< when that is all it is
};

/// What a filter's names can mean: those of one kind of event, with the meaning that they have in scripts.
struct FilterScope {
  std::string event;                     ///< "sched:sched_switch"
  const EventFormat* format = nullptr;   ///< may be null
  const SampleLayout* layout = nullptr;  ///< null: a kernel record, no sample
  std::vector<FilterAlias> aliases;
};

/// A test, or how those behind it are joined. Negations are resolved: they are in the tests.
struct FilterNode {
  enum class Op : uint8_t {
    kFalse,
    kTrue,
    kAnd,  ///< of the next `count` trees
    kOr,
    kEqual,  ///< integers, floats and bools; the constant is within the field's range
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kTextEqual,  ///< text; `negated` says: not
    kContains,
    kStartsWith,
    kEndsWith,
    kGlob,
  };
  Op op = Op::kTrue;
  bool negated = false;  ///< of text, and of floats (NaN is neither below nor above)
  uint32_t count = 0;    ///< children of kAnd, kOr: two or more
  FilterField field;
  uint64_t bits = 0;  ///< the constant's, sign-extended when the field is signed
  double number = 0;  ///< of floats
  std::string text;   ///< without NUL
  TextSpan span;
};

/// A filter that fits one kind of event: a tree in prefix order, never empty.
///
///     a == 1 && (b < 2 || comm == 'x')   ->   And 2 | a == 1 | Or 2 | b < 2 | comm == 'x'
///
/// kTrue and kFalse stand only alone. Comparisons are exact: constants that the field cannot have are
/// resolved here, as mathematics says (an unsigned field is never == -1 and always > -1).
struct Filter {
  std::vector<FilterNode> nodes;

  bool is_always() const { return nodes.front().op == FilterNode::Op::kTrue; }
  bool is_never() const { return nodes.front().op == FilterNode::Op::kFalse; }
};

/// Checks `syntax`, parsed from `text`, against an event.
///
/// Tests of `event` are decided here, and what they decide needs no further field: an event without
/// next_pid fits `event != 'sched:sched_switch' || next_pid == 5`. Errors quote the text: kNotFound for
/// a field that the event does not have or no filter can test, kUsage for a test that makes no sense.
base::Result<Filter> check_filter(const FilterSyntax& syntax, std::string_view text,
                                  const FilterScope& scope);

}  // namespace oc::event
