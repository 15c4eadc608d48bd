#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/interner.h"
#include "format/output.h"
#include "format/proto_writer.h"
#include "machine/machine.h"
#include "machine/pair_table.h"

namespace oc::format {

/// The string table of a profile: each distinct text once, as clean UTF-8; index 0 is "".
class PprofTexts {
 public:
  explicit PprofTexts(const machine::Machine& machine) : machine_(machine) {}
  uint64_t index(std::string_view text);
  uint64_t index(base::StringId text);  ///< of the machine's
  void write(Output& out) const;

 private:
  const machine::Machine& machine_;
  base::Interner texts_;
  std::vector<uint32_t> known_;  ///< by StringId of the machine: 1 + index
};

/// Mappings, locations and functions of a profile.
///
/// A frame is one location, whichever process ran it. A file that processes have mapped at different places is one
/// mapping, where the first of them had it: addresses of all its frames are as in that process.
/// Return addresses are minus one, so that they lie in the call, as all tools that write profiles do.
class PprofPlaces {
 public:
  PprofPlaces(machine::Machine& machine, PprofTexts& texts, bool inlined)
      : machine_(machine), texts_(texts), inlined_(inlined) {}

  /// The location of a frame that this process ran; ids are from 1 upwards.
  uint64_t location(uint32_t frame, machine::ProcessId process);
  /// `process_name`: of the process whose program comes first, as readers take the first mapping for the main one.
  void write(Output& out, std::string_view process_name);

 private:
  struct Mapping {
    base::StringId file;
    process::ModuleId module;
    base::StringId build_id;  ///< of an imported one
    uint64_t start = 0, limit = 0, offset = 0;
    bool has_functions = false, has_files = false, has_lines = false, has_inlines = false;
  };
  struct Location {
    uint32_t frame = 0;
    uint32_t mapping = 0;  ///< 1 + index in mappings_; 0: none
    uint64_t address = 0;
  };

  Location place(uint32_t frame, machine::ProcessId process);
  uint32_t mapping_of(const machine::Place& place, uint64_t offset, machine::ProcessId process);
  uint32_t mapping_of_file(base::StringId file);
  uint32_t own_mapping(uint32_t id);
  void add_mapping(const Mapping& mapping) { mappings_.push_back(mapping); }
  void write_locations(Output& out, const std::vector<uint32_t>& mapping_ids);
  void write_functions(Output& out);
  void write_mappings(Output& out, const std::vector<uint32_t>& mapping_ids);
  std::vector<uint32_t> order_of_mappings(std::string_view process_name) const;

  machine::Machine& machine_;
  PprofTexts& texts_;
  bool inlined_;
  std::vector<uint32_t> traced_, own_;  ///< by frame: its location's id
  std::vector<Location> locations_;     ///< ids are 1 + index
  std::vector<Mapping> mappings_;
  std::unordered_map<uint32_t, std::vector<uint32_t>> mappings_of_;  ///< by module: 1 + index
  std::unordered_map<uint32_t, uint32_t> mapping_of_file_;           ///< by path, of own frames
  std::unordered_map<uint32_t, uint32_t> own_mappings_;              ///< by id in the machine
  machine::PairTable functions_;  ///< function and file; ids are 1 + index
};

}  // namespace oc::format
