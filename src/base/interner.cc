#include "base/interner.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace oc::base {

namespace {
constexpr size_t kChunkBytes = 64 * 1024;
}

Interner::Interner() : blocks_(new std::atomic<std::string_view*>[kMaxBlocks]()), slots_(256) {}

Interner::~Interner() {
  for (uint32_t i = 0; i < kMaxBlocks; ++i) delete[] blocks_[i].load(std::memory_order_relaxed);
}

std::string_view Interner::text(StringId id) const {
  if (id.value == 0 || id.value >= kMaxBlocks * kBlockSize) return {};
  const auto* block = blocks_[id.value >> kBlockBits].load(std::memory_order_acquire);
  return block == nullptr ? std::string_view{} : block[id.value & (kBlockSize - 1)];
}

StringId Interner::intern(std::string_view text) {
  const size_t mask = slots_.size() - 1;
  size_t at = XXH3_64bits(text.data(), text.size()) & mask;
  while (slots_[at] != 0) {
    const StringId id{slots_[at]};
    if (this->text(id) == text) return id;
    at = (at + 1) & mask;
  }
  const uint32_t id = count_ + 1;
  auto& block = blocks_[std::min(id >> kBlockBits, kMaxBlocks - 1)];
  if ((id >> kBlockBits) >= kMaxBlocks)
    return StringId{};  // 67 million strings: the caller sees ""
  if (block.load(std::memory_order_relaxed) == nullptr) {
    block.store(new std::string_view[kBlockSize], std::memory_order_release);
  }
  block.load(std::memory_order_relaxed)[id & (kBlockSize - 1)] = store(text);
  count_ = id;
  slots_[at] = id;
  if (count_ * 4 > slots_.size() * 3) grow();
  return StringId{id};
}

uint64_t Interner::size_bytes() const {
  const uint64_t blocks = count_ == 0 ? 0 : (count_ >> kBlockBits) + 1;
  return text_bytes_ + slots_.size() * sizeof(uint32_t) +
         blocks * kBlockSize * sizeof(std::string_view) + kMaxBlocks * sizeof(void*);
}

void Interner::grow() {
  std::vector<uint32_t> bigger(slots_.size() * 2);
  const size_t mask = bigger.size() - 1;
  for (uint32_t id = 1; id <= count_; ++id) {
    const std::string_view value = text(StringId{id});
    size_t at = XXH3_64bits(value.data(), value.size()) & mask;
    while (bigger[at] != 0) at = (at + 1) & mask;
    bigger[at] = id;
  }
  slots_ = std::move(bigger);
}

std::string_view Interner::store(std::string_view text) {
  if (text.size() > chunk_left_) {
    const size_t size = std::max(kChunkBytes, text.size());
    chunks_.push_back(std::make_unique<char[]>(size));
    chunk_at_ = chunks_.back().get();
    chunk_left_ = size;
    text_bytes_ += size;
  }
  char* at = chunk_at_;
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  chunk_at_ += text.size();
  chunk_left_ -= text.size();
  return {at, text.size()};
}

}  // namespace oc::base
