#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "base/id.h"

namespace oc::base {

/// Gives each distinct text one StringId, from 1 upwards and without gaps.
///
/// One thread interns; any thread may `text()` an id that reached it through a synchronised hand-over
/// (a batch), because neither the bytes nor the index entries ever move. Memory only grows.
///
///     index:  blocks_[0] -> 4096 views   blocks_[1] -> 4096 views   ...
///     slots_: open addressing over ids, XXH3 of the text, grown at 3/4 full
class Interner {
 public:
  Interner();
  ~Interner();
  Interner(const Interner&) = delete;
  Interner& operator=(const Interner&) = delete;

  StringId intern(std::string_view text);
  /// Interned: valid as long as the table. Id 0 and unknown ids give "".
  std::string_view text(StringId id) const;
  uint32_t size() const { return count_; }
  uint64_t size_bytes() const;  ///< of memory; the interning thread's to ask

 private:
  static constexpr uint32_t kBlockBits = 12;
  static constexpr uint32_t kBlockSize = 1u << kBlockBits;
  static constexpr uint32_t kMaxBlocks = 1u << 14;

  void grow();
  std::string_view store(std::string_view text);

  std::unique_ptr<std::atomic<std::string_view*>[]> blocks_;
  std::vector<uint32_t> slots_;
  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t chunk_left_ = 0;
  char* chunk_at_ = nullptr;
  uint32_t count_ = 0;
  uint64_t text_bytes_ = 0;  ///< of all chunks
};

}  // namespace oc::base
