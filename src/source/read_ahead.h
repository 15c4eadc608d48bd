#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "base/mapping.h"

namespace oc::source {

/// Keeps a window of a mapping in the page tables around a reader that moves forward, on another core.
///
///     mapping:  ....dropped....|--- kept ---| reader |--- populated ahead ---|.....
///
/// Page faults and waiting for the disk happen here instead of in the reader; pages far behind are
/// unmapped, so that a trace larger than memory does not fill it. Dropped bytes stay valid: touching
/// them faults them in again. Small mappings get no thread.
class ReadAhead {
 public:
  /// `mapping` outlives this.
  explicit ReadAhead(const base::Mapping& mapping);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// The reader is now at `offset` (bytes of the mapping). Cheap: acts once per block.
  void reached(uint64_t offset) {
    if (offset < next_block_at_) return;
    cross(offset);
  }

 private:
  void cross(uint64_t offset);
  void run();

  const base::Mapping& mapping_;
  uint64_t next_block_at_ = 0;      ///< the reader's own
  std::atomic<uint32_t> block_{0};  ///< where the reader is
  std::thread thread_;
};

}  // namespace oc::source
