#include "source/merger.h"

#include <algorithm>
#include <utility>

namespace oc::source {

void Merger::add(const Round& round) {
  for (const Run& run : round.runs) push(run);
  if (round.spans.empty()) return;
  scratch_.clear();
  RunScan scan(clock_, scratch_, next_order_);
  for (const Span& span : round.spans) {
    scan.cut();
    const uint8_t* at = span.begin;
    while (at < span.end) {
      const RecordHeader header = record_header(at);
      scan.add(at, header, span.position + static_cast<uint64_t>(at - span.begin), span.stream);
      at += header.size_bytes;
    }
  }
  for (const Run& run : scratch_) push(run);
}

void Merger::push(const Run& run) {
  heap_.push_back(run);
  size_t at = heap_.size() - 1;
  while (at > 0) {
    const size_t parent = (at - 1) / 2;
    if (!before(heap_[at], heap_[parent])) break;
    std::swap(heap_[at], heap_[parent]);
    at = parent;
  }
}

void Merger::sift_down() {
  size_t at = 0;
  const size_t count = heap_.size();
  for (;;) {
    size_t least = at;
    for (size_t child = 2 * at + 1; child < 2 * at + 3 && child < count; ++child) {
      if (before(heap_[child], heap_[least])) least = child;
    }
    if (least == at) return;
    std::swap(heap_[at], heap_[least]);
    at = least;
  }
}

uint64_t Merger::lowest_position(uint32_t stream, uint64_t otherwise) const {
  uint64_t lowest = otherwise;
  for (const Run& run : heap_) {
    if (run.stream == stream) lowest = std::min(lowest, run.position);
  }
  return lowest;
}

}  // namespace oc::source
