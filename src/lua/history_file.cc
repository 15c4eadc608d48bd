#include "lua/history_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <unordered_set>

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

constexpr int kMostLinks = 20;

/// What stands at a place of a path may be trusted when nobody else put it there.
bool is_trusted(const struct stat& info) { return info.st_uid == 0 || info.st_uid == geteuid(); }

base::Error not_trusted(const std::string& path) {
  return make_error(Code::kPermission, path + " is another user's",
                    "set XDG_STATE_HOME to a folder of this user's");
}

/// The rest of a path in front, and what is left behind; "" at the end.
std::string take_name(std::string& rest) {
  rest.erase(0, std::min(rest.find_first_not_of('/'), rest.size()));
  const std::string name = rest.substr(0, rest.find('/'));
  rest.erase(0, name.size());
  return name;
}

/// The target of a link that may be trusted.
base::Result<std::string> read_link(const Fd& folder, const std::string& name,
                                    const std::string& path) {
  struct stat info {};
  if (fstatat(folder.number(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISLNK(info.st_mode))
    return system_error(ENOTDIR, "cannot open " + path);
  if (!is_trusted(info)) return not_trusted("the link " + name + " in " + path);
  char target[4096];
  const ssize_t size = readlinkat(folder.number(), name.c_str(), target, sizeof target);
  if (size <= 0 || size == sizeof target) return system_error(ENOTDIR, "cannot open " + path);
  return std::string(target, static_cast<size_t>(size));
}

/// The folder of a file: each on the way is root's or this user's, so nobody else can lead elsewhere. Those that are
/// missing are made, for this user only, where wanted.
base::Result<Fd> open_folder(const std::string& path, bool is_made) {
  std::string rest = path.substr(0, path.rfind('/'));
  int links = 0;
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  Fd folder(open("/", kFlags));
  for (std::string name = take_name(rest); !name.empty(); name = take_name(rest)) {
    if (is_made) mkdirat(folder.number(), name.c_str(), 0700);
    Fd next(openat(folder.number(), name.c_str(), kFlags | O_NOFOLLOW));
    if (!next && errno != ELOOP && errno != ENOTDIR)
      return system_error(errno, "cannot open " + path);
    if (!next) {
      auto target = read_link(folder, name, path);
      if (!target) return std::move(target.error());
      if (++links > kMostLinks) return system_error(ELOOP, "cannot open " + path);
      if (target->front() == '/') folder = Fd(open("/", kFlags));
      rest = *target + rest;
      continue;
    }
    folder = std::move(next);
    struct stat info {};
    if (fstat(folder.number(), &info) != 0 || !is_trusted(info))
      return not_trusted("the folder " + name + " of " + path);
  }
  return folder;
}

/// Until the folder is closed: nobody else appends to the file or replaces it.
void lock(const Fd& folder) {
  while (flock(folder.number(), LOCK_EX) != 0 && errno == EINTR) {
  }
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

base::Result<Fd> open_own(const Fd& folder, const std::string& path, int flags) {
  Fd file(openat(folder.number(), name_of(path).c_str(),
                 flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!file) return system_error(errno, "cannot open " + path);
  struct stat info {};
  if (fstat(file.number(), &info) != 0) return system_error(errno, "cannot look at " + path);
  if (!S_ISREG(info.st_mode) || info.st_uid != geteuid())
    return make_error(Code::kPermission, path + " is not a file of this user's");
  if ((info.st_mode & 0777) != 0600) fchmod(file.number(), 0600);
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
  auto folder = open_folder(path_, false);
  if (!folder && folder.error().sys_errno == ENOENT) return std::vector<std::string>();
  if (!folder) return std::move(folder.error());
  lock(*folder);
  auto file = open_own(*folder, path_, O_RDONLY);
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
  if (lines.size() > kMost + kMost / 4) (void)rewrite(*folder, entries);
  return entries;
}

Status HistoryFile::add(std::string_view entry) {
  if (entry.empty() || entry.size() > kMostBytes) return {};
  auto folder = open_folder(path_, true);
  if (!folder) return std::move(folder.error());
  lock(*folder);
  auto file = open_own(*folder, path_, O_WRONLY | O_APPEND | O_CREAT);
  if (!file) return std::move(file.error());
  return append_text(*file, escaped(entry), path_);
}

Status HistoryFile::rewrite(const base::Fd& folder, const std::vector<std::string>& entries) {
  const std::string partial = path_ + "." + std::to_string(getpid());
  const std::string partial_name = name_of(partial);
  unlinkat(folder.number(), partial_name.c_str(), 0);
  auto file = open_own(folder, partial, O_WRONLY | O_CREAT | O_EXCL);
  if (!file) return std::move(file.error());
  std::string text;
  for (const std::string& entry : entries) text += escaped(entry);
  Status status = append_text(*file, text, partial);
  if (status &&
      renameat(folder.number(), partial_name.c_str(), folder.number(), name_of(path_).c_str()) != 0)
    status = system_error(errno, "cannot rename " + partial);
  if (!status) unlinkat(folder.number(), partial_name.c_str(), 0);
  return status;
}

}  // namespace oc::lua
