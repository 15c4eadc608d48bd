#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "perf/opened_events.h"
#include "perf/ring.h"
#include "perf/ring_reader.h"
#include "source/source.h"
#include "sys/permissions.h"

namespace oc::perf {

/// Sizes that were tried, and why they are what they are: docs/design/live.md.
constexpr uint64_t kDefaultDataBytes = 8u << 20;
constexpr uint64_t kDefaultSidebandBytes = 512u << 10;
constexpr uint64_t kMinRingBytes = 64u << 10;

/// The smallest power of two pages that holds `bytes`.
uint64_t round_up_to_ring(uint64_t bytes);

/// The data ring's size when the user did not choose: 8 MiB, but all together at most 1/16 of
/// memory.
uint64_t default_data_bytes(size_t cpus, uint64_t memory_bytes);

/// Two rings for every CPU, and the streams that they are.
///
///     stream 2i    CPU i sideband   512 KiB   comm, fork, exit, mmap
///     stream 2i+1  CPU i data         8 MiB   samples of every event, switches
///
/// i counts the CPUs traced, not their numbers. Where names are heard on more CPUs than are traced,
/// their sideband rings follow. Where the lock limit does not allow these sizes,
/// all rings of a kind are halved until they fit, down to 64 KiB. One thread.
class CpuRings {
 public:
  /// Maps rings for the owners' descriptors. `data_bytes` 0: choose, and say in `notes` if less.
  base::Status map(const std::vector<RingOwner>& sideband, const std::vector<RingOwner>& data,
                   uint64_t data_bytes, const sys::Permissions& permissions,
                   std::vector<std::string>& notes);

  /// Adds what arrived in all rings. Damage goes to `notes`, once per ring.
  void collect(std::vector<source::Span>& spans, std::vector<std::string>& notes);
  void release(uint32_t stream, uint64_t position);
  void unmap();

  /// -1: there is no such stream.
  int32_t cpu_of(uint32_t stream) const { return stream < cpus_.size() ? cpus_[stream] : -1; }
  bool is_sideband(uint32_t stream) const {
    return stream >= is_sideband_.size() || is_sideband_[stream];
  }
  size_t streams() const { return readers_.size(); }
  uint64_t data_bytes() const { return data_bytes_; }
  uint64_t sideband_bytes() const { return sideband_bytes_; }

 private:
  void take(std::vector<Ring>& sideband, std::vector<Ring>& data);
  void explain_sizes(uint64_t chosen, uint64_t wanted, std::vector<std::string>& notes) const;

  void collect_some(bool of_sideband, std::vector<source::Span>& spans,
                    std::vector<std::string>& notes);

  std::vector<source::Span> data_spans_;  // of a turn
  std::vector<Ring> rings_;               // by stream
  std::vector<RingReader> readers_;
  std::vector<bool> is_damaged_;
  std::vector<int32_t> cpus_;  // by stream
  std::vector<bool> is_sideband_;
  uint64_t data_bytes_ = 0;
  uint64_t sideband_bytes_ = 0;
};

}  // namespace oc::perf
