#include "elf/plt.h"

#include <elf.h>

#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "elf/symbol_section.h"

namespace oc::elf {
namespace {

constexpr size_t kMostEntries = 1 << 20;

/// What the relocations say about the slots that PLT entries jump through.
class Slots {
 public:
  explicit Slots(File& file) {
    for (const Section& section : file.sections()) {
      if (section.type != SHT_REL && section.type != SHT_RELA) continue;
      if ((section.flags & SHF_ALLOC) == 0 || section.link >= file.sections().size()) continue;
      const SymbolSection symbols(file, file.sections()[section.link]);
      const bool is_of_plt = section.name == ".rela.plt" || section.name == ".rel.plt";
      for (const Relocation& relocation : load_relocations(file, section)) {
        PltEntry entry;
        entry.target = symbols.name(symbols[relocation.symbol]);
        if (relocation.symbol == 0) entry.resolver = static_cast<uint64_t>(relocation.addend);
        if (is_of_plt) by_number_.push_back(entry);
        if (is_of_plt || !entry.target.empty()) by_place_.emplace(relocation.place, entry);
      }
    }
  }

  const PltEntry* at(uint64_t place) const {
    const auto found = by_place_.find(place);
    return found == by_place_.end() ? nullptr : &found->second;
  }
  const PltEntry* number(uint32_t number) const {
    return number < by_number_.size() ? &by_number_[number] : nullptr;
  }

 private:
  std::unordered_map<uint64_t, PltEntry> by_place_;
  std::vector<PltEntry> by_number_;
};

/// One entry's instructions: what they jump to; null when it is no such entry (the first one of .plt).
const PltEntry* read_x86(std::span<const uint8_t> code, uint64_t address, const Slots& slots,
                         bool is_64, uint64_t got) {
  for (size_t i = 0; i + 6 <= code.size(); ++i) {
    const bool is_relative = code[i] == 0xff && code[i + 1] == 0x25;
    const bool is_by_ebx = code[i] == 0xff && code[i + 1] == 0xa3 && !is_64;
    if (!is_relative && !is_by_ebx) continue;
    const auto offset = static_cast<uint64_t>(int64_t{base::load<int32_t>(&code[i + 2])});
    if (is_64) return slots.at(address + i + 6 + offset);
    const uint64_t place = is_by_ebx ? got + offset : offset;
    return slots.at(place & 0xffffffff);
  }
  for (size_t i = 0; i + 5 <= code.size(); ++i) {  // behind an optional endbr
    if (code[i] != 0x68) continue;
    const auto number = base::load<uint32_t>(&code[i + 1]);
    return slots.number(is_64 ? number : number / sizeof(Elf32_Rel));
  }
  return nullptr;
}

const PltEntry* read_aarch64(std::span<const uint8_t> code, uint64_t address, const Slots& slots) {
  std::optional<uint64_t> page;
  for (size_t i = 0; i + 4 <= code.size(); i += 4) {
    const auto word = base::load<uint32_t>(&code[i]);
    if ((word & 0x9f00001f) == 0x90000010) {  // adrp x16
      const uint64_t bits = (word >> 29 & 3) | (word >> 5 & 0x7ffff) << 2;
      const auto pages = static_cast<int64_t>(bits << 43) >> 43;
      page = ((address + i) & ~uint64_t{0xfff}) + static_cast<uint64_t>(pages * 4096);
    } else if (page && (word & 0xffc003ff) == 0xf9400211) {  // ldr x17, [x16, #low]
      return slots.at(*page + (word >> 10 & 0xfff) * 8);
    }
  }
  return nullptr;
}

size_t entry_size(const Section& section, uint16_t machine) {
  const uint64_t said = section.entry_size;
  if (machine == EM_AARCH64) return said == 24 ? 24 : 16;
  return said == 8 ? 8 : 16;
}

}  // namespace

std::vector<PltEntry> load_plt(File& file) {
  std::vector<PltEntry> found;
  const uint16_t machine = file.machine();
  const bool is_x86 = machine == EM_X86_64 || machine == EM_386;
  if ((!is_x86 && machine != EM_AARCH64) || !file.is_native_order()) return found;
  std::optional<Slots> slots;
  const Section* const got = file.find_section(".got.plt");
  for (const Section& section : file.sections()) {
    const std::string_view name = section.name;
    if (name != ".plt" && name != ".plt.sec" && name != ".plt.got" && name != ".iplt") continue;
    const auto code = file.load_bytes(section);
    if (!slots) slots.emplace(file);
    const size_t size = entry_size(section, machine);
    // AArch64's first entry has 32 bytes, so that the others may not begin at a multiple of 24.
    size_t at = machine == EM_AARCH64 && name == ".plt" ? 32 : 0;
    for (; at + size <= code.size() && found.size() < kMostEntries; at += size) {
      const auto entry = code.subspan(at, size);
      const uint64_t address = section.address + at;
      const PltEntry* target =
          is_x86 ? read_x86(entry, address, *slots, machine == EM_X86_64, got ? got->address : 0)
                 : read_aarch64(entry, address, *slots);
      const bool is_first = name == ".plt" && at == 0 && is_x86;  // it jumps to the dynamic linker
      if (target == nullptr || is_first) continue;
      found.push_back({address, static_cast<uint32_t>(size), target->target, target->resolver});
    }
  }
  return found;
}

}  // namespace oc::elf
