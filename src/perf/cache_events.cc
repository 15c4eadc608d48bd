#include "perf/cache_events.h"

#include <linux/perf_event.h>

#include <array>
#include <span>

namespace oc::perf {

namespace {

constexpr uint8_t kRead = 1;
constexpr uint8_t kWrite = 2;
constexpr uint8_t kPrefetch = 4;

struct Cache {
  std::array<std::string_view, 5> names;  ///< the first is perf's own
  uint8_t operations;
};

struct Operation {
  std::array<std::string_view, 4> names;  ///< "load" (of misses), "loads" (of accesses), others
};

// In the order of perf_hw_cache_id, perf_hw_cache_op_id.
constexpr std::array kCaches = {
    Cache{{"L1-dcache", "l1-d", "l1d", "L1-data"}, kRead | kWrite | kPrefetch},
    Cache{{"L1-icache", "l1-i", "l1i", "L1-instruction"}, kRead | kPrefetch},
    Cache{{"LLC", "L2"}, kRead | kWrite | kPrefetch},
    Cache{{"dTLB", "d-tlb", "Data-TLB"}, kRead | kWrite | kPrefetch},
    Cache{{"iTLB", "i-tlb", "Instruction-TLB"}, kRead},
    Cache{{"branch", "branches", "bpu", "btb", "bpc"}, kRead},
    Cache{{"node"}, kRead | kWrite | kPrefetch},
};
constexpr std::array kOperations = {
    Operation{{"load", "loads", "read"}},
    Operation{{"store", "stores", "write"}},
    Operation{{"prefetch", "prefetches", "speculative-read", "speculative-load"}},
};
constexpr std::array<std::string_view, 4> kAccess = {"refs", "Reference", "ops", "access"};
constexpr std::array<std::string_view, 2> kMiss = {"misses", "miss"};

/// Takes the longest of `names` off the front of `text`, which ends there or goes on with a '-'.
bool take(std::string_view& text, std::span<const std::string_view> names) {
  size_t longest = 0;
  for (const auto name : names) {
    if (name.empty() || name.size() <= longest || text.substr(0, name.size()) != name) continue;
    if (text.size() == name.size() || text[name.size()] == '-') longest = name.size();
  }
  if (longest == 0) return false;
  text.remove_prefix(longest == text.size() ? longest : longest + 1);
  return true;
}

CacheEvent make(uint64_t cache, uint64_t operation, bool is_miss) {
  const auto& names = kOperations[operation].names;
  CacheEvent event;
  event.name = kCaches[cache].names[0];
  event.name += '-';
  event.name += is_miss ? names[0] : names[1];
  if (is_miss) event.name += "-misses";
  event.config = cache | operation << 8 | static_cast<uint64_t>(is_miss) << 16;
  return event;
}

}  // namespace

std::optional<CacheEvent> find_cache_event(std::string_view name) {
  for (uint64_t cache = 0; cache < kCaches.size(); ++cache) {
    std::string_view rest = name;
    if (!take(rest, kCaches[cache].names)) continue;
    std::optional<uint64_t> operation;
    std::optional<bool> is_miss;
    if (!name.empty() && name.back() == '-') return std::nullopt;
    while (!rest.empty()) {
      bool taken = false;
      for (uint64_t i = 0; i < kOperations.size() && !operation && !taken; ++i) {
        if ((taken = take(rest, kOperations[i].names))) operation = i;
      }
      if (!taken && !is_miss && (taken = take(rest, kMiss))) is_miss = true;
      if (!taken && !is_miss && (taken = take(rest, kAccess))) is_miss = false;
      if (!taken) return std::nullopt;
    }
    if ((kCaches[cache].operations >> operation.value_or(0) & 1) == 0) return std::nullopt;
    return make(cache, operation.value_or(0), is_miss.value_or(false));
  }
  return std::nullopt;
}

std::vector<CacheEvent> cache_events() {
  std::vector<CacheEvent> events;
  for (uint64_t cache = 0; cache < kCaches.size(); ++cache) {
    for (uint64_t operation = 0; operation < kOperations.size(); ++operation) {
      if ((kCaches[cache].operations >> operation & 1) == 0) continue;
      events.push_back(make(cache, operation, false));
      events.push_back(make(cache, operation, true));
    }
  }
  return events;
}

}  // namespace oc::perf
