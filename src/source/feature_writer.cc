#include "source/feature_writer.h"

#include <algorithm>

#include "base/byte_sink.h"

namespace oc::source {

using base::ByteSink;

namespace {

constexpr size_t kStringUnit = 64;
constexpr uint32_t kMostAttrBytes = 128;
constexpr uint16_t kCpumodeKernel = 1;
constexpr uint16_t kCpumodeUser = 2;
constexpr uint16_t kMiscBuildIdSize = 1 << 15;  // the entry says how long its id is

void put_string(ByteSink& sink, std::string_view text) {
  const size_t size = (text.size() + 1 + kStringUnit - 1) / kStringUnit * kStringUnit;
  sink.put(static_cast<uint32_t>(size));
  sink.put_text(text);
  sink.put_zeros(size - text.size());
}

void put_strings(ByteSink& sink, const std::vector<std::string>& texts) {
  sink.put(static_cast<uint32_t>(texts.size()));
  for (const std::string& text : texts) put_string(sink, text);
}

}  // namespace

uint32_t stored_attr_bytes() { return std::min<uint32_t>(sizeof(perf_event_attr), kMostAttrBytes); }

std::span<const uint8_t> stored_attr(const perf_event_attr& attr) {
  return {reinterpret_cast<const uint8_t*>(&attr), stored_attr_bytes()};
}

void FeatureSections::add_text(Feature number, std::string_view text) {
  ByteSink sink;
  put_string(sink, text);
  sections_[number] = sink.take();
}

void FeatureSections::add_texts(Feature number, const std::vector<std::string>& texts) {
  ByteSink sink;
  put_strings(sink, texts);
  sections_[number] = sink.take();
}

void FeatureSections::add_cpu_count(uint32_t available, uint32_t online) {
  ByteSink sink;
  sink.put(available);
  sink.put(online);
  sections_[kCpuCountFeature] = sink.take();
}

void FeatureSections::add_memory(uint64_t total_kb) {
  ByteSink sink;
  sink.put(total_kb);
  sections_[kMemoryFeature] = sink.take();
}

void FeatureSections::add_topology(const CpuTopology& topology) {
  ByteSink sink;
  put_strings(sink, topology.sockets);
  put_strings(sink, topology.threads);
  for (const CpuPlace& place : topology.places) {
    sink.put(place.core);
    sink.put(place.socket);
  }
  put_strings(sink, topology.dies);
  for (const CpuPlace& place : topology.places) sink.put(place.die);
  sections_[kCpuTopologyFeature] = sink.take();
}

void FeatureSections::add_numa(const std::vector<NumaNode>& nodes) {
  ByteSink sink;
  sink.put(static_cast<uint32_t>(nodes.size()));
  for (const NumaNode& node : nodes) {
    sink.put(node.number);
    sink.put(node.total_kb);
    sink.put(node.free_kb);
    put_string(sink, node.cpus);
  }
  sections_[kNumaFeature] = sink.take();
}

void FeatureSections::add_pmus(const std::vector<std::pair<uint32_t, std::string>>& pmus) {
  ByteSink sink;
  sink.put(static_cast<uint32_t>(pmus.size()));
  for (const auto& [type, name] : pmus) {
    sink.put(type);
    put_string(sink, name);
  }
  sections_[kPmuFeature] = sink.take();
}

void FeatureSections::add_caches(const std::vector<CacheLevel>& levels) {
  ByteSink sink;
  sink.put(uint32_t{1});
  sink.put(static_cast<uint32_t>(levels.size()));
  for (const CacheLevel& level : levels) {
    for (const uint32_t number : {level.level, level.line_bytes, level.sets, level.ways})
      sink.put(number);
    for (const std::string* text : {&level.type, &level.size, &level.cpus}) put_string(sink, *text);
  }
  sections_[kCacheFeature] = sink.take();
}

void FeatureSections::add_memory_map(uint64_t block_bytes, const std::vector<MemoryNode>& nodes) {
  ByteSink sink;
  sink.put(uint64_t{1});
  sink.put(block_bytes);
  sink.put(static_cast<uint64_t>(nodes.size()));
  for (const MemoryNode& node : nodes) {
    const uint64_t bits = node.blocks.empty() ? 0 : node.blocks.back() + 1;
    std::vector<uint64_t> words((bits + 63) / 64);
    for (const uint32_t block : node.blocks) words[block / 64] |= uint64_t{1} << (block % 64);
    sink.put(node.number);
    sink.put(bits);
    sink.put(bits);  // once of the node, once of its bitmap
    for (const uint64_t word : words) sink.put(word);
  }
  sections_[kMemoryMapFeature] = sink.take();
}

void FeatureSections::add_clock(uint32_t clock, uint64_t resolution_ns, uint64_t wall_ns,
                                uint64_t clock_ns) {
  ByteSink resolution;
  resolution.put(resolution_ns);
  sections_[kClockFeature] = resolution.take();
  ByteSink sink;
  sink.put(uint32_t{1});
  sink.put(clock);
  sink.put(wall_ns);
  sink.put(clock_ns);
  sections_[kClockDataFeature] = sink.take();
}

void FeatureSections::add_compression(uint32_t level, uint32_t ratio, uint32_t ring_bytes) {
  ByteSink sink;
  for (const uint32_t number : {uint32_t{1}, uint32_t{1}, level, ratio, ring_bytes})
    sink.put(number);  // version, type zstd, ...
  sections_[kCompressedFeature] = sink.take();
}

/// count, then { u32 size of info, u32 size of data, u64 arrays, info, data }; count, then { u32 id, u32 size, bytes }.
void FeatureSections::add_bpf(const std::vector<BpfInfo>& programs,
                              const std::vector<BpfTypes>& types) {
  ByteSink sink;
  sink.put(static_cast<uint32_t>(programs.size()));
  for (const BpfInfo& program : programs) {
    sink.put(static_cast<uint32_t>(program.info.size()));
    sink.put(static_cast<uint32_t>(program.data.size()));
    sink.put(program.arrays);
    sink.put_bytes(program.info);
    sink.put_bytes(program.data);
  }
  sections_[kBpfProgramFeature] = sink.take();
  ByteSink entries;
  entries.put(static_cast<uint32_t>(types.size()));
  for (const BpfTypes& entry : types) {
    entries.put(entry.id);
    entries.put(static_cast<uint32_t>(entry.bytes.size()));
    entries.put_bytes(entry.bytes);
  }
  sections_[kBpfBtfFeature] = entries.take();
}

void FeatureSections::add_none(Feature number) {
  ByteSink sink;
  sink.put(uint32_t{0});
  sections_[number] = sink.take();
}

void FeatureSections::add_groups(const std::vector<uint32_t>& groups) {
  ByteSink sink;
  uint32_t count = 0;
  sink.put(count);
  for (size_t first = 0, end = 0; first < groups.size(); first = end) {
    while (end < groups.size() && groups[end] == groups[first]) ++end;
    if (groups[first] == 0 || end - first < 2) continue;
    put_string(sink, "{anon_group}");  // as perf calls a group without a name
    sink.put(static_cast<uint32_t>(first));
    sink.put(static_cast<uint32_t>(end - first));
    ++count;
  }
  if (count == 0) return;
  sink.patch(0, count);
  sections_[kGroupFeature] = sink.take();
}

void FeatureSections::add_events(const event::EventTable& events) {
  ByteSink sink;
  sink.put(events.size());
  sink.put(stored_attr_bytes());
  const auto ids_by_kind = events.ids_by_kind();
  for (uint32_t i = 0; i < events.size(); ++i) {
    perf_event_attr attr = events[i].attr;
    attr.size = stored_attr_bytes();
    sink.put_bytes(stored_attr(attr));
    const auto& ids = ids_by_kind[i];
    sink.put(static_cast<uint32_t>(ids.size()));
    put_string(sink, events[i].name);
    for (const uint64_t id : ids) sink.put(id);
  }
  sections_[kEventDescriptionFeature] = sink.take();
}

void FeatureSections::add_sample_times(uint64_t first, uint64_t last) {
  ByteSink sink;
  sink.put(first);
  sink.put(last);
  sections_[kSampleTimeFeature] = sink.take();
}

void FeatureSections::add_build_ids(const std::vector<BuildId>& entries) {
  ByteSink sink;
  for (const BuildId& entry : entries) {
    const size_t start = sink.size();
    sink.put(uint32_t{0});
    sink.put(static_cast<uint16_t>((entry.is_kernel ? kCpumodeKernel : kCpumodeUser) |
                                   kMiscBuildIdSize));
    sink.put(uint16_t{0});
    sink.put(entry.pid);
    const size_t size = std::min(entry.id.size(), kBuildIdBytes);
    sink.put_bytes(std::span(entry.id).first(size));
    sink.put_zeros(kBuildIdBytes - size);
    sink.put(static_cast<uint32_t>(size));  // u8, and three unused
    sink.put_text(std::string_view(entry.path).substr(0, 4000));
    sink.put(uint8_t{0});
    sink.put_zeros((kStringUnit - (sink.size() - start - 36) % kStringUnit) % kStringUnit);
    sink.patch(start + 6, static_cast<uint16_t>(sink.size() - start));
  }
  sections_[kBuildIdFeature] = sink.take();
}

}  // namespace oc::source
