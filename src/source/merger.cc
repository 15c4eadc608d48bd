#include "source/merger.h"

#include <algorithm>
#include <utility>

namespace oc::source {

void Merger::add(Round& round) {
  for (const Run& run : round.runs) push(run);
  if (round.spans.empty()) return;
  scratch_.clear();
  RunScan scan(clock_, scratch_, next_order_);
  for (const Span& span : round.spans) {
    scan.cut();
    const uint8_t* at = span.begin;
    while ((at = scan.take_samples(at, span.end, span.end)) < span.end) {
      const RecordHeader header = record_header(at);
      scan.add(at, header, span.position + static_cast<uint64_t>(at - span.begin), span.stream);
      at += header.size_bytes;
    }
  }
  scan.cut();
  round.records += scan.records();
  round.bytes += scan.bytes();
  for (const Run& run : scratch_) push(run);
}

void Merger::push(const Run& run) {
  if (run.time != 0 && (oldest_ == 0 || run.time < oldest_)) oldest_ = run.time;
  const auto bytes = static_cast<uint64_t>(run.end - run.at);
  const Rest rest{run.at, run.end, run.position + bytes, run.stream};
  uint32_t slot = static_cast<uint32_t>(rests_.size());
  if (free_slots_.empty()) {
    rests_.push_back(rest);
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
    rests_[slot] = rest;
  }
  heap_.push_back(Node{run.time, run.order, slot, kUnclassified});
  size_t at = heap_.size() - 1;
  while (at > 0) {
    const size_t parent = (at - 1) / 2;
    if (!before(heap_[at], heap_[parent])) break;
    std::swap(heap_[at], heap_[parent]);
    at = parent;
  }
}

void Merger::pop() {
  free_slots_.push_back(heap_.front().slot);
  const Node last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) sift_down(last, 0);
}

void Merger::sift_down(Node node, size_t at) {
  const size_t count = heap_.size();
  for (;;) {
    size_t least = 2 * at + 1;
    if (least >= count) break;
    if (least + 1 < count && before(heap_[least + 1], heap_[least])) ++least;
    if (!before(heap_[least], node)) break;
    heap_[at] = heap_[least];
    at = least;
  }
  heap_[at] = node;
}

void Merger::lower_to_needed(std::vector<uint64_t>& positions) const {
  for (const Node& node : heap_) {
    const Rest& rest = rests_[node.slot];
    if (rest.stream >= positions.size()) continue;
    const uint64_t position = rest.end_position - static_cast<uint64_t>(rest.end - rest.at);
    positions[rest.stream] = std::min(positions[rest.stream], position);
  }
}

}  // namespace oc::source
