#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace oc::base {

/// A file mapped read-only as a whole; unmapped at the end. Move-only. Or bytes that somebody else owns.
///
/// A file that shrinks while it is mapped reads as records of nothing, a private one as zeros, where nothing is left: mend()
/// sees to it, is_mended() tells.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  /// Errors: absent, unreadable, a folder, a device or a pipe. An empty file maps to no bytes.
  static Result<Mapping> open(const std::string& path);
  /// The same of a file that is open already; `name` is what errors call it.
  static Result<Mapping> map(int fd, const std::string& name);
  /// The same for a library that writes into what it was given to read: its writes stay in this process. Such files are
  /// other people's programs.
  static Result<Mapping> map_private(int fd, const std::string& name);
  /// Memory for what stands for a file, all zeros: writable() fills it.
  static Result<Mapping> allocate(size_t size_bytes);
  /// For the handler of SIGBUS: the page at `address` can be read from now on, when it is of a mapped file, which became
  /// shorter since. False: it is of no such mapping. May be called in a signal handler.
  static bool mend(const void* address);
  /// Some of what was read is not of the file, which became shorter, or whose disk failed. Any thread.
  bool is_mended() const;
  /// Stands for a file with these bytes, which outlive it.
  static Mapping lend(std::span<const uint8_t> bytes);

  /// Owned by the Mapping.
  std::span<const uint8_t> bytes() const { return {data_, size_bytes_}; }
  /// Requires: made by allocate().
  uint8_t* writable() const { return const_cast<uint8_t*>(data_); }
  /// Brings [offset, offset + size) into the page tables, reading from disk what is not in memory.
  void will_need(uint64_t offset, uint64_t size_bytes) const;
  /// Takes it out of the page tables; the bytes stay valid. Requires: `offset` on a page boundary.
  void drop(uint64_t offset, uint64_t size_bytes) const;

 private:
  static Result<Mapping> map_as(int fd, const std::string& name, int protection, int flags);

  const uint8_t* data_ = nullptr;
  size_t size_bytes_ = 0;
  bool is_lent_ = false;
  bool is_known_ = false;
};

}  // namespace oc::base
