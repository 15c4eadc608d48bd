#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace oc::source {

/// Where a trace is written to: a file under a name of its own until it is whole, or a pipe.
///
///     open(NAME)   NAME.partial is made and locked; one that a killed run left becomes NAME.partial.old
///     finish()     an older NAME, also a link, becomes NAME.old; NAME.partial becomes NAME
///     "-", /dev/stdout, /dev/fd/1, /proc/self/fd/1: standard output, as it comes
///     whatever exists and is a FIFO or a character device: written to as it comes
///
/// NAME.partial is always a new file: no link is written through. Of several that open one name at a time, one gets
/// it and the others an error. A block device is refused.
/// Writes all or fails. One thread.
class TraceOutput {
 public:
  /// Errors say what is wrong with the place before anything else was done.
  static base::Result<TraceOutput> open(const std::string& path);

  /// False: a pipe, or what behaves like one. Nothing that was written can be changed.
  bool is_seekable() const { return is_seekable_; }
  /// Whoever writes to our standard output writes into the trace: it is that, or the FIFO that it goes to.
  bool is_stdout() const;
  uint64_t position() const { return position_; }
  const std::string& path() const { return path_; }
  /// The name it has now: NAME.partial until finished.
  const std::string& current_path() const { return current_path_; }

  /// Appends. After an error the position is where it was, and `reached` tells how much was written all the same.
  base::Status write(std::span<const iovec> parts);
  base::Status write(std::span<const uint8_t> bytes);
  /// Requires: is_seekable. Does not move the position.
  base::Status write_at(uint64_t offset, std::span<const uint8_t> bytes);
  uint64_t reached() const { return reached_; }
  /// The next write goes to `position`, which is at most what was reached.
  void go_back(uint64_t position) { position_ = position; }
  /// Removes a file that nothing was recorded in.
  void discard();
  /// Cuts off what lies behind the position and gives the file its name.
  base::Status finish();

 private:
  TraceOutput() = default;
  base::Error failed(int number) const;

  std::string path_;
  std::string current_path_;
  base::Fd fd_;
  bool is_seekable_ = false;
  bool is_renamed_ = false;
  uint64_t position_ = 0;
  uint64_t reached_ = 0;
  std::vector<iovec> left_;
};

}  // namespace oc::source
