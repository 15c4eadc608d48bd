#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "event/event_format.h"

namespace oc::event {

/// The kinds of records that the kernel writes beside samples, as events of their own.
enum class KernelRecord : uint32_t {
  kComm,  ///< a thread got a name by prctl or a write to /proc
  kExec,  ///< a COMM record marked PERF_RECORD_MISC_COMM_EXEC
  kFork,
  kExit,
  kMmap,
  kMmap2,
  kLost,
  kLostSamples,
  kSwitchOut,  ///< SWITCH, one task: no other thread named
  kSwitchIn,
  kSwitchOutWide,  ///< SWITCH_CPU_WIDE: names the next (or previous) thread
  kSwitchInWide,
  kThrottle,
  kUnthrottle,
  kMmap2BuildId,  ///< MMAP2 marked PERF_RECORD_MISC_MMAP_BUILD_ID: the file's build, not its inode
  kCgroup,
  kNamespaces,
  kKsymbol,
  kBpfEvent,
  kTextPoke,
  kAux,
  kItraceStart,
  kAuxOutputHwId,
  kRead,
};
constexpr uint32_t kKernelRecords = 24;

/// Of an MMAP2 record's misc: PERF_RECORD_MISC_MMAP_BUILD_ID, which older headers do not have.
constexpr uint16_t kMmapBuildId = 1 << 14;

/// Which of them a record is, by its header's type and misc; -1 for those that are not events.
int kernel_record_of(uint32_t type, uint16_t misc);

/// Their formats, in the enum's order; both kinds of MMAP2 are called mmap2; offsets count from the end of the record's header. The id
/// trailer is not part of the payload. Source: include/uapi/linux/perf_event.h, enum perf_event_type.
const std::vector<EventFormat>& kernel_record_formats();

}  // namespace oc::event
