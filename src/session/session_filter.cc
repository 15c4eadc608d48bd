// What a session knows about filters: which fields there are, what the kernel can be asked for.

#include <string>
#include <utility>

#include "event/filter.h"
#include "event/filter_kernel.h"
#include "session/session.h"

namespace oc::session {

using base::Result;
using event::EventKind;
using event::kKernelRecords;

Result<event::Filter> Session::check_filter(uint32_t kind, std::string_view text,
                                            std::vector<event::FilterAlias> aliases) const {
  auto syntax = event::parse_filter(text);
  if (!syntax) return std::move(syntax.error());
  const EventKind* sample = sample_kind(kind);
  event::FilterScope scope;
  scope.event = kind_name(kind);
  scope.format = kind_format(kind);
  if (sample != nullptr) scope.layout = &sample->layout;
  scope.aliases = std::move(aliases);
  return event::check_filter(*syntax, text, scope);
}

event::KernelFilter Session::make_kernel_filter(uint32_t kind, const event::Filter& filter) const {
  const EventKind* sample = sample_kind(kind);
  if (!is_live() || sample == nullptr || !sample->format)
    return {{}, false, {filter.nodes.front().span}};
  return event::make_kernel_filter(filter, *sample->format, sys::in_initial_pid_namespace());
}

void Session::set_kernel_filter(uint32_t kind, std::string text) {
  if (is_live() && sample_kind(kind) != nullptr)
    plan_.set_filter(kind - kKernelRecords, std::move(text));
}

std::string Session::kernel_filter_taken(uint32_t kind) const {
  if (!live_ || kind < kKernelRecords) return {};
  return live_->filter(kind - kKernelRecords);
}

}  // namespace oc::session
