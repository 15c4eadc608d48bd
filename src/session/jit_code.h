#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/id.h"
#include "process/address_spaces.h"
#include "symbol/jit_dump.h"
#include "symbol/module_files.h"

namespace oc::session {

/// Tells address spaces which code a compiler inside a process put where other code had been, when the trace gets there.
///
///     jit-PID.dump:   load a at 0x1000 ──── load b over it ────           what lies nowhere twice stays //anon: its frames
///     address space:  //anon │ //anon, code 1 │ //anon, code 2            are the same, whenever they were met
///
/// A process with more of it than can be told has all its memory as Module::kUntold from then on, and is counted.
/// A dump tells its times by CLOCK_MONOTONIC: of a trace with another clock it says nothing. A live dump is looked at
/// again when it has grown. One thread, that of the address spaces.
class JitCode {
 public:
  JitCode(process::AddressSpaces& spaces, process::ModuleTable& modules, symbol::Places places)
      : spaces_(spaces), modules_(modules), places_(std::move(places)) {}

  /// Changes of one process. Each costs a look through its ranges, and there may be two ranges for one.
  static constexpr uint32_t kMostTold = 8192;
  static_assert(2 * kMostTold <
                process::AddressSpaces::kMostRanges / 2);  // of which files want some, too
  /// Bytes of a dump that grows, which is read again and again.
  static constexpr uint64_t kMostRead = uint64_t{64} << 20;

  static bool is_dump(std::string_view path);
  /// The process has mapped a dump, to tell where it lies.
  void add_dump(int32_t pid, const std::string& path);
  /// Code was mapped there. Where it is memory again, as whenever its protection changes, what was compiled is still in it; of
  /// a file, nothing is.
  void remap(int32_t pid, uint64_t start, uint64_t size_bytes);
  /// What the process had compiled has gone: it executes a program, has ended, or another one has its pid now.
  void forget(int32_t pid);
  /// Processes that mapped a dump and have not ended.
  size_t processes() const { return processes_.size(); }
  /// Processes that reached a limit.
  uint64_t untold() const { return untold_; }
  /// The trace is live, so that dumps grow.
  void set_live() { is_live_ = true; }

  /// The trace is at this time.
  void advance(base::Nanos time) {
    if (time >= next_) apply(time);
  }

 private:
  /// Code that was put somewhere.
  struct Range {
    uint64_t end = 0;
    uint32_t code = 0;  ///< as Module::code: 1 + index of the dump's entry
  };
  using Ranges = std::map<uint64_t, Range>;  ///< by start; they do not overlap
  struct Process {
    std::string path;
    uint64_t file_bytes = 0;  ///< as of the last look
    base::Nanos looked_at = 0;
    uint32_t told = 0;
    bool is_full = false;       ///< a limit was met: nothing more is read
    bool is_over = false;       ///< the trace has got there: nothing more is told
    std::vector<bool> is_told;  ///< by entry
    Ranges now;
  };
  struct Change {
    int32_t pid = 0;
    uint64_t start = 0;
    Range range;  ///< empty: what follows is not told
  };

  static Ranges::iterator first_behind(Ranges& ranges, uint64_t address);
  static void cut(Ranges& ranges, uint64_t start, uint64_t end);
  void load(int32_t pid, Process& process);
  void refresh();
  void end(int32_t pid, Process& process);
  void plan();
  void apply(base::Nanos time);
  void put(int32_t pid, uint64_t start, const Range& range);
  void show(int32_t pid, uint64_t start, const Range& range);

  process::AddressSpaces& spaces_;
  process::ModuleTable& modules_;
  symbol::Places places_;
  bool is_live_ = false;
  base::Nanos seen_until_ = 0;  ///< live: what was put there before is known
  std::unordered_map<int32_t, Process> processes_;
  std::multimap<base::Nanos, Change> changes_;
  uint64_t untold_ = 0;
  base::Nanos next_ = ~base::Nanos{0};  ///< of the first change, or when dumps may have grown
};

}  // namespace oc::session
