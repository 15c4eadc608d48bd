#pragma once

#include <cstdint>
#include <string>

namespace oc::sys {

/// What this machine is. Passive data; empty or 0 where nobody tells.
struct HostFacts {
  std::string name;
  std::string kernel;  ///< its release
  std::string arch;
  std::string cpu;  ///< model
  uint32_t cpus_online = 0;
  uint32_t cpus_available = 0;
  uint64_t memory_bytes = 0;
};

HostFacts load_host_facts();

/// What stands behind `key` and ':' in a text of lines "key   : value", of the first such line, without blanks
/// around it; empty when there is none. As /proc/cpuinfo and /proc/meminfo are written.
std::string find_line_value(const std::string& text, const std::string& key);

}  // namespace oc::sys
