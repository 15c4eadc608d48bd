#include "lua/history_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <unordered_set>

#include "base/fd.h"

namespace oc::lua {

namespace {

using base::Code;
using base::Fd;
using base::make_error;
using base::Status;
using base::system_error;

std::string escaped(std::string_view entry) {
  std::string text;
  for (const char c : entry) {
    if (c == '\\') text += "\\\\";
    if (c == '\n') text += "\\n";
    if (c != '\\' && c != '\n' && c != '\0') text += c;
  }
  return text + "\n";
}

std::string unescaped(std::string_view line) {
  std::string text;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool is_escape = line[i] == '\\' && i + 1 < line.size();
    if (is_escape) ++i;
    if (line[i] != '\0') text += is_escape && line[i] == 'n' ? '\n' : line[i];
  }
  return text;
}

/// Folders up to the file's, for this user only.
void make_folders(const std::string& path) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    mkdir(path.substr(0, at).c_str(), 0700);
}

base::Result<Fd> open_own(const std::string& path, int flags) {
  Fd file(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!file) return system_error(errno, "cannot open " + path);
  struct stat info {};
  if (fstat(file.number(), &info) != 0) return system_error(errno, "cannot look at " + path);
  if (!S_ISREG(info.st_mode) || info.st_uid != geteuid())
    return make_error(Code::kPermission, path + " is not a file of this user's");
  return file;
}

Status append_text(const Fd& file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = write(file.number(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(errno, "cannot write " + path);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

std::string whole_text(const Fd& file) {
  std::string text;
  char block[65536];
  for (;;) {
    const ssize_t size = read(file.number(), block, sizeof block);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(block, static_cast<size_t>(size));
  }
}

}  // namespace

std::string HistoryFile::default_path() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::string(state) + "/oc/history";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') return {};
  return std::string(home) + "/.local/state/oc/history";
}

base::Result<std::vector<std::string>> HistoryFile::load() {
  auto file = open_own(path_, O_RDONLY);
  if (!file && file.error().sys_errno == ENOENT) return std::vector<std::string>();
  if (!file) return std::move(file.error());
  const std::string text = whole_text(*file);
  std::vector<std::string> lines, entries;
  for (size_t at = 0, end = 0; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    if (end > at && end - at <= 2 * kMostBytes) lines.push_back(unescaped({&text[at], end - at}));
  }
  std::unordered_set<std::string_view> seen;
  for (size_t i = lines.size(); i > 0 && entries.size() < kMost; --i)
    if (seen.insert(lines[i - 1]).second) entries.push_back(lines[i - 1]);
  std::reverse(entries.begin(), entries.end());
  if (lines.size() > kMost + kMost / 4) (void)rewrite(entries);
  return entries;
}

Status HistoryFile::add(std::string_view entry) {
  if (entry.empty() || entry.size() > kMostBytes) return {};
  make_folders(path_);
  auto file = open_own(path_, O_WRONLY | O_APPEND | O_CREAT);
  if (!file) return std::move(file.error());
  return append_text(*file, escaped(entry), path_);
}

Status HistoryFile::rewrite(const std::vector<std::string>& entries) {
  const std::string partial = path_ + "." + std::to_string(getpid());
  unlink(partial.c_str());
  auto file = open_own(partial, O_WRONLY | O_CREAT | O_EXCL);
  if (!file) return std::move(file.error());
  std::string text;
  for (const std::string& entry : entries) text += escaped(entry);
  Status status = append_text(*file, text, partial);
  if (status && rename(partial.c_str(), path_.c_str()) != 0)
    status = system_error(errno, "cannot rename " + partial);
  if (!status) unlink(partial.c_str());
  return status;
}

}  // namespace oc::lua
