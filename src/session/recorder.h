#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "perf/live_source.h"
#include "perf/rundown.h"
#include "session/bpf_programs.h"
#include "session/flight_spool.h"
#include "session/followed_tasks.h"
#include "session/mapped_files.h"
#include "session/record_selection.h"
#include "session/record_tally.h"
#include "session/stack_folder.h"
#include "session/trace_file.h"
#include "source/trace_output.h"

namespace oc::session {

/// Where a recording goes, and how far.
struct RecordOptions {
  std::string output = "perf.data";  ///< "-": stdout; empty: nowhere but by `dump`
  int compression = 0;               ///< zstd's level; 0: none
  uint64_t max_bytes = 0;            ///< of the file's records; 0: no limit
  uint64_t rotate_bytes = 0;         ///< a new file when one is so large; 0: never
  base::Nanos rotate_time = 0;       ///< or so old
  uint32_t rotate_files = 0;         ///< how many are kept; 0: all
  FlightWindow overwrite;            ///< keep only the last of it, in memory, until dumped
  uint64_t memory_bytes = 0;  ///< at most, for that; 0: a quarter of the machine's, at most 1 GiB
  bool keeps_stacks = false;  ///< registers and stack bytes are stored, not unwound
  bool kernel_build_ids =
      false;            ///< MMAP2 records have them: see MappedFiles for what that does to others
  std::string version;  ///< of this program
};

/// Drains a live source into a file, bytes as they are: no merge, no decoding.
///
///     open       the output is there before the kernel or a command is asked for anything
///     begin      events run, then /proc is listed: nothing is missed (docs/design/record.md)
///     step …     rings → one write, then FINISHED_ROUND
///     finish     what the rings still hold, build ids, the header, the name
///
/// With rotation a file is followed by the next; with `overwrite` the rounds go to memory, and to files by `dump`: when
/// asked, on SIGUSR2, and at the end. A write that fails ends the recording; what was written before can be read.
/// One thread.
class Recorder {
 public:
  static base::Result<std::unique_ptr<Recorder>> open(RecordOptions options);

  /// Facts of the machine and formats of events; call before `live` is started. `live` outlives the recorder's use.
  base::Status prepare(perf::LiveSource& live);
  /// Nothing was recorded: no file stays.
  void discard();
  /// The trace goes to our standard output: a command must not write there.
  bool writes_to_stdout() const { return writes_to_stdout_; }
  /// After it was started.
  base::Status begin();
  /// One round; false when it was the last. Waits at most `wait`.
  base::Result<bool> step(std::chrono::milliseconds wait);
  /// The recording cannot go on: what there is stays.
  void fail(base::Error error);
  /// After the last step, or instead of it.
  base::Status finish();
  /// Writes what is kept in memory to a file of its own and goes on. Requires: overwrite.
  base::Status dump(const std::string& path);

  /// Records that LOST records tell of.
  std::map<int32_t, uint64_t> lost_by_cpu() const;
  /// Of everything so far, whether or not it is kept.
  uint64_t samples() const;
  uint64_t records() const;
  uint64_t record_bytes() const { return record_bytes_; }
  base::Nanos first() const;
  base::Nanos last() const;
  /// How long the events ran.
  base::Nanos elapsed() const { return ended_ - started_; }
  struct FinishedFile {
    std::string path;
    uint64_t size_bytes = 0;
    std::vector<uint64_t> samples;  ///< by kind of the event table
  };
  /// The files that there are now, oldest first.
  const std::vector<FinishedFile>& files() const { return files_; }
  const std::vector<std::string>& notes() const { return notes_; }
  /// Of user stacks that were unwound; null where none are.
  const FoldCounts* stacks() const { return folder_ ? &folder_->counts() : nullptr; }

 private:
  explicit Recorder(RecordOptions options) : options_(std::move(options)) {}
  bool keeps_in_memory() const {
    return options_.overwrite.time != 0 || options_.overwrite.bytes != 0;
  }
  bool rotates() const { return options_.rotate_bytes != 0 || options_.rotate_time != 0; }
  base::Status list_what_runs(base::ByteSink& records, base::ByteSink* missed);
  base::Status begin_file(std::span<const uint8_t> rundown);
  base::Status end_file();
  base::Status write_losses();
  void keep(const TraceFile& file);
  bool is_file_done(base::Nanos now) const;
  base::Status rotate();
  base::Status take_round(std::chrono::milliseconds wait);
  base::Status store_round(bool may_end_round = true);
  void look_at_sideband();
  void look_at_mappings();
  std::vector<sys::ThreadInfo> find_threads();
  source::FeatureSections late_features();
  base::Result<std::unique_ptr<TraceFile>> begin_trace(source::TraceOutput output);
  void give_back();
  void copy_sideband(base::ByteSink& records) const;
  base::Status look_at_signal();
  // recorder_flight.cc
  static void block_dump_signal();
  base::Status begin_segment();
  base::Status keep_up();
  base::Status write_segments(TraceFile& file);

  RecordOptions options_;
  std::optional<source::TraceOutput> opened_;
  perf::LiveSource* live_ = nullptr;
  TraceBeginning beginning_;
  std::unique_ptr<TraceFile> file_;
  std::unique_ptr<FlightSpool> spool_;
  std::unique_ptr<RecordTally> total_;    ///< of files that are finished, or of what went to memory
  std::optional<perf::Rundown> rundown_;  ///< knows the files of all that ran so far
  std::unique_ptr<MappedFiles> mapped_;
  FollowedTasks followed_;
  BpfPrograms bpf_;
  size_t bpf_begun_ = 0;                        ///< programs that the trace at hand was begun with
  std::unique_ptr<RecordSelection> selection_;  ///< null: the kernel chooses
  std::unique_ptr<StackFolder> folder_;         ///< null: there are no stacks, or they are kept
  source::Round round_;
  std::vector<source::Span> sideband_;  ///< of the round
  std::optional<base::Error> failure_;
  std::vector<FinishedFile> files_;
  std::vector<std::string> notes_;
  std::vector<source::Loss> lost_before_;  ///< the file at hand was begun
  bool writes_to_stdout_ = false;
  uint32_t files_made_ = 0;
  base::Nanos file_began_ = 0;
  uint64_t begun_bytes_ = 0;  ///< of the file at hand, before its first round
  bool is_rotation_small_ = false;
  uint64_t record_bytes_ = 0;
  base::Nanos started_ = 0;
  base::Nanos ended_ = 0;
  bool is_first_ = false;  ///< its thread is served first
  bool is_begun_ = false;
  bool is_finished_ = false;
};

}  // namespace oc::session
