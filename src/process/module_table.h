#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/block_list.h"
#include "base/id.h"
#include "base/interner.h"

namespace oc::process {

using ModuleId = base::Id<struct ModuleTag>;

/// What code belongs to.
enum class ModuleKind : uint8_t {
  kNone,          ///< nothing was mapped there
  kFile,          ///< a file: program, library, anything mapped
  kKernel,        ///< the kernel itself
  kKernelModule,  ///< "[name]"
  kVdso,          ///< the kernel's own library in each process
  kMemory,        ///< anonymous memory of a process: compiled code, "//anon", "[stack]", "[heap]"
  kBpf,           ///< a BPF program
};

/// The id that a linker gave to a file; of most, 20 bytes.
struct BuildId {
  std::array<uint8_t, 20> bytes{};
  uint8_t size_bytes = 0;  ///< 0: not known

  BuildId() = default;
  /// What is longer than 20 bytes is cut, as the kernel does.
  explicit BuildId(std::span<const uint8_t> id);
  std::span<const uint8_t> view() const { return {bytes.data(), size_bytes}; }
  explicit operator bool() const { return size_bytes != 0; }
  friend bool operator==(const BuildId&, const BuildId&) = default;
};

/// Code that is mapped as one, in any number of processes.
struct Module {
  ModuleKind kind = ModuleKind::kNone;
  base::StringId path;  ///< as the process that mapped it sees it
  BuildId build_id;
  uint64_t device = 0;  ///< major << 32 | minor; 0: not known
  uint64_t inode = 0;
  uint64_t inode_generation = 0;
  uint64_t generation_rank =
      0;  ///< 0 of the first that was told of this inode, so that "not told" is the same
  /// Of a file that somebody looked at when it was mapped: a number that is another one for other contents (sys::FileIdentity); 0:
  /// not known. kGone: it was changed before anybody looked.
  uint64_t contents = 0;
  static constexpr uint64_t kGone = ~uint64_t{0};
  int32_t pid = 0;  ///< of kMemory and kNone: the process; of a file: one that mapped it
  uint32_t code =
      0;  ///< of kMemory, where an address had several: which of the process's compiled functions, from 1
  static constexpr uint32_t kUntold = ~0u;  ///< as `code`: these were too many to tell them apart
};

/// All modules of a trace; the same module has the same id.
///
/// Of a file the identity is the path with the build id, or with device, inode, generation and contents where no build
/// id is known: a replaced file is another module, and so is one that was written over. Of memory it
/// is the process, the mapping's name, and `code`. Id 0 is none.
/// One thread adds; any thread may read what reached it through a synchronised hand-over: entries never move.
class ModuleTable {
 public:
  explicit ModuleTable(base::Interner& strings) : strings_(strings) {}

  /// The id of this module, made if it was not known.
  ModuleId intern(const Module& module);
  /// Owned by the table. Id 0: a module of kind kNone. Requires: an id of this table.
  const Module& find(ModuleId id) const;
  /// A number of what the module's identity is made of: the same in other tables of this trace.
  uint64_t mark(ModuleId id) const;
  /// Interned.
  std::string_view path(ModuleId id) const { return strings_.text(find(id).path); }
  uint32_t size() const { return modules_.size(); }

 private:
  base::Interner& strings_;
  base::BlockList<Module> modules_;
  std::unordered_multimap<uint64_t, uint32_t> by_hash_;
};

}  // namespace oc::process
