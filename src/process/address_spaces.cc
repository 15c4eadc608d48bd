#include "process/address_spaces.h"

#include <algorithm>
#include <utility>

namespace oc::process {
namespace {

/// By what tools/perf/util/map.c goes: is_anon_memory, is_no_dso_memory, is_vdso_map.
ModuleKind kind_of(std::string_view path) {
  if (path.starts_with("[vdso")) return ModuleKind::kVdso;
  const bool is_memory = !path.starts_with('/') || path.starts_with("//anon") ||
                         path.starts_with("/dev/zero") || path.starts_with("/anon_hugepage") ||
                         path.starts_with("/SYSV");
  return is_memory ? ModuleKind::kMemory : ModuleKind::kFile;
}

/// The first range that ends behind `address`.
template <typename Ranges>
auto first_behind(Ranges& ranges, uint64_t address) {
  return std::upper_bound(ranges.begin(), ranges.end(), address,
                          [](uint64_t at, const CodeRange& range) { return at < range.end; });
}

}  // namespace

const CodeRange* CodeMap::find(uint64_t address) const {
  const auto found = first_behind(ranges_, address);
  if (found != ranges_.end() && found->start <= address) return &*found;
  return before_ ? before_->find(address) : nullptr;
}

AddressSpaces::AddressSpaces(ModuleTable& modules, base::Interner& strings)
    : modules_(modules), strings_(strings) {}

AddressSpaces::SharedMap AddressSpaces::make_map() {
  auto map = std::make_shared<CodeMap>();
  map->generation_ = next_generation_++;
  return map;
}

AddressSpaces::Space& AddressSpaces::space(int32_t pid) {
  Space& space = spaces_[pid];
  if (!space.map) space.map = make_map();
  return space;
}

AddressSpaces::SharedMap AddressSpaces::copy_of(const CodeMap& map) {
  SharedMap copy = make_map();
  copy->ranges_.reserve(map.ranges_.size() + 4);
  copy->ranges_ = map.ranges_;
  copy->before_ = map.before_;
  copy->has_vdso_ = map.has_vdso_;
  return copy;
}

/// The map, made one of its own if others use it or it is lent.
CodeMap& AddressSpaces::own(SharedMap& map) {
  if (map.use_count() == 1) return *map;
  SharedMap copy = copy_of(*map);
  // What was found in the original is there in the copy, but only one of two processes may go on with its generation.
  if (map->is_lent_ && map.use_count() == 2) copy->generation_ = map->generation_;
  map = std::move(copy);
  return *map;
}

/// Takes out of the map what lies in [start, end).
void AddressSpaces::cut(SharedMap& map, uint64_t start, uint64_t end) {
  const auto found = first_behind(std::as_const(map->ranges_), start);
  if (found == map->ranges_.end() || found->start >= end) return;
  const auto at = found - map->ranges_.begin();
  auto& ranges = own(map).ranges_;
  map->generation_ = next_generation_++;
  auto first = ranges.begin() + at;
  if (first->start < start) {  // its front stays
    CodeRange rest = *first;
    first->end = start;
    if (rest.end > end) {
      rest.offset += end - rest.start;
      rest.start = end;
      ranges.insert(first + 1, rest);
      return;
    }
    ++first;
  }
  auto last = first;
  while (last != ranges.end() && last->end <= end) ++last;
  if (last != ranges.end() && last->start < end) {
    last->offset += end - last->start;
    last->start = end;
  }
  ranges.erase(first, last);
}

/// Requires: `cut` made room.
void AddressSpaces::add(SharedMap& map, const CodeRange& range) {
  if (map->ranges_.size() >= kMostRanges) {
    ++refused_;
    return;
  }
  auto& ranges = own(map).ranges_;
  ranges.insert(first_behind(ranges, range.start), range);
}

/// Generations of inodes are told by live records and not by rundowns of perf: the first one is as none.
uint64_t AddressSpaces::rank_of_generation(const Mapping& mapping) {
  if (mapping.inode_generation == 0) return 0;
  const auto [entry, is_new] =
      generations_.try_emplace({mapping.device, mapping.inode}, mapping.inode_generation);
  return entry->second == mapping.inode_generation ? 0 : mapping.inode_generation;
}

ModuleId AddressSpaces::module_of(int32_t pid, const Mapping& mapping) {
  Module module;
  module.kind = kind_of(mapping.path);
  module.path = strings_.intern(mapping.path);
  module.pid = pid;
  module.build_id = mapping.build_id;
  module.code = mapping.code;
  if (module.kind == ModuleKind::kFile) {
    module.device = mapping.device;
    module.inode = mapping.inode;
    module.inode_generation = mapping.inode_generation;
    module.generation_rank = rank_of_generation(mapping);
    module.contents = mapping.contents;
  }
  return modules_.intern(module);
}

void AddressSpaces::map(int32_t pid, const Mapping& mapping) {
  const uint64_t end = mapping.start + mapping.size_bytes;
  if (end <= mapping.start) return;
  const auto known = spaces_.find(pid);
  if (!mapping.is_code) {
    if (known != spaces_.end()) cut(known->second.map, mapping.start, end);
    return;
  }
  SharedMap& map = space(pid).map;
  cut(map, mapping.start, end);
  if (map->before_) {
    CodeMap& own_map = own(map);
    own_map.generation_ = next_generation_++;  // of what was there before, something is gone
    if (own_map.has_vdso_) own_map.before_.reset();
    own_map.has_vdso_ = mapping.path.starts_with("[vdso");
  }
  CodeRange range{mapping.start, end, mapping.offset, module_of(pid, mapping)};
  if (modules_.find(range.module).kind == ModuleKind::kMemory) range.offset = range.start;
  add(map, range);
  note(pid, range);
}

void AddressSpaces::note(int32_t pid, const CodeRange& range) {
  if (log_ == nullptr) return;
  TaskLog::Entry entry;
  entry.what = TaskLog::What::kMap;
  entry.pid = entry.tid = pid;
  entry.module = range.module;
  entry.start = range.start;
  entry.size_bytes = range.end - range.start;
  entry.offset = range.offset;
  log_->add(entry);
}

void AddressSpaces::fork(int32_t pid, int32_t parent_pid, bool begins_empty) {
  if (pid == parent_pid) return;  // a thread
  Space& child = spaces_[pid];    // the pid may be one that was used before
  child.is_dead = child.has_lost_first = false;
  child.others.clear();
  const auto parent = spaces_.find(parent_pid);
  const bool inherits = !begins_empty && parent != spaces_.end() && parent->second.map;
  child.map = inherits ? parent->second.map : make_map();
}

void AddressSpaces::exec(int32_t pid) {
  const auto found = spaces_.find(pid);
  if (found == spaces_.end()) return;
  SharedMap& map = found->second.map;
  SharedMap before = map;
  if (before->before_) {  // one is enough
    before = copy_of(*before);
    before->before_.reset();
  }
  map = make_map();
  map->before_ = std::move(before);
  // The thread that did it is the first one now, and alone.
  found->second.is_dead = found->second.has_lost_first = false;
  found->second.others.clear();
}

void AddressSpaces::add_thread(int32_t pid, int32_t tid) {
  const auto found = spaces_.find(pid);
  if (found == spaces_.end() || pid == tid) return;
  found->second.others.insert(tid);
  found->second.is_dead = false;
}

bool AddressSpaces::exit(int32_t pid, int32_t tid) {
  const auto found = spaces_.find(pid);
  if (found == spaces_.end() || found->second.is_dead) return false;
  Space& space = found->second;
  if (pid == tid) space.has_lost_first = true;
  space.others.erase(tid);
  if (!space.has_lost_first || !space.others.empty()) return false;
  space.is_dead = true;
  dead_.push_back(pid);
  if (dead_.size() > kMostDead) bury();
  return true;
}

/// Drops the process that is dead for the longest, unless its pid lives again.
void AddressSpaces::bury() {
  const auto found = spaces_.find(dead_.front());
  dead_.pop_front();
  if (found == spaces_.end() || !found->second.is_dead) return;
  spaces_.erase(found);
}

void AddressSpaces::map_kernel(const Mapping& mapping) {
  // perf writes a length that overflows where it does not know the end.
  uint64_t end = mapping.start + mapping.size_bytes;
  if (end < mapping.start) end = UINT64_MAX;
  if (end == mapping.start) return;
  Module module;
  const bool is_kernel = mapping.path.starts_with("[kernel.kallsyms]");
  module.kind = is_kernel ? ModuleKind::kKernel : ModuleKind::kKernelModule;
  module.path = strings_.intern(is_kernel ? "[kernel.kallsyms]" : mapping.path);
  module.build_id = mapping.build_id;
  const ModuleId id = modules_.intern(module);
  if (is_kernel && !kernel_module_) kernel_module_ = id;
  cut(kernel_, mapping.start, end);
  const CodeRange range{mapping.start, end, mapping.start, id};
  add(kernel_, range);
  note(-1, range);
}

void AddressSpaces::add_kernel_code(uint64_t start, uint64_t size_bytes, std::string_view name) {
  if (start + size_bytes <= start) return;
  Module module;
  module.kind = ModuleKind::kBpf;
  module.path = strings_.intern(name);
  cut(kernel_, start, start + size_bytes);
  add(kernel_, {start, start + size_bytes, start, modules_.intern(module)});
}

void AddressSpaces::remove_kernel_code(uint64_t start, uint64_t size_bytes) {
  if (start + size_bytes > start) cut(kernel_, start, start + size_bytes);
}

const CodeMap& AddressSpaces::lend(int32_t pid) {
  const auto found = spaces_.find(pid);
  if (found == spaces_.end()) return *empty_;
  const SharedMap& map = found->second.map;
  if (!map->is_lent_) {
    map->is_lent_ = true;
    lent_.push_back(map);
  }
  return *map;
}

const CodeMap& AddressSpaces::find(int32_t pid) const {
  const auto found = spaces_.find(pid);
  return found == spaces_.end() ? *empty_ : *found->second.map;
}

void AddressSpaces::take_back() {
  for (const SharedMap& map : lent_) map->is_lent_ = false;
  lent_.clear();
}

ModuleId AddressSpaces::nowhere(int32_t pid) {
  ModuleId& id = nowhere_[pid];
  if (!id) {
    Module module;
    module.kind = ModuleKind::kNone;
    module.pid = pid;
    id = modules_.intern(module);
  }
  return id;
}

ModuleId AddressSpaces::kernel_module() {
  if (!kernel_module_) {
    Module module;
    module.kind = ModuleKind::kKernel;
    module.path = strings_.intern("[kernel.kallsyms]");
    kernel_module_ = modules_.intern(module);
  }
  return kernel_module_;
}

uint64_t AddressSpaces::size_bytes() const {
  const auto ranges_of = [](const SharedMap& map) {
    return sizeof(CodeMap) + map->ranges_.capacity() * sizeof(CodeRange);
  };
  uint64_t bytes = ranges_of(kernel_) + spaces_.size() * (sizeof(Space) + 3 * sizeof(void*));
  for (const auto& [pid, space] : spaces_)
    bytes += ranges_of(space.map) / static_cast<uint64_t>(space.map.use_count());
  return bytes;
}

}  // namespace oc::process
