// Stacks over fuzzed CFI, registers and stack bytes:
//
//     arch, size of CFI (u16) | 8 registers | CFI | stack bytes
//
// The walk ends, within its room, the same way from a warm cache and among other stacks. An expression is made of the
// CFI bytes as well.

#include <array>
#include <cstdlib>
#include <vector>

#include "base/bytes.h"
#include "fuzz/target.h"
#include "support/code_map.h"
#include "support/elf_writer.h"
#include "unwind/expression.h"
#include "unwind/unwinder.h"

using oc::fuzz::require;

namespace {

using namespace oc::unwind;
using oc::test::ByteVector;

constexpr uint64_t kCode = 0x10000;

struct NoMemory : Memory {
  bool read(uint64_t address, uint32_t, uint64_t& value) override {
    value = address * 3;
    return address % 2 == 0;
  }
};

Registers read_registers(oc::base::Bytes& bytes, Arch arch) {
  Registers registers;
  registers.arch = arch;
  const Columns& columns = columns_of(arch);
  for (const uint8_t column : {columns.pointer, columns.stack, columns.frame, columns.link,
                               uint8_t{0}, uint8_t{3}, uint8_t{10}, uint8_t{12}})
    registers.put(column, bytes.read<uint64_t>());
  return registers;
}

std::unique_ptr<RuleTable> make_table(Arch arch, std::span<const uint8_t> cfi) {
  oc::test::ElfWriter elf(arch == Arch::kArm64 ? EM_AARCH64 : EM_X86_64);
  elf.add_code(kCode, 0x2000).add(".eh_frame", 0x5000, {cfi.begin(), cfi.end()});
  auto file = oc::elf::File::make(elf.make(), "fuzzed");
  require(bool(file));
  auto table = RuleTable::make(std::move(*file));
  require(bool(table));
  return std::move(*table);
}

void unwind_all(const Registers& registers, std::span<const uint8_t> stack, RuleTable& table) {
  oc::test::CodeMap code(1);
  const uint64_t offset = 176;  // behind the header and two program headers
  code.add({kCode, kCode + 0x2000, offset, &table, false, 1});
  code.add({0x40000, 0x50000, 0, nullptr, true, 2});
  std::array<std::array<Frame, 100>, 4> frames;
  std::array<Job, 4> jobs;
  for (size_t i = 0; i < jobs.size(); ++i) jobs[i] = {&registers, stack, &code, frames[i]};
  Unwinder unwinder(64);
  unwinder.unwind(jobs[0]);
  unwinder.unwind(jobs);
  for (const Job& job : jobs) {
    require(job.count <= 100 && job.count == jobs[0].count && job.end == jobs[0].end);
    for (uint32_t at = 0; at < job.count; ++at)
      require(job.frames[at].address == frames[0][at].address);
  }
}

}  // namespace

FUZZ_TARGET(unwind, data, size) {
  oc::base::Bytes bytes(data, size);
  const Arch arch = bytes.read<uint8_t>() % 2 == 0 ? Arch::kX86_64 : Arch::kArm64;
  const auto cfi_size = bytes.read<uint16_t>();
  const Registers registers = read_registers(bytes, arch);
  const auto cfi = bytes.take(cfi_size);
  if (bytes.failed()) return 0;
  NoMemory memory;
  uint64_t value = 0;
  evaluate(cfi, registers, 1, memory, value);
  const auto table = make_table(arch, cfi);
  unwind_all(registers, bytes.take(bytes.remaining()), *table);
  return 0;
}
