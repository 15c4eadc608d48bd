#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/record_store.h"
#include "source/record_stream.h"
#include "source/record_swap.h"
#include "source/run_scan.h"
#include "source/source.h"
#include "source/trace_header.h"

namespace oc::source {

/// Lends records that it owns: those of a pipe, unpacked ones, those of the other byte order.
///
///     ByteInput → RecordStream → turned → RecordStore → runs, by the rule of FileSource's rounds
///
/// Memory: what lies between the oldest record that a batch or the merge still needs and the newest one.
/// Where the recorder marks rounds, that is little; without them all, up to kMostHeld: whenever half of that
/// came it is taken for a round, so the half before is handed on, and what arrives late is counted as such.
class StreamSource final : public Source {
 public:
  static constexpr uint64_t kMostHeld = 256ull << 20;
  struct Limits {
    bool is_cut = false;  ///< some records are known to be missing
    uint64_t most_held = kMostHeld;
  };

  /// Records behind a header that is complete: of a file in file mode.
  StreamSource(const TraceHeader& header, std::unique_ptr<ByteInput> input, const Limits& limits);
  /// A stream in pipe mode from its first record on, which fills `header` and finishes it. Returns when the
  /// first sample, the end of a round, or nothing for a while has come. `is_asked_to_stop` may end that early.
  static base::Result<std::unique_ptr<StreamSource>> open_pipe(
      TraceHeader& header, std::unique_ptr<ByteInput> input,
      const std::function<bool()>& is_asked_to_stop, const Limits& limits);

  const event::EventTable& events() const override { return header_.events(); }
  base::Status next_round(std::chrono::milliseconds wait, Round& round) override;
  void release(uint32_t, uint64_t position) override { store_.release(position); }
  /// A pipe: what was written comes to its end; a file: the round at hand is the last, without records.
  void wake() override;
  std::vector<std::string> notes() const override;
  bool is_damaged() const override { return is_damaged_; }
  Progress progress() const override {
    return {position_.load(std::memory_order_relaxed), input_->size_bytes()};
  }
  bool is_live() const { return input_->is_live(); }
  /// Bytes held now.
  uint64_t held_bytes() const { return store_.size_bytes(); }

 private:
  using State = ByteInput::State;

  base::Status load_header(TraceHeader& header, const std::function<bool()>& is_asked_to_stop);
  base::Result<State> take_header_record(TraceHeader& header, std::chrono::milliseconds wait);
  base::Result<State> take_tracing_data(TraceHeader& header, std::chrono::milliseconds wait);
  void begin_records();
  void take_early_records(RunScan& scan);
  void take(std::span<const uint8_t> record, const RecordHeader& header, RunScan& scan);
  /// True when the records so far are enough for now.
  bool pass_user_record();
  void end_round();
  void note_late_header();

  const TraceHeader& header_;
  std::unique_ptr<ByteInput> input_;
  RecordStream stream_;
  RecordStore store_;
  std::optional<RecordClock> clock_;  ///< these two once the events are known
  std::optional<RecordSwapper> swapper_;
  std::vector<uint8_t> early_;  ///< kernel records that came with the header, as they came
  uint64_t next_order_ = 0;
  base::Nanos newest_ = 0;            ///< of all records
  base::Nanos newest_of_rounds_ = 0;  ///< of those in rounds that ended
  base::Nanos horizon_ = 0;
  uint64_t held_at_round_ = 0;
  uint64_t most_held_;
  std::atomic<bool> is_woken_{false};
  std::atomic<uint64_t> position_{0};  ///< in the input, for `progress`
  bool is_damaged_ = false;
  bool is_odd_order_said_ = false;
  uint64_t late_header_records_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace oc::source
