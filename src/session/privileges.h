#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace oc::session {

/// See sys/drop.h. The text says who runs scripts now; empty when there was nothing to give up.
base::Result<std::string> drop_rights(const std::string& name);

/// The life of the process that keeps the rights (sys/broker.h); its exit status.
int serve_broker(int socket);

/// Of what a script may take when nobody says: three quarters of what this process may have in the end.
uint64_t default_script_memory();

}  // namespace oc::session
