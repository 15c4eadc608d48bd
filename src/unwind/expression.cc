#include "unwind/expression.h"

#include <dwarf.h>

#include <algorithm>
#include <array>

#include "elf/dwarf_bytes.h"

namespace oc::unwind {
namespace {

/// More than any compiler writes, less than anybody would wait for.
constexpr uint32_t kMaxSteps = 1000;
constexpr uint32_t kMaxDepth = 64;

class Evaluator {
 public:
  Evaluator(std::span<const uint8_t> expression, const Registers& registers, Memory& memory)
      : expression_(expression), bytes_(expression), registers_(registers), memory_(memory) {}

  Outcome run(std::optional<uint64_t> first, uint64_t& value) {
    if (first) push(*first);
    for (uint32_t steps = 0; bytes_.remaining() != 0 && outcome_ == Outcome::kDone; ++steps) {
      if (steps == kMaxSteps) return Outcome::kBad;
      step(bytes_.read<uint8_t>());
      if (bytes_.failed()) return Outcome::kBad;
    }
    value = pop();
    return outcome_;
  }

 private:
  void step(uint8_t code) {
    if (code >= DW_OP_lit0 && code <= DW_OP_lit31) return push(uint64_t{code} - DW_OP_lit0);
    if (code >= DW_OP_breg0 && code <= DW_OP_breg31) return push_register(code - DW_OP_breg0);
    if (code >= DW_OP_const1u && code <= DW_OP_consts) return push(read_constant(code));
    if (code >= DW_OP_dup && code <= DW_OP_rot) return shuffle(code);
    if (code >= DW_OP_eq && code <= DW_OP_ne) return compare(code);
    switch (code) {
      case DW_OP_addr:
        return push(bytes_.read<uint64_t>());
      case DW_OP_bregx:
        return push_register(elf::read_uleb128(bytes_));
      case DW_OP_deref:
        return push_memory(8);
      case DW_OP_deref_size:
        return push_memory(bytes_.read<uint8_t>());
      case DW_OP_skip:
      case DW_OP_bra:
        return branch(code == DW_OP_bra);
      case DW_OP_nop:
        return;
      default:
        return compute(code);
    }
  }

  uint64_t read_constant(uint8_t code) {
    switch (code) {
      case DW_OP_const1u:
        return bytes_.read<uint8_t>();
      case DW_OP_const1s:
        return extend(bytes_.read<int8_t>());
      case DW_OP_const2u:
        return bytes_.read<uint16_t>();
      case DW_OP_const2s:
        return extend(bytes_.read<int16_t>());
      case DW_OP_const4u:
        return bytes_.read<uint32_t>();
      case DW_OP_const4s:
        return extend(bytes_.read<int32_t>());
      case DW_OP_constu:
        return elf::read_uleb128(bytes_);
      case DW_OP_consts:
        return extend(elf::read_sleb128(bytes_));
      default:
        return bytes_.read<uint64_t>();  // const8u, const8s
    }
  }

  void shuffle(uint8_t code) {
    if (code == DW_OP_drop) return void(pop());
    if (code == DW_OP_dup) return push(peek(0));
    if (code == DW_OP_over) return push(peek(1));
    if (code == DW_OP_pick) return push(peek(bytes_.read<uint8_t>()));
    const uint64_t a = pop();
    const uint64_t b = pop();
    const uint64_t c = code == DW_OP_rot ? pop() : 0;  // else swap
    push(a);
    if (code == DW_OP_rot) push(c);
    push(b);
  }

  void compare(uint8_t code) {
    const auto right = static_cast<int64_t>(pop());
    const auto left = static_cast<int64_t>(pop());
    switch (code) {
      case DW_OP_eq:
        return push(left == right);
      case DW_OP_ge:
        return push(left >= right);
      case DW_OP_gt:
        return push(left > right);
      case DW_OP_le:
        return push(left <= right);
      case DW_OP_lt:
        return push(left < right);
      default:
        return push(left != right);
    }
  }

  /// One operand and two: all wrap, as addresses do.
  void compute(uint8_t code) {
    const uint64_t right = pop();
    switch (code) {
      case DW_OP_abs:
        return push(static_cast<int64_t>(right) < 0 ? 0 - right : right);
      case DW_OP_neg:
        return push(0 - right);
      case DW_OP_not:
        return push(~right);
      case DW_OP_plus_uconst:
        return push(right + elf::read_uleb128(bytes_));
      default:
        break;
    }
    const uint64_t left = pop();
    switch (code) {
      case DW_OP_and:
        return push(left & right);
      case DW_OP_or:
        return push(left | right);
      case DW_OP_xor:
        return push(left ^ right);
      case DW_OP_plus:
        return push(left + right);
      case DW_OP_minus:
        return push(left - right);
      case DW_OP_mul:
        return push(left * right);
      case DW_OP_shl:
        return push(right < 64 ? left << right : 0);
      case DW_OP_shr:
        return push(right < 64 ? left >> right : 0);
      case DW_OP_shra:
        return push(extend(static_cast<int64_t>(left) >> std::min<uint64_t>(right, 63)));
      default:
        return divide(code, left, right);
    }
  }

  void divide(uint8_t code, uint64_t left, uint64_t right) {
    if (right == 0) return fail(Outcome::kBad);
    if (code == DW_OP_mod) return push(left % right);
    if (code != DW_OP_div) return fail(Outcome::kBad);
    if (right == ~uint64_t{0}) return push(0 - left);  // the one quotient that does not fit wraps
    push(extend(static_cast<int64_t>(left) / static_cast<int64_t>(right)));
  }

  void branch(bool is_conditional) {
    const auto distance = bytes_.read<int16_t>();
    if (is_conditional && pop() == 0) return;
    const int64_t target = static_cast<int64_t>(bytes_.at() - expression_.data()) + distance;
    if (target < 0 || static_cast<uint64_t>(target) > expression_.size())
      return fail(Outcome::kBad);
    bytes_ = base::Bytes(expression_.subspan(static_cast<size_t>(target)));
  }

  void push_register(uint64_t number) {
    const int64_t offset = elf::read_sleb128(bytes_);
    if (number >= Registers::kCount) return fail(Outcome::kBad);
    if (!registers_.knows(static_cast<uint32_t>(number))) return fail(Outcome::kUnknownRegister);
    push(registers_.values[number] + static_cast<uint64_t>(offset));
  }

  void push_memory(uint32_t size_bytes) {
    const uint64_t address = pop();
    uint64_t value = 0;
    if (size_bytes == 0 || size_bytes > 8) return fail(Outcome::kBad);
    if (outcome_ == Outcome::kDone && !memory_.read(address, size_bytes, value))
      return fail(Outcome::kUnreadable);
    push(value);
  }

  static uint64_t extend(int64_t value) { return static_cast<uint64_t>(value); }

  void push(uint64_t value) {
    if (depth_ == kMaxDepth) return fail(Outcome::kBad);
    stack_[depth_++] = value;
  }
  uint64_t pop() {
    const uint64_t value = peek(0);
    if (depth_ != 0) --depth_;
    return value;
  }
  uint64_t peek(uint32_t below) {
    if (below < depth_) return stack_[depth_ - 1 - below];
    fail(Outcome::kBad);
    return 0;
  }
  /// The first failure stays.
  void fail(Outcome outcome) {
    if (outcome_ == Outcome::kDone) outcome_ = outcome;
  }

  std::span<const uint8_t> expression_;
  base::Bytes bytes_;
  const Registers& registers_;
  Memory& memory_;
  Outcome outcome_ = Outcome::kDone;
  uint32_t depth_ = 0;
  std::array<uint64_t, kMaxDepth> stack_;
};

}  // namespace

Outcome evaluate(std::span<const uint8_t> expression, const Registers& registers,
                 std::optional<uint64_t> first, Memory& memory, uint64_t& value) {
  return Evaluator(expression, registers, memory).run(first, value);
}

}  // namespace oc::unwind
