#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "elf/file.h"

namespace oc::elf {

/// A relocatable file (.o, .ko) whose sections were given addresses, so that its debug information can be read as that of a
/// program: a file in memory with the addresses of its code and its relocated .debug_ sections.
class Relocated {
 public:
  /// Errors: libdwfl cannot relocate it, or it is of another class or byte order than this program.
  static base::Result<Relocated> make(const File& file);

  File& file() { return file_; }
  /// The address that the byte at this place of the relocatable file has here.
  std::optional<uint64_t> find_address(uint64_t file_offset) const;

 private:
  struct Part {
    uint64_t offset = 0;
    uint64_t size_bytes = 0;
    uint64_t address = 0;
  };
  explicit Relocated(File file) : file_(std::move(file)) {}

  File file_;
  std::vector<Part> parts_;
};

}  // namespace oc::elf
