#pragma once

#include <elf.h>

#include <string>
#include <vector>

#include "support/byte_writer.h"

namespace oc::test {

/// Builds a 64-bit ELF file of this machine's byte order in memory:
///
///     header | program headers | parts ... | section names | section headers
///
/// A part is a piece of bytes with an address as linked; it gets a section when it has a name, and a program header for
/// each of its segment types. Offsets in the file and addresses differ, as long as nobody chooses the address so.
class ElfWriter {
 public:
  explicit ElfWriter(uint16_t machine = EM_X86_64) : machine_(machine) {}

  ElfWriter& add(std::string name, uint64_t address, ByteVector bytes,
                 std::vector<uint32_t> segments = {PT_LOAD}, uint32_t flags = PF_R) {
    parts_.push_back({std::move(name), address, std::move(bytes), std::move(segments), flags});
    return *this;
  }
  /// `size` bytes of code.
  ElfWriter& add_code(uint64_t address, size_t size) {
    return add(".text", address, ByteVector(size, 0x90), {PT_LOAD}, PF_R | PF_X);
  }
  ElfWriter& without_sections() {
    has_sections_ = false;
    return *this;
  }
  ByteVector make() const;

 private:
  struct Part {
    std::string name;
    uint64_t address;
    ByteVector bytes;
    std::vector<uint32_t> segments;
    uint32_t flags;
  };

  uint16_t machine_;
  std::vector<Part> parts_;
  bool has_sections_ = true;
};

}  // namespace oc::test
