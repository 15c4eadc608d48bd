#include "event/filter_kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

namespace oc::event {

namespace {

using Op = FilterNode::Op;
using Place = FilterField::Place;
using Type = FilterField::Type;

constexpr size_t kLongestText = 200;  // MAX_FILTER_STR_VAL is 256
constexpr size_t kCommBytes = 15;     // TASK_COMM_LEN without its NUL

/// A subtree: its text (empty: true for all), and whether that is all it says.
struct Part {
  std::string text;
  bool is_exact = false;
};

std::string_view sign_of(Op op) {
  switch (op) {
    case Op::kEqual:
      return "==";
    case Op::kNotEqual:
      return "!=";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kGreater:
      return ">";
    default:
      return ">=";
  }
}

/// Text that means itself to every kernel's parser, between double quotes and as a glob.
bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= kLongestText &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return c >= ' ' && c < 127 &&
                  std::string_view("\"'\\*?[]!").find(c) == std::string::npos;
         });
}

/// What a glob's matches begin with.
std::string_view literal_prefix(std::string_view glob) {
  return glob.substr(0, glob.find_first_of("*?[\\"));
}

/// Names that we have from elsewhere than the kernel's filter: /proc tells more of a worker's, and the
/// idle tasks are all `swapper`, as in perf. So no test on names that may be among these goes there.
bool is_named_otherwise(std::string_view name_or_prefix, bool is_whole) {
  for (const std::string_view other : {"kworker", "swapper", ":"}) {
    if (name_or_prefix.starts_with(other)) return true;
    if (!is_whole && other.starts_with(name_or_prefix)) return true;
  }
  return false;
}

class Writer {
 public:
  Writer(const Filter& filter, const EventFormat& format, bool tids_are_global)
      : filter_(filter), format_(format), tids_are_global_(tids_are_global) {}

  KernelFilter write() {
    KernelFilter out;
    const FilterNode& root = filter_.nodes.front();
    if (root.op == Op::kTrue || root.op == Op::kFalse) return out;
    Part part;
    if (root.op == Op::kAnd) {
      part = tree(&out.rest);
    } else {
      part = tree(nullptr);
      if (!part.is_exact) out.rest.push_back(root.span);
    }
    out.text = std::move(part.text);
    out.is_exact = part.is_exact;
    return out;
  }

 private:
  /// The tree at `at_`; `rest` is told the children that are not exact.
  Part tree(std::vector<TextSpan>* rest) {
    const FilterNode& node = filter_.nodes[at_++];
    if (node.op != Op::kAnd && node.op != Op::kOr) return test(node);
    const bool is_and = node.op == Op::kAnd;
    Part all{{}, true};
    bool is_anything = false;
    uint32_t written = 0;
    for (uint32_t i = 0; i < node.count; ++i) {
      const TextSpan span = filter_.nodes[at_].span;
      Part part = tree(nullptr);
      if (!part.is_exact && rest != nullptr) rest->push_back(span);
      all.is_exact = all.is_exact && part.is_exact;
      if (part.text.empty()) {
        is_anything = true;
        continue;
      }
      if (written++ > 0) all.text += is_and ? " && " : " || ";
      all.text += part.text;
    }
    if (is_anything && !is_and) return {};
    if (written > 1) all.text = "(" + all.text + ")";
    return all;
  }

  Part test(const FilterNode& node) const {
    switch (node.field.place) {
      case Place::kPayload:
        return payload(node, format_.fields[node.field.index]);
      case Place::kCommon:
        return common(node);
      default:
        return {};
    }
  }

  static Part number(const std::string& name, const FilterNode& node) {
    const std::string value = node.field.is_signed
                                  ? fmt::format("{}", static_cast<int64_t>(node.bits))
                                  : fmt::format("{}", node.bits);
    return {fmt::format("{} {} {}", name, sign_of(node.op), value), true};
  }

  bool has_field(std::string_view name) const { return format_.find(name) != nullptr; }

  Part common(const FilterNode& node) const {
    switch (static_cast<FilterCommon>(node.field.index)) {
      case FilterCommon::kCpu:
        return has_field("CPU") ? Part{} : number("CPU", node);
      case FilterCommon::kTid: {
        // A thread that was reaped has its number in the kernel, and -1 in the record.
        const bool is_same = tids_are_global_ && has_field("common_pid") && node.op == Op::kEqual;
        if (!is_same || static_cast<int64_t>(node.bits) < 0) return {};
        return {number("common_pid", node).text, false};
      }
      case FilterCommon::kComm:
        return has_field("COMM") ? Part{} : comm(node);
      default:
        return {};
    }
  }

  /// The names of threads: 16 bytes with a NUL.
  static Part comm(const FilterNode& node) {
    const bool is_whole = node.op == Op::kTextEqual;
    const std::string_view known =
        node.op == Op::kGlob ? literal_prefix(node.text) : std::string_view(node.text);
    if (node.op == Op::kContains || node.op == Op::kEndsWith) return {};
    // /proc tells a kernel thread's whole name where the kernel's filter has the first bytes of it.
    if (known.size() >= kCommBytes || is_named_otherwise(known, is_whole)) return {};
    return text("COMM", node, true);
  }

  /// Whether the kernel made a dynamic field by __string(), so that it always ends with a NUL.
  bool is_string(const Field& field) const {
    return field.kind == FieldKind::kDynamicChars &&
           format_.print_fmt.find("__get_str(" + field.name + ")") != std::string::npos;
  }

  /// `is_ended`: the bytes are of a fixed size, or end with a NUL.
  static Part text(const std::string& name, const FilterNode& node, bool is_ended) {
    const bool is_glob = node.op == Op::kGlob;
    const std::string_view wanted =
        is_glob ? literal_prefix(node.text) : std::string_view(node.text);
    if (!is_plain(wanted)) return {};
    // A dynamic field without its NUL equals, to the kernel, whatever it is the beginning of.
    if (node.op == Op::kTextEqual && (is_ended || !node.negated))
      return {fmt::format("{} {} \"{}\"", name, node.negated ? "!=" : "==", wanted), is_ended};
    if (node.negated) return {};
    if (node.op == Op::kStartsWith) return {fmt::format("{} ~ \"{}*\"", name, wanted), is_ended};
    if (is_glob) return {fmt::format("{} ~ \"{}*\"", name, wanted), false};
    // The kernel looks behind the NUL too.
    if (node.op == Op::kContains) return {fmt::format("{} ~ \"*{}*\"", name, wanted), false};
    return {};  // the kernel takes a fixed field's end for the text's
  }

  Part payload(const FilterNode& node, const Field& field) const {
    const bool is_name = std::all_of(field.name.begin(), field.name.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    });
    if (!is_name || field.is_relative) return {};
    const bool is_char = field.type.find("char") != std::string::npos;
    if (node.field.type == Type::kText) {
      if (!is_char || (field.kind == FieldKind::kChars && field.size == 0)) return {};
      return text(field.name, node, field.kind == FieldKind::kChars || is_string(field));
    }
    // The kernel follows pointers to text and compares what is there.
    if (node.field.type == Type::kFloat || (is_char && field.kind == FieldKind::kPointer))
      return {};
    if (node.field.type == Type::kBool)
      return {fmt::format("{} {} 0", field.name, node.bits != 0 ? "!=" : "=="), true};
    // Arguments of system calls, which we read as what they are, and addresses that are signed there.
    if (node.field.size != field.size || node.field.is_signed != field.is_signed) return {};
    return number(field.name, node);
  }

  const Filter& filter_;
  const EventFormat& format_;
  bool tids_are_global_;
  size_t at_ = 0;
};

}  // namespace

KernelFilter make_kernel_filter(const Filter& filter, const EventFormat& format,
                                bool tids_are_global) {
  return Writer(filter, format, tids_are_global).write();
}

}  // namespace oc::event
