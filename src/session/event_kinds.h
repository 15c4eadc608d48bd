#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event_table.h"
#include "event/filter.h"
#include "event/filter_kernel.h"
#include "event/kernel_record.h"
#include "session/trace_input.h"

namespace oc::session {

/// The kinds of events of a trace under one numbering, and which of them are wanted.
///
///     0 …                records of the kernel (event::KernelRecord)
///     kKernelRecords …   samples, by index of the input
///     kFirstProxy …      events of the script's own: they never pass through the decoder, the script itself
///                        hands them on
///
/// Samples of a live trace are added when their names are resolved.
class EventKinds {
 public:
  static constexpr uint32_t kFirstProxy = 1u << 16;

  explicit EventKinds(TraceInput& input) : input_(&input) {}

  /// Without proxies.
  uint32_t count() const { return event::kKernelRecords + input_->size(); }
  static uint32_t number_of_sample(uint32_t index) { return event::kKernelRecords + index; }
  /// Of the input; no index of it for what is no sample.
  static uint32_t index_of_sample(uint32_t kind) { return kind - event::kKernelRecords; }

  /// The kinds that `name` or a glob means.
  base::Result<std::vector<uint32_t>> resolve(const std::string& name,
                                              const LiveSettings& settings) const;
  std::string_view name(uint32_t kind) const;
  /// Null for what is no sample.
  const event::EventKind* sample(uint32_t kind) const;
  /// Null when nobody knows the payload.
  const event::EventFormat* format(uint32_t kind) const;
  bool has_switch_records() const;

  uint32_t add_proxy(event::EventFormat format);

  void want(uint32_t kind);
  /// By kind, as many as there are.
  std::vector<uint8_t> wanted() const;
  /// Also of threads that the target leaves out; the others of the kind are marked.
  void want_of_everyone(uint32_t kind);
  std::vector<uint8_t> of_everyone() const;

  /// A filter for events of `kind`, whose canonical event adds `aliases`.
  base::Result<event::Filter> check_filter(uint32_t kind, std::string_view text,
                                           std::vector<event::FilterAlias> aliases) const;
  /// What the kernel can leave out for it: nothing of what is no tracepoint, or of a recorded trace.
  event::KernelFilter make_kernel_filter(uint32_t kind, const event::Filter& filter) const;

 private:
  /// Null when the kind is no proxy.
  const event::EventFormat* find_proxy(uint32_t kind) const {
    return kind - kFirstProxy < proxies_.size() ? &proxies_[kind - kFirstProxy] : nullptr;
  }

  TraceInput* input_;
  std::deque<event::EventFormat> proxies_;  ///< entries keep their address
  std::vector<uint8_t> wanted_;
  std::vector<uint8_t> of_everyone_;
};

}  // namespace oc::session
