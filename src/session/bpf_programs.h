#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/byte_sink.h"
#include "perf/rundown.h"
#include "source/feature_writer.h"
#include "source/source.h"
#include "sys/bpf_programs.h"

namespace oc::session {

/// The BPF programs of a recording: those that were loaded when it began, and those that are loaded while it runs and
/// live until a BPF_EVENT record of that is seen. One thread.
class BpfPrograms {
 public:
  /// All that are loaded now.
  void load();
  /// The same, as records.
  void list(perf::Rundown& rundown, base::ByteSink& records);
  /// Loads those that BPF_EVENT records of a sideband span tell of.
  void look_at(const source::Span& span);

  /// The sections of all that were seen.
  void add_to(source::FeatureSections& features) const;
  size_t size() const { return programs_.size(); }

 private:
  const sys::BpfProgram* find_or_load(uint32_t id);

  std::map<uint32_t, sys::BpfProgram> programs_;  ///< by id; kept when they are unloaded
};

}  // namespace oc::session
