#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "machine/frame_namer.h"
#include "session/kept_files.h"
#include "session/stack_tables.h"
#include "symbol/module_facts.h"
#include "symbol/module_files.h"
#include "symbol/symbolizer.h"

namespace oc::session {

using machine::NamedCall;
using machine::NamedFrame;

/// Which machine a trace is from.
struct TraceOrigin {
  bool is_this_machine = true;               ///< its processes ran here
  bool is_running_kernel = true;             ///< it is traced now
  std::string release;                       ///< of the kernel
  std::string archive;                       ///< the self-contained trace; "": it is none
  std::string folder;                        ///< where that is unpacked
  symbol::Debuginfod* debuginfod = nullptr;  ///< null: servers are not asked
  bool tells_code = false;                   ///< JitCode tells compiled functions apart
};

/// Functions that the user names, by the path of their module.
struct GivenSymbols {
  struct Symbol {
    uint64_t offset;
    uint64_t size_bytes;
    std::string name;
  };
  std::map<std::string, std::vector<Symbol>, std::less<>> by_module;
  uint32_t changes = 0;
};

/// What a script calls a place that nobody else has a name for.
struct ToldPlace {
  std::string name, full_name, file;
  uint32_t line = 0;  ///< 0: not told
};

/// Names of frames, looked up when somebody asks. One thread, beside the one that still adds frames.
class FrameNames : public machine::FrameNamer {
 public:
  FrameNames(const StackTables& tables, TraceOrigin origin, const GivenSymbols& given,
             const KeptFiles& kept);

  /// The names of all frames that there are will be asked for, soon: see Symbolizer::expect.
  void expect();
  void resolve(std::span<const process::FrameId> frames) override;
  NamedFrame find(process::FrameId frame) override;
  NamedCall call(process::FrameId frame, uint32_t index) override;
  machine::NamedSegment find_segment(process::ModuleId module, uint64_t offset) override;
  /// Where names and lines of a module come from.
  symbol::ModuleFacts describe(process::ModuleId module);
  /// As perf shows it. Owned by the object or interned.
  std::string_view module_name(process::ModuleId module) const {
    return symbolizer_.module_name(module);
  }
  /// Where what is archived is to be looked for.
  const symbol::Places& places() const { return files_.places(); }
  /// Why this frame has no function or, in a file, no line; "" where it has both.
  std::string reason(process::FrameId frame);
  /// Frames without a name behind the one with the number `cursor`, which becomes the last one looked at: how many; 0: there
  /// are no more.
  uint32_t list_unnamed(uint32_t& cursor, std::span<uint32_t> out);
  /// Counts where there is no other name. Texts that were given out of an earlier one are not valid any more.
  void tell(process::FrameId frame, ToldPlace place) { told_[frame.value] = std::move(place); }
  void forget_told() { told_.clear(); }

 private:
  const ToldPlace* find_told(process::FrameId frame, const symbol::Resolved& found) const;
  void prepare();
  void use_kernel(const TracedKernel& told);

  const StackTables& tables_;
  TraceOrigin origin_;
  symbol::ModuleFiles files_;
  symbol::Symbolizer symbolizer_;
  bool knows_kernel_ = false;
  const GivenSymbols& given_;
  uint32_t changes_seen_ = 0;
  uint32_t modules_given_ = 0;  ///< modules up to this one have them
  std::unordered_map<uint32_t, ToldPlace> told_;
};

/// Where the files of a trace's modules are.
symbol::Places places_of(const TraceOrigin& origin);

}  // namespace oc::session
