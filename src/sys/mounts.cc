#include "sys/mounts.h"

#include <algorithm>

namespace oc::sys {

namespace {

/// Undoes the octal escapes: "\040" is a space.
std::string unescape(std::string_view text) {
  std::string plain;
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size() && is_octal(text[at + 1]) &&
        is_octal(text[at + 2]) && is_octal(text[at + 3])) {
      plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                                 (text[at + 3] - '0'));
      at += 3;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

}  // namespace

std::vector<std::string> mounted_folders(std::string_view mounts, std::string_view type) {
  std::vector<std::string> folders;
  const std::string wanted = " " + std::string(type) + " ";
  while (!mounts.empty()) {
    const std::string_view line = mounts.substr(0, mounts.find('\n'));
    mounts.remove_prefix(std::min(line.size() + 1, mounts.size()));
    const auto folder = line.find(' ');
    if (folder == line.npos) continue;
    const auto end = line.find(' ', folder + 1);
    if (end == line.npos || !line.substr(end).starts_with(wanted)) continue;
    folders.push_back(unescape(line.substr(folder + 1, end - folder - 1)));
  }
  return folders;
}

}  // namespace oc::sys
