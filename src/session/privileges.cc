#include "session/privileges.h"

#include <fmt/format.h>

#include "sys/broker.h"
#include "sys/drop.h"
#include "sys/memory_limit.h"

namespace oc::session {

base::Result<std::string> drop_rights(const std::string& name) {
  const auto dropped = sys::drop_rights(name);
  if (!dropped) return dropped.error();
  if (dropped->name.empty()) return std::string();
  return fmt::format("runs as {} (uid {}), without capabilities; process {} opens events for it",
                     dropped->name, dropped->uid, dropped->broker_pid);
}

int serve_broker(int socket) { return sys::serve_broker(socket); }

uint64_t default_script_memory() { return sys::load_memory_bytes() / 4 * 3; }

}  // namespace oc::session
