#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <tuple>

#include "base/fd.h"
#include "perf/code_files.h"
#include "process/address_spaces.h"
#include "symbol/module_files.h"

namespace oc::session {

/// Live: files of mapped code, held open from the moment they were mapped: those that were mapped while it runs, and of what ran
/// already those that are not to be found by their path (other mount namespaces, deleted and replaced ones). A process may be
/// gone when its names are asked for, and its program replaced.
///
/// At most kMost; what comes later is found by its path, or not at all. One thread looks, any may ask.
class KeptFiles {
 public:
  static constexpr size_t kMost = 256;

  /// A mapping that was told of just now (`time` 0: that was there already): adds what `files` knows of its file, and keeps it
  /// where that is wanted.
  void look_at(perf::CodeFiles& files, int32_t pid, base::Nanos time, process::Mapping& mapping);
  /// Hands a copy of the module's descriptor to `files`, if it is kept.
  void give(process::ModuleId id, symbol::ModuleFiles& files) const;

 private:
  using Key =
      std::tuple<uint64_t, uint64_t, uint64_t, uint64_t>;  ///< device, inode, generation, contents

  mutable std::mutex mutex_;
  std::map<Key, base::Fd> files_;
};

}  // namespace oc::session
