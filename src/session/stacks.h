#pragma once

#include <memory>

#include "base/interner.h"
#include "perf/live_source.h"
#include "perf/rundown.h"
#include "session/frame_names.h"
#include "session/stack_builder.h"
#include "session/stack_tables.h"
#include "source/trace_header.h"
#include "symbol/debuginfod.h"

namespace oc::session {

/// The stacks of one run: declared before it, built while it is decoded, asked for also when it is over.
///
///     declare → start_… (a builder for the decoder) → … → tables, counts
///
/// Nothing is made or paid for unless it was declared. The script's thread, but for the builder.
class Stacks {
 public:
  explicit Stacks(base::Interner& strings) : strings_(strings) {}

  /// `with_places`: where samples were taken is looked up, also without stacks.
  void declare(StackMode mode, bool with_places) {
    mode_ = mode;
    with_places_ = with_places || mode != StackMode::kNone;
  }
  /// Before the start: code that is mapped is noted there, too. It outlives this.
  void set_log(process::TaskLog* log) { log_ = log; }
  StackMode mode() const { return mode_; }
  bool is_declared() const { return with_places_; }

  /// The trace is this self-contained one, unpacked into a folder. Before the start.
  void use_archive(const std::string& archive, const std::string& folder) {
    origin_.archive = archive;
    origin_.folder = folder;
  }
  /// Files that are not here are asked for by build id: live only for names, not while stacks are unwound. Before the start.
  void use_debuginfod(symbol::Debuginfod::StopAsked is_asked_to_stop) {
    debuginfod_ = std::make_unique<symbol::Debuginfod>(std::move(is_asked_to_stop));
    origin_.debuginfod = debuginfod_.get();
  }
  /// Of a recorded trace (`facts` of its header) or of one that a script makes.
  void start(const event::EventTable& events, const source::TraceFacts* facts);
  /// Live: the same, with what is mapped already in the processes of `threads`.
  void start_live(const perf::LiveSource& live, const std::vector<sys::ThreadInfo>& threads);

  /// For the decoder; null when nothing was declared.
  StackBuilder* builder() { return builder_.get(); }
  /// Null before the start.
  const StackTables* tables() const { return tables_.get(); }
  /// A function that the user names, in every module of this path; of frames that are looked up from now on.
  void add_symbol(const std::string& module, uint64_t offset, uint64_t size_bytes,
                  std::string_view name);
  /// A rule of how to get to the caller, from a script: of what is decoded from now on.
  GivenUnwind& given_unwind() { return given_unwind_; }
  /// Names of their frames; null before the start.
  FrameNames* names() { return names_.get(); }
  /// Looks up the frames of these stacks, all at once.
  void resolve(std::span<const uint32_t> stacks);
  /// As of the last batch; zeros before the start.
  /// Live: files that could not be kept open, in words; "": none.
  std::string note() const { return kept_.note(); }
  StackCounts counts() const { return builder_ ? builder_->counts() : StackCounts(); }

 private:
  std::unique_ptr<Unwinding> make_unwinding(FrameFinder& frames);

  base::Interner& strings_;
  std::unique_ptr<symbol::Debuginfod> debuginfod_;
  TraceOrigin origin_;
  unwind::Arch arch_ = unwind::Arch::kX86_64;
  StackMode mode_ = StackMode::kNone;
  bool with_places_ = false;
  bool is_live_ = false;
  process::TaskLog* log_ = nullptr;
  std::unique_ptr<StackTables> tables_;
  std::unique_ptr<perf::Rundown> files_;  ///< live: reads build ids, each file once
  std::unique_ptr<RuleTables> rules_;     ///< where something was unwound
  std::unique_ptr<StackBuilder> builder_;
  GivenSymbols given_;
  GivenUnwind given_unwind_;
  KeptFiles kept_;
  std::unique_ptr<JitCode> jit_;  ///< where the trace's clock is that of dumps
  std::unique_ptr<FrameNames> names_;
};

}  // namespace oc::session
