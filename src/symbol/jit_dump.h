#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/id.h"
#include "base/result.h"

namespace oc::symbol {

/// The functions that a compiler inside a process wrote to jit-PID.dump, with the time from which each was there:
///
///     time   ──────────────────────────>
///     0x100  | a: load ──────┤ c: load over a and b ──
///     0x200  | b: load ──────┤
///     0x900         | d: load, move to 0x100 …
///
/// Records that are damaged end the reading; what was read until then stays.
/// Source: tools/perf/Documentation/jitdump-specification.txt.
class JitDump {
 public:
  JitDump() = default;
  JitDump(JitDump&&) = default;  // names of a copy would lie in the other's bytes
  JitDump& operator=(JitDump&&) = default;
  /// Error: it is none, of the other byte order, or its times are not of CLOCK_MONOTONIC.
  static base::Result<JitDump> make(std::vector<uint8_t> bytes, const std::string& name);

  struct Entry {
    uint64_t start = 0;
    uint64_t size_bytes = 0;
    base::Nanos from = 0;
    base::Nanos until = ~base::Nanos{0};  ///< something else was put there, or it moved
    std::string_view name;                ///< owned by the dump
    uint32_t code = 0;                    ///< of which load
  };
  /// What was there at that time; ~0: what was there last. Null: nothing. Owned by the dump.
  const Entry* find(uint64_t address, base::Nanos time = ~base::Nanos{0}) const;

  /// What was there first. Null: nothing ever. Owned by the dump.
  const Entry* find_first(uint64_t address) const;

  struct Line {
    std::string_view file;  ///< "": not known
    uint32_t line = 0;
  };
  /// Of an address that find() gave this entry for.
  Line find_line(const Entry& entry, uint64_t address) const;

  size_t size() const { return entries_.size(); }
  size_t size_bytes() const { return bytes_.size(); }
  /// In the order in which they were put there; a dump that has grown has more behind these.
  const std::vector<Entry>& entries() const { return entries_; }
  /// An entry whose range overlaps another one's: its addresses had several names.
  struct Reused {
    uint32_t entry = 0;
    uint32_t first =
        0;  ///< the first entry of the same name, place and lines: the same code, put there again
  };
  /// By entry, ascending.
  std::vector<Reused> find_reused() const;
  /// What ended the reading early; "": nothing.
  const std::string& damage() const { return damage_; }

 private:
  class Reader;
  struct LineEntry {
    uint64_t address = 0;
    std::string_view file;
    uint32_t line = 0;
    friend bool operator==(const LineEntry&, const LineEntry&) = default;
  };
  struct Code {
    uint64_t start = 0;  ///< at its load: its lines are told relative to that
    std::vector<LineEntry> lines;
  };

  void put(Entry entry);
  template <class Use>
  void visit(uint64_t address, const Use& use) const;

  std::vector<uint8_t> bytes_;
  std::vector<Entry> entries_;
  std::vector<Code> codes_;
  std::map<uint64_t, uint32_t> now_;  ///< while reading and after: start → entry that is there now
  std::vector<uint32_t> by_start_;
  uint64_t largest_ = 0;
  std::string damage_;
};

}  // namespace oc::symbol
