#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "session/frame_names.h"
#include "session/stack_tables.h"

namespace oc::session {

/// A file that a self-contained trace has, or could not have.
struct Archived {
  std::string what;  ///< as the trace calls it: a path, "[kernel.kallsyms]", "process 12"
  std::string name;  ///< in the archive; "": left out
  uint64_t size_bytes = 0;
  std::string reason;  ///< why it was left out, or what it lacks
};

struct ArchiveOptions {
  std::string trace;   ///< a file
  std::string output;  ///< NAME.tar.zst and the like; "-": standard output, zstd
  bool replaces = false;
};

/// Writes a self-contained trace: what another machine needs to name and unwind the samples of these modules.
///
///     perf.data                              the trace, first, under its own name
///     .build-id/xx/yyyy…/{elf,debug,vdso}    programs, libraries, separate debug files, as perf lays out ~/.debug
///     .build-id/xx/yyyy…/kallsyms            the kernel's names
///     root/usr/bin/tool                      files whose build ids the trace does not tell, by path
///     perf-PID.map, dumps/PID/jit-NNN.dump   what compilers inside processes told
///     modules                                /proc/modules, where this kernel is the trace's
///     missing.txt                            what was left out, and why
///
/// Nothing but a file's own bytes goes in, and only those that the trace's build ids or inodes say are right. Errors: the output
/// is there already, cannot be written; `is_asked_to_stop` said true. Then there is no output.
base::Result<std::vector<Archived>> write_archive(const ArchiveOptions& options,
                                                  const StackTables& tables, FrameNames& names,
                                                  const std::vector<process::ModuleId>& modules,
                                                  const std::function<bool()>& is_asked_to_stop);

}  // namespace oc::session
