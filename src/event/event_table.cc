#include "event/event_table.h"

#include <algorithm>
#include <utility>

namespace oc::event {

namespace {
constexpr uint64_t kMaxDenseIds = 1u << 16;
}

uint32_t EventTable::add(EventKind kind, const std::vector<uint64_t>& ids) {
  kind.layout = make_layout(kind.attr);
  if ((kind.attr.sample_type & PERF_SAMPLE_RAW) == 0) kind.format.reset();  // no payload to read
  kinds_.push_back(std::move(kind));
  const uint32_t index = size() - 1;
  add_ids(index, ids);
  return index;
}

void EventTable::add_ids(uint32_t index, const std::vector<uint64_t>& ids) {
  for (const uint64_t id : ids) by_id_.emplace(id, index);
}

std::vector<std::vector<uint64_t>> EventTable::ids_by_kind() const {
  std::vector<std::vector<uint64_t>> ids(size());
  for (const auto& [id, kind] : by_id_) ids[kind].push_back(id);
  for (auto& of_kind : ids) std::sort(of_kind.begin(), of_kind.end());
  return ids;
}

void EventTable::finish(bool may_grow) {
  id_offset_ = trailer_id_offset_ = kAbsent;
  if (kinds_.size() > 1 || (may_grow && !by_id_.empty())) {
    const SampleLayout& layout = kinds_.front().layout;
    const bool fixed = layout.identifier != kAbsent;
    id_offset_ = fixed ? layout.identifier : layout.id;
    trailer_id_offset_ = fixed ? layout.trailer_identifier : layout.trailer_id;
  }
  dense_.clear();
  if (by_id_.empty()) return;
  auto [low, high] = std::minmax_element(by_id_.begin(), by_id_.end());
  first_id_ = low->first;
  const uint64_t last = high->first;
  if (last - first_id_ >= kMaxDenseIds) return;
  dense_.assign(last - first_id_ + 1, kUnknownWithTail);
  for (const auto& [id, index] : by_id_) dense_[id - first_id_] = with_tail(index);
}

uint32_t EventTable::find_sparse(uint64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? kUnknownWithTail : with_tail(found->second);
}

}  // namespace oc::event
