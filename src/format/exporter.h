#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/output.h"
#include "machine/selection.h"

namespace oc::format {

/// What is to be exported, and how.
struct Export {
  machine::Machine& machine;
  const machine::Selection& selection;
  std::string title;    ///< "" : made from the trace's name
  bool inlined = true;  ///< inlined functions are frames of their own
  bool values = true;   ///< samples weigh their value (period); otherwise 1 each
  double weight_of(const machine::Sample& sample) const {
    return values ? sample.value : static_cast<double>(sample.weight);
  }
  /// Called now and then with what is done of all, 0 to 1; false: the user gave up.
  std::function<bool(double)> progress;
  bool is_named = false;   ///< all frames of the selection have their names
  bool in_values = false;  ///< also in collapsed stacks, of samples that are counted otherwise
  bool is_mixed = false;   ///< a part of samples of several kinds, with the numbers of all parts
};

/// Names the frames of all stacks that are exported, unless that was done.
void name_frames(const Export& what);

constexpr uint32_t kSamplesPerTurn = 4096;  ///< between two calls of `progress`

/// What a format can hold; what it cannot is said before anything is collected.
struct Holds {
  bool stacks = true, times = true, threads = true, process_names = true, lines = true,
       build_ids = false;
  bool kinds = true;  ///< samples of several kinds in one file
  bool spans = false, attributes = false, losses = false;
  bool is_binary = false;  ///< not to be shown on a terminal
};

/// One format.
struct Exporter {
  std::string_view name;                         ///< "pprof"
  std::string_view summary;                      ///< one line of `oc list formats`
  std::span<const std::string_view> extensions;  ///< ".pb.gz", ".pprof"; the first is the usual one
  Holds holds;
  /// Writes all; the caller finishes the output. Reproducible: the same machine gives the same bytes.
  base::Status (*write)(const Export& what, Output& out);
  Compression usual_compression = Compression::kNone;  ///< unless the path's extension says another
  /// Nothing of the machine changes by it but names of frames: others may read beside it.
  bool only_reads = false;
};

/// All built-in ones, by name.
std::span<const Exporter> exporters();
const Exporter* find_exporter(std::string_view name);
/// By a path's extension, the longest that fits; null: none. A compression's extension (.gz, .zst) may follow one.
const Exporter* exporter_of_path(std::string_view path);
/// How a file of that format and name is packed.
Compression compression_for(const Exporter& exporter, std::string_view path);

}  // namespace oc::format
