#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_sink.h"
#include "perf/attr_builder.h"
#include "sys/bpf_programs.h"
#include "sys/proc.h"

namespace oc::perf {

/// A file that code was mapped from, and how to find it again.
struct MappedFile {
  std::string path;
  std::vector<uint8_t> build_id;
  bool is_kernel = false;
};

/// A line of /proc/PID/maps.
struct MapsLine {
  uint64_t start = 0;
  uint64_t end = 0;
  uint32_t prot = 0;   ///< PROT_*
  uint32_t flags = 0;  ///< MAP_SHARED or MAP_PRIVATE
  uint64_t offset = 0;
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t inode = 0;
  std::string_view path;  ///< of the line's text
};
/// False when `line` is none.
bool parse_maps_line(std::string_view line, MapsLine& out);

/// Records of what runs already when a recording begins, as perf writes them: the kernel and its modules, then for
/// each process FORK, COMM, NAMESPACES and one MMAP2 for each mapping of code. Their time is 0, which puts them before
/// all others.
///
/// Build ids are read from the files as the processes see them (/proc/PID/map_files, /proc/PID/root), each file
/// once. One thread.
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

  /// The file that a process maps as `mapping` says, with its build id if it has one; null when it is none.
  /// Owned: until the next call.
  const MappedFile* find_file(int32_t pid, const MapsLine& mapping);

  /// The files of the mappings so far.
  const std::vector<MappedFile>& files() const { return files_; }

 private:
  void add_fork(const sys::ThreadInfo& thread, base::ByteSink& records);
  void add_comm(const sys::ThreadInfo& thread, base::ByteSink& records);
  void add_namespaces(const sys::ThreadInfo& thread, base::ByteSink& records);
  bool add_mappings(const sys::ThreadInfo& thread, base::ByteSink& records);
  void add_mapping(int32_t pid, const MapsLine& mapping, base::ByteSink& records);
  void add_kernel_mapping(uint64_t start, uint64_t size_bytes, uint64_t offset,
                          std::string_view name, base::ByteSink& records);
  void add_modules(base::ByteSink& records);
  std::vector<uint8_t> load_build_id(int32_t pid, const MapsLine& mapping) const;
  size_t begin(base::ByteSink& records, uint32_t type, uint16_t misc) const;
  void end(base::ByteSink& records, size_t start) const;

  std::string proc_;
  SidebandExtras extras_;
  size_t trailer_bytes_;
  bool includes_data_ = false;
  std::set<int32_t> mapped_;  ///< processes whose mappings the list at hand has
  std::map<std::pair<uint64_t, uint64_t>, size_t> by_inode_;  ///< device and inode: index in files_
  std::vector<MappedFile> files_;
  std::string text_;
};

}  // namespace oc::perf
