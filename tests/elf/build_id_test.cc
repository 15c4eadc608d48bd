#include "elf/build_id.h"

#include <elf.h>
#include <fcntl.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "base/fd.h"
#include "support/byte_writer.h"

using oc::test::ByteVector;

namespace {

template <typename T>
void put(ByteVector& bytes, const T& value) {
  const auto* begin = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

ByteVector note(uint32_t type, const std::string& owner, const ByteVector& content) {
  ByteVector bytes;
  put(bytes, static_cast<uint32_t>(owner.size() + 1));
  put(bytes, static_cast<uint32_t>(content.size()));
  put(bytes, type);
  bytes.insert(bytes.end(), owner.begin(), owner.end());
  bytes.push_back(0);
  while (bytes.size() % 4 != 0) bytes.push_back(0);
  bytes.insert(bytes.end(), content.begin(), content.end());
  while (bytes.size() % 4 != 0) bytes.push_back(0);
  return bytes;
}

ByteVector elf_with(const ByteVector& notes) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_NOTE;
  segment.p_offset = sizeof header + sizeof segment;
  segment.p_filesz = notes.size();
  segment.p_align = 4;
  ByteVector bytes;
  put(bytes, header);
  put(bytes, segment);
  bytes.insert(bytes.end(), notes.begin(), notes.end());
  return bytes;
}

const ByteVector kId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};

}  // namespace

TEST_CASE("the build id is found behind other notes") {
  ByteVector notes = note(NT_GNU_ABI_TAG, "GNU", {1, 2, 3, 4, 5});
  const ByteVector other = note(NT_GNU_BUILD_ID, "FOO", kId);
  const ByteVector wanted = note(NT_GNU_BUILD_ID, "GNU", kId);
  notes.insert(notes.end(), other.begin(), other.end());
  notes.insert(notes.end(), wanted.begin(), wanted.end());
  CHECK(oc::elf::find_build_id_note(notes) == kId);
  CHECK(oc::elf::find_build_id(std::span<const uint8_t>(elf_with(notes))) == kId);
}

TEST_CASE("what is cut off or no ELF file has no build id") {
  const ByteVector whole = elf_with(note(NT_GNU_BUILD_ID, "GNU", kId));
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK(oc::elf::find_build_id(std::span(whole).first(size)).empty());
  ByteVector swapped = whole;
  swapped[EI_DATA] = ELFDATA2MSB;
  CHECK(oc::elf::find_build_id(std::span<const uint8_t>(swapped)).empty());
  ByteVector huge = whole;  // a segment that claims to be larger than any
  const uint64_t size = ~0ull;
  std::memcpy(huge.data() + sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_filesz), &size, 8);
  CHECK(oc::elf::find_build_id(std::span<const uint8_t>(huge)).empty());
}

TEST_CASE("a note whose sizes overflow is the last one") {
  ByteVector notes;
  for (const uint32_t number : {0xfffffff0u, 0xfffffff0u, 3u}) put(notes, number);
  const ByteVector good = note(NT_GNU_BUILD_ID, "GNU", kId);
  notes.insert(notes.end(), good.begin(), good.end());
  CHECK(oc::elf::find_build_id_note(notes).empty());
}

TEST_CASE("notes without an alignment are those of words") {
  const ByteVector notes = note(NT_GNU_BUILD_ID, "GNU", kId);
  for (const uint64_t alignment : {0, 1, 3, 4})
    CHECK(oc::elf::find_build_id_note(notes, alignment) == kId);
}

TEST_CASE("this program's build id is what readelf says") {
  const oc::base::Fd self(open("/proc/self/exe", O_RDONLY));
  const auto id = oc::elf::load_build_id(self.number());
  const std::unique_ptr<FILE, int (*)(FILE*)> readelf(
      popen("readelf -n /proc/$PPID/exe 2>/dev/null", "r"), pclose);
  char line[256];
  std::string wanted;
  while (readelf && fgets(line, sizeof line, readelf.get()) != nullptr) {
    const char* found = std::strstr(line, "Build ID: ");
    if (found != nullptr) wanted.assign(found + 10, std::strcspn(found + 10, "\n"));
  }
  std::string text;
  for (const uint8_t byte : id) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", byte);
    text += hex;
  }
  if (wanted.empty()) WARN("no readelf here, or this program has no build id");
  CHECK(text == wanted);
}
