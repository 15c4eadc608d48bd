#include "perf/opened_events.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace oc::perf {

base::Status OpenedEvents::redirect_last(const std::vector<OpenEvent>& data) {
  for (const OpenEvent& event : kinds_.back()) {
    const auto owner = std::find_if(data.begin(), data.end(),
                                    [&](const OpenEvent& ring) { return ring.cpu == event.cpu; });
    // The CPU came online between the two: nobody could read what it writes.
    if (owner == data.end()) continue;
    if (ioctl(event.fd.number(), PERF_EVENT_IOC_SET_OUTPUT, owner->fd.number()) != 0) {
      return base::system_error(errno,
                                fmt::format("cannot redirect to the ring of CPU {}", event.cpu));
    }
  }
  return {};
}

base::Status OpenedEvents::filter_last(const std::string& filter) {
  for (const OpenEvent& event : kinds_.back()) {
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

std::vector<source::Loss> OpenedEvents::read_losses() const {
  struct Values {
    uint64_t count;
    uint64_t id;
    uint64_t lost;
  };
  std::vector<source::Loss> losses;
  for (uint32_t index = 0; index < kinds_.size(); ++index) {
    for (const OpenEvent& event : kinds_[index]) {
      Values values{};
      if (read(event.fd.number(), &values, sizeof values) != sizeof values) continue;
      if (values.lost != 0) losses.push_back({event.cpu, index, values.lost});
    }
  }
  return losses;
}

}  // namespace oc::perf
