// What a run asks the kernel for: whom to trace, what samples carry.
#include <algorithm>
#include <utility>

#include "abi/calls.h"
#include "session/target_settings.h"

using oc::abi::fail;
using oc::abi::guarded;
using oc::abi::guarded_or;
using oc::abi::whole;

extern "C" {

void oc_session_sampling(oc_session* session, const oc_sampling* sampling) {
  oc::session::Sampling wanted;
  wanted.period = whole(sampling->period);
  wanted.stacks.kind = static_cast<oc::perf::Stacks>(std::min(sampling->stacks, 2u));
  if (sampling->stack_size != 0) wanted.stacks.dump_bytes = sampling->stack_size;
  wanted.stacks.most_frames = static_cast<uint16_t>(std::min(sampling->max_stack, 65535u));
  wanted.parts = sampling->parts;
  if (auto* live = session->session.live(); live != nullptr) live->set_sampling(wanted);
}

int oc_session_target(oc_session* session, const char* kind, const char* text) {
  return guarded(session, [&] {
    auto status = oc::session::add_target(kind, text, session->target);
    return status ? 0 : fail(session, std::move(status.error()));
  });
}

int oc_session_check_target(oc_session* session, int has_command) {
  return guarded(session, [&] {
    const bool is_recorded = !session->session.is_live();
    auto status = oc::session::check_target(session->target, has_command != 0, is_recorded);
    return status ? 0 : fail(session, std::move(status.error()));
  });
}

const char* oc_session_event_missing(oc_session* session, const char* name) {
  return guarded_or("", [&] {
    auto* live = session->session.live();
    session->text = live == nullptr ? "" : live->missing(name);
    return session->text.c_str();
  });
}

}  // extern "C"
