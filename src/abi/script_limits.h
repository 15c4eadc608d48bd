#pragma once

#include <cstdint>

namespace oc::abi {

/// What a script's memory is limited to when nobody says.
uint64_t default_script_memory();

/// The life of the process that keeps the rights (`oc --broker FD`); its exit status.
int serve_broker(int socket);

}  // namespace oc::abi
