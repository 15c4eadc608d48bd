#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "perf/ring.h"
#include "source/source.h"

namespace oc::perf {

/// Lends a ring's records as spans of whole, contiguous records, each byte once.
///
///     data:   | d2 ..... d3 |  free  | a ........ b | w1 >      position of a = given out so far
///             < w2 |                                            d3 = head
///     spans:  1. [a, b)     in the ring
///             2. w1 w2      the record across the seam, joined in `joined_`
///             3. [d2, d3)   in the ring
///
/// One block for joined records is enough: the kernel cannot write the next record across the seam
/// before the one before it was released. Records are checked (size at least 8, a multiple of 8,
/// within what is there) before they are lent; after a bad one nothing can be found, so the rest up
/// to the head is skipped and counted. Allocates only when made. One thread.
class RingReader {
 public:
  /// The ring outlives the reader.
  RingReader(const RingPages& pages, uint32_t stream);

  /// Adds what has arrived since the last call to `spans`. Returns the bytes skipped because the
  /// ring was damaged, normally 0. Lent: until `release` of a position behind them.
  uint64_t collect(std::vector<source::Span>& spans);

  /// Gives everything before `position` back to the kernel. A smaller position than before does
  /// nothing; one that was not lent yet counts as the last one that was.
  void release(uint64_t position);

  /// Bytes lent and not released yet.
  uint64_t lent_bytes() const { return lent_ - released_; }

 private:
  uint64_t walk(uint64_t from, uint64_t to, std::vector<source::Span>& spans);
  void lend_joined(uint64_t at, uint64_t size_bytes, std::vector<source::Span>& spans);

  RingPages pages_;
  uint32_t stream_;
  uint64_t lent_ = 0;
  uint64_t released_ = 0;
  uint64_t skip_from_ =
      0;  ///< [skip_from_, skip_to_) was never lent: released with what is before it
  uint64_t skip_to_ = 0;
  std::unique_ptr<uint8_t[]> joined_;
};

}  // namespace oc::perf
