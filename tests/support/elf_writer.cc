#include "support/elf_writer.h"

namespace oc::test {

ByteVector ElfWriter::make() const {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
  header.e_ident[EI_VERSION] = header.e_version = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = machine_;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_phoff = sizeof header;
  for (const Part& part : parts_)
    header.e_phnum = static_cast<uint16_t>(header.e_phnum + part.segments.size());

  ByteWriter file;
  std::vector<Elf64_Phdr> segments;
  std::vector<Elf64_Shdr> sections(1);
  std::string names(1, '\0');
  const auto add_section = [&](const std::string& name, uint32_t type, uint64_t address,
                               uint64_t offset, uint64_t size) {
    sections.push_back(
        {static_cast<uint32_t>(names.size()), type, 0, address, offset, size, 0, 0, 1, 0});
    names += name + '\0';
  };
  file.bytes.resize(sizeof header + header.e_phnum * sizeof(Elf64_Phdr));
  for (const Part& part : parts_) {
    file.pad(16);
    const uint64_t offset = file.bytes.size();
    const uint64_t size = part.bytes.size();
    for (const uint32_t type : part.segments)
      segments.push_back({type, part.flags, offset, part.address, 0, size, size, 16});
    if (!part.name.empty()) add_section(part.name, SHT_PROGBITS, part.address, offset, size);
    file.add(part.bytes);
  }
  if (has_sections_) {
    add_section(".shstrtab", SHT_STRTAB, 0, file.bytes.size(), names.size() + 11);
    file.text(names).pad();
    header.e_shoff = file.bytes.size();
    header.e_shnum = static_cast<uint16_t>(sections.size());
    header.e_shstrndx = static_cast<uint16_t>(sections.size() - 1);
    for (const Elf64_Shdr& section : sections) file.put(section);
  }
  poke(file.bytes, 0, header);
  for (size_t i = 0; i < segments.size(); ++i)
    poke(file.bytes, sizeof header + i * sizeof(Elf64_Phdr), segments[i]);
  return file.bytes;
}

}  // namespace oc::test
