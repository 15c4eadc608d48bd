#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/output.h"

namespace oc::format {

/// An archive with one compressed entry, written as its text comes.
///
///     local header, name | deflated text | sizes, checksum | directory: one entry | end of directory
///
/// Source: PKWARE's APPNOTE.TXT, 4.3 and 4.4. Own code, because one entry needs no library; with times that never vary.
/// Sizes have 32 bits: larger texts are refused, and no reader of such entries would want them.
class ZipEntry {
 public:
  ZipEntry(Output& out, std::string name);
  ~ZipEntry();

  void write(std::string_view text);
  /// Errors: the text was too large. What the output itself refused, it says.
  base::Status finish();

 private:
  struct Deflater;

  void put_header(bool in_directory);
  void put16(uint16_t value) { head_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void put32(uint32_t value) { head_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void flush_head();

  Output& out_;
  std::string name_, head_;
  std::unique_ptr<Deflater> deflater_;
  uint64_t size_ = 0, packed_ = 0;
  uint32_t checksum_ = 0;
};

}  // namespace oc::format
