#include "elf/cfi_program.h"

#include <dwarf.h>

#include <optional>

#include "elf/dwarf_bytes.h"

namespace oc::elf {
namespace {

/// Later than elfutils' <dwarf.h> (DWARF for the Arm 64-bit Architecture, section 4.3).
constexpr uint8_t kNegateRaStateWithPc = 0x2c;
/// States remembered at once. Compilers use one or two.
constexpr size_t kMaxDepth = 32;

int64_t multiply(uint64_t a, int64_t b) {
  return static_cast<int64_t>(a * static_cast<uint64_t>(b));  // wraps
}

/// Runs the program of one entry (DWARF 5, section 6.4.2), one row at a time.
template <typename Row>
class Interpreter {
 public:
  Interpreter(const CfiEntry& entry, Row& row) : entry_(entry), row_(row) {
    row_.start = entry.start;
    row_.end = entry.end;
  }

  /// Leaves the row that holds `address`.
  bool run(uint64_t address) {
    if (address < entry_.start || address >= entry_.end) return false;
    target_ = address;
    if (!run_program(entry_.initial) || row_.start != entry_.start) return false;
    initial_ = row_;
    return run_program(entry_.program);
  }

 private:
  using Kind = CfiRule::Kind;

  /// True also where the wanted row ended before the program did.
  bool run_program(std::span<const uint8_t> program) {
    base::Bytes bytes(program);
    is_found_ = false;
    while (bytes.remaining() != 0 && !is_found_) {
      if (!step(bytes) || bytes.failed()) return false;
    }
    return true;
  }

  bool step(base::Bytes& bytes) {
    const auto code = bytes.read<uint8_t>();
    const uint8_t low = code & 0x3f;
    switch (code & 0xc0) {
      case DW_CFA_advance_loc:
        return advance(low);
      case DW_CFA_offset:
        return put(low, Kind::kOffset, multiply(read_uleb128(bytes), entry_.data_alignment));
      case DW_CFA_restore:
        return restore(low);
      default:
        return step_location(low, bytes);
    }
  }

  bool step_location(uint8_t code, base::Bytes& bytes) {
    switch (code) {
      case DW_CFA_nop:
        return true;
      case DW_CFA_set_loc: {
        const uint64_t here =
            entry_.program_address + static_cast<uint64_t>(bytes.at() - entry_.program.data());
        return move_to(
            read_encoded(bytes, entry_.pointer_encoding, {here, 0, entry_.address_size}));
      }
      case DW_CFA_advance_loc1:
        return advance(bytes.read<uint8_t>());
      case DW_CFA_advance_loc2:
        return advance(bytes.read<uint16_t>());
      case DW_CFA_advance_loc4:
        return advance(bytes.read<uint32_t>());
      case DW_CFA_MIPS_advance_loc8:
        return advance(bytes.read<uint64_t>());
      case DW_CFA_remember_state:
        if (depth_ == kMaxDepth) return false;
        remembered_[depth_++] = row_;
        return true;
      case DW_CFA_restore_state:
        return restore_state();
      case DW_CFA_AARCH64_negate_ra_state:  // on other machines: register windows, which nobody has
      case kNegateRaStateWithPc:
        row_.is_return_signed = !row_.is_return_signed;
        return true;
      case DW_CFA_GNU_args_size:
        read_uleb128(bytes);
        return true;
      default:
        return step_cfa(code, bytes);
    }
  }

  bool step_cfa(uint8_t code, base::Bytes& bytes) {
    CfaRule& cfa = row_.cfa;
    const bool is_register = cfa.kind == CfaRule::Kind::kRegister;
    switch (code) {
      case DW_CFA_def_cfa:
      case DW_CFA_def_cfa_sf: {
        cfa = {CfaRule::Kind::kRegister, read_column(bytes), 0, {}};
        cfa.offset = code == DW_CFA_def_cfa ? static_cast<int64_t>(read_uleb128(bytes))
                                            : factored(read_sleb128(bytes));
        return true;
      }
      case DW_CFA_def_cfa_register:
        cfa.column = read_column(bytes);
        return is_register;
      case DW_CFA_def_cfa_offset:
        cfa.offset = static_cast<int64_t>(read_uleb128(bytes));
        return is_register;
      case DW_CFA_def_cfa_offset_sf:
        cfa.offset = factored(read_sleb128(bytes));
        return is_register;
      case DW_CFA_def_cfa_expression:
        cfa = {CfaRule::Kind::kExpression, 0, 0, bytes.take(read_uleb128(bytes))};
        return true;
      default:
        return step_rule(code, bytes);
    }
  }

  bool step_rule(uint8_t code, base::Bytes& bytes) {
    const uint64_t column = read_uleb128(bytes);
    switch (code) {
      case DW_CFA_offset_extended:
        return put(column, Kind::kOffset, multiply(read_uleb128(bytes), entry_.data_alignment));
      case DW_CFA_offset_extended_sf:
        return put(column, Kind::kOffset, factored(read_sleb128(bytes)));
      case DW_CFA_GNU_negative_offset_extended:
        return put(column, Kind::kOffset, multiply(-read_uleb128(bytes), entry_.data_alignment));
      case DW_CFA_val_offset:
        return put(column, Kind::kValOffset, multiply(read_uleb128(bytes), entry_.data_alignment));
      case DW_CFA_val_offset_sf:
        return put(column, Kind::kValOffset, factored(read_sleb128(bytes)));
      case DW_CFA_restore_extended:
        return restore(column);
      case DW_CFA_undefined:
        return put(column, Kind::kUndefined, 0);
      case DW_CFA_same_value:
        return put(column, Kind::kSame, 0);
      case DW_CFA_register:
        return put(column, Kind::kRegister, static_cast<int64_t>(read_uleb128(bytes)));
      case DW_CFA_expression:
        return put(column, Kind::kExpression, 0, bytes.take(read_uleb128(bytes)));
      case DW_CFA_val_expression:
        return put(column, Kind::kValExpression, 0, bytes.take(read_uleb128(bytes)));
      default:
        return false;
    }
  }

  uint32_t read_column(base::Bytes& bytes) {
    const uint64_t column = read_uleb128(bytes);
    return column < CfiRow::kColumns ? static_cast<uint32_t>(column) : CfiRow::kColumns;
  }

  int64_t factored(int64_t value) const {
    return multiply(static_cast<uint64_t>(value), entry_.data_alignment);
  }

  bool put(uint64_t column, Kind kind, int64_t value, std::span<const uint8_t> expression = {}) {
    if (CfiRule* rule = row_.rule(column); rule != nullptr) *rule = {kind, value, expression};
    return true;
  }

  bool restore(uint64_t column) {
    if (CfiRule* rule = row_.rule(column); rule != nullptr) *rule = *initial_.rule(column);
    return true;
  }

  bool restore_state() {
    if (depth_ == 0) return false;
    const uint64_t start = row_.start;
    row_ = *remembered_[--depth_];
    row_.start = start;
    return true;
  }

  bool advance(uint64_t delta) {
    uint64_t distance = 0;
    if (__builtin_mul_overflow(delta, entry_.code_alignment, &distance)) return false;
    return distance <= ~row_.start && move_to(row_.start + distance);
  }

  bool move_to(uint64_t address) {
    if (address < row_.start) return false;
    is_found_ = target_ < address;
    if (is_found_) {
      row_.end = address < entry_.end ? address : entry_.end;
    } else {
      row_.start = address;
    }
    return true;
  }

  const CfiEntry& entry_;
  Row& row_;
  Row initial_ = row_;  // before the CIE's program ran: nothing specified
  uint64_t target_ = 0;
  bool is_found_ = false;
  size_t depth_ = 0;
  std::array<std::optional<Row>, kMaxDepth> remembered_;
};

}  // namespace

bool find_cfi_row(const CfiEntry& entry, uint64_t address, CfiRow& row) {
  row = {};
  return Interpreter<CfiRow>(entry, row).run(address);
}

bool find_cfi_row(const CfiEntry& entry, uint64_t address, CfiShortRow& row) {
  return Interpreter<CfiShortRow>(entry, row).run(address);
}

}  // namespace oc::elf
