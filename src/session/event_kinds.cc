#include "session/event_kinds.h"

#include <utility>

#include "sys/proc.h"

namespace oc::session {

using base::Result;
using event::EventKind;
using event::kKernelRecords;

Result<std::vector<uint32_t>> EventKinds::resolve(const std::string& name,
                                                  const LiveSettings& settings) const {
  std::vector<uint32_t> kinds;
  const auto& records = event::kernel_record_formats();
  for (uint32_t i = 0; i < kKernelRecords; ++i) {
    if (records[i].name == name) kinds.push_back(i);
  }
  if (!kinds.empty()) return kinds;
  auto found = input_->resolve(name, settings);
  if (!found) return found;
  for (uint32_t& index : *found) index = number_of_sample(index);
  return found;
}

const EventKind* EventKinds::sample(uint32_t kind) const {
  if (kind < kKernelRecords || kind >= count()) return nullptr;
  return &input_->kind(index_of_sample(kind));
}

std::string_view EventKinds::name(uint32_t kind) const {
  if (kind < kKernelRecords) return event::kernel_record_formats()[kind].name;
  if (const auto* proxy = find_proxy(kind); proxy != nullptr) return proxy->name;
  const EventKind* found = sample(kind);
  return found == nullptr ? std::string_view{} : std::string_view(found->name);
}

const event::EventFormat* EventKinds::format(uint32_t kind) const {
  if (kind < kKernelRecords) return &event::kernel_record_formats()[kind];
  if (const auto* proxy = find_proxy(kind); proxy != nullptr) return proxy;
  const EventKind* found = sample(kind);
  return found == nullptr || !found->format ? nullptr : &*found->format;
}

bool EventKinds::has_switch_records() const {
  if (input_->is_live()) return true;
  for (uint32_t i = 0; i < input_->size(); ++i) {
    if (input_->kind(i).attr.context_switch) return true;
  }
  return false;
}

uint32_t EventKinds::add_proxy(event::EventFormat format) {
  proxies_.push_back(std::move(format));
  return kFirstProxy + static_cast<uint32_t>(proxies_.size()) - 1;
}

void EventKinds::want(uint32_t kind) {
  if (kind >= count()) return;
  if (wanted_.size() < count()) wanted_.resize(count());
  wanted_[kind] = 1;
}

void EventKinds::want_of_everyone(uint32_t kind) {
  if (kind >= count()) return;
  if (of_everyone_.size() < count()) of_everyone_.resize(count());
  of_everyone_[kind] = 1;
}

std::vector<uint8_t> EventKinds::of_everyone() const {
  auto of_everyone = of_everyone_;
  of_everyone.resize(count());
  return of_everyone;
}

std::vector<uint8_t> EventKinds::wanted() const {
  auto wanted = wanted_;
  wanted.resize(count());
  return wanted;
}

Result<event::Filter> EventKinds::check_filter(uint32_t kind, std::string_view text,
                                               std::vector<event::FilterAlias> aliases) const {
  auto syntax = event::parse_filter(text);
  if (!syntax) return std::move(syntax.error());
  const EventKind* found = sample(kind);
  event::FilterScope scope;
  scope.event = name(kind);
  scope.format = format(kind);
  if (found != nullptr) scope.layout = &found->layout;
  scope.aliases = std::move(aliases);
  return event::check_filter(*syntax, text, scope);
}

event::KernelFilter EventKinds::make_kernel_filter(uint32_t kind,
                                                   const event::Filter& filter) const {
  const EventKind* found = sample(kind);
  if (!input_->is_live() || found == nullptr || !found->format)
    return {{}, false, {filter.nodes.front().span}};
  return event::make_kernel_filter(filter, *found->format, sys::in_initial_pid_namespace());
}

}  // namespace oc::session
