#include <exception>
#include <string>

#include "abi/host.h"
#include "abi/script_limits.h"
#include "base/clock.h"
#include "session/privileges.h"

extern "C" {
#include "abi/privileges.h"
}

namespace oc::abi {

uint64_t default_script_memory() { return session::default_script_memory(); }

int serve_broker(int socket) { return session::serve_broker(socket); }

}  // namespace oc::abi

extern "C" {

int oc_privileges_drop(const char* name, oc_error* out, const char** who) {
  static std::string what;
  static std::string hint;
  try {
    auto dropped = oc::session::drop_rights(name);
    what = dropped ? *dropped : dropped.error().what;
    hint = dropped ? std::string() : dropped.error().hint;
    out->code = dropped ? 0 : static_cast<int32_t>(dropped.error().code);
    out->what = what.c_str();
    out->hint = hint.c_str();
    *who = what.c_str();
    return dropped ? 0 : -1;
  } catch (const std::exception& problem) {
    what = problem.what();
    hint.clear();
    *out = {static_cast<int32_t>(oc::base::Code::kSystem), what.c_str(), hint.c_str()};
    return -1;
  }
}

double oc_clock_ns(void) { return static_cast<double>(oc::base::now_of(CLOCK_MONOTONIC)); }

}  // extern "C"
