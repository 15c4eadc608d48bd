#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oc::perf {

/// An event of a cache, as perf names it: "L1-dcache-load-misses".
struct CacheEvent {
  std::string name;     ///< perf's own spelling
  uint64_t config = 0;  ///< of PERF_TYPE_HW_CACHE: cache | op << 8 | result << 16
};

/// What `name` means in any of perf's spellings ("l1d-loads", "dTLB-misses"): without an operation,
/// reads; without a result, accesses. Nothing when it is no cache's.
/// Source: perf_event_open(2), tools/perf/util/evsel.c (the names, and which operations a cache has).
std::optional<CacheEvent> find_cache_event(std::string_view name);

/// All of them, in the kernel's order.
std::vector<CacheEvent> cache_events();

}  // namespace oc::perf
