#include "perf/ring_reader.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace oc::perf {

namespace {

constexpr uint64_t kMaxRecord = 1u << 16;  // perf_event_header.size is a u16
constexpr uint64_t kHeader = sizeof(perf_event_header);

uint64_t record_size(const uint8_t* record) { return base::load<perf_event_header>(record).size; }

}  // namespace

RingReader::RingReader(const RingPages& pages, uint32_t stream)
    : pages_(pages), stream_(stream), joined_(std::make_unique<uint8_t[]>(kMaxRecord)) {
  released_ = lent_ = __atomic_load_n(&pages_.control->data_tail, __ATOMIC_RELAXED);
}

uint64_t RingReader::collect(std::vector<source::Span>& spans) {
  // Pairs with the kernel's barrier before it stores data_head: what is behind it is written.
  const uint64_t head = __atomic_load_n(&pages_.control->data_head, __ATOMIC_ACQUIRE);
  if (head == lent_) return 0;
  uint64_t good = lent_;
  if (head - released_ <= pages_.size_bytes) good = walk(lent_, head, spans);
  const uint64_t skipped = head - good;
  if (skipped != 0) {
    if (good != skip_to_) skip_from_ = good;  // else one more piece of the same hole
    skip_to_ = head;
  }
  lent_ = head;
  if (skipped != 0) release(released_);
  return skipped;
}

/// Lends records from `from` on; returns the position where it stopped: `to`, or a bad record.
uint64_t RingReader::walk(uint64_t from, uint64_t to, std::vector<source::Span>& spans) {
  const uint64_t mask = pages_.size_bytes - 1;
  uint64_t at = from;
  uint64_t start = from;  // of the span that is growing
  const auto lend = [&](uint64_t end) {
    if (end == start) return;
    const uint8_t* begin = pages_.data + (start & mask);
    spans.push_back({begin, begin + (end - start), stream_, start});
  };
  while (at != to) {
    if ((at & mask) == 0 && at != start) {  // the seam, between two records
      lend(at);
      start = at;
    }
    // A header never wraps: everything is a multiple of 8.
    if (to - at < kHeader || (at & 7) != 0) break;
    const uint64_t size = record_size(pages_.data + (at & mask));
    if (size < kHeader || (size & 7) != 0 || size > to - at) break;
    if ((at & mask) + size > pages_.size_bytes) {
      lend(at);
      lend_joined(at, size, spans);
      start = at + size;
    }
    at += size;
  }
  lend(at);
  return at;
}

void RingReader::lend_joined(uint64_t at, uint64_t size_bytes, std::vector<source::Span>& spans) {
  const uint64_t offset = at & (pages_.size_bytes - 1);
  const uint64_t first = pages_.size_bytes - offset;
  std::memcpy(joined_.get(), pages_.data + offset, first);
  std::memcpy(joined_.get() + first, pages_.data, size_bytes - first);
  spans.push_back({joined_.get(), joined_.get() + size_bytes, stream_, at});
}

void RingReader::release(uint64_t position) {
  position = std::min(position, lent_);
  if (position >= skip_from_ && position < skip_to_) position = skip_to_;
  if (position <= released_) return;
  released_ = position;
  // Our reads of the bytes come before the kernel may write there again.
  __atomic_store_n(&pages_.control->data_tail, released_, __ATOMIC_RELEASE);
}

}  // namespace oc::perf
