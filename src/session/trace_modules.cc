#include "session/trace_modules.h"

#include <algorithm>

namespace oc::session {

using process::FrameId;
using process::StackId;

void TraceModules::add(std::span<const oc_event> events) {
  for (const oc_event& event : events) {
    if (event.frame != 0 || event.stack != 0) ++samples_[uint64_t{event.frame} << 32 | event.stack];
  }
}

std::vector<TraceModules::Use> TraceModules::finish(const StackTables& tables, FrameNames& names,
                                                    bool with_names) const {
  std::vector<Use> uses(tables.modules.size() + 1);
  std::vector<uint64_t> last_stack(uses.size());  // so that each sample counts once
  for (uint32_t id = 0; id < uses.size(); ++id) uses[id].module = {id};
  std::vector<FrameId> places;
  for (const auto& [key, count] : samples_) places.push_back({static_cast<uint32_t>(key >> 32)});
  if (with_names) names.resolve(places);
  // Places where nothing was mapped are one, whichever process they are of.
  uint32_t nowhere = 0;
  const auto use_of = [&](uint32_t frame) -> Use& {
    const uint32_t id = tables.frames.find({frame}).module.value;
    if (tables.modules.find({id}).kind != process::ModuleKind::kNone) return uses[id];
    if (nowhere == 0) nowhere = id;
    return uses[nowhere];
  };
  uint64_t number = 0;
  for (const auto& [key, count] : samples_) {
    ++number;
    const auto stack = static_cast<uint32_t>(key);
    auto frame = static_cast<uint32_t>(key >> 32);
    const auto frames =
        stack != 0 ? tables.stacks.find(StackId{stack}).frames : std::span<const uint32_t>();
    if (frame == 0 && !frames.empty()) frame = frames.front();
    if (frame != 0) {
      Use& use = use_of(frame);
      use.samples += count;
      if (with_names && !names.find({frame}).function.empty()) use.named += count;
    }
    const auto add = [&](uint32_t one) {
      Use& use = use_of(one);
      if (last_stack[use.module.value] == number) return;
      last_stack[use.module.value] = number;
      use.in_stacks += count;
    };
    if (frame != 0) add(frame);
    for (const uint32_t one : frames) add(one);
  }
  uses.erase(uses.begin());
  std::stable_sort(uses.begin(), uses.end(), [](const Use& a, const Use& b) {
    return a.samples != b.samples ? a.samples > b.samples : a.in_stacks > b.in_stacks;
  });
  return uses;
}

}  // namespace oc::session
