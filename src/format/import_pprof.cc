#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>
#include <vector>

#include "format/import.h"
#include "format/pprof_label_reader.h"
#include "format/pprof_profile.h"
#include "format/pprof_schema.h"
#include "format/proto_reader.h"

namespace oc::format {

using namespace pprof;

namespace {

using Span = std::span<const uint8_t>;

/// A unit as we have it: ns and bytes, whatever the profile counts them in.
struct Unit {
  machine::ValueType type = machine::ValueType::kNumber;
  double factor = 1;
};
Unit unit_of(std::string_view name) {
  using Type = machine::ValueType;
  struct Known {
    std::string_view name;
    Unit unit;
  };
  static constexpr std::array<Known, 14> kUnits{{
      {"count", {Type::kCount, 1}},
      {"samples", {Type::kCount, 1}},
      {"objects", {Type::kCount, 1}},
      {"nanoseconds", {Type::kDuration, 1}},
      {"ns", {Type::kDuration, 1}},
      {"microseconds", {Type::kDuration, 1e3}},
      {"us", {Type::kDuration, 1e3}},
      {"milliseconds", {Type::kDuration, 1e6}},
      {"ms", {Type::kDuration, 1e6}},
      {"seconds", {Type::kDuration, 1e9}},
      {"bytes", {Type::kBytes, 1}},
      {"kilobytes", {Type::kBytes, 1024}},
      {"megabytes", {Type::kBytes, 1 << 20}},
      {"gigabytes", {Type::kBytes, 1 << 30}},
  }};
  for (const Known& known : kUnits) {
    if (known.name == name) return known.unit;
  }
  return {};
}

/// Each value of a sample that is not 0 is a sample of the kind that is its value type. Where one of several types counts
/// samples, it is no kind: it says how many samples a sample stands for.
///
///     types:    samples/count   cpu/nanoseconds          types:    alloc_objects/count   inuse_space/bytes
///     sample:       12             120000000             sample:          5                   320
///               └─ weight ┘     └─ value of cpu ┘                  └─ 1 of alloc_objects,  1 of inuse_space ┘

class PprofReader {
 public:
  explicit PprofReader(Profile profile) : profile_(std::move(profile)) {}
  std::unique_ptr<machine::Machine> read(Span bytes);

 private:
  void make_kinds();
  machine::KindId samples_kind();
  void add_values(machine::Sample sample);
  void choose_main_kind();
  void make_frames();
  void make_frame(Span location);
  uint32_t mapping_of(uint64_t id, const Profile::Mapping& mapping);
  void add(Span message);
  void tell_facts();
  void take_comment(std::string_view text);
  void note(uint64_t count, const char* what);

  /// What a value type became.
  struct Type {
    machine::KindId kind;
    double factor = 1;
  };

  Profile profile_;
  std::unique_ptr<machine::Machine> machine_ = std::make_unique<machine::Machine>();
  PprofLabelReader labels_{profile_, *machine_};
  std::vector<Type> types_;
  size_t counting_ = SIZE_MAX;  ///< the type that tells how many samples one is; SIZE_MAX: none
  bool has_several_ = false;    ///< a sample has values of several kinds
  std::unordered_map<uint64_t, uint32_t> frames_;    ///< by id of a location
  std::unordered_map<uint64_t, uint32_t> mappings_;  ///< by its id in the profile
  uint64_t bad_samples_ = 0;
  // Of the sample at hand:
  std::vector<uint32_t> stack_;
  std::vector<int64_t> values_;
};

std::unique_ptr<machine::Machine> PprofReader::read(Span bytes) {
  make_kinds();
  make_frames();
  ProtoReader reader(bytes);
  while (reader.next()) {
    if (reader.field() == kSample) add(reader.bytes());
  }
  choose_main_kind();
  tell_facts();
  return std::move(machine_);
}

/// Whether a value type tells how many samples there were. Others that are counts (objects, contentions) are what each
/// sample was found to cost.
bool counts_samples(const Profile::ValueType& type) {
  return unit_of(type.unit).type == machine::ValueType::kCount &&
         (type.type == "samples" || type.type == "sample" || type.type == "count");
}

void PprofReader::make_kinds() {
  const auto& types = profile_.types;
  const auto counting = std::find_if(types.begin(), types.end(), counts_samples);
  if (counting != types.end()) counting_ = static_cast<size_t>(counting - types.begin());
  for (const Profile::ValueType& type : types) {
    if (types_.size() == counting_ && types.size() > 1) {
      types_.emplace_back();
      continue;
    }
    const Unit unit = unit_of(type.unit);
    std::string name(type.type.empty() ? "samples" : type.type);
    if (machine_->find_kind(name)) name += "/" + std::string(type.unit);
    const bool is_cpu =
        type.type.starts_with("cpu") || type.type == "cycles" || type.type == "task-clock";
    const machine::KindId kind = machine_->kind(name, unit.type, is_cpu ? "cpu" : "");
    machine_->kind(kind).is_sampled = true;
    if (counting_ == SIZE_MAX) machine_->kind(kind).counted = machine::Counted::kEntries;
    if (profile_.period > 0 && type.type == profile_.period_type.type) {
      machine_->kind(kind).period = static_cast<double>(profile_.period) * unit.factor;
    }
    types_.push_back({kind, unit.factor});
  }
}

void PprofReader::make_frames() {
  for (const Span location : profile_.locations) make_frame(location);
}

/// What is more than a name of it.
uint32_t PprofReader::mapping_of(uint64_t id, const Profile::Mapping& mapping) {
  if (mapping.limit <= mapping.start && mapping.build_id.empty()) return 0;
  uint32_t& made = mappings_[id];
  if (made != 0) return made;
  machine::OwnMapping own;
  own.path = machine_->texts.intern(mapping.file);
  if (!mapping.build_id.empty()) own.build_id = machine_->texts.intern(mapping.build_id);
  own.start = mapping.start;
  own.end = mapping.limit;
  own.offset = mapping.offset;
  return made = machine_->places.add_mapping(own);
}

void PprofReader::make_frame(Span location) {
  uint64_t id = 0;
  machine::OwnFrame at;
  std::vector<machine::OwnFrame> frames;
  ProtoReader reader(location);
  while (reader.next()) {
    if (reader.field() == kId) id = reader.value();
    if (reader.field() == kAddress) at.address = reader.value();
    if (reader.field() == kLocationMapping && reader.value() != 0) {
      const auto mapping = profile_.mappings.find(reader.value());
      if (mapping == profile_.mappings.end()) {
        ++profile_.bad_references;
      } else {
        at.module = mapping->second.file;
        at.mapping = mapping_of(mapping->first, mapping->second);
      }
    }
    if (reader.field() != kLine || frames.size() >= UINT16_MAX) continue;
    machine::OwnFrame line;
    ProtoReader fields(reader.bytes());
    while (fields.next()) {
      if (fields.field() == kLineNumber) line.line = static_cast<uint32_t>(fields.value());
      if (fields.field() != kLineFunction) continue;
      const auto function = profile_.functions.find(fields.value());
      if (function == profile_.functions.end()) {
        ++profile_.bad_references;
      } else {
        line.function = function->second.name;
        line.file = function->second.file;
      }
    }
    profile_.bad_messages += fields.is_damaged();
    frames.push_back(line);
  }
  profile_.bad_messages += reader.is_damaged();
  at.is_kernel = at.module.starts_with("[kernel") || at.module.starts_with("[guest.kernel") ||
                 at.module.ends_with(".ko");
  if (frames.empty()) frames.emplace_back();
  for (machine::OwnFrame& frame : frames) {
    frame.module = at.module;
    frame.address = at.address;
    frame.mapping = at.mapping;
    frame.is_kernel = at.is_kernel;
  }
  profile_.bad_references +=
      id == 0 || !frames_.try_emplace(id, machine_->places.add(frames)).second;
}

void PprofReader::add(Span message) {
  stack_.clear();
  values_.clear();
  labels_.begin();
  bool is_whole = true;
  ProtoReader reader(message);
  while (reader.next()) {
    if (reader.field() == kLocationId) {
      is_whole &= reader.for_each_number([&](uint64_t id) {
        const auto frame = frames_.find(id);
        if (frame != frames_.end()) {
          stack_.push_back(frame->second);
        } else {
          ++profile_.bad_references;
        }
      });
    } else if (reader.field() == kValue) {
      is_whole &= reader.for_each_number(
          [&](uint64_t value) { values_.push_back(static_cast<int64_t>(value)); });
    } else if (reader.field() == kLabel) {
      labels_.add(reader.bytes());
    }
  }
  if (reader.is_damaged() || !is_whole || values_.size() != types_.size()) {
    ++bad_samples_;
    return;
  }
  uint32_t kernel = 0;
  while (kernel < stack_.size() && machine_->places.find(stack_[kernel]).is_kernel) ++kernel;
  machine::Sample sample;
  labels_.apply(sample);
  sample.stack = machine_->add_stack(stack_, kernel);
  add_values(sample);
}

/// Differences of profiles have numbers of samples below 0: what they stand for is as many.
void PprofReader::add_values(machine::Sample sample) {
  const int64_t count = counting_ == SIZE_MAX ? 1 : values_[counting_];
  sample.weight = std::max<uint64_t>(count < 0 ? 0 - static_cast<uint64_t>(count) : count, 1);
  uint32_t added = 0;
  size_t last = SIZE_MAX;  // of the kinds
  for (size_t i = 0; i < types_.size(); ++i) {
    if (!types_[i].kind) continue;
    last = last == SIZE_MAX ? i : types_.size();
    if (values_[i] == 0) continue;
    sample.kind = types_[i].kind;
    sample.value = static_cast<double>(values_[i]) * types_[i].factor;
    machine_->add(sample);
    ++added;
  }
  has_several_ |= added > 1;
  if (added != 0 || counting_ == SIZE_MAX || count == 0) return;
  // Samples whose value is 0 are of the only kind; of several nobody knows which.
  sample.kind = last < types_.size() ? types_[last].kind : samples_kind();
  sample.value = last < types_.size() ? 0 : static_cast<double>(count);
  machine_->add(sample);
}

machine::KindId PprofReader::samples_kind() {
  if (const auto known = machine_->find_kind(kSamplesType)) return known;
  const auto made = machine_->kind(kSamplesType);
  machine_->kind(made).is_sampled = true;
  return made;
}

/// As pprof: the default type, otherwise the last one.
void PprofReader::choose_main_kind() {
  if (!has_several_) return;
  for (size_t i = 0; i < types_.size(); ++i) {
    if (!types_[i].kind) continue;
    machine_->main_kind = types_[i].kind;
    if (profile_.types[i].type == profile_.default_type) break;
  }
  machine_->facts.notes.push_back(
      "a sample has values of several kinds: " +
      std::string(machine_->text(machine_->kind(machine_->main_kind).name)) +
      " counts where none is chosen");
}

void PprofReader::note(uint64_t count, const char* what) {
  if (count != 0) machine_->facts.notes.push_back(std::to_string(count) + what);
}

void PprofReader::tell_facts() {
  machine::TraceFacts& facts = machine_->facts;
  facts.wall_offset = profile_.time_nanos;
  facts.end = std::max<int64_t>(profile_.duration_nanos, 0);
  for (const std::string_view comment : profile_.comments) take_comment(comment);
  note(bad_samples_,
       " samples are damaged or have another number of values than there are types, and were left "
       "out");
  note(profile_.bad_references,
       " references name no text, mapping, function or location of the profile, or one twice");
  note(profile_.bad_messages, " mappings, functions, locations or labels end in damage");
  if (profile_.is_cut) facts.notes.push_back("it ends in the middle: this is what comes before");
}

/// Ours are "trace: FILE", "NAME: VALUE" of the host and "lost: N records of EVENT on cpu N".
void PprofReader::take_comment(std::string_view text) {
  machine::TraceFacts& facts = machine_->facts;
  const size_t colon = text.find(": ");
  const std::string_view name = text.substr(0, std::min(colon, text.size()));
  const bool is_name = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") ==
                                            std::string_view::npos;
  if (colon == std::string_view::npos || !is_name) {
    facts.notes.emplace_back(text);
    return;
  }
  if (name == "trace" || name == "title") return;  // this file has a name of its own
  const std::string_view value = text.substr(colon + 2);
  if (name != "lost") {
    facts.host.emplace(name, value);
    return;
  }
  machine::Loss loss;
  std::from_chars(value.data(), value.data() + value.size(), loss.records);
  constexpr std::string_view kOn = " on cpu ", kOf = " records of ";
  std::string_view rest = value;
  if (const size_t at = rest.rfind(kOn); at != std::string_view::npos) {
    const std::string_view cpu = rest.substr(at + kOn.size());
    std::from_chars(cpu.data(), cpu.data() + cpu.size(), loss.cpu);
    rest = rest.substr(0, at);
  }
  if (const size_t at = rest.find(kOf); at != std::string_view::npos) {
    loss.event = machine_->texts.intern(rest.substr(at + kOf.size()));
  }
  facts.losses.push_back(loss);
}

}  // namespace

/// The first fields are fields of a profile, of the right wire types.
bool looks_like_pprof(Span bytes) {
  constexpr int kFields = 16;
  constexpr uint32_t kMessages = 1u << kSampleType | 1u << kSample | 1u << kMapping |
                                 1u << kLocation | 1u << kFunction | 1u << kStringTable |
                                 1u << kPeriodType;
  bool has_tables = false;  // numbers alone may be text
  ProtoReader reader(bytes);
  for (int fields = 0; fields < kFields && reader.next(); ++fields) {
    if (reader.field() > kDocUrl) return false;
    const bool is_message = (kMessages >> reader.field() & 1) != 0;
    const bool may_be_packed = reader.field() == kComment && reader.has_length();
    if (!(is_message ? reader.has_length() : reader.is_varint() || may_be_packed)) return false;
    has_tables |= is_message;
    if (reader.field() != kSampleType) continue;
    ProtoReader type(reader.bytes());
    while (type.next()) {
      if (type.field() > kUnit || !type.is_varint()) return false;
    }
    if (type.is_damaged()) return false;
  }
  return has_tables;
}

Imported import_pprof(Span bytes, bool) {
  auto profile = Profile::read(bytes);
  if (!profile) return std::move(profile.error());
  return PprofReader(std::move(*profile)).read(bytes);
}

}  // namespace oc::format
