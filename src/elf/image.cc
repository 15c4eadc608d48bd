#include "elf/image.h"

#include <elf.h>

#include <cstring>

namespace oc::elf {

void Image::add(std::string_view name, std::span<const uint8_t> bytes) {
  parts_.push_back({std::string(name), {bytes.begin(), bytes.end()}, 0, bytes.size()});
}

void Image::add_code(std::string_view name, uint64_t address, uint64_t size_bytes) {
  parts_.push_back({std::string(name), {}, address, size_bytes});
}

base::Result<File> Image::finish(const std::string& name) {
  std::string names(1, '\0');
  std::vector<Elf64_Shdr> headers(1);
  uint64_t at = sizeof(Elf64_Ehdr) + (parts_.size() + 2) * sizeof(Elf64_Shdr);
  const auto add_header = [&](const std::string& section, uint32_t type, uint64_t size) -> auto& {
    Elf64_Shdr header{};
    header.sh_name = static_cast<uint32_t>(names.size());
    header.sh_type = type;
    header.sh_offset = at;
    header.sh_size = size;
    header.sh_addralign = 1;
    names += section + '\0';
    return headers.emplace_back(header);
  };
  for (const Part& part : parts_) {
    const bool is_code = part.bytes.empty() && part.size_bytes != 0;
    auto& header = add_header(part.name, is_code ? SHT_NOBITS : SHT_PROGBITS, part.size_bytes);
    header.sh_addr = part.address;
    header.sh_flags = is_code ? SHF_ALLOC | SHF_EXECINSTR : 0;
    at += part.bytes.size();
  }
  add_header(".shstrtab", SHT_STRTAB, 0);
  headers.back().sh_size = names.size();

  Elf64_Ehdr file{};
  std::memcpy(file.e_ident, ELFMAG, SELFMAG);
  file.e_ident[EI_CLASS] = ELFCLASS64;
  file.e_ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
  file.e_ident[EI_VERSION] = EV_CURRENT;
  file.e_type = ET_EXEC;
  file.e_machine = machine_;
  file.e_version = EV_CURRENT;
  file.e_shoff = sizeof file;
  file.e_ehsize = sizeof file;
  file.e_shentsize = sizeof(Elf64_Shdr);
  file.e_shnum = static_cast<uint16_t>(headers.size());
  file.e_shstrndx = static_cast<uint16_t>(headers.size() - 1);

  std::vector<uint8_t> bytes;
  bytes.reserve(at + names.size());
  const auto append = [&](const void* from, size_t size) {
    const auto* const begin = static_cast<const uint8_t*>(from);
    bytes.insert(bytes.end(), begin, begin + size);
  };
  append(&file, sizeof file);
  append(headers.data(), headers.size() * sizeof headers[0]);
  for (const Part& part : parts_) append(part.bytes.data(), part.bytes.size());
  append(names.data(), names.size());
  parts_.clear();
  return File::make(std::move(bytes), name);
}

}  // namespace oc::elf
