#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/event_table.h"
#include "source/feature.h"
#include "source/trace_header.h"

namespace oc::source {

struct NumaNode {
  uint32_t number = 0;
  uint64_t total_kb = 0;
  uint64_t free_kb = 0;
  std::string cpus;  ///< "0-1"
};

struct CacheLevel {
  uint32_t level = 0;
  uint32_t line_bytes = 0;
  uint32_t sets = 0;
  uint32_t ways = 0;
  std::string type;  ///< "Data"
  std::string size;  ///< "48K"
  std::string cpus;
};

struct CpuPlace {
  uint32_t core = 0;
  uint32_t socket = 0;
  uint32_t die = 0;
};

struct CpuTopology {
  std::vector<std::string> sockets;  ///< lists of CPUs that share one
  std::vector<std::string> threads;
  std::vector<std::string> dies;
  std::vector<CpuPlace> places;  ///< by CPU
};

/// A BPF program, as the kernel tells of it; what its parts are: sys/bpf_programs.h.
struct BpfInfo {
  uint64_t arrays = 0;
  std::span<const uint8_t> info;
  std::span<const uint8_t> data;  ///< a multiple of 8 bytes
};

/// The types (BTF) of one or more of them.
struct BpfTypes {
  uint32_t id = 0;
  std::span<const uint8_t> bytes;
};

struct MemoryNode {
  uint64_t number = 0;
  std::vector<uint32_t> blocks;  ///< ascending
};

/// The feature sections of a perf.data file, by number, as bytes.
///
/// The layouts are in docs/formats/perf_data.md; strings are u32 size, text, zeros up to 64 bytes.
/// Source: tools/perf/Documentation/perf.data-file-format.txt, and files that perf 6.1 wrote.
class FeatureSections {
 public:
  void add_text(Feature number, std::string_view text);
  void add_texts(Feature number, const std::vector<std::string>& texts);
  void add_cpu_count(uint32_t available, uint32_t online);
  void add_memory(uint64_t total_kb);
  void add_topology(const CpuTopology& topology);
  void add_numa(const std::vector<NumaNode>& nodes);
  void add_pmus(const std::vector<std::pair<uint32_t, std::string>>& pmus);
  void add_caches(const std::vector<CacheLevel>& levels);
  void add_memory_map(uint64_t block_bytes, const std::vector<MemoryNode>& nodes);
  /// The clock of the trace, and what it and the wall clock showed at one moment.
  void add_clock(uint32_t clock, uint64_t resolution_ns, uint64_t wall_ns, uint64_t clock_ns);
  void add_compression(uint32_t level, uint32_t ratio, uint32_t ring_bytes);
  void add_bpf(const std::vector<BpfInfo>& programs, const std::vector<BpfTypes>& types);
  /// A section as another trace of this byte order has it.
  void add_bytes(Feature number, std::span<const uint8_t> bytes) {
    sections_[number].assign(bytes.begin(), bytes.end());
  }
  /// A section that says that there is none of the kind.
  void add_none(Feature number);
  /// Which events are counted together: `groups[i]` is the number of event i's group, 0 for none. Members stand
  /// side by side, the leader first.
  void add_groups(const std::vector<uint32_t>& groups);
  void add_events(const event::EventTable& events);
  void add_sample_times(uint64_t first, uint64_t last);
  void add_build_ids(const std::vector<BuildId>& entries);

  const std::map<Feature, std::vector<uint8_t>>& sections() const { return sections_; }

 private:
  std::map<Feature, std::vector<uint8_t>> sections_;
};

/// An attr as it is stored: at most 128 bytes (PERF_ATTR_SIZE_VER7). perf refuses more than it knows, even when
/// the rest is zero.
std::span<const uint8_t> stored_attr(const perf_event_attr& attr);
uint32_t stored_attr_bytes();

}  // namespace oc::source
