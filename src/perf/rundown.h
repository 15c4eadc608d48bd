#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/byte_sink.h"
#include "perf/attr_builder.h"
#include "perf/code_files.h"
#include "sys/bpf_programs.h"
#include "sys/proc.h"

namespace oc::perf {

/// Records of what runs already when a recording begins, as perf writes them: the kernel and its modules, then for
/// each process FORK, COMM, NAMESPACES and one MMAP2 for each mapping of code. Their time is 0, which puts them before
/// all others.
///
/// One thread.
class Rundown {
 public:
  /// Every record ends in `trailer_bytes` zeros, where others have their ids and time. `proc` for tests.
  Rundown(size_t trailer_bytes, SidebandExtras extras, std::string proc = "/proc");

  /// Mappings of files that are no code are listed, too.
  void include_data() { includes_data_ = true; }

  void add_kernel(base::ByteSink& records);
  /// FORK, COMM and, for a process's first thread, NAMESPACES and MMAP2 records.
  void add_thread(const sys::ThreadInfo& thread, base::ByteSink& records);
  /// CGROUP records of all cgroups (version 2).
  void add_cgroups(base::ByteSink& records);

  /// KSYMBOL records of a BPF program's functions, and BPF_EVENT, as if it was loaded now.
  void add_bpf_program(const sys::BpfProgram& program, base::ByteSink& records);

  /// The files of the mappings so far, and of those that somebody asks for. Owned by the object.
  CodeFiles& files() { return files_; }

 private:
  void add_fork(const sys::ThreadInfo& thread, base::ByteSink& records);
  void add_comm(const sys::ThreadInfo& thread, base::ByteSink& records);
  void add_namespaces(const sys::ThreadInfo& thread, base::ByteSink& records);
  bool add_mappings(const sys::ThreadInfo& thread, base::ByteSink& records);
  void add_mapping(int32_t pid, const MapsLine& mapping, base::ByteSink& records);
  void add_kernel_mapping(uint64_t start, uint64_t size_bytes, uint64_t offset,
                          std::string_view name, base::ByteSink& records);
  void add_modules(base::ByteSink& records);
  size_t begin(base::ByteSink& records, uint32_t type, uint16_t misc) const;
  void end(base::ByteSink& records, size_t start) const;

  std::string proc_;
  CodeFiles files_;
  SidebandExtras extras_;
  size_t trailer_bytes_;
  bool includes_data_ = false;
  std::set<int32_t> mapped_;  ///< processes whose mappings the list at hand has
  std::string text_;
};

}  // namespace oc::perf
