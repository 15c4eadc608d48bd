#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "event/descriptor.h"
#include "event/event_table.h"
#include "event/sample_tail.h"
#include "session/code_records.h"
#include "session/frame_finder.h"
#include "session/stack_tables.h"
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
  StackBuilder(StackTables& tables, const event::EventTable& events, StackMode mode);

  CodeRecords& code() { return code_; }

  /// A record of the kernel that is no sample; as CodeRecords::apply.
  void apply(const source::RecordHeader& header, uint16_t misc, const uint8_t* record,
             uint32_t size_bytes) {
    code_.apply(header.type, misc, record, size_bytes);
  }
  /// A sample of the kind with this index that is delivered as `event`.
  void add(const uint8_t* record, const source::RecordHeader& header, uint32_t index,
           oc_event& event);
  /// All samples of a batch have been added.
  void finish_batch();

  const StackCounts& counts() const { return counts_; }

 private:
  /// What the samples of a kind have.
  struct Kind {
    const event::SampleLayout* layout = nullptr;
    uint32_t most_frames = 0;  ///< that the kernel stores
    bool has_ip = false;
    bool has_chain = false;
    bool has_user_part = false;  ///< in the chain
  };
  /// A stack in the making.
  struct Draft {
    std::vector<uint32_t> frames;
    uint32_t kernel_frames = 0;
    process::StackEnd end = process::StackEnd::kComplete;
  };

  process::FrameId frame_of(uint16_t mode, const oc_event& event, uint64_t address, bool is_return);
  void read_chain(const Kind& kind, const oc_event& event, std::span<const uint8_t> chain,
                  uint16_t mode);
  void deliver(oc_event& event);

  StackTables& tables_;
  StackMode mode_;
  FrameFinder finder_;
  CodeRecords code_;
  std::vector<Kind> kinds_;
  Draft draft_;
  StackCounts counts_;
};

}  // namespace oc::session
