#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "elf/cfi.h"
#include "elf/file.h"
#include "unwind/registers.h"
#include "unwind/rule.h"

namespace oc::unwind {

/// All that CFI says about one address: for the slow path.
struct FullRow {
  elf::CfiRow row;
  uint64_t return_column = 0;  ///< below Registers::kCount
  bool is_signal_frame = false;
};

/// The unwind rules of one ELF file (or the vDSO's image), for all processes that map it.
///
///   offset in the file ── segments ──> address as linked ── .eh_frame_hdr / index ──> FDE ── CFI program ──> Rule
///                                                     .eh_frame, then .debug_frame
///
/// Rules are read from the FDE each time: what is asked often sits in the RuleCache of who asks. Nothing changes after
/// make() but indices of sections that have none, and the debug file, which are made once, by whoever needs them first: any
/// number of threads may ask at the same time.
class RuleTable {
 public:
  /// The separate debug file: nothing where there is none.
  using LoadDebug = std::function<std::optional<elf::File>()>;

  /// Takes over the file. `load_debug` is asked once, by whoever first meets code without CFI, for .debug_frame. A file
  /// without CFI is a table without rules. Errors: a machine that is no Arch, foreign byte order.
  static base::Result<std::unique_ptr<RuleTable>> make(elf::File file, LoadDebug load_debug = {});
  /// The same of a file by path.
  static base::Result<std::unique_ptr<RuleTable>> open(const std::string& path);

  Arch arch() const { return arch_; }
  const std::string& name() const { return file_.name(); }
  /// No CFI at all: then frame pointers are what is left.
  bool is_empty() const;

  /// The address as linked of what lies at this offset of the file.
  std::optional<uint64_t> find_address(uint64_t file_offset) const {
    return file_.find_address(file_offset);
  }
  /// The rule at an address as linked.
  Rule find(uint64_t address) const;
  /// The whole row, for the slow path; false where there is none, or a bad one.
  bool load_row(uint64_t address, FullRow& row) const;
  /// What the file has at this address as linked, up to the end of its segment. Owned by the table.
  std::span<const uint8_t> bytes_at(uint64_t address) const { return file_.bytes_at(address); }

 private:
  /// What the debug file has, read when it is first wanted.
  struct Late {
    LoadDebug load;
    std::once_flag once;
    std::optional<elf::File> file;
    elf::Cfi cfi;
  };

  RuleTable(Arch arch, elf::File file, LoadDebug load_debug);
  const elf::Cfi& late_cfi() const;
  std::optional<elf::CfiEntry> find_entry(uint64_t address) const;
  bool is_in_signal_return(uint64_t address) const;
  bool is_at_entry(uint64_t address) const;

  elf::File file_;
  Arch arch_ = Arch::kX86_64;
  elf::Cfi cfi_;        ///< .eh_frame
  elf::Cfi debug_cfi_;  ///< .debug_frame
  std::unique_ptr<Late> late_;
};

}  // namespace oc::unwind
