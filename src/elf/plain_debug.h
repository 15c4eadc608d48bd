#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/mapping.h"
#include "elf/file.h"

namespace oc::elf {

/// The debug sections from which lines and inlined calls are read, decompressed, as a file of their own:
///
///     header | section headers, as in the file | section names | .debug_info | .debug_line | …
///
/// libdw would decompress all debug sections one after the other when it opens a file, into memory of the file's handle,
/// so that there is no second handle for another thread. Here each section is a part that any thread may do, and
/// locations of variables are left out. Sections that are not needed keep their headers, and have no bytes.
class PlainDebug {
 public:
  /// What there is to do. Nothing: no such section is compressed, or not by zlib, or the file is of another byte order
  /// or of 32 bits; libdw does these. `file` outlives the object.
  static std::optional<PlainDebug> plan(const File& file);

  /// The largest comes first.
  size_t parts() const { return parts_.size(); }
  /// How much there is to read for that part.
  size_t part_bytes(size_t part) const { return parts_[part].from.size(); }
  /// Each part once; different ones on any thread.
  void load(size_t part);
  /// Requires: all parts were loaded. Nothing: one of them is damaged, or there was no memory.
  std::optional<File> finish();

 private:
  struct Part {
    std::span<const uint8_t> from;
    std::span<uint8_t> to;
    uint64_t size_bytes = 0;  ///< of `to`
    uint64_t alignment = 1;
    bool is_compressed = false;
    bool is_done = false;
  };

  explicit PlainDebug(const File& file) : file_(file) {}
  bool add_part(const Section& section);
  std::vector<uint8_t> make_names(std::vector<uint32_t>& places) const;
  bool lay_out();

  const File& file_;
  base::Mapping image_;
  std::vector<Part> parts_;
  std::vector<uint32_t> part_of_;  ///< by section, until they are sorted: 1 + its part; 0: none
};

}  // namespace oc::elf
