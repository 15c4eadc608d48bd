#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "base/fd.h"
#include "perf/rundown.h"
#include "process/address_spaces.h"
#include "symbol/module_files.h"

namespace oc::session {

/// Live: files of mapped code that could not be found again by their path, held open from the moment they were mapped:
/// those of other mount namespaces, deleted and replaced ones. A process may be gone when its names are asked for.
///
/// At most kMost; what comes later is found by its path, or not at all.
class KeptFiles {
 public:
  static constexpr size_t kMost = 256;

  /// A mapping that was told of just now: keeps its file where that is wanted. The build id, as `files` reads it; none: it has
  /// none, or is no file.
  process::BuildId look_at(perf::Rundown& files, int32_t pid, const process::Mapping& mapping);
  /// Hands a copy of the module's descriptor to `files`, if it is kept.
  void give(process::ModuleId id, symbol::ModuleFiles& files) const;

 private:
  void keep(int32_t pid, const process::Mapping& mapping);

  std::map<std::pair<uint64_t, uint64_t>, base::Fd> files_;  ///< by device and inode
};

}  // namespace oc::session
