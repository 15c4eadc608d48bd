#pragma once

#include <cstdint>

/// Fields of the messages of a Perfetto trace that are written. Source: google/perfetto, protos/perfetto/trace (v58) and
/// protos/perfetto/common/perf_events.proto.
namespace oc::format::perfetto {

namespace trace {
constexpr uint32_t kPacket = 1;
}
namespace packet {
constexpr uint32_t kProcessTree = 2, kClockSnapshot = 6, kTimestamp = 8, kSequence = 10,
                   kTrackEvent = 11, kInterned = 12, kSequenceFlags = 13, kDefaults = 59,
                   kTrackDescriptor = 60, kPerfSample = 66;
constexpr uint64_t kStateCleared = 1, kNeedsState = 2;  // of kSequenceFlags
}  // namespace packet
namespace clock_snapshot {
constexpr uint32_t kClocks = 1, kClockId = 1, kClockTimestamp = 2;
constexpr uint64_t kRealtime = 1, kMonotonic = 3, kBoottime = 6;
}  // namespace clock_snapshot
namespace process_tree {
constexpr uint32_t kProcesses = 1, kThreads = 2;
constexpr uint32_t kPid = 1, kParent = 2, kCommandLine = 3;    // of a process
constexpr uint32_t kTid = 1, kThreadName = 2, kThreadPid = 3;  // of a thread
}  // namespace process_tree
namespace defaults {
constexpr uint32_t kPerfSample = 12, kTimebase = 1, kPeriod = 1, kName = 10;
}
namespace perf_sample {
constexpr uint32_t kCpu = 1, kPid = 2, kTid = 3, kCallstack = 4, kCpuMode = 5, kTimebaseCount = 6,
                   kRecordsLost = 17;
constexpr uint64_t kKernel = 1, kUser = 2;  // of kCpuMode
}  // namespace perf_sample
namespace interned {
constexpr uint32_t kFunctionNames = 5, kFrames = 6, kCallstacks = 7, kBuildIds = 16,
                   kMappingPaths = 17, kSourcePaths = 18, kMappings = 19;
constexpr uint32_t kId = 1, kText = 2;  // of a text
constexpr uint32_t kMappingBuildId = 2, kMappingStartOffset = 3, kMappingStart = 4, kMappingEnd = 5,
                   kMappingBias = 6, kMappingPath = 7, kMappingExactOffset = 8;
constexpr uint32_t kFrameFunction = 2, kFrameMapping = 3, kFramePlace = 4, kFrameSource = 5,
                   kFrameLine = 6;
constexpr uint32_t kCallstackFrames = 2;
}  // namespace interned
namespace track {
constexpr uint32_t kUuid = 1, kName = 2, kThread = 4, kParent = 5;  // of a TrackDescriptor
constexpr uint32_t kThreadPid = 1, kThreadTid = 2, kThreadName = 5;
constexpr uint32_t kAnnotations = 4, kType = 9, kTrack = 11, kCategories = 22,
                   kEventName = 23;  // of a TrackEvent
constexpr uint32_t kAnnotationNumber = 5, kAnnotationText = 6, kAnnotationName = 10;
constexpr uint64_t kBegin = 1, kEnd = 2;  // of kType
}  // namespace track

}  // namespace oc::format::perfetto
