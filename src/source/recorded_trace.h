#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "source/perf_data_file.h"
#include "source/source.h"
#include "source/trace_header.h"

namespace oc::source {

/// A recorded trace, opened: whatever holds it, its header is read and its records can be walked.
///
///     a file, mapped    file mode, as it is           FileSource lends the mapped bytes
///                       unpacked or turned around     StreamSource over the mapping
///                       pipe mode                     StreamSource over the mapping
///     a pipe, "-"       pipe mode                     StreamSource, while it is written
///                       file mode                     kept in a nameless file first, then as above
class RecordedTrace {
 public:
  /// `path` may be "-", standard input. Waits for the beginning of a pipe until `is_asked_to_stop` says true.
  static base::Result<std::unique_ptr<RecordedTrace>> open(
      const std::string& path,
      const std::function<bool()>& is_asked_to_stop = [] { return false; });
  /// The same from bytes that were mapped or read before.
  static base::Result<std::unique_ptr<RecordedTrace>> load(const std::string& path,
                                                           base::Mapping mapping);

  const TraceHeader& header() const { return file_ ? file_->header() : *stream_header_; }
  const event::EventTable& events() const { return header().events(); }
  const TraceFacts& facts() const { return header().facts(); }
  const std::string& path() const { return header().path(); }
  const std::vector<std::string>& notes() const { return header().notes(); }
  /// True when a file ends before its header says, or was never finished.
  bool is_truncated() const { return is_unfinished_ || (file_ && file_->is_truncated()); }
  /// True when records may still be on their way: the source must be asked on the script's own thread.
  bool is_live() const { return is_live_; }
  Source& source() const { return *source_; }
  /// Null when the trace is not a file that is lent as it lies.
  const PerfDataFile* plain_file() const { return file_ && file_->is_plain() ? &*file_ : nullptr; }

 private:
  static base::Result<std::unique_ptr<RecordedTrace>> read_pipe(
      const std::string& name, base::Fd fd, const std::function<bool()>& is_asked_to_stop);

  std::optional<PerfDataFile> file_;
  base::Mapping mapping_;  ///< of a file in pipe mode
  std::optional<TraceHeader> stream_header_;
  bool is_live_ = false;
  bool is_unfinished_ = false;      ///< as PerfDataWriter leaves a file when it is killed
  std::unique_ptr<Source> source_;  ///< of all these
};

}  // namespace oc::source
