#include "machine/machine.h"

namespace oc::machine {

std::string_view unit_of(ValueType type) {
  switch (type) {
    case ValueType::kCount:
      return "count";
    case ValueType::kDuration:
      return "nanoseconds";
    case ValueType::kBytes:
      return "bytes";
    case ValueType::kNumber:
      break;
  }
  return "";
}

Machine::Machine(Traced traced) : places(texts, traced.frames, traced.namer), traced_(traced) {}

KindId Machine::kind(std::string_view name, ValueType type, std::string_view group) {
  const base::StringId text = texts.intern(name);
  const auto [at, is_new] =
      kind_of_name_.try_emplace(text.value, static_cast<uint32_t>(kinds_.size() + 1));
  if (is_new) {
    if (kinds_.size() >= UINT16_MAX - 1) {  // the column has 16 bits: more are one kind
      kind_of_name_.erase(at);
      return {UINT16_MAX - 1};
    }
    Kind kind;
    kind.name = text;
    kind.type = type;
    if (!group.empty()) kind.group = texts.intern(group);
    kinds_.push_back(kind);
  }
  return {at->second};
}

KindId Machine::find_kind(std::string_view name) const {
  for (uint32_t i = 0; i < kinds_.size(); ++i) {
    if (text(kinds_[i].name) == name) return {i + 1};
  }
  return {};
}

StackRef Machine::add_stack(std::span<const uint32_t> frames, uint32_t kernel_frames) {
  if (frames.empty()) return 0;
  const process::StackId id =
      own_stacks_.intern(frames, kernel_frames, process::StackEnd::kComplete);
  return id ? kOwnStack | id.value : 0;
}

process::StackView Machine::stack(StackRef ref) const {
  if (ref & kOwnStack) return own_stacks_.find({ref & ~kOwnStack});
  return traced_.stacks == nullptr ? process::StackView() : traced_.stacks->find({ref});
}

std::string_view Machine::module_path(process::ModuleId id) const {
  return traced_.modules == nullptr ? std::string_view() : traced_.modules->path(id);
}

uint64_t Machine::size_bytes() const {
  return samples.size_bytes() + spans.size_bytes() + attributes.size_bytes() +
         processes.size_bytes() + places.size_bytes() + own_stacks_.size_bytes() +
         texts.size_bytes() + (traced_.log == nullptr ? 0 : traced_.log->size_bytes());
}

}  // namespace oc::machine
