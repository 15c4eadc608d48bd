#include "sys/process_view.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iterator>

namespace oc::sys {

int32_t parse_namespace_pid(std::string_view text) {
  constexpr std::string_view kLine = "\nNSpid:";
  const size_t at = text.find(kLine);
  if (at == text.npos) return 0;
  auto line = text.substr(at + kLine.size());
  line = line.substr(0, line.find('\n'));
  const size_t last = line.find_last_of("\t ");
  if (last == line.npos) return 0;
  const auto number = line.substr(last + 1);
  int32_t pid = 0;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), pid);
  return parsed.ec == std::errc() && pid > 0 ? pid : 0;
}

int32_t load_namespace_pid(int32_t pid, const std::string& proc) {
  std::ifstream file(fmt::format("{}/{}/status", proc, pid));
  return parse_namespace_pid(std::string(std::istreambuf_iterator<char>(file), {}));
}

base::Result<base::Fd> open_as_seen_by(int32_t pid, const std::string& path) {
  const std::string place = fmt::format("/proc/{}/root", pid);
  const base::Fd root(open(place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) {
    return base::system_error(errno, fmt::format("cannot see the files of process {}", pid),
                              errno == EACCES ? "run as root, or as its user (oc doctor)" : "");
  }
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  base::Fd fd(
      static_cast<int>(syscall(SYS_openat2, root.number(), path.c_str(), &how, sizeof how)));
  if (!fd && errno == ENOSYS) {  // before Linux 5.6: links are not kept inside
    fd = base::Fd(open((place + "/" + path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  }
  if (fd) return fd;
  return base::system_error(errno, fmt::format("cannot open {} as process {} sees it", path, pid));
}

}  // namespace oc::sys
