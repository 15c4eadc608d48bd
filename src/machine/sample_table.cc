#include "machine/sample_table.h"

#include <utility>

namespace oc::machine {

SampleTable::Chunk& SampleTable::grow() {
  Chunk chunk;
  chunk.times.reset(
      new int64_t[kChunk]);  // not filled with zeros: each is written before it is read
  chunk.values.reset(new double[kChunk]);
  chunk.contexts.reset(new uint32_t[kChunk]);
  chunk.stacks.reset(new uint32_t[kChunk]);
  chunk.kinds.reset(new uint16_t[kChunk]);
  chunk.cpus.reset(new uint16_t[kChunk]);
  return chunks_.emplace_back(std::move(chunk));
}

/// From the first sample on that stands for several.
void SampleTable::weigh(Chunk& chunk, uint64_t weight) {
  if (!chunk.weights) {
    chunk.weights.reset(new uint64_t[kChunk]);
    std::fill_n(chunk.weights.get(), kChunk, uint64_t{1});
  }
  chunk.weights[chunk.count - 1] = weight;
}

/// Of the sample that was added last.
void SampleTable::keep(Chunk& chunk, std::span<const uint8_t> payload) {
  if (!chunk.records) chunk.records = std::make_unique<Records>();
  Records& records = *chunk.records;
  records.ends.resize(chunk.count - 1, static_cast<uint32_t>(records.bytes.size()));
  records.bytes.insert(records.bytes.end(), payload.begin(), payload.end());
  records.ends.push_back(static_cast<uint32_t>(records.bytes.size()));
}

std::span<const uint8_t> SampleTable::record(uint64_t number) const {
  if (number < first_ || number >= next_) return {};
  const Chunk& chunk = chunks_[(number - first_) / kChunk];
  const size_t at = (number - first_) % kChunk;
  if (!chunk.records || at >= chunk.records->ends.size()) return {};
  const auto& ends = chunk.records->ends;
  const uint32_t begin = at == 0 ? 0 : ends[at - 1];
  return std::span<const uint8_t>(chunk.records->bytes).subspan(begin, ends[at] - begin);
}

uint64_t SampleTable::add(const Sample& sample, std::span<const uint8_t> payload) {
  Chunk& chunk = chunks_.empty() || chunks_.back().count == kChunk ? grow() : chunks_.back();
  const uint32_t i = chunk.count++;
  chunk.times[i] = sample.time;
  chunk.values[i] = sample.value;
  chunk.contexts[i] = sample.context.value;
  chunk.stacks[i] = sample.stack;
  chunk.kinds[i] = static_cast<uint16_t>(sample.kind.value);
  chunk.cpus[i] = sample.cpu;
  if (sample.attributes && !chunk.attributes) chunk.attributes.reset(new uint32_t[kChunk]());
  if (chunk.attributes) chunk.attributes[i] = sample.attributes.value;
  if (sample.weight != 1) weigh(chunk, sample.weight);
  if (!payload.empty()) keep(chunk, payload);
  if (sample.time < chunk.last_time) chunk.is_ordered = false;
  if (sample.time < newest_) is_ordered_ = false;
  chunk.first_time = std::min(chunk.first_time, sample.time);
  chunk.last_time = std::max(chunk.last_time, sample.time);
  newest_ = std::max(newest_, sample.time);
  return next_++;
}

uint64_t SampleTable::size_bytes() const {
  uint64_t bytes = 0;
  for (const Chunk& chunk : chunks_) {
    bytes +=
        kChunk * (sizeof(int64_t) + sizeof(double) + 2 * sizeof(uint32_t) + 2 * sizeof(uint16_t));
    if (chunk.attributes) bytes += kChunk * sizeof(uint32_t);
    if (chunk.weights) bytes += kChunk * sizeof(uint64_t);
    if (chunk.records) {
      bytes += chunk.records->bytes.capacity() + chunk.records->ends.capacity() * sizeof(uint32_t);
    }
  }
  return bytes;
}

uint32_t SampleTable::drop_oldest() {
  if (chunks_.size() < 2) return 0;
  const uint32_t count = chunks_.front().count;
  chunks_.pop_front();
  first_ += count;
  return count;
}

void SampleTable::renumber_contexts(std::span<const uint32_t> ids) {
  for (Chunk& chunk : chunks_) {
    for (uint32_t i = 0; i < chunk.count; ++i) chunk.contexts[i] = ids[chunk.contexts[i]];
  }
}

}  // namespace oc::machine
