#include "sys/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "sys/broker.h"

namespace oc::sys {

std::string read_text(const std::string& path, size_t most) {
  constexpr size_t kPiece = 16 << 10;
  std::string text;
  const base::Fd fd = open_system_file(path, O_NOCTTY);
  if (!fd) return text;
  while (text.size() < most) {
    const size_t before = text.size();
    text.resize(std::min(most, before + std::max(kPiece, before)));
    const ssize_t size = read(fd.number(), text.data() + before, text.size() - before);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(size, 0)));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
  }
  return text;
}

std::string read_line(const std::string& path) {
  std::string text = read_text(path, 4096);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

std::vector<std::string> list_folder(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (!folder) return names;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace oc::sys
