#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/interner.h"
#include "process/frame_table.h"
#include "process/module_table.h"
#include "process/task_log.h"

namespace oc::process {

/// A stretch of memory that code runs in.
struct CodeRange {
  uint64_t start = 0;
  uint64_t end = 0;  ///< exclusive
  uint64_t offset =
      0;  ///< of `start` in the module: in the file; of what is no file, the address itself
  ModuleId module;

  bool has(uint64_t address) const { return address - start < end - start; }
  Frame frame(uint64_t address, bool is_return) const {
    return {address - start + offset, module, is_return};
  }
};

/// The code of one process, or of the kernel, at one moment: ranges by address that do not overlap.
///
/// Does not change once it was lent (AddressSpaces::lend): another thread may look into it meanwhile.
class CodeMap {
 public:
  /// Null where no code is mapped. Owned by the map.
  const CodeRange* find(uint64_t address) const;
  /// Without what was there before the exec.
  const std::vector<CodeRange>& ranges() const { return ranges_; }
  /// As long as it is the same, what was found at an address is still there. Of one map only, and never 0.
  uint32_t generation() const { return generation_; }

 private:
  friend class AddressSpaces;
  std::vector<CodeRange> ranges_;
  uint32_t generation_ = 0;
  bool is_lent_ = false;
  /// In the middle of an exec: what was mapped before. The caller of execve is still on the stack then.
  std::shared_ptr<const CodeMap> before_;
  bool has_vdso_ =
      false;  ///< what the kernel maps in an exec is complete: what follows, the program maps itself
};

/// A mapping as a record tells it.
struct Mapping {
  uint64_t start = 0;
  uint64_t size_bytes = 0;
  uint64_t offset = 0;
  std::string_view path;
  BuildId build_id;
  uint64_t device = 0;  ///< major << 32 | minor
  uint64_t inode = 0;
  uint64_t inode_generation = 0;
  uint64_t contents = 0;  ///< as Module::contents
  bool is_code = true;
  uint32_t code = 0;  ///< as Module::code
};

/// Which code lies where in which process, as of the last record applied: feed records in time order.
///
///     FORK   the child shares its parent's map        EXEC  the process begins with an empty one; while the kernel fills
///                                                           it, what was there before is found, too
///     MMAP   cuts what was there, adds code           EXIT  kept for late samples; the oldest of many are dropped
///
/// A map that was lent is copied before it changes, and freed by `take_back`. What is no code only cuts what was there:
/// most mappings cut nothing, and cost one look-up. A new mapping keeps the generation of the map, for nothing that was
/// found before has changed. One thread, but for lent maps.
class AddressSpaces {
 public:
  static constexpr size_t kMostDead = 4096;
  static constexpr size_t kMostRanges = 1
                                        << 16;  ///< of one process; the kernel's own limit is lower

  AddressSpaces(ModuleTable& modules, base::Interner& strings);

  /// Code that is mapped from now on is noted there, too. It outlives this.
  void set_log(TaskLog* log) { log_ = log; }

  void map(int32_t pid, const Mapping& mapping);
  /// `begins_empty`: what is told of it is all there is, as in a rundown.
  void fork(int32_t pid, int32_t parent_pid, bool begins_empty);
  void exec(int32_t pid);
  /// Another thread of a process that is known.
  void add_thread(int32_t pid, int32_t tid);
  /// A thread has ended; with the last one its process, which the first one need not be: then true.
  bool exit(int32_t pid, int32_t tid);

  /// The kernel itself ("[kernel.kallsyms]_text") or a module ("[name]", or the path of its file).
  void map_kernel(const Mapping& mapping);
  /// Code that the kernel made: a BPF program or a trampoline.
  void add_kernel_code(uint64_t start, uint64_t size_bytes, std::string_view name);
  void remove_kernel_code(uint64_t start, uint64_t size_bytes);

  /// Lent: until take_back. Of a process that nobody told of: an empty one.
  const CodeMap& lend(int32_t pid);
  /// The same for a look of this thread, until the next record.
  const CodeMap& find(int32_t pid) const;
  const CodeMap& kernel() const { return *kernel_; }
  /// Nobody uses a lent map any more.
  void take_back();

  /// The module of what is mapped nowhere in this process, and of the kernel's code of which nobody told.
  ModuleId nowhere(int32_t pid);
  ModuleId kernel_module();

  uint64_t size_bytes() const;
  /// Mappings beyond kMostRanges, left out.
  uint64_t refused() const { return refused_; }

 private:
  /// Shared: a child has its parent's until one of them changes, and a lent one is kept until it comes back.
  using SharedMap = std::shared_ptr<CodeMap>;
  struct Space {
    SharedMap map;
    std::set<int32_t> others;  ///< its threads but the first
    bool has_lost_first = false;
    bool is_dead = false;
  };

  Space& space(int32_t pid);
  SharedMap make_map();
  SharedMap copy_of(const CodeMap& map);
  CodeMap& own(SharedMap& map);
  void cut(SharedMap& map, uint64_t start, uint64_t end);
  void add(SharedMap& map, const CodeRange& range);
  ModuleId module_of(int32_t pid, const Mapping& mapping);
  uint64_t rank_of_generation(const Mapping& mapping);
  void bury();
  void note(int32_t pid, const CodeRange& range);

  ModuleTable& modules_;
  base::Interner& strings_;
  std::unordered_map<int32_t, Space> spaces_;
  std::deque<int32_t> dead_;
  std::vector<SharedMap> lent_;
  std::map<std::pair<uint64_t, uint64_t>, uint64_t>
      generations_;  ///< by device and inode: the first that was told
  std::unordered_map<int32_t, ModuleId> nowhere_;
  ModuleId kernel_module_;
  uint32_t next_generation_ = 1;
  SharedMap kernel_ = make_map();
  SharedMap empty_ = make_map();
  uint64_t refused_ = 0;
  TaskLog* log_ = nullptr;  ///< null: nobody wants one
};

}  // namespace oc::process
