#pragma once

#include <linux/perf_event.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

namespace oc::sys {

/// What is asked of a broker, one message each; descriptors travel beside it: first the group's leader, then the cgroup.
struct BrokerRequest {
  enum class What : uint32_t { kEvent = 1, kFile = 2 };
  static constexpr size_t kMostPath = 256;

  What what = What::kEvent;
  int32_t pid = -1;
  int32_t cpu = -1;
  uint32_t has_group = 0;
  uint64_t flags = 0;
  perf_event_attr attr{};
  char path[kMostPath] = {};
};

/// Sends one message with at most two descriptors; false when nobody is there.
bool send_message(int socket, const void* bytes, size_t size, const int* fds, size_t count);

constexpr long kDamaged = -2;

/// Takes one message; its size, 0 at the end, -1 when that failed, kDamaged when it was too long. `fds` has room for two; those that came are
/// counted in `count` and close-on-exec.
long take_message(int socket, void* bytes, size_t size, int* fds, size_t& count);

}  // namespace oc::sys
