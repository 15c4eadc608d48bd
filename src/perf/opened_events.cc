#include "perf/opened_events.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace oc::perf {

void OpenedEvents::add(size_t kind, std::vector<OpenEvent> events) {
  auto& of_kind = kinds_[kind];
  std::move(events.begin(), events.end(), std::back_inserter(of_kind));
}

std::vector<OpenEvent> OpenedEvents::take(size_t kind) { return std::exchange(kinds_[kind], {}); }

base::Status OpenedEvents::redirect(const std::vector<OpenEvent>& events,
                                    const std::vector<RingOwner>& owners) {
  for (const OpenEvent& event : events) {
    const auto owner = std::find_if(owners.begin(), owners.end(),
                                    [&](const RingOwner& ring) { return ring.cpu == event.cpu; });
    // The CPU came online between the two: nobody could read what it writes.
    if (owner == owners.end() || owner->fd == event.fd.number()) continue;
    if (ioctl(event.fd.number(), PERF_EVENT_IOC_SET_OUTPUT, owner->fd) != 0) {
      return base::system_error(errno,
                                fmt::format("cannot redirect to the ring of CPU {}", event.cpu));
    }
  }
  return {};
}

base::Status OpenedEvents::filter(const std::vector<OpenEvent>& events, const std::string& filter) {
  for (const OpenEvent& event : events) {
    if (ioctl(event.fd.number(), PERF_EVENT_IOC_SET_FILTER, filter.c_str()) != 0) {
      return base::system_error(errno, "cannot set the filter '" + filter + "'");
    }
  }
  return {};
}

base::Status OpenedEvents::enable_all() {
  for (auto kind = kinds_.rbegin(); kind != kinds_.rend(); ++kind) {
    for (const OpenEvent& event : *kind) {
      if (ioctl(event.fd.number(), PERF_EVENT_IOC_ENABLE, 0) != 0) {
        return base::system_error(errno, fmt::format("cannot enable events on CPU {}", event.cpu));
      }
    }
  }
  return {};
}

base::Status OpenedEvents::set_enabled(size_t kind, bool is_enabled) {
  const unsigned long request = is_enabled ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE;
  for (const OpenEvent& event : kinds_[kind]) {
    if (ioctl(event.fd.number(), request, 0) != 0)
      return base::system_error(errno, fmt::format("cannot switch events of CPU {}", event.cpu));
  }
  return {};
}

base::Status OpenedEvents::set_period(size_t kind, uint64_t period) {
  for (const OpenEvent& event : kinds_[kind]) {
    if (ioctl(event.fd.number(), PERF_EVENT_IOC_PERIOD, &period) != 0)
      return base::system_error(errno, fmt::format("cannot set the rate on CPU {}", event.cpu));
  }
  return {};
}

void OpenedEvents::disable_all() {
  for (const auto& kind : kinds_) {
    for (const OpenEvent& event : kind) ioctl(event.fd.number(), PERF_EVENT_IOC_DISABLE, 0);
  }
}

namespace {

struct Sums {
  uint64_t counted = 0;
  uint64_t lost = 0;
};

/// What a descriptor itself counted and lost. One event: value, id and, where the kernel tells it, lost; a leader
/// that reads its group: how many, then these of each, its own first.
Sums read_sums(int fd) {
  uint64_t words[3 * 64 + 1] = {};
  const ssize_t size = read(fd, words, sizeof words);
  if (size == 2 * sizeof(uint64_t)) return {words[0], 0};
  if (size == 3 * sizeof(uint64_t)) return {words[0], words[2]};
  const bool is_group = size > 0 && words[0] > 0 &&
                        static_cast<uint64_t>(size) == (words[0] * 3 + 1) * sizeof(uint64_t);
  return is_group ? Sums{words[1], words[3]} : Sums{};
}

}  // namespace

void OpenedEvents::retire(size_t kind, const std::vector<OpenEvent>& events) {
  for (const OpenEvent& event : events) ioctl(event.fd.number(), PERF_EVENT_IOC_DISABLE, 0);
  for (const OpenEvent& event : events) {
    const Sums sums = read_sums(event.fd.number());
    counted_[kind] += sums.counted;
    if (sums.lost != 0) lost_[{static_cast<uint32_t>(kind), event.cpu}] += sums.lost;
  }
}

uint64_t OpenedEvents::read_count(size_t kind) const {
  const auto retired = counted_.find(kind);
  uint64_t counted = retired == counted_.end() ? 0 : retired->second;
  if (kind >= kinds_.size()) return counted;
  for (const OpenEvent& event : kinds_[kind]) counted += read_sums(event.fd.number()).counted;
  return counted;
}

std::vector<source::Loss> OpenedEvents::read_losses() const {
  auto lost = lost_;
  for (uint32_t index = 0; index < kinds_.size(); ++index) {
    for (const OpenEvent& event : kinds_[index]) {
      const uint64_t records = read_sums(event.fd.number()).lost;
      if (records != 0) lost[{index, event.cpu}] += records;
    }
  }
  std::vector<source::Loss> losses;
  for (const auto& [place, records] : lost) losses.push_back({place.second, place.first, records});
  return losses;
}

}  // namespace oc::perf
