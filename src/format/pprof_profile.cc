#include "format/pprof_profile.h"

#include "format/pprof_schema.h"
#include "format/proto_reader.h"

namespace oc::format::pprof {

namespace {

using Span = std::span<const uint8_t>;

/// Calls `visit(reader)` with each field of a message.
template <typename Visit>
void for_each_field(Profile& profile, Span message, Visit visit) {
  ProtoReader reader(message);
  while (reader.next()) visit(reader);
  profile.bad_messages += reader.is_damaged();
}

Profile::ValueType value_type(Profile& profile, Span message) {
  Profile::ValueType type;
  for_each_field(profile, message, [&](const ProtoReader& field) {
    if (field.field() == kType) type.type = profile.text(field.value());
    if (field.field() == kUnit) type.unit = profile.text(field.value());
  });
  return type;
}

void add_mapping(Profile& profile, Span message) {
  uint64_t id = 0;
  Profile::Mapping mapping;
  for_each_field(profile, message, [&](const ProtoReader& field) {
    if (field.field() == kMappingId) id = field.value();
    if (field.field() == kMappingFilename) mapping.file = profile.text(field.value());
    if (field.field() == kBuildId) mapping.build_id = profile.text(field.value());
    if (field.field() == kMemoryStart) mapping.start = field.value();
    if (field.field() == kMemoryLimit) mapping.limit = field.value();
    if (field.field() == kFileOffset) mapping.offset = field.value();
  });
  profile.bad_references += id == 0 || !profile.mappings.try_emplace(id, mapping).second;
}

void add_function(Profile& profile, Span message) {
  uint64_t id = 0;
  Profile::Function function;
  std::string_view system_name;
  for_each_field(profile, message, [&](const ProtoReader& field) {
    if (field.field() == kFunctionId) id = field.value();
    if (field.field() == kName) function.name = profile.text(field.value());
    if (field.field() == kSystemName) system_name = profile.text(field.value());
    if (field.field() == kFilename) function.file = profile.text(field.value());
  });
  if (function.name.empty()) function.name = system_name;
  profile.bad_references += id == 0 || !profile.functions.try_emplace(id, function).second;
}

}  // namespace

base::Result<Profile> Profile::read(Span bytes) {
  Profile profile;
  // Any order is right, and the texts usually come last: what refers to them waits.
  std::vector<Span> types, mappings, functions;
  std::vector<uint64_t> comments;
  Span period_type;
  uint64_t times = 0, default_type = 0;
  ProtoReader reader(bytes);
  while (reader.next()) {
    const auto number = static_cast<int64_t>(reader.value());
    switch (reader.field()) {
      case kSampleType:
        types.push_back(reader.bytes());
        break;
      case kMapping:
        mappings.push_back(reader.bytes());
        break;
      case kLocation:
        profile.locations.push_back(reader.bytes());
        break;
      case kFunction:
        functions.push_back(reader.bytes());
        break;
      case kStringTable:
        profile.texts.push_back(reader.text());
        break;
      case kTimeNanos:
        profile.time_nanos = number, ++times;
        break;
      case kDurationNanos:
        profile.duration_nanos = number;
        break;
      case kPeriodType:
        period_type = reader.bytes();
        break;
      case kPeriod:
        profile.period = number;
        break;
      case kDefaultSampleType:
        default_type = reader.value();
        break;
      case kComment:
        reader.for_each_number([&](uint64_t text) { comments.push_back(text); });
        break;
      default:
        break;
    }
  }
  profile.is_cut = reader.is_damaged();
  if (times > 1) {
    return base::make_error(base::Code::kUnsupported,
                            "it holds several profiles one after the other",
                            "merge them: pprof -proto A B > profile.pb.gz");
  }
  if (profile.texts.empty()) {
    return base::make_error(
        base::Code::kInvalid,
        profile.is_cut
            ? "it ends at byte " + std::to_string(reader.field_offset()) + ", before its names"
            : "it has no names (string_table)");
  }
  for (const Span type : types) profile.types.push_back(value_type(profile, type));
  for (const Span mapping : mappings) add_mapping(profile, mapping);
  for (const Span function : functions) add_function(profile, function);
  for (const uint64_t text : comments) profile.comments.push_back(profile.text(text));
  profile.period_type = value_type(profile, period_type);
  profile.default_type = profile.text(default_type);
  return profile;
}

}  // namespace oc::format::pprof
