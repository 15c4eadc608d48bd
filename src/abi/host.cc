// The process that scripts run in: what abi/session.h says of oc_host.

#include "abi/host.h"

#include <signal.h>
#include <unistd.h>

#include "abi/calls.h"

using oc::abi::whole;

extern "C" {

const char* oc_version(void) { return OC_VERSION; }

uint32_t oc_host_doing(oc_host* host, uint32_t doing) {
  host->progress.fetch_add(1, std::memory_order_relaxed);
  return static_cast<uint32_t>(host->doing.exchange(static_cast<oc_host::Doing>(doing)));
}

void oc_host_timeout(oc_host* host, double timeout_ns) {
  host->timeout_ns = static_cast<int64_t>(whole(timeout_ns));
}

int oc_host_interactive(oc_host* host, int interactive) {
  return host->interactive.exchange(interactive);
}

void oc_host_interrupt(void) { raise(SIGINT); }

int oc_host_pid(void) { return getpid(); }

int oc_host_begin_line(oc_host* host) {
  if (host->interactive != 0) {
    host->lines_begun.fetch_add(1);
    host->stop_requests = 0;
    host->timed_out = false;
  }
  return host->end_signal.load();
}

int oc_host_interrupted(oc_host* host) {
  if (host->timed_out) return -1;
  return host->stop_requests.load() == 0 ? 0 : host->last_signal.load();
}

}  // extern "C"
