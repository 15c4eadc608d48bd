#pragma once

#include <cstdint>

/// Numbers of the fields of a pprof profile, as in proto/profile.proto of google/pprof (docs/formats/pprof.md).
namespace oc::format::pprof {

enum ProfileField : uint32_t {
  kSampleType = 1,
  kSample = 2,
  kMapping = 3,
  kLocation = 4,
  kFunction = 5,
  kStringTable = 6,
  kDropFrames = 7,
  kKeepFrames = 8,
  kTimeNanos = 9,
  kDurationNanos = 10,
  kPeriodType = 11,
  kPeriod = 12,
  kComment = 13,
  kDefaultSampleType = 14,
  kDocUrl = 15,
};
enum ValueTypeField : uint32_t { kType = 1, kUnit = 2 };
enum SampleField : uint32_t { kLocationId = 1, kValue = 2, kLabel = 3 };
enum LabelField : uint32_t { kKey = 1, kStr = 2, kNum = 3, kNumUnit = 4 };
enum MappingField : uint32_t {
  kMappingId = 1,
  kMemoryStart = 2,
  kMemoryLimit = 3,
  kFileOffset = 4,
  kMappingFilename = 5,
  kBuildId = 6,
  kHasFunctions = 7,
  kHasFilenames = 8,
  kHasLineNumbers = 9,
  kHasInlineFrames = 10,
};
enum LocationField : uint32_t { kId = 1, kLocationMapping = 2, kAddress = 3, kLine = 4 };
enum LineField : uint32_t { kLineFunction = 1, kLineNumber = 2 };
enum FunctionField : uint32_t { kFunctionId = 1, kName = 2, kSystemName = 3, kFilename = 4 };

// Keys of the labels that we give to samples.
constexpr const char* kThreadLabel = "thread";    ///< name of the thread at that moment
constexpr const char* kProcessLabel = "process";  ///< name of its process
constexpr const char* kTidLabel = "tid";
constexpr const char* kPidLabel = "pid";
constexpr const char* kCpuLabel = "cpu";
constexpr const char* kCgroupLabel = "cgroup";
/// What stands before an attribute's name that is one of these, or one of pprof's own ("pprof::").
constexpr const char* kAttributePrefix = "attribute.";
/// The type of the first value: samples, whichever kind they are of.
constexpr const char* kSamplesType = "samples";

}  // namespace oc::format::pprof
