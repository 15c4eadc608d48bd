#pragma once

namespace oc::source {

/// Numbers of perf.data's feature sections (tools/perf/util/header.h).
enum Feature : int {
  kTracingDataFeature = 1,
  kBuildIdFeature = 2,
  kHostFeature = 3,
  kKernelFeature = 4,
  kVersionFeature = 5,
  kArchFeature = 6,
  kCpuCountFeature = 7,
  kCpuDescriptionFeature = 8,
  kCpuIdFeature = 9,
  kMemoryFeature = 10,
  kCommandLineFeature = 11,
  kEventDescriptionFeature = 12,
  kCpuTopologyFeature = 13,
  kNumaFeature = 14,
  kPmuFeature = 16,
  kGroupFeature = 17,
  kCacheFeature = 20,
  kSampleTimeFeature = 21,
  kMemoryMapFeature = 22,
  kClockFeature = 23,
  kDirFormatFeature = 24,
  kBpfProgramFeature = 25,
  kBpfBtfFeature = 26,
  kCompressedFeature = 27,
  kClockDataFeature = 29,
  kPmuCapsFeature = 31,
  kSimpleperfMetaFeature = 129,  ///< simpleperf's: pairs of texts
};

}  // namespace oc::source
