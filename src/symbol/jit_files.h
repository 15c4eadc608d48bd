#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "symbol/jit_dump.h"
#include "symbol/module_files.h"
#include "symbol/perf_map.h"

namespace oc::symbol {

/// What the compilers inside one process told of their code.
struct JitNames {
  std::optional<JitDump> dump;
  std::optional<PerfMap> map;
  std::string reason;  ///< where it was looked for, when there is neither
};

/// The same as bytes: `dump_paths[i]` led to `dumps[i]`.
struct JitFiles {
  std::optional<std::vector<uint8_t>> map;
  std::vector<std::string> dump_paths;
  std::vector<std::vector<uint8_t>> dumps;
  std::vector<std::string> missing;  ///< dumps that cannot be read
};
JitFiles find_jit_files(const Places& places, int32_t pid, const std::vector<std::string>& dumps);

/// Paths of the dumps that this process mapped: it does so that a trace tells where they are.
std::vector<std::string> find_dumps(const process::ModuleTable& modules, int32_t pid);

/// Finds and reads perf-PID.map and jit-PID.dump of a process, also of one in a container: below /tmp of its own root, by
/// the id that it calls itself; when it has gone, below /tmp here and in the archives. Files of other users are refused,
/// except for root. `dumps`: paths of dumps that the process mapped, as it saw them.
JitNames load_jit_names(const Places& places, int32_t pid, const std::vector<std::string>& dumps);

/// One dump alone, at its path as the process saw it.
base::Result<JitDump> load_jit_dump(const Places& places, int32_t pid, const std::string& path);
/// How large it is now; 0 where it cannot be read.
uint64_t jit_dump_bytes(const Places& places, int32_t pid, const std::string& path);

}  // namespace oc::symbol
