#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "machine/machine.h"
#include "machine/pair_table.h"

namespace oc::format {

/// Where the code of stacks lay in memory, for formats that know functions by their addresses.
///
///     frame of a process ── where its module was mapped ──> live address ─┬─> mappings, symbols
///     inlined function, frame without an address ── made up ──────────────┘
///
/// A made-up address lies where no process can have code, in a made-up mapping of the same module: so each function of
/// a stack keeps its name and module. The same is done where one address meant two things at different times, because
/// such formats know an address of a process as one thing. Return addresses are told as the byte before, which lies in
/// the call. Use: add all stacks, finish, ask. One thread.
class CodeAddresses {
 public:
  static constexpr uint64_t kMadeUp =
      0x4f43'0000'0000'0000;  ///< not canonical: no process has code there

  struct Mapping {
    process::ModuleId module;  ///< 0: known by its path alone
    base::StringId path;
    uint64_t start = 0, end = 0, offset = 0;
    uint64_t code = 0;  ///< offset of some code that was seen in it
    bool is_kernel = false;
    bool is_made_up = false;
  };
  /// That a process has a mapping.
  struct Use {
    machine::ProcessId process;
    uint32_t mapping = 0;
  };
  struct Symbol {
    uint32_t mapping = 0;
    uint64_t start = 0, end = 0;  ///< `end` exclusive
    machine::FunctionId function;
  };

  /// `inlined`: inlined functions have addresses of their own.
  CodeAddresses(machine::Machine& machine, bool inlined) : machine_(machine), inlined_(inlined) {}

  void add(machine::ProcessId process, machine::StackRef stack);
  void finish();

  /// Of a stack that was added, the innermost first. Lent: until the next call.
  std::span<const uint64_t> find(machine::ProcessId process, machine::StackRef stack);
  const std::vector<Mapping>& mappings() const { return mappings_; }
  const std::vector<Use>& uses() const {
    return uses_;
  }  ///< in the order in which stacks brought them
  /// In order of mapping and address, none within another. What nobody knows a name of has none.
  const std::vector<Symbol>& symbols() const { return symbols_; }

 private:
  static constexpr uint64_t kSpacing = 16;  ///< between made-up addresses

  /// A function of a frame.
  struct Spot {
    uint32_t mapping = 0;
    uint64_t address = 0;  ///< of made-up mappings the number of the function in it
    uint64_t function_start = 0;
    machine::FunctionId function;
  };
  /// The spots of a frame of a process: those of its inlined functions, then its own.
  struct Entry {
    uint32_t first = 0, count = 0;
  };
  using MappingKey = std::tuple<uint32_t, uint64_t, uint64_t, uint64_t>;

  Entry add_frame(machine::ProcessId process, uint32_t frame);
  void add_line(machine::ProcessId owner, const machine::Place& place, uint32_t frame, size_t line);
  bool place_live(machine::ProcessId owner, const machine::Place& place, uint32_t frame,
                  Spot& spot);
  void make_up(const machine::Place& place, Spot& spot);
  uint32_t intern(const Mapping& mapping);
  bool fits(machine::ProcessId owner, uint32_t mapping);
  void use(machine::ProcessId process, uint32_t mapping);
  machine::ProcessId owner_of(machine::ProcessId process, const machine::Place& place) const {
    return place.is_kernel ? machine::ProcessId{} : process;
  }
  static uint64_t key_of(machine::ProcessId process, uint32_t frame) {
    return uint64_t{process.value} << 32 | frame;
  }

  machine::Machine& machine_;
  bool inlined_;
  std::vector<Mapping> mappings_;
  std::map<MappingKey, uint32_t> by_place_;         ///< live ones
  std::unordered_map<uint32_t, uint32_t> made_up_;  ///< by path
  std::unordered_map<uint64_t, bool> fits_;         ///< by process and live mapping
  std::unordered_map<uint32_t, std::vector<uint32_t>>
      used_;                         ///< by process: live mappings that do not contradict
  machine::PairTable numbers_;       ///< of functions in made-up mappings
  std::vector<uint32_t> number_in_;  ///< by that: its number in the mapping
  std::vector<uint32_t> sizes_;      ///< by mapping: functions in a made-up one
  std::unordered_map<uint64_t, Entry> entries_;  ///< by process and frame
  std::vector<Spot> spots_;
  machine::PairTable told_;  ///< process and mapping
  std::vector<Use> uses_;
  std::vector<Symbol> symbols_;
  std::vector<uint64_t> addresses_;
};

}  // namespace oc::format
