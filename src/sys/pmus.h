#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oc::sys {

/// Bits of a config word that a term fills, lowest first: "config1:0-7,32".
struct PmuFormat {
  int word = 0;  ///< 0 config, 1 config1, 2 config2, 3 config3
  struct Range {
    uint32_t first, last;
  };
  std::vector<Range> ranges;

  uint32_t bits() const;
  /// `value` in its place, added to `config`. False: it has more bits than there are.
  bool place(uint64_t value, uint64_t& config) const;
};

/// Reads the text of a file in a PMU's `format` folder.
base::Result<PmuFormat> parse_pmu_format(std::string_view text, const std::string& path);

/// A performance monitoring unit as the kernel shows it.
struct Pmu {
  std::string name;
  std::string folder;
  uint32_t type = 0;          ///< perf_event_attr.type
  std::vector<int32_t> cpus;  ///< where its events are to be opened; empty: everywhere
};

/// The units of this machine: /sys/bus/event_source/devices. Holds a path; each call reads anew.
class Pmus {
 public:
  explicit Pmus(std::string root = "/sys/bus/event_source/devices") : root_(std::move(root)) {}

  /// By name; all of "uncore_imc_0", "uncore_imc_1" by "uncore_imc" or "imc", or by a glob. Empty:
  /// there is none of the name.
  std::vector<Pmu> find(const std::string& name) const;
  std::vector<std::string> names() const;

  /// The text of a named event ("event=0x3c,umask=0x0"), or nothing.
  std::optional<std::string> event(const Pmu& pmu, const std::string& name) const;
  std::vector<std::string> events(const Pmu& pmu) const;
  /// Nothing when the unit has no such term. Error: its text cannot be read.
  base::Result<std::optional<PmuFormat>> format(const Pmu& pmu, const std::string& name) const;
  std::vector<std::string> formats(const Pmu& pmu) const;

  const std::string& root() const { return root_; }

 private:
  std::optional<Pmu> load(const std::string& name) const;

  std::string root_;
};

}  // namespace oc::sys
