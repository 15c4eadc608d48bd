#include "session/process_facts.h"

#include <exception>
#include <utility>

#include "abi/host.h"

extern "C" {
#include "abi/process.h"
}

namespace {

int show(oc_session* session, oc::session::ProcessFacts facts, oc_process* out) {
  session->facts = std::move(facts);
  out->cgroup = session->facts.cgroup.c_str();
  out->container = session->facts.container.c_str();
  out->ns_pid = session->facts.namespace_pid;
  return session->facts.cgroup.empty() ? 0 : 1;
}

}  // namespace

extern "C" {

int oc_session_process(oc_session* session, int32_t pid, oc_process* out) {
  try {
    return show(session, oc::session::load_process_facts(pid), out);
  } catch (const std::exception&) {
    return show(session, {}, out);
  }
}

int oc_session_cgroup(oc_session* session, uint64_t id, oc_process* out) {
  try {
    return show(session, oc::session::facts_of_cgroup(session->session.model().cgroups.find(id)),
                out);
  } catch (const std::exception&) {
    return show(session, {}, out);
  }
}

void oc_session_sample_cgroups(oc_session* session) {
  if (auto* live = session->session.live(); live != nullptr) live->sample_cgroups();
}

}  // extern "C"
