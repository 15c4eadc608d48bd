// What a session is when the program itself makes its events.

#include "perf/event_names.h"
#include "session/session.h"

namespace oc::session {

using base::Status;
using event::EventKind;
using event::kKernelRecords;

void Session::open_fed(std::string name, base::Nanos start, base::Nanos window,
                       int64_t wall_offset) {
  fed_ = std::make_unique<source::FedSource>(std::move(name), window);
  fed_start_ = start;
  wall_offset_ = wall_offset;
}

uint32_t Session::add_fed_kind(event::EventFormat format, uint64_t more_sample_type) {
  EventKind kind{};
  kind.name = format.system.empty() ? format.name : format.system + ":" + format.name;
  kind.attr.type = PERF_TYPE_TRACEPOINT;
  kind.attr.config = fed_->events().size() + 1;
  kind.attr.sample_type = more_sample_type;
  if (const auto* named = perf::find_named_event(kind.name); named != nullptr) {
    kind.attr.type = named->type;
    kind.attr.config = named->config;
  }
  kind.format = std::move(format);
  return kKernelRecords + fed_->add_kind(std::move(kind));
}

uint32_t Session::add_proxy(event::EventFormat format) {
  proxies_.push_back(std::move(format));
  return kFirstProxy + static_cast<uint32_t>(proxies_.size()) - 1;
}

/// As a live one, a fed run is filled by the script's own thread, with what there is.
Status Session::start_fed(Selection& selection) {
  fed_->finish_kinds();
  selection.is_live = true;
  selection.start = fed_start_;
  selection.stacks = stacks_.start(fed_->events(), nullptr);
  decoder_ = std::make_unique<Decoder>(*fed_, processes_, std::move(selection));
  pump_ = std::make_unique<Pump>(*decoder_);
  return {};
}

}  // namespace oc::session
