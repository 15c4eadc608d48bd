#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace oc::elf {

/// A section with call frame information: .eh_frame (LSB 5.0, chapter 10) or .debug_frame (DWARF 5, section 6.4). Both
/// are a row of entries, common ones (CIE) and one for each function (FDE), which names its CIE by distance:
///
///   .eh_frame     [length][0]            CIE      [length][bytes back to its CIE] FDE    length 0: the end
///   .debug_frame  [length][all ones]     CIE      [length][offset of its CIE]     FDE
struct CfiSection {
  std::span<const uint8_t> bytes;
  uint64_t address = 0;  ///< as linked: what pc-relative pointers count from
  bool is_debug_frame = false;
  uint8_t address_size = 8;
};

/// One function's entry, with what it takes from its CIE. Owned by the section's bytes.
struct CfiEntry {
  uint64_t start = 0;  ///< address as linked
  uint64_t end = 0;
  std::span<const uint8_t> initial;  ///< the CIE's program
  std::span<const uint8_t> program;
  uint64_t code_alignment = 1;
  int64_t data_alignment = 1;
  uint64_t return_column = 0;
  uint64_t program_address = 0;  ///< of `program` as linked, for DW_CFA_set_loc
  uint8_t pointer_encoding = 0;  ///< DW_EH_PE_*
  uint8_t address_size = 8;
  bool is_signal_frame = false;  ///< augmentation 'S': the caller was interrupted, it did not call
};

/// The entry at this offset of the section; none when it is a CIE, cut off, or not what the format allows.
std::optional<CfiEntry> read_cfi_entry(const CfiSection& section, uint64_t offset);

/// Goes over the entries in the order of the section. Those that cannot be read are counted and passed over; a length
/// that leads out of the section ends the walk.
class CfiWalk {
 public:
  explicit CfiWalk(const CfiSection& section) : section_(section) {}

  /// The next function's entry and where it is; false at the end.
  bool next(CfiEntry& entry, uint64_t& offset);
  uint64_t bad_entries() const { return bad_entries_; }

 private:
  CfiSection section_;
  uint64_t at_ = 0;
  uint64_t bad_entries_ = 0;
};

}  // namespace oc::elf
