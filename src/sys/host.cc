#include "sys/host.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "sys/files.h"

namespace oc::sys {

namespace {
constexpr size_t kCpuInfoBytes = 64 << 10;
constexpr const char* kBlanks = " \t";
}  // namespace

std::string find_line_value(const std::string& text, const std::string& key) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const size_t colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(key)) continue;
    if (line.find_first_not_of(kBlanks, key.size()) != colon) continue;
    const size_t first = line.find_first_not_of(kBlanks, colon + 1);
    if (first == std::string::npos) return {};
    return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
  }
  return {};
}

HostFacts load_host_facts() {
  HostFacts facts;
  utsname names{};
  if (uname(&names) == 0) {
    facts.name = names.nodename;
    facts.kernel = names.release;
    facts.arch = names.machine;
  }
  const std::string cpus = read_text("/proc/cpuinfo", kCpuInfoBytes);
  facts.cpu = find_line_value(cpus, "model name");
  if (facts.cpu.empty()) facts.cpu = find_line_value(cpus, "Processor");
  facts.cpus_online = static_cast<uint32_t>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 0L));
  facts.cpus_available = static_cast<uint32_t>(std::max(sysconf(_SC_NPROCESSORS_CONF), 0L));
  const std::string memory = find_line_value(read_text("/proc/meminfo"), "MemTotal");
  uint64_t kib = 0;
  std::from_chars(memory.data(), memory.data() + memory.size(), kib);
  facts.memory_bytes = kib << 10;
  return facts;
}

}  // namespace oc::sys
