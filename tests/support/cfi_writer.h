#pragma once

#include <dwarf.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "support/byte_writer.h"

namespace oc::test {

/// A CFI program or a DWARF expression, one operation after the other.
class CfiProgram {
 public:
  CfiProgram& op(uint8_t code) {
    bytes.push_back(code);
    return *this;
  }
  CfiProgram& uleb(uint64_t value) {
    do {
      const auto low = static_cast<uint8_t>(value & 0x7f);
      value >>= 7;
      bytes.push_back(static_cast<uint8_t>(low | (value != 0 ? 0x80 : 0)));
    } while (value != 0);
    return *this;
  }
  CfiProgram& sleb(int64_t value) {
    for (bool is_last = false; !is_last;) {
      const auto low = static_cast<uint8_t>(value & 0x7f);
      value >>= 7;
      is_last = value == ((low & 0x40) != 0 ? -1 : 0);
      bytes.push_back(static_cast<uint8_t>(low | (is_last ? 0 : 0x80)));
    }
    return *this;
  }
  CfiProgram& block(const CfiProgram& other) {
    uleb(other.bytes.size());
    bytes.insert(bytes.end(), other.bytes.begin(), other.bytes.end());
    return *this;
  }

  CfiProgram& advance(uint8_t delta) {
    return op(static_cast<uint8_t>(DW_CFA_advance_loc | delta));
  }
  CfiProgram& def_cfa(uint64_t column, uint64_t offset) {
    return op(DW_CFA_def_cfa).uleb(column).uleb(offset);
  }
  CfiProgram& cfa_offset(uint64_t offset) { return op(DW_CFA_def_cfa_offset).uleb(offset); }
  CfiProgram& cfa_register(uint64_t column) { return op(DW_CFA_def_cfa_register).uleb(column); }
  /// `factored`: in units of the CIE's data alignment.
  CfiProgram& saved(uint64_t column, uint64_t factored) {
    return op(DW_CFA_offset_extended).uleb(column).uleb(factored);
  }
  CfiProgram& expression(uint64_t column, const CfiProgram& body) {
    return op(DW_CFA_expression).uleb(column).block(body);
  }

  ByteVector bytes;
};

/// What a CIE says, of x86-64 if not told otherwise.
struct CommonEntry {
  std::string augmentation = "zR";
  uint8_t version = 1;
  uint8_t encoding = DW_EH_PE_pcrel | DW_EH_PE_sdata4;
  uint64_t code_alignment = 1;
  int64_t data_alignment = -8;
  uint8_t return_column = 16;
  CfiProgram program = CfiProgram().def_cfa(7, 8).saved(16, 1);
};

/// Writes .eh_frame (its address is given before) or .debug_frame.
class CfiWriter {
 public:
  explicit CfiWriter(uint64_t address = 0, bool is_debug_frame = false)
      : address_(address), is_debug_frame_(is_debug_frame) {}

  /// Entries of functions belong to the last one.
  CfiWriter& common(const CommonEntry& entry = {});
  CfiWriter& function(uint64_t start, uint64_t size, const CfiProgram& program = {});
  CfiWriter& end() {
    out_.u32(0);
    return *this;
  }
  const ByteVector& bytes() const { return out_.bytes; }
  /// .eh_frame_hdr at this address, with its table.
  ByteVector header(uint64_t address) const;

 private:
  struct Function {
    uint64_t start;
    uint64_t offset;
  };
  void finish(size_t length_at);

  uint64_t address_;
  bool is_debug_frame_;
  ByteWriter out_;
  CommonEntry common_;
  uint64_t common_at_ = 0;
  std::vector<Function> functions_;
};

}  // namespace oc::test
