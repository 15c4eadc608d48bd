#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "source/perf_data_file.h"
#include "source/read_ahead.h"
#include "source/record.h"
#include "source/run_scan.h"
#include "source/source.h"

namespace oc::source {

/// Lends the records of a mapped perf.data file, round by round.
///
///     data: r r r r FINISHED_ROUND r r r FINISHED_ROUND ... r r
///           round 1 ------------^  round 2 ---------^   last, whether or not it ends in a marker
///
/// After round n+1 was walked, what is not younger than the newest record of round n may go: perf's
/// rule (tools/perf/util/ordered-events.c). A file without markers is one round. Streams: one, 0.
/// A record that makes no sense ends the reading: what came before is delivered, a note gives the offset.
class FileSource final : public Source {
 public:
  /// `file` outlives the source.
  explicit FileSource(const PerfDataFile& file);

  const event::EventTable& events() const override { return file_.events(); }
  base::Status next_round(std::chrono::milliseconds wait, Round& round) override;
  void release(uint32_t, uint64_t) override {}
  /// The round that is being walked ends early and is the last, without records.
  void wake() override { is_woken_.store(true, std::memory_order_relaxed); }
  Progress progress() const override {
    return {position_.load(std::memory_order_relaxed), file_.records().size()};
  }
  std::vector<std::string> notes() const override;

  bool is_damaged() const override {
    return damaged_ || file_.is_truncated() || file_.mapping().is_mended();
  }

 private:
  uint64_t pass_user_record(const uint8_t* record, const RecordHeader& header, uint64_t at);
  /// Notes the damage; returns the end of the records.
  uint64_t stop_at(uint64_t offset, const char* why);

  const PerfDataFile& file_;
  RecordClock clock_;
  ReadAhead read_ahead_;
  uint64_t at_ = 0;  ///< in records()
  uint64_t next_order_ = 0;
  base::Nanos newest_ = 0;  ///< of the rounds before
  std::atomic<bool> is_woken_{false};
  std::atomic<uint64_t> position_{0};  ///< at_ within the round, for `progress`
  bool damaged_ = false;
  bool has_compressed_ = false;
  std::vector<std::string> notes_;
};

}  // namespace oc::source
