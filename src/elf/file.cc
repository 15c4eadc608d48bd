#include "elf/file.h"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/open_regular.h"
#include "elf/build_id.h"
#include "elf/packed.h"

namespace oc::elf {
namespace {

using base::Code;
using base::make_error;

std::span<const uint8_t> part_of(std::span<const uint8_t> bytes, uint64_t offset, uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) return {};
  return bytes.subspan(offset, size);
}

bool is_compressed(const Section& section) {
  return (section.flags & SHF_COMPRESSED) != 0 || section.name.starts_with(".zdebug_");
}

}  // namespace

base::Result<File> File::open(const std::string& path) {
  const auto fd = base::open_regular(path);
  if (!fd) return fd.error();
  return open(fd->number(), path);
}

base::Result<File> File::open(int fd, const std::string& name) {
  File file;
  // libelf changes a section's header in place when it decompresses the section (elf_compress).
  auto mapping = base::Mapping::map_private(fd, name);
  if (!mapping) return std::move(mapping.error());
  file.mapping_ = std::move(*mapping);
  if (is_packed(file.mapping_.bytes())) {
    if (const auto problem = unpack(file.mapping_.bytes(), file.owned_); !problem.empty())
      return make_error(Code::kInvalid, "cannot unpack " + name + ": " + problem);
  }
  if (const auto read = file.read(name); !read) return read.error();
  return file;
}

base::Result<File> File::make(std::vector<uint8_t> bytes, const std::string& name) {
  File file;
  file.owned_ = std::move(bytes);
  if (const auto read = file.read(name); !read) return read.error();
  return file;
}

base::Result<File> File::make(base::Mapping bytes, const std::string& name) {
  File file;
  file.mapping_ = std::move(bytes);
  if (const auto read = file.read(name); !read) return read.error();
  return file;
}

std::optional<File> File::make_second() const {
  if (std::any_of(sections_.begin(), sections_.end(), is_compressed)) return {};
  File second;
  second.mapping_ = base::Mapping::lend(bytes());
  if (!second.read(name_)) return {};
  return second;
}

File::File(File&& other) noexcept { *this = std::move(other); }

File& File::operator=(File&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(mapping_, other.mapping_);
  std::swap(owned_, other.owned_);
  std::swap(elf_, other.elf_);
  std::swap(machine_, other.machine_);
  std::swap(type_, other.type_);
  std::swap(entry_, other.entry_);
  std::swap(is_64_, other.is_64_);
  std::swap(is_native_order_, other.is_native_order_);
  std::swap(sections_, other.sections_);
  std::swap(segments_, other.segments_);
  return *this;
}

File::~File() {
  if (elf_ != nullptr) elf_end(elf_);
}

std::span<const uint8_t> File::bytes() const {
  return owned_.empty() ? mapping_.bytes() : std::span<const uint8_t>(owned_);
}

base::Status File::read(const std::string& name) {
  name_ = name;
  elf_version(EV_CURRENT);
  const auto all = bytes();
  // libelf takes the image as writable.
  auto* image = const_cast<char*>(reinterpret_cast<const char*>(all.data()));
  if (!all.empty()) elf_ = elf_memory(image, all.size());
  GElf_Ehdr header;
  if (elf_ == nullptr || elf_kind(elf_) != ELF_K_ELF || gelf_getehdr(elf_, &header) == nullptr)
    return make_error(Code::kInvalid, name + " is no ELF file");
  machine_ = header.e_machine;
  type_ = header.e_type;
  entry_ = header.e_entry;
  is_64_ = header.e_ident[EI_CLASS] == ELFCLASS64;
  constexpr uint8_t kOwnOrder =
      __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
  is_native_order_ = header.e_ident[EI_DATA] == kOwnOrder;
  read_sections();
  read_segments();
  return {};
}

void File::read_sections() {
  size_t names = 0;
  if (elf_getshdrstrndx(elf_, &names) != 0) names = 0;
  size_t count = 0;
  if (elf_getshdrnum(elf_, &count) != 0) return;
  for (size_t i = 0; i < count; ++i) {
    GElf_Shdr header;
    Elf_Scn* section = elf_getscn(elf_, i);
    if (section == nullptr || gelf_getshdr(section, &header) == nullptr) return;
    const char* name = elf_strptr(elf_, names, header.sh_name);
    sections_.push_back({name == nullptr ? "" : name, header.sh_type, header.sh_flags,
                         header.sh_addr, header.sh_offset, header.sh_size, header.sh_entsize,
                         header.sh_link, header.sh_info});
  }
}

void File::read_segments() {
  size_t count = 0;
  if (elf_getphdrnum(elf_, &count) != 0) return;
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(elf_, static_cast<int>(i), &header) == nullptr) return;
    segments_.push_back({header.p_type, header.p_flags, header.p_vaddr, header.p_offset,
                         header.p_filesz, header.p_memsz, header.p_align});
  }
}

const Section* File::find_section(std::string_view name) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(),
                                  [&](const Section& section) { return section.name == name; });
  return found == sections_.end() ? nullptr : &*found;
}

std::span<const uint8_t> File::raw_bytes(const Section& section) const {
  if (section.type == SHT_NOBITS) return {};
  return part_of(bytes(), section.offset, section.size_bytes);
}

std::span<const uint8_t> File::load_bytes(const Section& section) {
  if (!is_compressed(section)) return raw_bytes(section);
  Elf_Scn* scn = elf_getscn(elf_, static_cast<size_t>(&section - sections_.data()));
  if (scn == nullptr) return {};
  GElf_Shdr header;
  if (gelf_getshdr(scn, &header) == nullptr) return {};
  // What was decompressed once is marked so no more; a failure leaves it as it is.
  if ((header.sh_flags & SHF_COMPRESSED) != 0 && elf_compress(scn, 0, 0) < 0) return {};
  if (section.name.starts_with(".zdebug_")) elf_compress_gnu(scn, 0, 0);
  const Elf_Data* data = elf_rawdata(scn, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  return {static_cast<const uint8_t*>(data->d_buf), data->d_size};
}

std::span<const uint8_t> File::bytes_at(uint64_t address) const {
  for (const Segment& segment : segments_) {
    const uint64_t distance = address - segment.address;
    if (segment.type != PT_LOAD || distance >= segment.file_size) continue;
    const auto content = part_of(bytes(), segment.offset, segment.file_size);
    if (distance < content.size()) return content.subspan(distance);
  }
  return {};
}

std::vector<uint8_t> File::build_id() const {
  for (const Segment& segment : segments_) {
    if (segment.type != PT_NOTE) continue;
    const auto notes = part_of(bytes(), segment.offset, segment.file_size);
    if (auto id = find_build_id_note(notes, segment.alignment); !id.empty()) return id;
  }
  for (const Section& section : sections_) {  // of a debug file: its segments have no bytes
    if (section.type != SHT_NOTE) continue;
    if (auto id = find_build_id_note(raw_bytes(section)); !id.empty()) return id;
  }
  return {};
}

std::optional<DebugLink> File::debug_link() const {
  const Section* section = find_section(".gnu_debuglink");
  if (section == nullptr || is_compressed(*section)) return {};
  const auto content = raw_bytes(*section);
  const auto end = std::find(content.begin(), content.end(), 0);
  const auto length = static_cast<size_t>(end - content.begin());
  const size_t place = (length + 4) & ~size_t{3};  // the name with its NUL, padded to a word
  if (length == 0 || place + sizeof(uint32_t) > content.size()) return {};
  uint32_t checksum = 0;
  std::memcpy(&checksum, content.data() + place, sizeof checksum);
  if (!is_native_order_) checksum = __builtin_bswap32(checksum);
  return DebugLink{std::string(content.begin(), end), checksum};
}

std::optional<uint64_t> File::find_address(uint64_t file_offset) const {
  for (const uint32_t wanted : {PF_X, 0}) {
    for (const Segment& segment : segments_) {
      if (segment.type != PT_LOAD || (segment.flags & wanted) != wanted) continue;
      if (file_offset - segment.offset < segment.file_size)
        return file_offset - segment.offset + segment.address;
    }
  }
  return {};
}

std::optional<uint64_t> File::find_offset(uint64_t address) const {
  for (const uint32_t wanted : {PF_X, 0}) {
    for (const Segment& segment : segments_) {
      if (segment.type != PT_LOAD || (segment.flags & wanted) != wanted) continue;
      if (address - segment.address < segment.file_size)
        return address - segment.address + segment.offset;
    }
  }
  return {};
}

}  // namespace oc::elf
