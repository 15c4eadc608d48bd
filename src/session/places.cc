#include "session/places.h"

namespace oc::session {

using process::ModuleKind;

void Places::resolve(std::span<const process::FrameId>) {}

Place Places::find(process::FrameId id) {
  const process::Frame frame = tables_.frames.find(id);
  const process::Module& module = tables_.modules.find(frame.module);
  Place place;
  place.module = tables_.modules.path(frame.module);
  if (module.kind == ModuleKind::kNone) place.module = "[unknown]";
  place.offset = frame.offset;
  place.has_address = module.kind != ModuleKind::kFile && module.kind != ModuleKind::kVdso;
  place.is_kernel = module.kind == ModuleKind::kKernel ||
                    module.kind == ModuleKind::kKernelModule || module.kind == ModuleKind::kBpf;
  return place;
}

PlaceCall Places::call(process::FrameId, uint32_t) { return {}; }

}  // namespace oc::session
