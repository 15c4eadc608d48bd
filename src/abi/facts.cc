// What a trace, or this machine, says of itself: oc_session_fact.

#include <map>
#include <string>

#include "abi/calls.h"
#include "abi/host.h"

namespace {

using Facts = std::map<std::string, std::string, std::less<>>;

std::string count(uint64_t number) { return number == 0 ? std::string() : std::to_string(number); }

/// What a recorder's facts and this machine's have in common.
template <typename HostFacts>
Facts facts_of(const HostFacts& facts, const std::string& host, const std::string& recorder) {
  return {{"host", host},
          {"kernel", facts.kernel},
          {"arch", facts.arch},
          {"cpu", facts.cpu},
          {"cpus_online", count(facts.cpus_online)},
          {"cpus_available", count(facts.cpus_available)},
          {"memory_bytes", count(facts.memory_bytes)},
          {"recorder", recorder}};
}

Facts recorded_facts(const oc::source::RecordedTrace& trace) {
  const auto& facts = trace.facts();
  Facts found = facts_of(facts, facts.host, facts.perf_version);
  std::string& command = found["command"];
  for (const std::string& word : facts.command) command += (command.empty() ? "" : " ") + word;
  found["path"] = trace.path();
  if (facts.last_sample > facts.first_sample)
    found["span_ns"] = count(facts.last_sample - facts.first_sample);
  return found;
}

Facts own_facts() {
  const auto facts = oc::session::LiveInput::host_facts();
  return facts_of(facts, facts.name, "oc " OC_VERSION);
}

}  // namespace

extern "C" const char* oc_session_fact(oc_session* session, const char* name) {
  return oc::abi::guarded_or("", [&]() -> const char* {
    const auto* file = session->session.file();
    Facts facts;
    if (file != nullptr) facts = recorded_facts(*file);
    if (session->session.is_live()) facts = own_facts();
    session->text = facts[name];
    return session->text.c_str();
  });
}
