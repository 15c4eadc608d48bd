#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "format/proto_writer.h"
#include "machine/machine.h"

namespace oc::format {

/// What stacks of one sequence of a Perfetto trace refer to: texts, mappings, frames, each told once, in the packet that
/// uses it first. Numbers of a field's table are its own, from 1 upwards.
///
/// A module is one mapping that begins at offset 0 of its file. A frame's place in it is its offset there, plus the load
/// bias where that is known: the address as linked. A frame without a place has 0; inlined functions have the place of
/// the function around them.
class PerfettoStacks {
 public:
  PerfettoStacks(machine::Machine& machine, bool inlined) : machine_(machine), inlined_(inlined) {}

  /// The callstack's number; 0: no frames. What is new is appended to `interned`, an InternedData.
  uint64_t add(machine::StackRef stack, ProtoWriter& interned);

 private:
  uint64_t text(uint32_t field, std::unordered_map<uint32_t, uint64_t>& known, base::StringId text,
                ProtoWriter& interned);
  /// A mapping's number and load bias.
  struct Mapped {
    uint64_t id = 0, bias = 0;
  };

  Mapped mapping_of(const machine::Place& place, base::StringId path, ProtoWriter& interned);
  uint64_t frame_of(uint32_t frame, const machine::Place& place, size_t line,
                    ProtoWriter& interned);

  machine::Machine& machine_;
  bool inlined_;
  std::unordered_map<uint32_t, uint64_t> functions_, paths_, sources_;  ///< by StringId
  std::unordered_map<uint32_t, uint64_t> build_ids_;                    ///< by ModuleId
  std::unordered_map<uint64_t, Mapped> mappings_;  ///< by module, or path where there is none
  std::unordered_map<uint64_t, uint64_t> frames_;  ///< by frame and line of it
  std::unordered_map<uint32_t, uint64_t> stacks_;  ///< by StackRef
};

}  // namespace oc::format
