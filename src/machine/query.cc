#include "machine/query.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace oc::machine {

namespace {

using What = GroupBy::What;

bool needs_innermost(What what) {
  return what == What::kSymbol || what == What::kFunction || what == What::kModule ||
         what == What::kLine;
}

}  // namespace

Query::Query(const Selection& selection, std::vector<GroupBy> groups)
    : selection_(&selection), machine_(&selection.machine()) {
  const auto has = [&](auto test) {
    return std::any_of(groups.begin(), groups.end(),
                       [&](const GroupBy& by) { return test(by.what); });
  };
  const bool names_stacks = has([](What what) { return what == What::kStack; });
  if (names_stacks || has(needs_innermost))
    resolve_stacks(*machine_, selection.used_stacks(), !names_stacks);
  for (GroupBy& by : groups) dimensions_.push_back(make_dimension(std::move(by)));
}

void Query::keys_of(const Dimension& dimension, const SampleTable::Chunk& chunk, uint64_t first,
                    std::span<const uint16_t> places, uint32_t* out) const {
  const auto& keys = dimension.keys;
  const auto by_id = [&](auto id_of) {
    for (size_t k = 0; k < places.size(); ++k) {
      const uint32_t id = id_of(places[k]);
      out[k] = id < keys.size() ? keys[id] : 0;  // ids that came since are not known
    }
  };
  const auto each = [&](auto key_of) {
    for (size_t k = 0; k < places.size(); ++k) out[k] = static_cast<uint32_t>(key_of(places[k]));
  };
  switch (dimension.by.what) {
    case What::kKind:
      return each([&](uint16_t i) { return chunk.kinds[i]; });
    case What::kCpu:
      return each([&](uint16_t i) { return chunk.cpus[i]; });
    case What::kTime:
      return each([&](uint16_t i) {
        const int64_t stretch = (chunk.times[i] - dimension.origin) / dimension.by.width;
        return std::clamp<int64_t>(stretch, 0, UINT32_MAX);
      });
    case What::kGiven: {
      const uint64_t begin = first - machine_->samples.first();
      const auto& given = dimension.by.given;
      return each([&](uint16_t i) { return begin + i < given.size() ? given[begin + i] : 0; });
    }
    case What::kAttribute:
      return by_id([&](uint16_t i) { return chunk.attributes ? chunk.attributes[i] : 0; });
    case What::kSymbol:
    case What::kFunction:
    case What::kModule:
    case What::kLine:
    case What::kStack:
      return by_id([&](uint16_t i) { return machine_->stack_index(chunk.stacks[i]); });
    default:
      return by_id([&](uint16_t i) { return chunk.contexts[i]; });
  }
}

/// Calls visit(groups, values, count) for the samples of each chunk: numbers of combinations of keys.
template <typename Visit>
void Query::for_each_group(Visit visit) {
  std::vector<uint32_t> groups(SampleTable::kChunk), next(SampleTable::kChunk);
  folds_.resize(dimensions_.empty() ? 0 : dimensions_.size() - 1);
  selection_->for_each_chunk(
      [&](const auto& chunk, uint64_t first, std::span<const uint16_t> places) {
        if (dimensions_.empty()) std::fill(groups.begin(), groups.end(), 0);
        for (size_t d = 0; d < dimensions_.size(); ++d) {
          keys_of(dimensions_[d], chunk, first, places, d == 0 ? groups.data() : next.data());
          if (d == 0) {
            // Stretches of time may be many and far apart: only those that have samples get a place.
            if (dimensions_[0].by.what == What::kTime) {
              for (size_t k = 0; k < places.size(); ++k)
                groups[k] = stretches_.intern(0, groups[k]);
            }
            continue;
          }
          uint32_t before_a = 0, before_b = 0, before_id = 0;
          bool has_before = false;
          for (size_t k = 0; k < places.size(); ++k) {
            const uint32_t a = groups[k], b = next[k];
            if (!has_before || a != before_a || b != before_b)
              before_id = folds_[d - 1].intern(a, b);
            before_a = a;
            before_b = b;
            has_before = true;
            groups[k] = before_id;
          }
        }
        visit(chunk, places, groups.data());
      });
}

/// The keys of a combination, one for each dimension.
std::vector<uint32_t> Query::unfold(uint32_t group) const {
  std::vector<uint32_t> keys(dimensions_.size());
  for (size_t d = dimensions_.size(); d-- > 1;) {
    const auto [before, key] = folds_[d - 1][group];
    keys[d] = key;
    group = before;
  }
  if (!keys.empty()) {
    keys[0] = dimensions_[0].by.what == What::kTime ? stretches_[group].second : group;
  }
  return keys;
}

void Query::run(Order order) {
  struct Sum {
    uint64_t count = 0;
    double sum = 0, min = INFINITY, max = -INFINITY, squares = 0;
  };
  std::vector<Sum> sums;
  for_each_group([&](const auto& chunk, std::span<const uint16_t> places, const uint32_t* groups) {
    uint32_t largest = 0;
    for (size_t k = 0; k < places.size(); ++k) largest = std::max(largest, groups[k]);
    if (largest >= sums.size()) sums.resize(std::max<size_t>(size_t{largest} + 1, sums.size() * 2));
    const auto add = [&](size_t k, double all, double value, uint64_t weight) {
      Sum& sum = sums[groups[k]];
      sum.count += weight;
      sum.sum += all;
      sum.squares += value * all;
      sum.min = std::min(sum.min, value);
      sum.max = std::max(sum.max, value);
    };
    for (size_t k = 0; !chunk.weights && k < places.size(); ++k) {
      const double value = chunk.values[places[k]];
      add(k, value, value, 1);
    }
    for (size_t k = 0; chunk.weights && k < places.size(); ++k) {
      const uint64_t weight = chunk.weights[places[k]];
      const double all = chunk.values[places[k]];
      add(k, all, all / static_cast<double>(weight), weight);
    }
  });
  rows_.clear();
  row_of_group_.clear();
  total_count_ = 0;
  total_sum_ = 0;
  total_squares_ = 0;
  for (uint32_t group = 0; group < sums.size(); ++group) {
    const Sum& sum = sums[group];
    if (sum.count == 0) continue;
    rows_.push_back({unfold(group), sum.count, sum.sum, sum.min, sum.max, sum.squares, group});
    total_count_ += sum.count;
    total_sum_ += sum.sum;
    total_squares_ += sum.squares;
  }
  sort(order);
  row_of_group_.resize(sums.size());
  for (uint32_t i = 0; i < rows_.size(); ++i) row_of_group_[rows_[i].group] = i;
}

void Query::sort(Order order) {
  const auto is_before = [&](const Row& a, const Row& b) {
    if (order == Order::kSum && a.sum != b.sum) return a.sum > b.sum;
    if (a.count != b.count) return a.count > b.count;
    if (order == Order::kCount && a.sum != b.sum) return a.sum > b.sum;
    for (uint32_t d = 0; d < a.keys.size(); ++d) {
      if (a.keys[d] == b.keys[d]) continue;
      if (dimensions_[d].by.what == What::kStack) return a.keys[d] < b.keys[d];  // texts are long
      const std::string left = text(d, a.keys[d]), right = text(d, b.keys[d]);
      if (left != right) return left < right;
    }
    return a.group < b.group;
  };
  std::sort(rows_.begin(), rows_.end(), is_before);
}

namespace {

/// A value that so many samples have.
struct Weighed {
  double value = 0;
  uint64_t weight = 1;
};

/// What each sample of the entry has: their mean.
template <typename Chunk>
Weighed single_value(const Chunk& chunk, uint16_t place) {
  const double value = chunk.values[place];
  if (!chunk.weights) return {value, 1};
  const uint64_t weight = chunk.weights[place];
  return {value / static_cast<double>(weight), weight};
}

/// Nearest rank: the least value that so large a share of `all` samples has at most. Requires: sorted.
double value_at(const std::vector<Weighed>& values, double all, double share) {
  double passed = 0;
  const double rank = std::max(std::ceil(std::clamp(share, 0.0, 1.0) * all), 1.0);
  for (const Weighed& each : values) {
    passed += static_cast<double>(each.weight);
    if (passed >= rank) return each.value;
  }
  return values.empty() ? 0 : values.back().value;
}

}  // namespace

std::vector<std::vector<double>> Query::quantiles(const std::vector<double>& shares) const {
  std::vector<std::vector<Weighed>> values(rows_.size());
  Query again(*this);  // the folds give the same numbers for the same samples
  again.for_each_group(
      [&](const auto& chunk, std::span<const uint16_t> places, const uint32_t* groups) {
        for (size_t k = 0; k < places.size(); ++k) {
          if (groups[k] >= row_of_group_.size()) continue;  // added since
          values[row_of_group_[groups[k]]].push_back(single_value(chunk, places[k]));
        }
      });
  std::vector<std::vector<double>> found(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    std::sort(values[i].begin(), values[i].end(),
              [](const Weighed& a, const Weighed& b) { return a.value < b.value; });
    double all = 0;
    for (const Weighed& each : values[i]) all += static_cast<double>(each.weight);
    for (const double share : shares) found[i].push_back(value_at(values[i], all, share));
  }
  return found;
}

std::vector<std::vector<uint64_t>> Query::histograms() const {
  std::vector<std::vector<uint64_t>> found(rows_.size());
  Query again(*this);
  again.for_each_group(
      [&](const auto& chunk, std::span<const uint16_t> places, const uint32_t* groups) {
        for (size_t k = 0; k < places.size(); ++k) {
          if (groups[k] >= row_of_group_.size()) continue;
          const auto [value, weight] = single_value(chunk, places[k]);
          const auto whole = value < 1 ? 0 : static_cast<uint64_t>(std::min(value, 9.0e18));
          const auto bucket = static_cast<size_t>(std::bit_width(whole));
          auto& counts = found[row_of_group_[groups[k]]];
          if (bucket >= counts.size()) counts.resize(bucket + 1);
          counts[bucket] += weight;
        }
      });
  return found;
}

}  // namespace oc::machine
