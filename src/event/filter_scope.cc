#include "event/filter_scope.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "event/field_width.h"

namespace oc::event {

namespace {

using Place = FilterField::Place;
using Type = FilterField::Type;

constexpr std::string_view kArgs = "args.";

struct Common {
  std::string_view name;
  FilterCommon common;
  Type type;
};
constexpr std::array kCommons = {
    Common{"time", FilterCommon::kTime, Type::kFloat},
    Common{"cpu", FilterCommon::kCpu, Type::kInteger},
    Common{"pid", FilterCommon::kPid, Type::kInteger},
    Common{"tid", FilterCommon::kTid, Type::kInteger},
    Common{"comm", FilterCommon::kComm, Type::kText},
};

struct InRecord {
  std::string_view name;
  uint16_t SampleLayout::*offset;
};
constexpr std::array kHiding = {InRecord{"ip", &SampleLayout::ip},
                                InRecord{"period", &SampleLayout::period}};
constexpr std::array kYielding = {InRecord{"addr", &SampleLayout::addr},
                                  InRecord{"stream_id", &SampleLayout::stream_id}};

/// What scripts can read of a sample and filters cannot test.
constexpr std::array<std::string_view, 20> kRefused = {
    "stack",          "callchain",   "args",       "id",     "weight",
    "data_src",       "transaction", "phys_addr",  "cgroup", "data_page_size",
    "code_page_size", "ins_lat",     "retire_lat", "reads",  "branches",
    "user_regs",      "intr_regs",   "user_stack", "aux",    "build_id"};

FilterField common_field(const Common& common) {
  FilterField field;
  field.type = common.type;
  field.place = Place::kCommon;
  field.index = static_cast<uint32_t>(common.common);
  field.size = common.type == Type::kFloat ? 8 : 4;
  field.is_signed = true;
  return field;
}

FilterField record_field(uint16_t offset) {
  return {Type::kInteger, Place::kRecord, offset, 8, false};
}

FilterField integer_field(const Field& field, uint32_t index) {
  const FieldWidth width = width_of(field);
  FilterField out{Type::kInteger, Place::kPayload, index, width.size_bytes, false};
  out.is_signed = width.is_signed;
  return out;
}

FilterName payload_field(const FilterScope& scope, const std::string& name) {
  const Field* field = scope.format == nullptr ? nullptr : scope.format->find(name);
  if (field == nullptr) return {};
  const auto index = static_cast<uint32_t>(field - scope.format->fields.data());
  FilterName found;
  switch (field->kind) {
    case FieldKind::kInteger:
    case FieldKind::kPointer:
      found.field = integer_field(*field, index);
      break;
    case FieldKind::kFloat:
      found.field = {Type::kFloat, Place::kPayload, index, field->size, true};
      break;
    case FieldKind::kBool:
      found.field = {Type::kBool, Place::kPayload, index, 1, false};
      break;
    case FieldKind::kChars:
    case FieldKind::kDynamicChars:
      found.field = {Type::kText, Place::kPayload, index, field->size, false};
      break;
    default:
      found.problem = "'" + name + "' is an array (" + field->type + ")";
      found.hint = "test its elements in the callback";
  }
  return found;
}

FilterName alias_field(const FilterScope& scope, const std::string& name) {
  for (size_t i = 0; i < scope.aliases.size(); ++i) {
    const FilterAlias& alias = scope.aliases[i];
    if (alias.name != name) continue;
    FilterName found;
    if (!alias.payload_field.empty()) found = payload_field(scope, alias.payload_field);
    const bool is_integer = alias.type == Type::kInteger;
    const bool is_same = found.field && found.field->type == alias.type &&
                         (!is_integer || (found.field->size == 4 && found.field->is_signed));
    if (is_same) return found;
    found = {};
    found.field = {alias.type, Place::kAlias, static_cast<uint32_t>(i), 4, is_integer};
    return found;
  }
  return {};
}

FilterName missing_in_samples(const FilterScope& scope, const std::string& name) {
  FilterName found;
  found.problem = "the samples of '" + scope.event + "' do not have '" + name + "'";
  if (scope.format != nullptr && scope.format->find(name) != nullptr)
    found.hint = "the event's own field of this name is args." + name;
  return found;
}

}  // namespace

FilterName find_filter_name(const FilterScope& scope, const std::string& name) {
  if (name.starts_with(kArgs)) return payload_field(scope, name.substr(kArgs.size()));
  for (const Common& common : kCommons) {
    if (common.name == name) return {common_field(common), {}, {}};
  }
  if (name == "event") return {FilterField{Type::kText, Place::kEvent, 0, 0, false}, {}, {}};
  for (const InRecord& hiding : kHiding) {
    if (hiding.name != name) continue;
    if (scope.layout == nullptr || scope.layout->*hiding.offset == kAbsent)
      return missing_in_samples(scope, name);
    return {record_field(scope.layout->*hiding.offset), {}, {}};
  }
  if (auto alias = alias_field(scope, name); alias.field) return alias;
  if (auto payload = payload_field(scope, name); payload.field || !payload.problem.empty())
    return payload;
  if (std::find(kRefused.begin(), kRefused.end(), name) != kRefused.end())
    return {std::nullopt, "'" + name + "' cannot be tested in a filter", "test it in the callback"};
  if (name == "thread")
    return {FilterField{Type::kInteger, Place::kCommon,
                        static_cast<uint32_t>(FilterCommon::kThread), 4, false},
            {},
            {}};
  if (scope.layout == nullptr) return {};
  for (const InRecord& yielding : kYielding) {
    if (yielding.name == name && scope.layout->*yielding.offset != kAbsent)
      return {record_field(scope.layout->*yielding.offset), {}, {}};
  }
  return {};
}

std::vector<std::string> filter_names(const FilterScope& scope) {
  std::vector<std::string> names = {"event"};
  for (const Common& common : kCommons) names.emplace_back(common.name);
  for (const FilterAlias& alias : scope.aliases) names.push_back(alias.name);
  if (scope.layout != nullptr) {
    for (const auto* list : {&kHiding, &kYielding}) {
      for (const InRecord& field : *list) {
        if (scope.layout->*field.offset != kAbsent) names.emplace_back(field.name);
      }
    }
  }
  if (scope.format != nullptr) {
    for (const Field& field : scope.format->fields) names.push_back(field.name);
  }
  return names;
}

}  // namespace oc::event
