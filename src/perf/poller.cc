#include "perf/poller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

namespace oc::perf {

base::Result<Poller> Poller::open() {
  Poller poller;
  poller.epoll_ = base::Fd(epoll_create1(EPOLL_CLOEXEC));
  poller.wakeups_ = base::Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!poller.epoll_ || !poller.wakeups_) {
    return base::system_error(errno, "cannot wait for events");
  }
  const base::Status added = poller.add(poller.wakeups_.number());
  if (!added) return added.error();
  return poller;
}

base::Status Poller::add(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return base::system_error(errno, "cannot wait for events");
}

void Poller::wait(std::chrono::milliseconds longest) {
  std::array<epoll_event, 64> ready;
  const int count = epoll_wait(epoll_.number(), ready.data(), static_cast<int>(ready.size()),
                               static_cast<int>(longest.count()));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready[static_cast<size_t>(i)];
    if (event.data.fd == wakeups_.number()) {
      uint64_t times = 0;
      while (read(event.data.fd, &times, sizeof times) < 0 && errno == EINTR) {
      }
    } else if ((event.events & (EPOLLHUP | EPOLLERR)) != 0) {
      epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, event.data.fd, nullptr);
    }
  }
}

void Poller::wake() {
  const uint64_t once = 1;
  while (write(wakeups_.number(), &once, sizeof once) < 0 && errno == EINTR) {
  }
}

}  // namespace oc::perf
