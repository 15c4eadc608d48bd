#pragma once

#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "sys/permissions.h"

namespace oc::sys {

/// The other process that kept its rights when this one gave them up.
///
///     oc (root)  ── fork, exec "oc --broker FD" ──> broker (root; no script, no configuration, no threads)
///         │ setresuid, no capabilities                │
///         │ ── "open this event", "open this file" ──>│ refuses what broker_rules.h does not list
///         │ <────── a descriptor (SCM_RIGHTS) ──────  │ keeps none itself
///         └ ends ──────────── EOF ──────────────────> ends
///
/// Exec, not only fork: nothing of what this process read is in the other one, and it may be started when there are
/// threads already. The process as a whole has or has not its rights, so there is one per process: `active`.
/// Any thread; one request at a time.
class Broker {
 public:
  /// Starts the other process. Error: fork or exec failed.
  static base::Result<std::unique_ptr<Broker>> start();

  /// perf_event_open: a descriptor, or -errno. `pid` 0 is the calling thread.
  int open_event(const perf_event_attr& attr, pid_t pid, int32_t cpu, int group, uint64_t flags);
  /// open for reading: a descriptor, or -errno.
  int open_file(const std::string& path);

  pid_t pid() const { return pid_; }
  /// What was allowed here before, and still is there.
  const Permissions& permissions() const { return permissions_; }
  /// Soft and hard limits as they were: commands get these.
  const rlimit& memlock_before() const { return memlock_before_; }

  /// The one of this process; null while it has its rights itself.
  static Broker* active();
  /// Requires: no thread but this one uses `active` yet.
  static void set_active(std::unique_ptr<Broker> broker);

 private:
  Broker(base::Fd socket, pid_t pid);
  int ask(const struct BrokerRequest& request, const int* fds, size_t count);

  base::Fd socket_;
  pid_t pid_ = 0;
  Permissions permissions_;
  rlimit memlock_before_{};
  std::mutex mutex_;
};

/// The other process's life: answers at `socket` until that ends. Its exit status.
int serve_broker(int socket);

/// Opens a file of the system's for reading, by the broker where this process may not; errno says why not.
base::Fd open_system_file(const std::string& path, int more_flags = 0);

}  // namespace oc::sys
