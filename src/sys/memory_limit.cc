#include "sys/memory_limit.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "sys/files.h"

namespace oc::sys {

namespace {

/// Of this group and of all above it; "max" is none.
uint64_t least_of(const std::string& tree, std::string path, const char* file) {
  uint64_t least = ~uint64_t{0};
  for (;;) {
    const std::string text = read_line(tree + path + "/" + file);
    uint64_t bytes = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), bytes);
    if (!text.empty() && parsed.ec == std::errc()) least = std::min(least, bytes);
    if (path.empty()) return least;
    path.resize(path.rfind('/') == path.npos ? 0 : path.rfind('/'));
  }
}

}  // namespace

uint64_t load_memory_bytes(const std::string& prefix) {
  uint64_t least =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const std::string groups = read_text(prefix + "/proc/self/cgroup", 64 << 10);
  std::string_view rest = groups;
  while (!rest.empty()) {  // "0::/path" (cgroup2), "4:memory:/path"
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t first = line.find(':');
    const size_t second = line.find(':', first == line.npos ? first : first + 1);
    if (second == line.npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string path(line.substr(second + 1));
    if (path == "/" || path.find("..") != path.npos) path.clear();  // seen from inside a container
    const std::string root = prefix + "/sys/fs/cgroup";
    if (controllers.empty()) least = std::min(least, least_of(root, path, "memory.max"));
    if (controllers == "memory")
      least = std::min(least, least_of(root + "/memory", path, "memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace oc::sys
