// Pauses: what abi/session.h says of them.

#include "abi/calls.h"
#include "abi/host.h"

using oc::abi::fail;
using oc::abi::guarded;

extern "C" {

int oc_session_set_paused(oc_session* session, int is_paused) {
  return guarded(session, [&] {
    auto status = session->session.set_paused(is_paused != 0);
    return status ? 0 : fail(session, std::move(status.error()));
  });
}

int oc_session_is_paused(oc_session* session) { return session->session.is_paused() ? 1 : 0; }

void oc_session_reopen_batch(oc_session* session) {
  session->loop.count = session->batch_count;
  session->is_left = false;
  // As in oc_session_next: whichever of this and `cut` comes second sees the first.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (session->is_cut) session->loop.count = 0;
}

uint32_t oc_session_events_behind(oc_session* session) {
  const uint32_t count = session->batch_count;
  return session->loop.at + 1 < count ? count - session->loop.at - 1 : 0;
}

}  // extern "C"
