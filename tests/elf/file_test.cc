#include "elf/file.h"

#include <elf.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <iterator>

#include "elf/build_id.h"

using oc::elf::File;
using oc::elf::Section;

namespace {

std::vector<uint8_t> own_bytes() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("this program's file has its sections, segments and build id") {
  auto file = File::open("/proc/self/exe");
  REQUIRE(file);
  CHECK(file->is_64());
  CHECK(file->is_native_order());
  CHECK(file->type() == ET_DYN);
  const Section* text = file->find_section(".text");
  REQUIRE(text != nullptr);
  CHECK(file->load_bytes(*text).size() == text->size_bytes);
  CHECK(file->find_section(".no such section") == nullptr);
  CHECK(file->build_id() == oc::elf::find_build_id(file->bytes()));
}

TEST_CASE("an offset in the file and its address as linked lead to each other") {
  auto file = File::open("/proc/self/exe");
  REQUIRE(file);
  const Section* text = file->find_section(".text");
  REQUIRE(text != nullptr);
  CHECK(file->find_address(text->offset) == text->address);
  CHECK(file->find_offset(text->address + 5) == text->offset + 5);
  CHECK_FALSE(file->find_address(~0ull).has_value());
  CHECK_FALSE(file->find_offset(~0ull).has_value());
}

TEST_CASE("what is no ELF file is said to be none") {
  CHECK(File::open("/proc/self/no such file").error().sys_errno == ENOENT);
  const auto text = File::make({'t', 'e', 'x', 't'}, "notes.txt");
  REQUIRE_FALSE(text);
  CHECK(text.error().what == "notes.txt is no ELF file");
  CHECK_FALSE(File::make(std::vector<uint8_t>{}, "empty"));
  CHECK_FALSE(File::open("/proc/self"));
}

TEST_CASE("a file that is cut off anywhere is read as far as it goes") {
  const auto whole = own_bytes();
  for (size_t size = 0; size < whole.size(); size += 1 + size / 7) {
    auto cut = File::make({whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)}, "cut");
    if (!cut) continue;
    size_t total = 0;
    for (const Section& section : cut->sections()) total += cut->load_bytes(section).size();
    cut->build_id();
    cut->debug_link();
    CHECK(total <= size * 2);
  }
}

TEST_CASE("headers that point anywhere hand out no bytes that are not there") {
  auto bytes = own_bytes();
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (uint32_t i = 0; i < header.e_shnum; ++i) {
    const size_t at = header.e_shoff + i * sizeof(Elf64_Shdr);
    Elf64_Shdr section;
    std::memcpy(&section, bytes.data() + at, sizeof section);
    section.sh_offset = ~0ull - i;
    section.sh_size = i % 2 == 0 ? ~0ull : 64;
    std::memcpy(bytes.data() + at, &section, sizeof section);
  }
  auto file = File::make(std::move(bytes), "pointers");
  REQUIRE(file);
  for (const Section& section : file->sections()) CHECK(file->load_bytes(section).empty());
}

TEST_CASE("a debug link is a name, padding and a checksum") {
  std::vector<uint8_t> bytes(sizeof(Elf64_Ehdr));
  const char link[] = "tool.debug\0\0\x78\x56\x34\x12";  // 10 letters, NUL, padding, CRC
  const char names[] = "\0.gnu_debuglink\0.names";
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  Elf64_Shdr sections[3]{};
  sections[1] = {1, SHT_PROGBITS, 0, 0, bytes.size(), sizeof link - 1, 0, 0, 4, 0};
  bytes.insert(bytes.end(), link, link + sizeof link - 1);
  sections[2] = {16, SHT_STRTAB, 0, 0, bytes.size(), sizeof names, 0, 0, 1, 0};
  bytes.insert(bytes.end(), names, names + sizeof names);
  bytes.resize((bytes.size() + 7) & ~size_t{7});
  header.e_shoff = bytes.size();
  bytes.resize(bytes.size() + sizeof sections);
  std::memcpy(bytes.data() + header.e_shoff, sections, sizeof sections);
  std::memcpy(bytes.data(), &header, sizeof header);

  auto file = File::make(bytes, "stripped");
  REQUIRE(file);
  const auto found = file->debug_link();
  REQUIRE(found.has_value());
  CHECK(found->name == "tool.debug");
  CHECK(found->checksum == 0x12345678);
}
