#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "event/descriptor.h"
#include "event/event_table.h"
#include "event/sample_tail.h"
#include "session/code_records.h"
#include "session/frame_finder.h"
#include "session/stack_tables.h"
#include "session/unwinding.h"
#include "source/record.h"

namespace oc::session {

/// Gives samples the ids of their stack and of the place where they were taken.
///
///     call chain:  KERNEL ip ret ret | USER ip ret ret ret        markers (PERF_CONTEXT_*) say whose frames follow
///                         exact^        exact^                    the first of each part is exact
///
/// Driven by the decoder, on its thread and in order of time: records that map code, then the samples among them. The
/// bytes of a batch's samples stay until `finish_batch`, which leaves the ids in the events. Per sample: no allocation
/// once its buffers have grown.
class StackBuilder {
 public:
  /// `unwinding` is made for the first sample that needs it.
  using MakeUnwinding = std::function<std::unique_ptr<Unwinding>(FrameFinder& frames)>;
  StackBuilder(StackTables& tables, const event::EventTable& events, StackMode mode,
               MakeUnwinding make_unwinding);

  /// The kinds of `events` that were not there before; it outlives the builder.
  void learn_kinds(const event::EventTable& events);

  CodeRecords& code() { return code_; }

  /// What is told next is of this time.
  void advance(base::Nanos time) { code_.advance(time); }
  /// A record of the kernel that is no sample; as CodeRecords::apply.
  void apply(const source::RecordHeader& header, uint16_t misc, const uint8_t* record,
             uint32_t size_bytes, base::Nanos time) {
    code_.apply(header.type, misc, record, size_bytes, time);
  }
  /// A sample of the kind with this index that is delivered as `event`.
  void add(const uint8_t* record, const source::RecordHeader& header, uint32_t index,
           oc_event& event);
  /// All samples of a batch have been added.
  void finish_batch();

  /// As of the last batch. Any thread.
  StackCounts counts() const {
    const std::lock_guard lock(published_mutex_);
    return published_;
  }

 private:
  /// What the samples of a kind have.
  struct Kind {
    const event::SampleLayout* layout = nullptr;
    uint32_t most_frames = 0;  ///< that the kernel stores
    uint32_t most_unwound = 0;
    bool has_ip = false;
    bool has_chain = false;
    bool has_user_part = false;  ///< in the chain
    bool unwinds = false;        ///< instead of that, registers and stack bytes
  };
  /// A stack whose user part is still to be unwound.
  struct Pending {
    oc_event* event = nullptr;
    uint32_t kind = 0;   ///< in `kinds_`
    uint32_t first = 0;  ///< of its frames so far, in `begun_`
    uint32_t count = 0;
    uint32_t kernel_frames = 0;
  };
  /// A stack in the making.
  struct Draft {
    std::vector<uint32_t> frames;
    uint32_t kernel_frames = 0;
    process::StackEnd end = process::StackEnd::kComplete;
  };

  /// A process's code at the moment of a sample.
  struct Code {
    const process::CodeMap& map;
    int32_t pid;
  };

  process::FrameId frame_of(uint16_t mode, const Code& code, uint64_t address, bool is_return);
  void read_chain(const Kind& kind, const Code& code, std::span<const uint8_t> chain, uint16_t mode,
                  bool has_stack);
  bool has_user_frames() const { return draft_.frames.size() > draft_.kernel_frames; }
  void count_chain(const Kind& kind);
  bool postpone(const Kind& kind, const event::SampleTail& tail, oc_event& event);
  void finish_pending(const UnwindJob& job, std::span<const uint32_t> frames);
  void deliver(oc_event& event);
  void publish_counts();

  StackTables& tables_;
  StackMode mode_;
  FrameFinder finder_;
  CodeRecords code_;
  std::vector<Kind> kinds_;
  Draft draft_;
  MakeUnwinding make_unwinding_;
  std::unique_ptr<Unwinding> unwinding_;
  std::vector<Pending> pending_;
  std::vector<UnwindJob> jobs_;
  std::vector<uint32_t> begun_;  ///< kernel parts of those
  StackCounts counts_;
  mutable std::mutex published_mutex_;
  StackCounts published_;
};

}  // namespace oc::session
