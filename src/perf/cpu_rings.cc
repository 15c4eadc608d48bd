#include "perf/cpu_rings.h"

#include <errno.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "perf/open_errors.h"

namespace oc::perf {

namespace {

/// Maps a ring of `size_bytes` for each owner, all or none. Returns 0 or an errno.
int map_all(const std::vector<RingOwner>& owners, uint64_t size_bytes, std::vector<Ring>& rings) {
  rings.clear();
  for (const RingOwner& owner : owners) {
    Ring ring;
    const int failure = ring.map(owner.fd, size_bytes);
    if (failure != 0) {
      rings.clear();
      return failure;
    }
    rings.push_back(std::move(ring));
  }
  return 0;
}

/// As map_all, halving `size_bytes` while the limit forbids it and `may_shrink`.
int map_shrinking(const std::vector<RingOwner>& owners, bool may_shrink, uint64_t& size_bytes,
                  std::vector<Ring>& rings) {
  while (true) {
    const int failure = map_all(owners, size_bytes, rings);
    const bool is_limit = failure == EPERM || failure == ENOMEM;
    if (!is_limit || !may_shrink || size_bytes / 2 < kMinRingBytes) return failure;
    size_bytes /= 2;
  }
}

uint64_t memory_bytes() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * page_size_bytes();
}

}  // namespace

uint64_t round_up_to_ring(uint64_t bytes) {
  constexpr uint64_t kMost = uint64_t{1} << 40;
  return std::bit_ceil(std::min(std::max(bytes, page_size_bytes()), kMost));
}

uint64_t default_data_bytes(size_t cpus, uint64_t memory_bytes) {
  uint64_t bytes = kDefaultDataBytes;
  while (bytes > kMinRingBytes && bytes * cpus > memory_bytes / 16) bytes /= 2;
  return bytes;
}

base::Status CpuRings::map(const std::vector<RingOwner>& sideband,
                           const std::vector<RingOwner>& data, uint64_t data_bytes,
                           const sys::Permissions& permissions, std::vector<std::string>& notes) {
  const bool is_chosen = data_bytes != 0;
  const uint64_t wanted =
      is_chosen ? round_up_to_ring(data_bytes) : default_data_bytes(data.size(), memory_bytes());
  std::vector<Ring> first;
  std::vector<Ring> second;
  int failure = 0;
  // Where the limit is so low that sideband takes all of it, sideband gets the least.
  for (const uint64_t most : {kDefaultSidebandBytes, kMinRingBytes}) {
    second.clear();
    sideband_bytes_ = most;
    data_bytes_ = wanted;
    failure = map_shrinking(sideband, true, sideband_bytes_, first);
    if (failure == 0) failure = map_shrinking(data, !is_chosen, data_bytes_, second);
    if (failure == 0) break;
  }
  if (failure != 0) return explain_map_error(failure, data_bytes_, data.size(), permissions);
  take(first, second);
  cpus_.clear();
  is_sideband_.clear();
  for (size_t i = 0; i < sideband.size(); ++i) {
    const size_t rings = i < data.size() ? 2 : 1;
    cpus_.insert(cpus_.end(), rings, sideband[i].cpu);
    is_sideband_.push_back(true);
    if (rings == 2) is_sideband_.push_back(false);
  }
  explain_sizes(data_bytes, wanted, notes);
  return {};
}

void CpuRings::take(std::vector<Ring>& sideband, std::vector<Ring>& data) {
  readers_.clear();
  rings_.clear();
  for (size_t i = 0; i < sideband.size(); ++i) {
    rings_.push_back(std::move(sideband[i]));
    if (i < data.size()) rings_.push_back(std::move(data[i]));
  }
  for (const Ring& ring : rings_) {
    readers_.emplace_back(ring.pages(), static_cast<uint32_t>(readers_.size()));
  }
  is_damaged_.assign(rings_.size(), false);
}

/// Says why the rings are not as large as asked for, or as large as usual.
void CpuRings::explain_sizes(uint64_t chosen, uint64_t wanted,
                             std::vector<std::string>& notes) const {
  if (chosen != 0) {
    if (chosen == data_bytes_) return;
    notes.push_back(
        fmt::format("the buffer has {} per CPU: a power of two pages", format_size(data_bytes_)));
    return;
  }
  if (data_bytes_ == kDefaultDataBytes) return;
  notes.push_back(fmt::format("the buffer has {} per CPU instead of {}: {}",
                              format_size(data_bytes_), format_size(kDefaultDataBytes),
                              data_bytes_ < wanted
                                  ? "this user may not lock more memory (ulimit -l)"
                                  : "all of them shall use less than 1/16 of memory"));
}

void CpuRings::collect(std::vector<source::Span>& spans, std::vector<std::string>& notes) {
  // Data first, then sideband, and handed out the other way round: who made a sample that is here has a name that is
  // here too, if it ever was told.
  data_spans_.clear();
  collect_some(false, data_spans_, notes);
  collect_some(true, spans, notes);
  spans.insert(spans.end(), data_spans_.begin(), data_spans_.end());
}

void CpuRings::collect_some(bool of_sideband, std::vector<source::Span>& spans,
                            std::vector<std::string>& notes) {
  for (size_t stream = 0; stream < readers_.size(); ++stream) {
    if (is_sideband(static_cast<uint32_t>(stream)) != of_sideband) continue;
    const uint64_t skipped = readers_[stream].collect(spans);
    if (skipped == 0 || is_damaged_[stream]) continue;
    is_damaged_[stream] = true;
    notes.push_back(
        fmt::format("ring {} was damaged: {} bytes or more were skipped", stream, skipped));
  }
}

void CpuRings::release(uint32_t stream, uint64_t position) {
  if (stream < readers_.size()) readers_[stream].release(position);
}

void CpuRings::unmap() {
  readers_.clear();
  rings_.clear();
}

}  // namespace oc::perf
