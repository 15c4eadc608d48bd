#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace oc::machine {

/// Gives each distinct pair of numbers one id: 0, 1, 2 … in the order of their arrival. Open addressing, at most half full.
/// One thread.
class PairTable {
 public:
  PairTable() : slots_(1024, kFree) {}

  uint32_t intern(uint32_t a, uint32_t b) {
    const uint64_t pair = uint64_t{a} << 32 | b;
    size_t slot = place(pair);
    while (slots_[slot] != kFree) {
      if (pairs_[slots_[slot]] == pair) return slots_[slot];
      slot = (slot + 1) & (slots_.size() - 1);
    }
    const auto id = static_cast<uint32_t>(pairs_.size());
    slots_[slot] = id;
    pairs_.push_back(pair);
    if (pairs_.size() * 2 > slots_.size()) grow();
    return id;
  }
  uint32_t size() const { return static_cast<uint32_t>(pairs_.size()); }
  std::pair<uint32_t, uint32_t> operator[](uint32_t id) const {
    return {static_cast<uint32_t>(pairs_[id] >> 32), static_cast<uint32_t>(pairs_[id])};
  }

 private:
  static constexpr uint32_t kFree = UINT32_MAX;

  size_t place(uint64_t pair) const {
    const uint64_t mixed = (pair ^ (pair >> 29)) * 0x9e3779b97f4a7c15;
    return (mixed ^ (mixed >> 32)) & (slots_.size() - 1);
  }
  void grow() {
    slots_.assign(slots_.size() * 2, kFree);
    for (uint32_t id = 0; id < pairs_.size(); ++id) {
      size_t slot = place(pairs_[id]);
      while (slots_[slot] != kFree) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = id;
    }
  }

  std::vector<uint32_t> slots_;
  std::vector<uint64_t> pairs_;
};

}  // namespace oc::machine
