#include "support/recorded_stacks.h"

#include <sys/auxv.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <thread>

#include "event/sample_tail.h"
#include "source/record.h"

namespace oc::test {
namespace {

using unwind::CodeRange;

constexpr unwind::Arch kArch = unwind::Arch::kX86_64;

bool is_memory(std::string_view path) {
  return path.starts_with("//anon") || path.starts_with("/dev/zero") || path.starts_with("[") ||
         path.starts_with("/memfd:");
}

/// This process's vDSO is that of all on this machine.
base::Result<std::unique_ptr<unwind::RuleTable>> load_vdso() {
  uint64_t start = 0;
  uint64_t end = 0;
  char line[512];
  const std::unique_ptr<FILE, int (*)(FILE*)> maps(std::fopen("/proc/self/maps", "r"), fclose);
  while (maps && std::fgets(line, sizeof line, maps.get()) != nullptr) {
    if (std::strstr(line, "[vdso]") != nullptr) std::sscanf(line, "%lx-%lx", &start, &end);
  }
  const auto* image = reinterpret_cast<const uint8_t*>(start);
  auto file = elf::File::make({image, image + (end - start)}, "[vdso]");
  if (!file) return std::move(file.error());
  return unwind::RuleTable::make(std::move(*file));
}

}  // namespace

const unwind::RuleTable* RuleTables::find(const std::string& path) {
  const auto [found, is_new] = tables_.try_emplace(path);
  if (is_new) {
    auto table = path == "[vdso]" ? load_vdso() : unwind::RuleTable::open(path);
    if (table) found->second = std::move(*table);
  }
  return found->second.get();
}

base::Result<RecordedStacks> RecordedStacks::load(const std::string& path) {
  auto file = source::PerfDataFile::open(path);
  if (!file) return std::move(file.error());
  RecordedStacks stacks(std::move(*file));
  // Page faults on another core than the one that reads.
  const base::Mapping& mapping = stacks.file_->mapping();
  std::thread ahead([&] { mapping.will_need(0, mapping.bytes().size()); });
  const auto places = stacks.places();
  stacks.stacks.reserve(places.size());
  for (const Place& place : places) stacks.read(place);
  ahead.join();
  return stacks;
}

/// The records in order of time.
std::vector<RecordedStacks::Place> RecordedStacks::places() const {
  std::vector<Place> places;
  const auto records = file_->records();
  for (uint64_t at = 0; records.size() - at >= 8;) {
    const auto header = source::record_header(records.data() + at);
    if (header.size_bytes < 8 || header.size_bytes > records.size() - at) break;
    if (header.type < source::kFirstUserType)
      places.push_back({clock_.time(records.data() + at, header), records.data() + at});
    at += header.size_bytes;
  }
  const auto is_before = [](const Place& a, const Place& b) { return a.time < b.time; };
  if (!std::is_sorted(places.begin(), places.end(), is_before))
    std::stable_sort(places.begin(), places.end(), is_before);
  return places;
}

void RecordedStacks::read(const Place& place) {
  const auto header = source::record_header(place.record);
  const auto pid = base::load<int32_t>(place.record + 8);
  if (header.type == PERF_RECORD_SAMPLE) {
    read_sample(place);
  } else if (header.type == PERF_RECORD_MMAP2) {
    read_mapping(place.record);
  } else if (header.type == PERF_RECORD_COMM && (header.misc & PERF_RECORD_MISC_COMM_EXEC) != 0) {
    maps_[pid] = std::make_shared<CodeMap>(++epochs_);
  } else if (header.type == PERF_RECORD_FORK && pid != base::load<int32_t>(place.record + 12)) {
    maps_[pid] =
        std::make_shared<CodeMap>(*map_of(base::load<int32_t>(place.record + 12)), ++epochs_);
  }
}

std::shared_ptr<CodeMap>& RecordedStacks::map_of(int32_t pid) {
  auto& map = maps_[pid];
  if (!map) map = std::make_shared<CodeMap>(++epochs_);
  return map;
}

void RecordedStacks::read_sample(const Place& place) {
  const auto header = source::record_header(place.record);
  const uint32_t kind = clock_.kind_of_sample(place.record, header.size_bytes);
  if (kind == event::EventTable::kUnknown) return;
  const auto& layout = file_->events()[kind].layout;
  const auto tail = event::read_tail(layout, place.record, header.size_bytes);
  RecordedStack stack;
  stack.pid = base::load<int32_t>(place.record + layout.tid);
  stack.tid = base::load<int32_t>(place.record + layout.tid + 4);
  stack.time = place.time;
  stack.registers =
      unwind::read_registers(kArch, tail.user_regs_abi, layout.regs_user, tail.user_regs);
  stack.stack = tail.user_stack;
  stack.code = map_of(stack.pid);
  stacks.push_back(std::move(stack));
}

/// { header, pid, tid, addr, len, pgoff, maj, min, ino, ino_generation, prot, flags, filename }
void RecordedStacks::read_mapping(const uint8_t* record) {
  const auto size = source::record_header(record).size_bytes;
  if (size < 72) return;
  const std::string path(base::bounded_text(record + 72, size - 72u));
  CodeRange range;
  range.start = base::load<uint64_t>(record + 16);
  range.end = range.start + base::load<uint64_t>(record + 24);
  range.file_offset = base::load<uint64_t>(record + 32);
  if ((base::load<uint32_t>(record + 64) & PROT_EXEC) == 0) return;
  range.is_memory = is_memory(path) && path != "[vdso]";
  if (path == "[vdso]") range.file_offset = 0;
  if (!range.is_memory) range.rules = tables_->find(path);
  auto& map = map_of(base::load<int32_t>(record + 8));
  const bool is_replaced = map->overlaps(range.start, range.end);
  map = std::make_shared<CodeMap>(*map, is_replaced ? ++epochs_ : map->epoch());
  map->add(range);
  ++mappings;
}

}  // namespace oc::test
