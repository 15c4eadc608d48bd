#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace oc::elf {

/// What is needed to read the entries of one DWARF unit.
struct DwarfUnit {
  uint64_t first_entry = 0;    ///< offset in .debug_info
  uint64_t abbreviations = 0;  ///< offset in .debug_abbrev
  uint8_t address_size = 8;
  uint8_t offset_size = 4;
  uint16_t version = 5;
};

/// The entries of a unit (DIEs), one after the other as they lie in the file: what they are and where, not what their
/// attributes say. Of the million entries of a program few have code; the others are passed over here, ten times as fast
/// as with libdw, which is asked about those few.
///
///     .debug_info    code  attribute bytes …  code  attribute bytes …  0 (ends a list of children)  code …
///     .debug_abbrev  code → tag, has children, forms of the attributes
///
/// Bytes of this machine's order only. Every step moves on, so that it ends with the bytes.
/// Source: DWARF 5 (2017), sections 7.5.2, 7.5.3, 7.5.6; older versions' forms are a part of these.
class DwarfEntries {
 public:
  /// Both outlive the object.
  DwarfEntries(std::span<const uint8_t> info, std::span<const uint8_t> abbreviations,
               const DwarfUnit& unit);

  /// Moves to the next entry; false behind the last one, or where the bytes make no sense.
  bool next();
  uint64_t offset() const { return offset_; }
  uint32_t tag() const { return kind_->tag; }
  /// 0: the unit's own entry.
  uint32_t depth() const { return depth_; }
  /// It has an attribute that tells where its code is.
  bool has_code() const { return kind_->has_code; }
  bool failed() const { return failed_; }

 private:
  struct Kind {
    uint32_t tag = 0;  ///< 0: there is no such code
    bool has_children = false;
    bool has_code = false;
    int32_t fixed_size = -1;  ///< of all attributes together; -1: it varies
    uint32_t first_form = 0;
    uint32_t forms = 0;
  };

  void read_abbreviations(std::span<const uint8_t> bytes);
  const Kind* find_kind(uint64_t code) const;
  int32_t fixed_size_of(uint64_t form) const;
  void skip(uint64_t form, uint32_t nested);
  uint64_t read_uleb() { return read_uleb(bytes_); }
  static uint64_t read_uleb(base::Bytes& bytes);

  std::span<const uint8_t> info_;
  base::Bytes bytes_;
  DwarfUnit unit_;
  std::vector<Kind> kinds_;  ///< by code, which compilers count from 1
  std::vector<uint16_t> forms_;
  const Kind* kind_ = nullptr;
  uint64_t offset_ = 0;
  uint32_t depth_ = 0;
  uint32_t next_depth_ = 0;
  bool failed_ = false;
};

}  // namespace oc::elf
