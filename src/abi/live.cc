#include "abi/calls.h"
#include "abi/host.h"
#include "base/clock.h"

using oc::abi::fail;
using oc::abi::guarded;
using oc::abi::guarded_or;

namespace {

const oc::session::SpooledSource* spool_of(oc_session* session) {
  auto* live = session->session.live();
  return live == nullptr ? nullptr : live->spool();
}

}  // namespace

extern "C" {

double oc_now_ns(void) { return static_cast<double>(oc::base::now_of(CLOCK_MONOTONIC)); }

int oc_session_add(oc_session* session, uint32_t kind) {
  return guarded(session, [&] {
    auto status = session->session.add(kind);
    return status ? 0 : fail(session, std::move(status.error()));
  });
}

void oc_session_remove(oc_session* session, uint32_t kind) {
  guarded(session, [&] {
    session->session.remove(kind);
    return 0;
  });
}

int oc_session_change_kernel_filter(oc_session* session, uint32_t kind, const char* text) {
  return guarded(session, [&] {
    auto status = session->session.change_kernel_filter(kind, text);
    return status ? 0 : fail(session, std::move(status.error()));
  });
}

void oc_session_finish_kernel_filters(oc_session* session) {
  guarded(session, [&] {
    session->session.finish_kernel_filters();
    return 0;
  });
}

double oc_session_counted(oc_session* session, uint32_t kind) {
  return guarded_or(0.0, [&] {
    auto* live = session->session.live();
    if (live == nullptr || session->session.kinds().sample(kind) == nullptr) return 0.0;
    const uint32_t index = oc::session::EventKinds::index_of_sample(kind);
    return static_cast<double>(live->counted(index));
  });
}

void oc_session_cut_batch(oc_session* session, uint32_t at) {
  if (session->loop.count > at) session->loop.count = at;
  // As in oc_session_next: whichever of this and `cut` comes second sees the first.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (session->is_cut) session->loop.count = 0;
  session->is_left = true;
}

void oc_session_set_interactive(oc_session* session) { session->is_interactive = true; }

void oc_session_spool(oc_session* session, oc_spool* out) {
  *out = oc_spool{};
  const auto* spool = spool_of(session);
  if (spool == nullptr) return;
  const auto counts = spool->counts();
  out->used_bytes = static_cast<double>(counts.used_bytes);
  out->most_used_bytes = static_cast<double>(counts.most_used_bytes);
  out->limit_bytes = static_cast<double>(counts.limit_bytes);
  out->times_full = static_cast<double>(counts.times_full);
}

int oc_session_ready_fd(oc_session* session) {
  const auto* spool = spool_of(session);
  return spool == nullptr ? -1 : spool->ready_fd();
}

}  // extern "C"
