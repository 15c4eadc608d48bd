// Where a machine's samples were taken, for functions of scripts that look at one sample after the other.

#include "abi/calls.h"
#include "abi/machine_handle.h"

namespace machine = oc::machine;
using oc::abi::current;
using oc::abi::guarded;
using oc::abi::text_of;

namespace {

/// Of a frame of the trace; null where nothing is known of its module.
const machine::MachineMapping* find_mapping(const machine::Machine& m, uint32_t context,
                                            const machine::Place& place) {
  const auto& processes = m.processes;
  const bool has_process =
      !place.is_kernel && context != 0 && context <= processes.contexts().size();
  const machine::ProcessId process =
      has_process ? processes.thread(processes.context({context}).thread).process
                  : machine::ProcessId{};
  return processes.find_mapping(process, place.module, place.offset);
}

}  // namespace

extern "C" {

void oc_selection_name_places(oc_selection* selection) {
  guarded(selection->owner, 0, [&] {
    machine::resolve_stacks(*selection->owner.machine, current(*selection).used_stacks(), true);
    return 0;
  });
}

int oc_machine_leaf(oc_machine* owner, uint32_t stack, oc_text* symbol, oc_text* module) {
  return guarded(*owner, 0, [&] {
    machine::Machine& m = *owner->machine;
    if (!m.has_stack(stack)) return 0;
    const auto frames = m.stack(stack).frames;
    if (frames.empty()) return 0;
    const auto lines = m.places.lines(frames.front());
    if (lines.empty()) return 0;
    const machine::Function& function = m.places.function(lines.back().function);
    *symbol = text_of(m.text(function.name));
    *module = text_of(m.text(function.module));
    return 1;
  });
}

int oc_machine_ip(oc_machine* owner, uint32_t context, uint32_t stack, uint64_t* out) {
  return guarded(*owner, 0, [&] {
    machine::Machine& m = *owner->machine;
    if (!m.has_stack(stack)) return 0;
    const auto frames = m.stack(stack).frames;
    if (frames.empty()) return 0;
    const machine::Place place = m.places.find(frames.front());
    if (place.has_address) {
      *out = place.offset;
      return 1;
    }
    const auto* mapping = place.module ? find_mapping(m, context, place) : nullptr;
    if (mapping == nullptr) return 0;
    *out = mapping->start + (place.offset - mapping->offset);
    return 1;
  });
}

void oc_machine_cgroup(oc_machine* owner, uint32_t context, oc_text* out) {
  const machine::Machine& m = *owner->machine;
  const bool is_known = context != 0 && context <= m.processes.contexts().size();
  *out = is_known ? text_of(m.text(m.processes.cgroup_of({context}))) : oc_text{};
}

int oc_machine_stack(oc_machine* owner, uint32_t stack, oc_stack_frames* out) {
  *out = oc_stack_frames{};
  out->reason = "";
  return guarded(*owner, -1, [&] {
    const machine::Machine& m = *owner->machine;
    if (!m.has_stack(stack)) return -1;
    const auto view = m.stack(stack);
    out->frames = view.frames.data();
    out->count = static_cast<uint32_t>(view.frames.size());
    out->kernel_count = view.kernel_frames;
    out->reason = describe(view.end).data();
    return 0;
  });
}

int oc_machine_frame_line(oc_machine* owner, uint32_t frame, uint32_t index, oc_machine_line* out) {
  *out = oc_machine_line{};
  return guarded(*owner, 0, [&] {
    machine::Machine& m = *owner->machine;
    const machine::Place place = m.places.find(frame);
    if (index >= place.lines.size()) return 0;
    const machine::Line& line = place.lines[index];
    const machine::Function& function = m.places.function(line.function);
    if (function.is_known) {
      out->name = text_of(m.text(function.name));
      out->full_name = text_of(m.text(function.full_name));
    }
    out->module = text_of(m.text(function.module));
    out->file = text_of(m.text(line.file));
    out->line = line.line;
    out->offset = place.offset;
    out->has_address = place.has_address ? 1 : 0;
    out->is_kernel = place.is_kernel ? 1 : 0;
    out->is_inlined = index + 1 < place.lines.size() ? 1 : 0;
    return 1;
  });
}

}  // extern "C"
