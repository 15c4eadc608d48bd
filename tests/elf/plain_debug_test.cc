#include "elf/plain_debug.h"

#include <elf.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "support/elf_writer.h"

using oc::elf::File;
using oc::elf::PlainDebug;
using oc::test::ByteVector;

namespace {

ByteVector text(size_t size, uint8_t seed) {
  ByteVector bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(seed + i / 7);
  return bytes;
}

/// As a compressed section has it: a header, then a zlib stream.
ByteVector packed(const ByteVector& plain, uint64_t told_size, uint32_t type = ELFCOMPRESS_ZLIB) {
  Elf64_Chdr header{};
  header.ch_type = type;
  header.ch_size = told_size;
  header.ch_addralign = 1;
  uLongf size = compressBound(plain.size());
  ByteVector bytes(sizeof header + size);
  std::memcpy(bytes.data(), &header, sizeof header);
  REQUIRE(compress(bytes.data() + sizeof header, &size, plain.data(), plain.size()) == Z_OK);
  bytes.resize(sizeof header + size);
  return bytes;
}

/// ElfWriter knows no compressed sections: their headers are marked afterwards.
ByteVector file_with(const ByteVector& info, const ByteVector& line) {
  ByteVector bytes = oc::test::ElfWriter()
                         .add_code(0x1000, 64)
                         .add(".debug_info", 0, info, {}, 0)
                         .add(".debug_line", 0, line, {}, 0)
                         .add(".debug_loc", 0, ByteVector(100, 1), {}, 0)
                         .make();
  Elf64_Ehdr header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  auto file = File::make(bytes, "made");
  REQUIRE(file);
  for (size_t i = 0; i < file->sections().size(); ++i) {
    if (file->sections()[i].name != ".debug_info") continue;
    const uint64_t flags = SHF_COMPRESSED;
    std::memcpy(bytes.data() + header.e_shoff + i * sizeof(Elf64_Shdr) + 8, &flags, sizeof flags);
  }
  return bytes;
}

std::optional<File> load_all(const File& file) {
  auto plain = PlainDebug::plan(file);
  if (!plain) return {};
  for (size_t i = 0; i < plain->parts(); ++i) plain->load(i);
  return plain->finish();
}

}  // namespace

TEST_CASE("compressed debug sections become a file of plain ones") {
  const ByteVector info = text(100000, 3), line = text(5000, 9);
  auto file = File::make(file_with(packed(info, info.size()), line), "made");
  REQUIRE(file);
  auto plain = load_all(*file);
  REQUIRE(plain);
  const auto bytes_of = [&](const char* name) {
    const auto* section = plain->find_section(name);
    REQUIRE(section != nullptr);
    const auto bytes = plain->load_bytes(*section);
    return ByteVector(bytes.begin(), bytes.end());
  };
  CHECK(bytes_of(".debug_info") == info);
  CHECK(bytes_of(".debug_line") == line);
  CHECK(bytes_of(".debug_loc").empty());  // not needed for lines
  CHECK(plain->find_section(".text")->address == file->find_section(".text")->address);
  CHECK(plain->machine() == file->machine());
  CHECK(plain->name() == "made");
  CHECK(plain->make_second());  // another thread may have its own handle
}

TEST_CASE("what is not compressed, damaged or lies about its size is left to libdw") {
  const ByteVector info = text(100000, 3), line = text(5000, 9);
  const auto is_left = [&](const ByteVector& section) {
    auto file = File::make(file_with(section, line), "made");
    REQUIRE(file);
    return !load_all(*file);
  };
  CHECK(!is_left(packed(info, info.size())));
  CHECK(is_left(packed(info, info.size() - 1)));
  CHECK(is_left(packed(info, info.size() + 1)));
  CHECK(is_left(packed(info, uint64_t{1} << 60)));
  CHECK(is_left(packed(info, info.size(), 2)));  // zstd
  CHECK(is_left(ByteVector(10, 1)));
  ByteVector damaged = packed(info, info.size());
  damaged[damaged.size() / 2] ^= 0x55;
  CHECK(is_left(damaged));
  damaged.resize(damaged.size() / 2);
  CHECK(is_left(damaged));
  ByteVector nothing = oc::test::ElfWriter().add_code(0x1000, 64).make();
  auto file = File::make(nothing, "made");
  REQUIRE(file);
  CHECK(!PlainDebug::plan(*file));
}
