#include "session/fed_input.h"

#include "perf/event_names.h"

namespace oc::session {

uint32_t FedInput::add_kind(event::EventFormat format, uint64_t more_sample_type) {
  event::EventKind kind{};
  kind.name = format.system.empty() ? format.name : format.system + ":" + format.name;
  kind.attr.type = PERF_TYPE_TRACEPOINT;
  kind.attr.config = fed_.events().size() + 1;
  kind.attr.sample_type = more_sample_type;
  if (const auto* named = perf::find_named_event(kind.name); named != nullptr) {
    kind.attr.type = named->type;
    kind.attr.config = named->config;
  }
  kind.format = std::move(format);
  return fed_.add_kind(std::move(kind));
}

base::Status FedInput::start(const RunOptions& /*options*/, TraceModel& model,
                             Selection& selection) {
  fed_.finish_kinds();
  model.stacks.start(fed_.events(), nullptr);
  selection.is_live = true;
  selection.start = start_;
  return {};
}

}  // namespace oc::session
