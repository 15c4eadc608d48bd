#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/id.h"

namespace oc::machine {

using KindId = base::Id<struct KindTag>;         ///< what was sampled
using ContextId = base::Id<struct ContextTag>;   ///< thread and the name that it had
using AttributesId = base::Id<struct AttrsTag>;  ///< a set of attributes

/// Names one stack of a machine: of the traced ones, or (with the top bit) of those that were added by hand; 0: none.
using StackRef = uint32_t;

constexpr uint16_t kNoCpu = 0xffff;

/// One observation.
struct Sample {
  int64_t time = 0;  ///< ns since the session began; below 0: before
  double value = 0;  ///< in the unit of its kind; whole numbers are exact to 2^53
  ContextId context;
  StackRef stack = 0;
  AttributesId attributes;
  KindId kind;
  uint16_t cpu = kNoCpu;
  /// How many samples it stands for: rows of others' profiles are sums, whose value is that of all together.
  uint64_t weight = 1;
};

/// Samples as columns, in the order in which they came; the oldest can be dropped.
///
///     chunks:  [time… | value… | context… | stack… | kind… | cpu… | attributes…?]  [ … ]  [ … ]    16,384 samples each
///
/// 28 bytes a sample; 32 in chunks of which a sample has attributes, 8 more in those of which one stands for several. Payloads of events, where they are kept, are 4 bytes
/// and their own more. A sample's number stays the same when others are
/// dropped. One thread.
class SampleTable {
 public:
  static constexpr uint32_t kChunk = 1 << 14;

  /// Payloads of a chunk's samples, one behind the other.
  struct Records {
    std::vector<uint8_t> bytes;
    std::vector<uint32_t> ends;  ///< by sample
  };

  /// Columns of up to kChunk samples. Owned by the table, until they are dropped.
  struct Chunk {
    uint32_t count = 0;
    bool is_ordered = true;                                 ///< times ascend
    int64_t first_time = INT64_MAX, last_time = INT64_MIN;  ///< the smallest and the largest
    std::unique_ptr<int64_t[]> times;
    std::unique_ptr<double[]> values;
    std::unique_ptr<uint32_t[]> contexts;
    std::unique_ptr<uint32_t[]> stacks;
    std::unique_ptr<uint16_t[]> kinds;
    std::unique_ptr<uint16_t[]> cpus;
    std::unique_ptr<uint32_t[]> attributes;  ///< null: no sample has any
    std::unique_ptr<uint64_t[]> weights;     ///< null: each stands for itself
    std::unique_ptr<Records> records;        ///< null: no payload was kept

    uint64_t weight(uint32_t i) const { return weights ? weights[i] : 1; }
    Sample at(uint32_t i) const {
      return {times[i],   values[i], {contexts[i]}, stacks[i], {attributes ? attributes[i] : 0},
              {kinds[i]}, cpus[i],   weight(i)};
    }
  };

  /// The number of the sample: 0, 1, 2 …
  uint64_t add(const Sample& sample, std::span<const uint8_t> payload = {});

  uint64_t size() const { return next_ - first_; }
  uint64_t first() const { return first_; }  ///< number of the oldest that is there
  uint64_t end() const { return next_; }     ///< and of the one that will be added next
  /// Requires: a number from first() to below end().
  Sample operator[](uint64_t number) const {
    const uint64_t at = number - first_;
    return chunks_[at / kChunk].at(static_cast<uint32_t>(at % kChunk));
  }
  /// The payload that was kept with it; empty: none. Owned by the table, until it is dropped.
  std::span<const uint8_t> record(uint64_t number) const;
  const std::deque<Chunk>& chunks() const { return chunks_; }
  /// True when each sample is not older than the one before it.
  bool is_ordered() const { return is_ordered_; }
  int64_t newest() const { return newest_; }  ///< INT64_MIN: there was none
  uint64_t size_bytes() const;

  /// Drops the oldest chunk; how many samples that were. The newest chunk is never dropped.
  uint32_t drop_oldest();
  /// By old id the new one; see ProcessTable::forget.
  void renumber_contexts(std::span<const uint32_t> ids);

 private:
  Chunk& grow();
  static void weigh(Chunk& chunk, uint64_t weight);
  static void keep(Chunk& chunk, std::span<const uint8_t> payload);

  std::deque<Chunk> chunks_;
  uint64_t first_ = 0;
  uint64_t next_ = 0;
  int64_t newest_ = INT64_MIN;
  bool is_ordered_ = true;
};

}  // namespace oc::machine
