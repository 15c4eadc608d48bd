#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace oc::base {

/// A file mapped read-only as a whole; unmapped at the end. Move-only.
///
/// A file that shrinks while it is mapped raises SIGBUS on access, as with every mapping.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  /// Errors: absent, unreadable, a folder, a device or a pipe. An empty file maps to no bytes.
  static Result<Mapping> open(const std::string& path);

  /// Owned by the Mapping.
  std::span<const uint8_t> bytes() const { return {data_, size_bytes_}; }
  /// Tells the kernel that [offset, offset + size) will be read in order soon.
  void will_need(uint64_t offset, uint64_t size_bytes) const;

 private:
  const uint8_t* data_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace oc::base
