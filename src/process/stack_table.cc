#include "process/stack_table.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace oc::process {
namespace {

constexpr uint32_t kCountBits = 13;
constexpr uint32_t kCountMask = (1 << kCountBits) - 1;

uint32_t make_header(uint32_t frames, uint32_t kernel_frames, StackEnd end) {
  return frames | std::min(kernel_frames, frames) << kCountBits |
         static_cast<uint32_t>(end) << 2 * kCountBits;
}

constexpr std::array<std::string_view, kStackEnds> kDescriptions = {
    "complete",
    "the sample has no stack",
    "deeper than was recorded",
    "the record is damaged",
    "the user's part was not recorded",
    "the copy of the stack ends",
    "an address at which nothing is mapped",
    "no unwind information for an address",
    "the module's file cannot be had",
    "unwind information that is damaged",
    "memory that was not recorded",
    "the same frame again",
    "registers that are not supported",
};

}  // namespace

std::string_view describe(StackEnd end) {
  const auto index = static_cast<size_t>(end);
  return index < kDescriptions.size() ? kDescriptions[index] : "not known";
}

StackTable::~StackTable() {
  for (auto& block : blocks_) delete[] block.load(std::memory_order_relaxed);
}

/// A place is the block's first word in the row of all blocks, and then the word in it.
const uint32_t* StackTable::words_at(uint32_t place) const {
  const uint64_t shifted = uint64_t{place} + (uint64_t{1} << kFirstBits);
  const auto top = static_cast<uint32_t>(63 - __builtin_clzll(shifted));
  return blocks_[top - kFirstBits].load(std::memory_order_acquire) +
         (shifted - (uint64_t{1} << top));
}

/// Makes sure that so many words follow in the block that is filled.
bool StackTable::reserve(uint32_t words) {
  const uint64_t size = uint64_t{1} << (block_ + kFirstBits);
  if (blocks_[block_].load(std::memory_order_relaxed) == nullptr)
    blocks_[block_].store(new uint32_t[size], std::memory_order_release);
  if (used_ + words <= size) return true;
  if (block_ + 1 == kBlocks) return false;
  ++block_;
  used_ = 0;
  return reserve(words);
}

/// The slot of these words, or the free one where they belong.
size_t StackTable::slot_of(std::span<const uint32_t> words, uint32_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at].id != 0) {
    if (slots_[at].hash == hash) {
      const uint32_t* const there = words_at(starts_[slots_[at].id - 1]);
      if (there[0] == words[0] && std::memcmp(there, words.data(), words.size_bytes()) == 0) break;
    }
    at = (at + 1) & mask;
  }
  return at;
}

StackId StackTable::intern(std::span<const uint32_t> frames, uint32_t kernel_frames, StackEnd end) {
  if (frames.size() > kMostFrames) {
    frames = frames.first(kMostFrames);
    end = StackEnd::kTooDeep;
  }
  const auto count = static_cast<uint32_t>(frames.size());
  scratch_.resize(count + 1);
  scratch_[0] = make_header(count, kernel_frames, end);
  std::copy(frames.begin(), frames.end(), scratch_.begin() + 1);
  const auto hash = static_cast<uint32_t>(XXH3_64bits(scratch_.data(), scratch_.size() * 4));
  size_t at = slot_of(scratch_, hash);
  if (slots_[at].id != 0) return {slots_[at].id};
  if (!reserve(count + 1)) return {};
  if ((starts_.size() + 1) * size_t{2} > slots_.size()) {
    grow();
    at = slot_of(scratch_, hash);
  }
  uint32_t* const to = blocks_[block_].load(std::memory_order_relaxed) + used_;
  std::copy(scratch_.begin(), scratch_.end(), to);
  starts_.append((((uint32_t{1} << block_) - 1) << kFirstBits) + used_);
  used_ += count + 1;
  frames_ += count;
  slots_[at] = {starts_.size(), hash};
  return {starts_.size()};
}

void StackTable::grow() {
  const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id == 0) continue;
    size_t at = slot.hash & mask;
    while (slots_[at].id != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

StackView StackTable::find(StackId id) const {
  if (id.value == 0) return {};
  const uint32_t* const words = words_at(starts_[id.value - 1]);
  StackView view;
  view.frames = {words + 1, words[0] & kCountMask};
  view.kernel_frames = words[0] >> kCountBits & kCountMask;
  view.end = static_cast<StackEnd>(words[0] >> 2 * kCountBits);
  return view;
}

uint64_t StackTable::size_bytes() const {
  uint64_t words = 0;
  for (uint32_t block = 0; block <= block_; ++block) {
    if (blocks_[block].load(std::memory_order_relaxed) != nullptr)
      words += uint64_t{1} << (block + kFirstBits);
  }
  return words * sizeof(uint32_t) + starts_.size_bytes() + slots_.size() * sizeof(Slot);
}

}  // namespace oc::process
