#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace oc::format {

/// How an output is compressed, by its extension.
enum class Compression : uint8_t { kNone, kGzip, kZstd };
/// ".gz", ".zst"; the name without it in `*stem`.
Compression compression_of(std::string_view path, std::string_view* stem);

/// Where an export goes: a file that appears when it is complete, or standard output.
///
///     open ── write … write ── seal ── finish: the file has its name      otherwise: nothing is left behind
///
/// Failures stay: `write` after one does nothing, `finish` returns it. Bytes depend on the input alone (no times in gzip
/// headers).
class Output {
 public:
  virtual ~Output() = default;
  virtual void write(std::span<const uint8_t> bytes) = 0;
  void write(std::string_view text) {
    write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }
  /// What failed, if anything did.
  virtual const base::Status& status() const = 0;
  virtual base::Status finish() = 0;
  /// All that was written is packed and out, but has no name yet. `finish` does it where this was not called.
  virtual base::Status seal() { return status(); }
  /// Bytes that were written before compression.
  virtual uint64_t size_bytes() const = 0;

  struct Options {
    Compression compression = Compression::kNone;
    bool overwrites = false;  ///< a file that is there is replaced
    /// Packed at the end where that is quicker, and at once: for files of which all is there to be written. Otherwise bytes are
    /// packed and handed on as they come.
    bool packs_whole = false;
  };
  /// "-": standard output. Errors: the folder, a file that is there.
  static base::Result<std::unique_ptr<Output>> open(const std::string& path,
                                                    const Options& options);
  /// Into memory, for tests and for what is put into archives.
  static std::unique_ptr<Output> into(std::string& bytes,
                                      Compression compression = Compression::kNone,
                                      bool packs_whole = false);
};

}  // namespace oc::format
