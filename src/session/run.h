#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "session/batch.h"
#include "session/decoder.h"
#include "session/pump.h"
#include "session/trace_input.h"

namespace oc::session {

/// The part of a trace's life in which batches come: from a started input through the decoder and the pump.
///
///     input.source() ──> Decoder ──> what each batch gets ──> Pump ──> next
///                       └────── fill: the decoder's thread ───┘       the script's thread
class Run {
 public:
  /// The input was started with that selection. It and the model outlive the run.
  Run(TraceInput& input, TraceModel& model, Selection selection);
  ~Run() { finish(); }

  /// The next batch; null when the run is over. Lent: until the next call.
  base::Result<const Batch*> next(std::chrono::milliseconds wait);
  /// Any thread, before `finish`: no batch follows those that are filled.
  void stop() {
    is_stopped_ = true;
    if (pump_) pump_->stop();
  }
  /// Ends the decoder's thread; the last batch is no longer lent.
  void finish();

  // Of a run that fills batches on the thread that asks for them.
  void change(Selection changed) { decoder_.change(std::move(changed)); }
  void hand_over(uint32_t kind, base::Nanos from, base::Nanos at,
                 const std::vector<uint64_t>& older, const std::vector<uint64_t>& newer) {
    decoder_.hand_over(kind, from, at, older, newer);
  }

  /// As of the last batch.
  const Counts& counts() const { return counts_; }
  /// Whether all was decoded, or could not be.
  bool is_read() const { return is_read_; }
  /// No thread reads the source now.
  bool is_at_rest() const { return is_read_ || !pump_; }
  /// Lost records that records told of, by CPU (-1: unknown). Any thread.
  std::map<int32_t, uint64_t> lost_by_cpu() const { return decoder_.lost_by_cpu(); }
  std::vector<source::Loss> losses() const { return decoder_.losses(); }
  /// A sentence when no part of the trace lay in the window that was asked for.
  std::string describe_miss() const;

 private:
  base::Status fill(std::chrono::milliseconds wait, Batch& batch);

  TraceInput& input_;
  TimeWindow window_;
  StackBuilder* stacks_;  ///< null: nobody asked for stacks
  Decoder decoder_;
  std::optional<Pump> pump_;  ///< until it is finished
  Counts counts_;
  bool is_read_ = false;
  std::atomic<bool> is_stopped_{false};  ///< then nobody knows where the trace ends
};

}  // namespace oc::session
