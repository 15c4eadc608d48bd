#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "elf/cfi_entry.h"
#include "elf/cfi_program.h"
#include "elf/file.h"

namespace oc::elf {

/// The call frame information of one section of a file, searchable by address as linked.
///
/// The search takes the table of .eh_frame_hdr where it has one (binary search over the file's own bytes, nothing is
/// read before it is wanted), else an index of all entries, which the first search makes. Any number of threads may
/// search at the same time. The file outlives it.
class Cfi {
 public:
  Cfi() = default;
  /// Of .eh_frame; found through the program headers where there are no section headers.
  static Cfi load_eh_frame(File& file);
  /// Of .debug_frame, also compressed.
  static Cfi load_debug_frame(File& file);

  bool has_entries() const { return !section_.bytes.empty(); }
  const CfiSection& section() const { return section_; }
  /// The entry of the function that holds this address; none where there is none.
  std::optional<CfiEntry> find(uint64_t address) const;

 private:
  struct Index;

  void load_header(File& file);
  std::optional<uint64_t> find_in_table(uint64_t address) const;
  std::optional<uint64_t> find_in_index(uint64_t address) const;

  CfiSection section_;
  std::span<const uint8_t>
      table_;  ///< of .eh_frame_hdr: pairs of 32-bit offsets from table_address_
  uint64_t table_address_ = 0;
  std::shared_ptr<Index> index_;  ///< shared by copies of this object
};

}  // namespace oc::elf
