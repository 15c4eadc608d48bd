#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "format/exporter.h"
#include "format/output.h"
#include "format/stack_tree.h"

namespace oc::format {

/// Libraries of a profile: each module once, by its id or, where it has none, by its path.
class FirefoxLibs {
 public:
  explicit FirefoxLibs(machine::Machine& machine) : machine_(machine) {}
  uint32_t add(process::ModuleId module, base::StringId path);
  base::StringId path(uint32_t lib) const { return libs_[lib].path; }
  /// The array, as JSON.
  std::string text() const;

 private:
  struct Lib {
    process::ModuleId module;
    base::StringId path;
  };
  machine::Machine& machine_;
  std::vector<Lib> libs_;
  std::unordered_map<uint64_t, uint32_t> by_module_;
};

/// One thread of a Firefox profile (processed, version 55): samples and markers, and tables of its own for all that
/// they refer to.
///
///     sample ── stackTable: prefix, frame ── frameTable: line, address ── funcTable: name ── resourceTable ── libs
///
/// Tables are columns; a stack comes after its prefix. Texts are the machine's, each once in `stringArray`.
class FirefoxThread {
 public:
  /// Who it is.
  struct Facts {
    std::string name, process_name, pid, tid;
    bool is_main = false;
    double start = 0;  ///< ms
    double end = 0;    ///< ms; below `start`: it still ran
  };
  enum Category : uint8_t { kOther, kUser, kKernel };

  FirefoxThread(const Export& what, FirefoxLibs& libs)
      : machine_(what.machine), libs_(libs), inlined_(what.inlined) {}

  void add_sample(double ms, machine::StackRef stack, double weight);
  /// `data`: fields of the marker's own as JSON, with its type and without braces.
  void add_marker(base::StringId name, double start_ms, double end_ms, bool is_instant,
                  std::string data, machine::StackRef stack);
  /// `weight_type`: "samples", "tracing-ms", "bytes".
  void write(const Facts& facts, std::string_view weight_type, Output& out) const;

 private:
  /// Rows of columns that are numbers or null; null is kNull.
  static constexpr int64_t kNull = INT64_MIN;
  using Column = std::vector<int64_t>;

  int64_t node_of(machine::StackRef stack);
  int64_t address_of(const machine::Place& place) const;
  uint32_t frame_of(uint32_t frame, const machine::Place& place, size_t line);
  uint32_t func_of(machine::FunctionId function, uint32_t lib);
  uint32_t resource_of(uint32_t lib);
  uint32_t string_of(base::StringId text);
  void write_samples(std::string_view weight_type, Output& out) const;
  void write_markers(Output& out) const;
  void write_stacks(Output& out) const;
  void write_functions(Output& out) const;

  machine::Machine& machine_;
  FirefoxLibs& libs_;
  bool inlined_;
  std::vector<base::StringId> strings_;
  std::unordered_map<uint32_t, uint32_t> string_ids_;               ///< by StringId
  StackTree tree_;                                                  ///< of frames
  std::unordered_map<uint32_t, uint32_t> nodes_;                    ///< by StackRef
  std::unordered_map<uint64_t, uint32_t> frame_ids_;                ///< by frame and line of it
  std::unordered_map<uint32_t, uint32_t> func_ids_, resource_ids_;  ///< by FunctionId, by lib
  Column frame_address_, frame_depth_, frame_category_, frame_func_, frame_line_;
  Column func_name_, func_resource_, func_file_;
  Column resource_lib_, resource_name_;
  Column sample_stack_;
  std::vector<double> sample_time_, sample_weight_;
  Column marker_name_, marker_phase_;
  std::vector<double> marker_start_, marker_end_;
  std::vector<std::string> marker_data_;
};

}  // namespace oc::format
