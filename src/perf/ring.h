#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <span>

namespace oc::perf {

/// The two parts of a ring in memory, as the kernel lays them out. Passive; owns nothing.
///
///     | perf_event_mmap_page | data: 2^n pages                             |
///       data_head: bytes ever written, by the kernel (we: load acquire)
///       data_tail: bytes ever consumed, by us (store release)
///       place of byte p in data: p mod size; at most `size` bytes lie between tail and head
///
/// Source: include/uapi/linux/perf_event.h, struct perf_event_mmap_page.
struct RingPages {
  perf_event_mmap_page* control = nullptr;
  const uint8_t* data = nullptr;
  uint64_t size_bytes = 0;  ///< of data: a power of two
};

/// Owns the mapping of one event's ring; unmaps it at the end. Move-only.
class Ring {
 public:
  Ring() = default;
  Ring(Ring&& other) noexcept;
  Ring& operator=(Ring&& other) noexcept;
  ~Ring();

  /// Maps a ring of `size_bytes` (2^n pages) for event descriptor `fd`. Returns 0 or an errno; on
  /// failure the Ring stays empty.
  int map(int fd, uint64_t size_bytes);
  void unmap();

  const RingPages& pages() const { return pages_; }
  explicit operator bool() const { return pages_.control != nullptr; }

 private:
  RingPages pages_;
};

/// The system's page size in bytes.
uint64_t page_size_bytes();

}  // namespace oc::perf
