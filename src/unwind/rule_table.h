#pragma once

#include <cstdint>
#include <memory>
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
/// make() but indices of sections that have none, which are built once, by whoever needs them first: any number of
/// threads may ask at the same time.
class RuleTable {
 public:
  /// Takes over the file, and where its debug information lies in another one, that (for .debug_frame). A file
  /// without CFI is a table without rules. Errors: a machine that is no Arch, foreign byte order.
  static base::Result<std::unique_ptr<RuleTable>> make(elf::File file,
                                                       std::optional<elf::File> debug = {});
  /// The same of a file by path.
  static base::Result<std::unique_ptr<RuleTable>> open(const std::string& path);

  Arch arch() const { return arch_; }
  const std::string& name() const { return file_.name(); }
  /// No CFI at all: then frame pointers are what is left.
  bool is_empty() const { return !cfi_.has_entries() && !debug_cfi_.has_entries(); }

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
  RuleTable(Arch arch, elf::File file, std::optional<elf::File> debug);
  std::optional<elf::CfiEntry> find_entry(uint64_t address) const;
  bool is_in_signal_return(uint64_t address) const;

  elf::File file_;
  std::optional<elf::File> debug_;
  Arch arch_ = Arch::kX86_64;
  elf::Cfi cfi_;        ///< .eh_frame
  elf::Cfi debug_cfi_;  ///< .debug_frame
};

}  // namespace oc::unwind
