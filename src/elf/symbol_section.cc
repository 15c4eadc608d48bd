#include "elf/symbol_section.h"

#include <elf.h>

#include <algorithm>
#include <concepts>

#include "base/bytes.h"

namespace oc::elf {
namespace {

template <std::integral T>
T turned(T value, bool is_swapped) {
  if (!is_swapped) return value;
  if constexpr (sizeof value == 8)
    return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
  if constexpr (sizeof value == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof value == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  return value;
}

template <typename Entry>
Symbol read_symbol(const uint8_t* at, bool is_swapped) {
  const auto entry = base::load<Entry>(at);
  return {turned(entry.st_name, is_swapped),        static_cast<uint8_t>(entry.st_info & 0xf),
          static_cast<uint8_t>(entry.st_info >> 4), turned(entry.st_shndx, is_swapped),
          turned(entry.st_value, is_swapped),       turned(entry.st_size, is_swapped)};
}

template <typename Entry>
Relocation read_relocation(const uint8_t* at, bool is_swapped) {
  const auto entry = base::load<Entry>(at);
  Relocation found;
  found.place = turned(entry.r_offset, is_swapped);
  const auto info = turned(entry.r_info, is_swapped);
  if constexpr (sizeof info == 8) {
    found.symbol = static_cast<uint32_t>(ELF64_R_SYM(info));
    found.type = static_cast<uint32_t>(ELF64_R_TYPE(info));
  } else {
    found.symbol = ELF32_R_SYM(info);
    found.type = ELF32_R_TYPE(info);
  }
  if constexpr (requires { entry.r_addend; }) found.addend = turned(entry.r_addend, is_swapped);
  return found;
}

template <typename Entry>
void read_relocations(std::span<const uint8_t> bytes, bool is_swapped,
                      std::vector<Relocation>& found) {
  found.reserve(bytes.size() / sizeof(Entry));
  for (size_t at = 0; at + sizeof(Entry) <= bytes.size(); at += sizeof(Entry))
    found.push_back(read_relocation<Entry>(bytes.data() + at, is_swapped));
}

const Section* first_of(const File& file, uint32_t type) {
  const auto& sections = file.sections();
  const auto found = std::find_if(sections.begin(), sections.end(),
                                  [&](const Section& section) { return section.type == type; });
  return found == sections.end() ? nullptr : &*found;
}

}  // namespace

SymbolSection::SymbolSection(File& file, uint32_t type) {
  if (const Section* section = first_of(file, type)) *this = SymbolSection(file, *section);
}

SymbolSection::SymbolSection(File& file, const Section& section)
    : is_64_(file.is_64()), is_swapped_(!file.is_native_order()) {
  if (section.link >= file.sections().size()) return;
  entries_ = file.load_bytes(section);
  names_ = file.load_bytes(file.sections()[section.link]);
  count_ = entries_.size() / (is_64_ ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
}

Symbol SymbolSection::operator[](size_t index) const {
  if (index >= count_) return {};
  return is_64_ ? read_symbol<Elf64_Sym>(entries_.data() + index * sizeof(Elf64_Sym), is_swapped_)
                : read_symbol<Elf32_Sym>(entries_.data() + index * sizeof(Elf32_Sym), is_swapped_);
}

std::string_view SymbolSection::name(uint32_t offset) const {
  if (offset >= names_.size()) return {};
  return base::bounded_text(names_.data() + offset, names_.size() - offset);
}

std::vector<Relocation> load_relocations(File& file, const Section& section) {
  std::vector<Relocation> found;
  const auto bytes = file.load_bytes(section);
  const bool is_swapped = !file.is_native_order();
  const bool has_addends = section.type == SHT_RELA;
  if (section.type != SHT_REL && !has_addends) return found;
  if (file.is_64()) {
    if (has_addends) read_relocations<Elf64_Rela>(bytes, is_swapped, found);
    if (!has_addends) read_relocations<Elf64_Rel>(bytes, is_swapped, found);
  } else {
    if (has_addends) read_relocations<Elf32_Rela>(bytes, is_swapped, found);
    if (!has_addends) read_relocations<Elf32_Rel>(bytes, is_swapped, found);
  }
  return found;
}

}  // namespace oc::elf
