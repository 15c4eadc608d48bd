#pragma once

#include <string>
#include <utility>
#include <vector>

#include "session/named_events.h"
#include "session/trace_input.h"
#include "source/fed_source.h"

namespace oc::session {

/// A trace that the program itself makes, as input. As a live one it is decoded on the script's thread, with what there
/// is.
class FedInput final : public TraceInput {
 public:
  /// Times are the source's; `start` is the beginning, and `wall_offset` what leads from its clock to the wall's (0: not
  /// known). `window`: see FedSource.
  FedInput(std::string name, base::Nanos start, base::Nanos window, int64_t wall_offset)
      : fed_(std::move(name), window),
        named_(fed_.events()),
        start_(start),
        wall_offset_(wall_offset) {}

  /// A kind of sample, before anything is resolved; perf's names have perf's types. Returns its index.
  /// `more_sample_type`: PERF_SAMPLE_IP, PERF_SAMPLE_ADDR.
  uint32_t add_kind(event::EventFormat format, uint64_t more_sample_type);

  uint32_t size() const override { return fed_.events().size(); }
  const event::EventKind& kind(uint32_t index) const override { return fed_.events()[index]; }
  base::Result<std::vector<uint32_t>> resolve(const std::string& name,
                                              const LiveSettings& /*settings*/) override {
    return named_.resolve(name, fed_.name(), false);
  }
  std::vector<std::string> names(const std::string& glob) const override {
    return named_.names(glob);
  }
  const event::EventTable* events() const override { return &fed_.events(); }

  base::Status start(const RunOptions& options, TraceModel& model, Selection& selection) override;
  /// Also before the start: records may be added that are handed over then.
  source::FedSource& source() override { return fed_; }
  void stop() override { fed_.request_stop(); }

  int64_t wall_offset() const override { return wall_offset_; }
  std::vector<source::Loss> final_losses() override { return fed_.final_losses(); }
  std::vector<std::string> notes(bool /*is_at_rest*/) const override { return {}; }

 private:
  source::FedSource fed_;
  NamedEvents named_;
  base::Nanos start_;
  int64_t wall_offset_;
};

}  // namespace oc::session
