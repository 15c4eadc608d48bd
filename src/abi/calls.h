#pragma once

#include <exception>
#include <utility>

#include "abi/host.h"

namespace oc::abi {

/// CPU time of this process, ns.
double process_cpu_ns();

/// A run begins: from here on its CPU time, its duration and requests for a pause count.
void begin_run(oc_session* session);

/// Makes `error` the session's; -1.
int fail(oc_session* session, base::Error error);

/// A count that a script gave; nothing that is below 0 or no number, nothing beyond 2^62.
uint64_t whole(double value);

/// A run's options as C++ has them, with the session's target.
session::RunOptions read_run(const oc_session* session, const oc_run* run);

/// Runs `body`; an exception of a library becomes the session's error.
template <typename Body>
int guarded(oc_session* session, Body&& body) {
  try {
    return body();
  } catch (const std::exception& problem) {
    return fail(session, base::make_error(base::Code::kSystem, problem.what()));
  }
}

/// The same for calls that cannot tell of a failure.
template <typename Result, typename Body>
Result guarded_or(Result otherwise, Body&& body) {
  try {
    return body();
  } catch (const std::exception&) {
    return otherwise;
  }
}

}  // namespace oc::abi
