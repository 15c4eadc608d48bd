#include "elf/build_id.h"

#include <elf.h>
#include <unistd.h>

#include <bit>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace oc::elf {

namespace {

constexpr uint64_t kMostNoteBytes = 64 << 10;
constexpr uint32_t kMostSegments = 1024;
constexpr size_t kMostIdBytes = 64;

/// The segments of notes, read one after the other.
template <typename Header, typename Segment>
std::vector<uint8_t> find_in(const ElfBytes& file) {
  Header header{};
  if (!file.read(0, {reinterpret_cast<uint8_t*>(&header), sizeof header})) return {};
  if (header.e_phentsize != sizeof(Segment) || header.e_phnum > kMostSegments) return {};
  std::vector<uint8_t> notes;
  uint64_t left = 1 << 20;
  for (uint32_t i = 0; i < header.e_phnum; ++i) {
    Segment segment{};
    const uint64_t at = header.e_phoff + uint64_t{i} * sizeof segment;
    if (!file.read(at, {reinterpret_cast<uint8_t*>(&segment), sizeof segment})) return {};
    if (segment.p_type != PT_NOTE || segment.p_filesz > kMostNoteBytes) continue;
    if (segment.p_filesz > left) return {};
    left -= segment.p_filesz;
    notes.resize(segment.p_filesz);
    if (!file.read(segment.p_offset, notes)) continue;
    auto id = find_build_id_note(notes, segment.p_align == 8 ? 8 : 4);
    if (!id.empty()) return id;
  }
  return {};
}

class OpenFile final : public ElfBytes {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  bool read(uint64_t offset, std::span<uint8_t> bytes) const override {
    if (offset > INT64_MAX) return false;
    const ssize_t size = pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    return size == static_cast<ssize_t>(bytes.size());
  }

 private:
  int fd_;
};

class ImageBytes final : public ElfBytes {
 public:
  explicit ImageBytes(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  bool read(uint64_t offset, std::span<uint8_t> bytes) const override {
    if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset) return false;
    if (!bytes.empty()) std::memcpy(bytes.data(), bytes_.data() + offset, bytes.size());
    return true;
  }

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace

std::vector<uint8_t> find_build_id_note(std::span<const uint8_t> notes, uint64_t alignment) {
  base::Bytes bytes(notes);
  if (alignment != 8) alignment = 4;  // foreign: 0 and 1 are legal, and mean the same
  const auto skip_padding = [&](uint64_t size) {
    const uint64_t padding = (alignment - size % alignment) % alignment;
    bytes.skip(std::min<uint64_t>(padding, bytes.remaining()));
  };
  while (bytes.remaining() >= 12) {
    const auto name_size = bytes.read<uint32_t>();
    const auto id_size = bytes.read<uint32_t>();
    const auto type = bytes.read<uint32_t>();
    const std::string_view name = bytes.text(name_size);
    skip_padding(12 + uint64_t{name_size});
    const auto id = bytes.take(id_size);
    if (bytes.failed()) return {};
    skip_padding(id_size);
    if (type == NT_GNU_BUILD_ID && name == std::string_view("GNU", 4) && !id.empty() &&
        id.size() <= kMostIdBytes) {
      return {id.begin(), id.end()};
    }
  }
  return {};
}

std::vector<uint8_t> find_build_id(const ElfBytes& file) {
  uint8_t ident[EI_NIDENT];
  if (!file.read(0, ident) || std::memcmp(ident, ELFMAG, SELFMAG) != 0) return {};
  constexpr uint8_t kHost = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  if (ident[EI_DATA] != kHost) return {};
  if (ident[EI_CLASS] == ELFCLASS64) return find_in<Elf64_Ehdr, Elf64_Phdr>(file);
  if (ident[EI_CLASS] == ELFCLASS32) return find_in<Elf32_Ehdr, Elf32_Phdr>(file);
  return {};
}

std::vector<uint8_t> load_build_id(int fd) { return find_build_id(OpenFile(fd)); }

std::vector<uint8_t> find_build_id(std::span<const uint8_t> file) {
  return find_build_id(ImageBytes(file));
}

}  // namespace oc::elf
