#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "elf/file.h"

namespace oc::elf {

/// An ELF file made in memory out of sections of others, for a library that reads only whole files: 64 bits, this machine's byte
/// order, no segments.
///
///     header(64) | section headers | contents …
class Image {
 public:
  explicit Image(uint16_t machine) : machine_(machine) {}

  /// `bytes` are copied. Code has an address and no bytes.
  void add(std::string_view name, std::span<const uint8_t> bytes);
  void add_code(std::string_view name, uint64_t address, uint64_t size_bytes);
  /// `name` is what errors call it. The object is empty then.
  base::Result<File> finish(const std::string& name);

 private:
  struct Part {
    std::string name;
    std::vector<uint8_t> bytes;
    uint64_t address = 0;
    uint64_t size_bytes = 0;
  };
  uint16_t machine_;
  std::vector<Part> parts_;
};

}  // namespace oc::elf
