#include "session/jit_code.h"

#include <time.h>

#include <algorithm>

#include "base/clock.h"
#include "base/path.h"
#include "symbol/jit_files.h"

namespace oc::session {

using base::Nanos;
using process::Mapping;
using process::ModuleKind;

namespace {

constexpr Nanos kPause = 1'000'000'000;  ///< before a dump that is not small is read again
constexpr uint64_t kSmall = uint64_t{1} << 20;

}  // namespace

bool JitCode::is_dump(std::string_view path) {
  const auto name = base::file_name(path);
  return name.starts_with("jit-") && name.ends_with(".dump");
}

void JitCode::add_dump(int32_t pid, const std::string& path) {
  Process& process = processes_[pid];
  if (!process.path.empty()) return;  // it maps it again; a second one is not told apart
  process.path = path;
  load(pid, process);
}

void JitCode::load(int32_t pid, Process& process) {
  const auto dump = symbol::load_jit_dump(places_, pid, process.path);
  if (!dump) return;  // why, its names tell
  process.file_bytes = dump->size_bytes();
  const auto& entries = dump->entries();
  process.is_told.resize(entries.size());
  for (const auto& [index, first] : dump->find_reused()) {
    if (process.is_told[index]) continue;
    const auto& entry = entries[index];
    if (process.told == kMostTold) {
      process.is_full = true;
      changes_.emplace(entry.from, Change{pid, 0, {}});
      break;
    }
    process.is_told[index] = true;
    ++process.told;
    changes_.emplace(entry.from,
                     Change{pid, entry.start, {entry.start + entry.size_bytes, first + 1}});
  }
  plan();
}

/// When there is something to do again.
void JitCode::plan() {
  next_ = changes_.empty() ? ~Nanos{0} : changes_.begin()->first;
  if (is_live_ && !processes_.empty()) next_ = std::min(next_, seen_until_ + 1);
}

/// A dump is read as a whole, so that of a large one not each bit of news is.
void JitCode::refresh() {
  const Nanos now = base::now_of(CLOCK_MONOTONIC);
  for (auto& [pid, process] : processes_) {
    if (process.is_full) continue;
    const Nanos pause = process.file_bytes < kSmall ? 0 : kPause;
    if (now - process.looked_at < pause) continue;
    process.looked_at = now;
    const uint64_t size = symbol::jit_dump_bytes(places_, pid, process.path);
    if (size <= process.file_bytes) continue;
    if (size <= kMostRead) {
      load(pid, process);
    } else {
      end(pid, process);
    }
  }
  seen_until_ = now;
}

void JitCode::apply(Nanos time) {
  if (is_live_ && time > seen_until_) refresh();
  while (!changes_.empty() && changes_.begin()->first <= time) {
    const Change change = changes_.begin()->second;
    changes_.erase(changes_.begin());
    Process& process = processes_[change.pid];
    if (process.is_over) continue;
    if (change.range.end == 0) {
      end(change.pid, process);
    } else {
      put(change.pid, change.start, change.range);
    }
  }
  plan();
}

/// A limit is met: what is where is not known any more.
void JitCode::end(int32_t pid, Process& process) {
  ++untold_;
  process.is_full = process.is_over = true;
  process.now.clear();
  std::vector<std::pair<uint64_t, Range>> memory;  // as few as can be
  base::StringId last_path;
  for (const process::CodeRange& range : spaces_.find(pid).ranges()) {
    if (modules_.find(range.module).kind != ModuleKind::kMemory) continue;
    const auto path = modules_.find(range.module).path;
    const bool goes_on =
        !memory.empty() && memory.back().second.end == range.start && path == last_path;
    last_path = path;
    if (goes_on) {
      memory.back().second.end = range.end;
    } else {
      memory.push_back({range.start, {range.end, process::Module::kUntold}});
    }
  }
  for (const auto& [start, range] : memory) show(pid, start, range);
}

/// The first range that ends behind `address`.
JitCode::Ranges::iterator JitCode::first_behind(Ranges& ranges, uint64_t address) {
  const auto after = ranges.upper_bound(address);
  if (after == ranges.begin()) return after;
  const auto before = std::prev(after);
  return before->second.end > address ? before : after;
}

/// Takes out what lies in [start, end).
void JitCode::cut(Ranges& ranges, uint64_t start, uint64_t end) {
  auto at = first_behind(ranges, start);
  while (at != ranges.end() && at->first < end) {
    const auto [first, range] = *at;
    at = ranges.erase(at);
    if (first < start) ranges.emplace(first, Range{start, range.code});
    if (range.end > end) ranges.emplace(end, range);
  }
}

void JitCode::put(int32_t pid, uint64_t start, const Range& range) {
  auto& now = processes_[pid].now;
  cut(now, start, range.end);
  now.emplace(start, range);
  show(pid, start, range);
}

/// Tells the address space.
void JitCode::show(int32_t pid, uint64_t start, const Range& range) {
  Mapping mapping;
  mapping.path = "//anon";
  if (const auto* const there = spaces_.find(pid).find(start); there != nullptr) {
    if (modules_.find(there->module).kind == ModuleKind::kMemory)
      mapping.path = modules_.path(there->module);
  }
  mapping.start = start;
  mapping.size_bytes = range.end - start;
  mapping.code = range.code;
  spaces_.map(pid, mapping);
}

void JitCode::remap(int32_t pid, uint64_t start, uint64_t size_bytes) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  Ranges& now = found->second.now;
  const uint64_t end = start + std::min(size_bytes, ~start);
  const auto* const there = spaces_.find(pid).find(start);
  const bool is_memory =
      there != nullptr && modules_.find(there->module).kind == ModuleKind::kMemory;
  if (!is_memory) return cut(now, start, end);
  if (found->second.is_over) return show(pid, start, {end, process::Module::kUntold});
  for (auto at = first_behind(now, start); at != now.end() && at->first < end; ++at)
    show(pid, std::max(start, at->first), {std::min(end, at->second.end), at->second.code});
}

void JitCode::forget(int32_t pid) {
  if (processes_.erase(pid) == 0) return;
  std::erase_if(changes_, [pid](const auto& change) { return change.second.pid == pid; });
  plan();
}

}  // namespace oc::session
