#include "event/field_decl.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "event/words.h"

namespace oc::event {

namespace {

/// A declaration taken apart: "const char * names[4]" has type "const char *", name "names", dims
/// {"4"}.
struct Declaration {
  std::string_view type;
  std::string_view name;
  std::vector<std::string_view> dims;
  bool is_function_pointer = false;
};

/// What the last word of a type says about one value of it; size 0: unknown.
struct TypeFacts {
  uint32_t size = 0;
  bool is_signed = false;
  bool is_aggregate = false;  ///< struct, union, mask: opaque
};

std::optional<Declaration> take_apart(std::string_view text) {
  Declaration declaration;
  text = trim(text);
  if (const auto star = text.find("(*"); star != std::string_view::npos && text.back() == ')') {
    const auto close = text.find(')', star);
    declaration.is_function_pointer = true;
    declaration.type = text;
    text = text.substr(star + 2, close - star - 2);
  }
  while (!text.empty() && text.back() == ']') {
    const auto open = text.rfind('[');
    if (open == std::string_view::npos) return std::nullopt;
    declaration.dims.push_back(trim(text.substr(open + 1, text.size() - open - 2)));
    text = trim(text.substr(0, open));
  }
  size_t begin = text.size();
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  declaration.name = text.substr(begin);
  if (declaration.name.empty() || std::isdigit(static_cast<unsigned char>(declaration.name[0]))) {
    return std::nullopt;
  }
  if (!declaration.is_function_pointer) declaration.type = trim(text.substr(0, begin));
  return declaration;
}

/// Takes the word away from the front of `text` when it is there.
bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word) || (text.size() > word.size() && is_word(text[word.size()]))) {
    return false;
  }
  text = trim(text.substr(word.size()));
  return true;
}

/// Type names that the kernel prints without telling signedness or element size elsewhere.
struct NamedType {
  std::string_view name;
  uint8_t size;  ///< 0: long
  bool is_signed;
};
constexpr std::array kNamedTypes = {
    NamedType{"char", 1, false},     NamedType{"u8", 1, false},
    NamedType{"u16", 2, false},      NamedType{"u32", 4, false},
    NamedType{"u64", 8, false},      NamedType{"s8", 1, true},
    NamedType{"s16", 2, true},       NamedType{"s32", 4, true},
    NamedType{"s64", 8, true},       NamedType{"uint8_t", 1, false},
    NamedType{"uint16_t", 2, false}, NamedType{"uint32_t", 4, false},
    NamedType{"int8_t", 1, true},    NamedType{"int16_t", 2, true},
    NamedType{"int32_t", 4, true},   NamedType{"int64_t", 8, true},
    NamedType{"uint64_t", 8, false}, NamedType{"bool", 1, false},
    NamedType{"_Bool", 1, false},    NamedType{"float", 4, true},
    NamedType{"double", 8, true},    NamedType{"pid_t", 4, true},
    NamedType{"loff_t", 8, true},    NamedType{"ktime_t", 8, true},
    NamedType{"off_t", 0, true},     NamedType{"ssize_t", 0, true},
    NamedType{"time64_t", 8, true},  NamedType{"size_t", 0, false},
    NamedType{"clock_t", 0, true},   NamedType{"clockid_t", 4, true},
    NamedType{"uid_t", 4, false},    NamedType{"gid_t", 4, false},
    NamedType{"dev_t", 4, false},    NamedType{"uint", 4, false},
    NamedType{"ulong", 0, false},    NamedType{"gfp_t", 4, false},
    NamedType{"short", 2, true},     NamedType{"int", 4, true},
};

TypeFacts facts_of(std::string_view type, uint32_t long_size) {
  TypeFacts facts;
  bool is_unsigned = false;
  bool says_signed = false;
  uint32_t longs = 0;
  while (!type.empty()) {
    size_t length = 0;
    while (length < type.size() && is_word(type[length])) ++length;
    std::string_view word = type.substr(0, length);
    type = type.substr(std::max<size_t>(length, 1));
    if (word == "struct" || word == "union" || word == "cpumask_t") facts.is_aggregate = true;
    if (word == "enum") facts.size = 4;
    if (word == "unsigned") is_unsigned = true;
    if (word == "signed") says_signed = true;
    if ((word == "unsigned" || word == "signed") && facts.size == 0) facts = {4, true, false};
    if (word == "long") ++longs;
    if (word.starts_with("__") && word.size() > 2) word.remove_prefix(2);
    const auto* known = std::find_if(kNamedTypes.begin(), kNamedTypes.end(),
                                     [&](const NamedType& named) { return named.name == word; });
    if (known != kNamedTypes.end()) {
      facts.size = known->size != 0 ? known->size : long_size;
      facts.is_signed = known->is_signed;
    }
  }
  if (longs > 0) facts = {longs > 1 ? 8 : long_size, true, facts.is_aggregate};
  facts.is_signed = (facts.is_signed || says_signed) && !is_unsigned;
  return facts;
}

bool is_number_size(uint32_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

/// True for "char" and "const char", not for "unsigned char", which is a small number.
bool is_text_type(std::string_view type) {
  while (take_word(type, "const") || take_word(type, "volatile")) {
  }
  return type == "char" || type == "char const";
}

void describe_dynamic(Field& field, std::string_view element, uint32_t long_size) {
  // "char[]" and "cpumask_t *[]" have their brackets here; "cpumask_t" and "u8 *" have none.
  bool has_brackets = false;
  if (const auto open = element.find('['); open != std::string_view::npos) {
    has_brackets = true;
    element = trim(element.substr(0, open));
  }
  const bool has_star = element.ends_with('*');
  if (has_star) element = trim(element.substr(0, element.size() - 1));
  const TypeFacts facts = facts_of(element, long_size);
  const bool is_pointer = has_star && has_brackets && !facts.is_aggregate;
  field.element_size = is_pointer ? long_size : facts.size;
  if (!is_pointer && is_text_type(element)) {
    field.kind = FieldKind::kDynamicChars;
  } else if (!is_number_size(field.element_size) || (facts.is_aggregate && !is_pointer)) {
    field.kind = FieldKind::kDynamicBytes;
    field.element_size = 1;
  } else {
    field.kind = FieldKind::kDynamicArray;
    field.is_hex = is_pointer;
    field.is_signed = field.is_signed && !is_pointer;
  }
}

void describe_array(Field& field, const Declaration& declaration, const TypeFacts& facts,
                    bool is_pointer, uint32_t long_size) {
  if (!is_pointer && is_text_type(field.type)) {
    field.kind = declaration.dims.size() <= 1 ? FieldKind::kChars : FieldKind::kBytes;
    field.element_size = 1;
    return;
  }
  // The dimension may be a macro's name ("[TASK_COMM_LEN]"): then the type tells the element size.
  uint32_t count = 0;
  if (declaration.dims.size() == 1) {
    const std::string_view dim = declaration.dims[0];
    std::from_chars(dim.data(), dim.data() + dim.size(), count);
  }
  const bool divides = count != 0 && field.size != 0 && field.size % count == 0;
  field.element_size = divides ? field.size / count : is_pointer ? long_size : facts.size;
  const bool is_opaque = facts.is_aggregate && !is_pointer;
  if (is_opaque || !is_number_size(field.element_size) || field.size % field.element_size != 0) {
    field.kind = FieldKind::kBytes;
    field.element_size = 1;
    return;
  }
  field.kind = FieldKind::kArray;
  field.count = field.size / field.element_size;
  field.is_hex = is_pointer;
}

void describe_value(Field& field, const TypeFacts& facts, bool is_pointer) {
  const bool is_float = field.type == "float" || field.type == "double";
  const bool is_bool = field.type == "bool" || field.type == "_Bool";
  field.element_size = field.size;
  if (!is_number_size(field.size) || (facts.is_aggregate && !is_pointer)) {
    field.kind = FieldKind::kBytes;
    field.element_size = 1;
  } else if (is_pointer && field.size >= 4) {
    field.kind = FieldKind::kPointer;
    field.is_hex = true;
  } else if (is_float && field.size >= 4) {
    field.kind = FieldKind::kFloat;
  } else if (is_bool && field.size == 1) {
    field.kind = FieldKind::kBool;
  } else {
    field.kind = FieldKind::kInteger;
  }
}

}  // namespace

std::optional<Field> make_field(std::string_view text, const FieldPlace& place,
                                uint32_t long_size) {
  const auto declaration = take_apart(text);
  if (!declaration) return std::nullopt;
  std::string_view type = declaration->type;
  Field field;
  field.name = declaration->name;
  field.type = type;
  field.offset = place.offset;
  field.size = place.size;
  field.is_common = field.name.starts_with("common_");

  field.is_relative = take_word(type, "__rel_loc");
  const bool is_dynamic = field.is_relative || take_word(type, "__data_loc");
  const TypeFacts facts = facts_of(type, long_size);
  field.is_signed = place.is_signed.value_or(facts.is_signed);
  const bool is_pointer = declaration->is_function_pointer || type.find('*') != type.npos;
  if (is_dynamic) {
    describe_dynamic(field, type, long_size);
  } else if (!declaration->dims.empty() || place.size == 0) {
    describe_array(field, *declaration, facts, is_pointer, long_size);
  } else {
    describe_value(field, facts, is_pointer);
  }
  const bool is_number = field.kind == FieldKind::kInteger || field.kind == FieldKind::kArray ||
                         field.kind == FieldKind::kDynamicArray;
  field.is_signed = field.is_signed && is_number && !(is_pointer && field.is_hex);
  return field;
}

}  // namespace oc::event
