#pragma once

#include <cstdint>
#include <functional>

namespace oc::symbol {

/// Calls `job(0) … job(count - 1)`, each once, from up to `threads` threads of which the caller's is one; returns when all
/// have ended. Jobs that throw have done nothing.
void run_jobs(size_t count, uint32_t threads, const std::function<void(size_t)>& job);

}  // namespace oc::symbol
