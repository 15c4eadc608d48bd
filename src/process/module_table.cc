#include "process/module_table.h"

#include <xxhash.h>

#include <algorithm>

namespace oc::process {
namespace {

constexpr Module kNoModule;

bool is_by_process(const Module& module) {
  return module.kind == ModuleKind::kMemory || module.kind == ModuleKind::kNone;
}

/// What tells modules apart, in one row of words.
struct Key {
  std::array<uint64_t, 7> words{};

  explicit Key(const Module& module) {
    words[0] = static_cast<uint64_t>(module.kind);
    if (is_by_process(module)) {
      words[1] = static_cast<uint32_t>(module.pid);
      words[2] = module.code;
      words[3] = module.path.value;  // "//anon", "[heap]", "[vsyscall]"; of kNone none
      return;
    }
    words[1] = module.path.value;
    if (module.build_id) {
      std::copy_n(module.build_id.bytes.begin(), module.build_id.size_bytes,
                  reinterpret_cast<uint8_t*>(&words[2]));
      words[5] = module.build_id.size_bytes;
      return;
    }
    words[2] = module.device;
    words[3] = module.inode;
    words[4] = module.generation_rank;
    words[6] = module.contents;
  }
  uint64_t hash() const { return XXH3_64bits(words.data(), sizeof words); }
  friend bool operator==(const Key&, const Key&) = default;
};

}  // namespace

BuildId::BuildId(std::span<const uint8_t> id)
    : size_bytes(static_cast<uint8_t>(std::min(id.size(), bytes.size()))) {
  std::copy_n(id.begin(), size_bytes, bytes.begin());
}

ModuleId ModuleTable::intern(const Module& module) {
  const Key key(module);
  const uint64_t hash = key.hash();
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto entry = first; entry != last; ++entry) {
    if (Key(modules_[entry->second - 1]) == key) return {entry->second};
  }
  modules_.append(module);
  const uint32_t id = modules_.size();
  by_hash_.emplace(hash, id);
  return {id};
}

uint64_t ModuleTable::mark(ModuleId id) const {
  Key key(find(id));
  const std::string_view text = path(id);  // instead of its number, which is this table's own
  key.words[is_by_process(find(id)) ? 3 : 1] = XXH3_64bits(text.data(), text.size());
  return key.hash();
}

const Module& ModuleTable::find(ModuleId id) const {
  return id.value == 0 ? kNoModule : modules_[id.value - 1];
}

}  // namespace oc::process
