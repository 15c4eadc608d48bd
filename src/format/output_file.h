#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace oc::format {

/// "-", "/dev/stdout" and the like.
bool names_stdout(const std::string& path);

/// A file that gets its name when it is complete, or a stream that takes bytes as they come.
///
///     open ─> a file without a name in the same folder (O_TMPFILE) ── append … ── finish ─> linked: it has its name
///             no such thing there: `.oc-PID-N.partial` ─────────────────────────────────> renamed
///
/// A file without a name goes with the process, whatever ends that; a partial one goes with this object, so that only
/// a killed process leaves it behind. One that is there is replaced in one step, or not at all. Move-only.
class OutputFile {
 public:
  struct Options {
    bool overwrites = false;     ///< a file that is there is replaced
    bool may_be_unnamed = true;  ///< false: as on file systems without O_TMPFILE
  };
  /// "-" and the names of standard output are that; a FIFO or a character device is written to as it is.
  /// Errors: the folder, a file that is there, what is no place for bytes.
  static base::Result<OutputFile> open(const std::string& path, const Options& options);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) = delete;
  ~OutputFile();

  base::Status append(std::span<const uint8_t> bytes);
  /// After the last byte. Errors: the name was taken meanwhile; the system's.
  base::Status finish();
  bool is_terminal() const;

 private:
  OutputFile() = default;
  base::Status open_beside(const std::string& folder, const Options& options);
  base::Status take_name();
  base::Status replace();
  base::Error failed(int number) const;

  std::string path_;     ///< what errors call it, and its name at the end
  std::string partial_;  ///< its name until then; "": it has none, or is a stream
  std::string folder_;   ///< with the slash; "": a stream
  bool overwrites_ = false;
  base::Fd fd_;
};

}  // namespace oc::format
