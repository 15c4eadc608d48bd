#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapping.h"
#include "base/result.h"

struct Elf;

namespace oc::elf {

/// A section as its header says; nothing of it has been checked against the file's size.
struct Section {
  std::string_view name;  ///< owned by the File
  uint32_t type = 0;      ///< SHT_*
  uint64_t flags = 0;     ///< SHF_*
  uint64_t address = 0;   ///< as linked; 0 where it is not loaded
  uint64_t offset = 0;    ///< in the file
  uint64_t size_bytes = 0;
  uint64_t entry_size = 0;
  uint32_t link = 0;
  uint32_t info = 0;
};

/// A program header.
struct Segment {
  uint32_t type = 0;   ///< PT_*
  uint32_t flags = 0;  ///< PF_*
  uint64_t address = 0;
  uint64_t offset = 0;
  uint64_t file_size = 0;
  uint64_t memory_size = 0;
  uint64_t alignment = 0;
};

/// Where a stripped file's symbols are, relative to it: the section .gnu_debuglink.
struct DebugLink {
  std::string name;
  uint32_t checksum = 0;  ///< CRC-32 of that file
};

/// An ELF file of any class and byte order, mapped and read by libelf. Every place that a header names is checked
/// before its bytes are handed out; what does not lie in the file is absent. Move-only. One thread at a time: libelf
/// keeps state behind a handle.
class File {
 public:
  /// Errors: absent, unreadable, no ELF file.
  static base::Result<File> open(const std::string& path);
  /// The same of a file that is open already; `name` is what errors call it.
  static base::Result<File> open(int fd, const std::string& name);
  /// A whole file in memory, which the object takes over.
  static base::Result<File> make(std::vector<uint8_t> bytes, const std::string& name);

  /// The same of memory that was allocated (Mapping::allocate), or is lent.
  static base::Result<File> make(base::Mapping bytes, const std::string& name);

  /// A second handle on the same bytes, for another thread: nothing where libelf would write into them, as it does when
  /// it decompresses a section. This one outlives it.
  std::optional<File> make_second() const;

  File(File&&) noexcept;
  File& operator=(File&&) noexcept;
  ~File();

  const std::string& name() const { return name_; }
  uint16_t machine() const { return machine_; }  ///< EM_*
  uint16_t type() const { return type_; }        ///< ET_*
  uint64_t entry() const {
    return entry_;
  }  ///< address as linked at which it begins to run; 0: none
  bool is_64() const { return is_64_; }
  /// Of this machine's byte order.
  bool is_native_order() const { return is_native_order_; }

  const std::vector<Section>& sections() const { return sections_; }
  const std::vector<Segment>& segments() const { return segments_; }
  /// The first with this name; null when there is none.
  const Section* find_section(std::string_view name) const;
  /// The whole file, also what no header names. Owned by the File.
  std::span<const uint8_t> bytes() const;
  /// Its bytes as they stand in the file: none when it has none there (NOBITS), or lies beyond the end.
  std::span<const uint8_t> raw_bytes(const Section& section) const;
  /// The same, decompressed where it is (SHF_COMPRESSED, .zdebug_*); none when that fails. Owned by the File; the second call is free.
  std::span<const uint8_t> load_bytes(const Section& section);

  /// What is loaded at this address as linked, up to the end of its segment's bytes. Owned by the File.
  std::span<const uint8_t> bytes_at(uint64_t address) const;

  std::vector<uint8_t> build_id() const;
  std::optional<DebugLink> debug_link() const;

  /// Between the two ways to name a place: its offset in the file, and its address as linked. By the segments that
  /// are loaded, those with code first; absent where none covers it.
  std::optional<uint64_t> find_address(uint64_t file_offset) const;
  std::optional<uint64_t> find_offset(uint64_t address) const;

  /// For libelf and libdw. Owned by the File.
  Elf* handle() const { return elf_; }

 private:
  File() = default;
  base::Status read(const std::string& name);
  void read_sections();
  void read_segments();

  std::string name_;
  base::Mapping mapping_;
  std::vector<uint8_t> owned_;
  Elf* elf_ = nullptr;
  uint16_t machine_ = 0;
  uint16_t type_ = 0;
  uint64_t entry_ = 0;
  bool is_64_ = false;
  bool is_native_order_ = false;
  std::vector<Section> sections_;
  std::vector<Segment> segments_;
};

}  // namespace oc::elf
