#pragma once

#include <dwarf.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "support/cfi_writer.h"
#include "support/code_map.h"
#include "support/elf_writer.h"
#include "unwind/unwinder.h"

namespace oc::test {

using namespace oc::unwind;

constexpr uint64_t kText = 0x10000;         // as linked
constexpr uint64_t kBase = 0x7f0000400000;  // where .text is mapped
constexpr uint64_t kStack = 0x7ffc00001000;
constexpr uint64_t kSize = 0x100;  // of each function

/// A program of functions with the given CFI, each kSize bytes, mapped at kBase.
class Program {
 public:
  explicit Program(Arch arch = Arch::kX86_64) : arch_(arch) {
    common_.augmentation = "zR";
    if (arch == Arch::kArm64) {
      common_.return_column = 30;
      common_.program = CfiProgram().def_cfa(31, 0);
    }
    writer_.common(common_);
  }
  /// Its live address.
  uint64_t add(const CfiProgram& program) {
    writer_.function(kText + count_ * kSize, kSize, program);
    return kBase + count_++ * kSize;
  }
  uint64_t add_signal(const CfiProgram& program) {
    CommonEntry signal = common_;
    signal.augmentation = "zRS";
    writer_.common(signal);
    const uint64_t address = add(program);
    writer_.common(common_);
    return address;
  }
  /// Nothing calls it.
  uint64_t add_outermost() {
    return add(CfiProgram().op(DW_CFA_undefined).uleb(common_.return_column));
  }

  void map() {
    writer_.end();
    const uint16_t machine = arch_ == Arch::kArm64 ? EM_AARCH64 : EM_X86_64;
    ElfWriter elf(machine);
    ByteVector code_bytes(0x4000, 0x90);
    std::copy(tail.begin(), tail.end(), code_bytes.end() - 32);
    elf.add(".text", kText, code_bytes, {PT_LOAD}, PF_R | PF_X)
        .add(".eh_frame", 0x5000, writer_.bytes());
    ByteVector bytes = elf.make();
    std::memcpy(bytes.data() + offsetof(Elf64_Ehdr, e_entry), &entry, sizeof entry);
    auto file = oc::elf::File::make(std::move(bytes), "program");
    REQUIRE(file);
    const uint64_t offset = *file->find_offset(kText);
    REQUIRE(offset != kText);  // addresses as linked are no offsets
    auto table = RuleTable::make(std::move(*file));
    REQUIRE(table);
    table_ = std::move(*table);
    code.add({kBase, kBase + 0x4000, offset, table_.get(), false, 7});
  }

  uint64_t entry = 0;  ///< as linked
  /// Code without CFI, and where it is.
  ByteVector tail;
  static constexpr uint64_t kTail = kBase + 0x4000 - 32;
  CodeMap code{1};

 private:
  Arch arch_;
  CommonEntry common_;
  CfiWriter writer_{0x5000};
  uint64_t count_ = 0;
  std::unique_ptr<RuleTable> table_;
};

/// Stack bytes from kStack upwards, and registers.
struct Thread {
  explicit Thread(Arch arch = Arch::kX86_64) {
    registers.arch = arch;
    for (uint32_t i = 0; i < columns_of(arch).count; ++i) registers.put(i, 0);
    registers.put(columns_of(arch).stack, kStack);
  }
  Thread& at(uint64_t address) {
    registers.put(columns_of(registers.arch).pointer, address);
    return *this;
  }
  Thread& with(uint32_t column, uint64_t value) {
    registers.put(column, value);
    return *this;
  }
  Thread& word(uint64_t index, uint64_t value) {
    if (words.size() <= index) words.resize(index + 1);
    words[index] = value;
    return *this;
  }
  std::span<const uint8_t> bytes() const {
    return {reinterpret_cast<const uint8_t*>(words.data()), words.size() * 8};
  }

  Registers registers;
  std::vector<uint64_t> words;
};

struct Stack {
  std::vector<uint64_t> addresses;
  std::vector<bool> are_returns;
  End end;
  bool is_guessed;
};

inline Stack unwind(Thread& thread, CodeFinder& code, size_t room = 64, Unwinder* with = nullptr) {
  std::vector<Frame> frames(room);
  Job job{&thread.registers, thread.bytes(), &code, frames};
  Unwinder own;
  (with != nullptr ? *with : own).unwind(job);
  Stack stack{{}, {}, job.end, job.is_guessed};
  for (uint32_t i = 0; i < job.count; ++i) {
    stack.addresses.push_back(frames[i].address);
    stack.are_returns.push_back(frames[i].is_return);
  }
  return stack;
}

using Addresses = std::vector<uint64_t>;

}  // namespace oc::test
