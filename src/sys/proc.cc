#include "sys/proc.h"

#include <unistd.h>

#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <unordered_map>

#include "base/fd.h"
#include "sys/files.h"

namespace oc::sys {

namespace {

constexpr size_t kMaxComm = 15;  // TASK_COMM_LEN without the NUL

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

Dir open_dir(int at, const char* path) {
  base::Fd fd(openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return nullptr;
  Dir dir(fdopendir(fd.number()));
  if (dir) fd.release();
  return dir;
}

/// The next entry that is a number, or 0 at the end.
int32_t next_number(DIR* dir) {
  while (const dirent* entry = readdir(dir)) {
    const char* end = entry->d_name + std::strlen(entry->d_name);
    int32_t number = 0;
    const auto parsed = std::from_chars(entry->d_name, end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end && number > 0) return number;
  }
  return 0;
}

/// False when the thread has gone. A worker's "kworker/0:1-events" is cut as perf cuts it.
bool read_comm(int at, const char* path, std::string& comm) {
  const base::Fd fd(openat(at, path, O_RDONLY | O_CLOEXEC));
  if (!fd) return false;
  char text[64];
  const ssize_t size = read(fd.number(), text, sizeof text);
  if (size <= 0) return false;
  comm.assign(text, static_cast<size_t>(size));
  if (comm.back() == '\n') comm.pop_back();
  if (comm.size() > kMaxComm) comm.resize(kMaxComm);
  return true;
}

using Threads = std::unordered_map<int32_t, ThreadInfo>;

/// One walk: every tid seen goes to `now`, with the name that `before` has or the one read here.
void walk(int proc, const Threads& before, Threads& now) {
  const Dir processes = open_dir(proc, ".");
  if (!processes) return;
  while (const int32_t pid = next_number(processes.get())) {
    const Dir tasks = open_dir(proc, fmt::format("{}/task", pid).c_str());
    if (!tasks) continue;
    while (const int32_t tid = next_number(tasks.get())) {
      const auto known = before.find(tid);
      if (known != before.end() && known->second.pid == pid) {
        now.emplace(tid, known->second);
        continue;
      }
      ThreadInfo thread{pid, tid, {}};
      if (read_comm(dirfd(tasks.get()), fmt::format("{}/comm", tid).c_str(), thread.comm)) {
        now.emplace(tid, std::move(thread));
      }
    }
  }
}

bool same_tids(const Threads& a, const Threads& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&](const auto& entry) { return b.count(entry.first); });
}

/// Numbers of the first namespaces: include/linux/proc_ns.h.
bool is_namespace(const char* link, std::string_view wanted) {
  char target[64];
  const ssize_t size = readlink(link, target, sizeof target);
  return size > 0 && std::string_view(target, static_cast<size_t>(size)) == wanted;
}

}  // namespace

ThreadScan scan_threads(const std::string& proc, uint32_t max_scans) {
  ThreadScan scan;
  Threads before, all;
  const base::Fd root(open(proc.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (root && scan.scans < max_scans && !scan.is_settled) {
    Threads now;
    now.reserve(before.size() + 256);
    walk(root.number(), before, now);
    scan.is_settled = ++scan.scans > 1 && same_tids(before, now);
    for (const auto& [tid, thread] : now) all.insert_or_assign(tid, thread);
    before = std::move(now);
  }
  scan.threads.reserve(all.size());
  for (auto& [tid, thread] : all) scan.threads.push_back(std::move(thread));
  std::sort(scan.threads.begin(), scan.threads.end(),
            [](const ThreadInfo& a, const ThreadInfo& b) { return a.tid < b.tid; });
  return scan;
}

std::vector<int32_t> list_threads(int32_t pid, const std::string& proc) {
  std::vector<int32_t> tids;
  const Dir tasks = open_dir(AT_FDCWD, fmt::format("{}/{}/task", proc, pid).c_str());
  while (const int32_t tid = tasks ? next_number(tasks.get()) : 0) tids.push_back(tid);
  std::sort(tids.begin(), tids.end());
  return tids;
}

bool is_alive(int32_t tid, const std::string& proc) {
  const base::Fd fd(open(fmt::format("{}/{}/stat", proc, tid).c_str(), O_RDONLY | O_CLOEXEC));
  char text[512];
  const ssize_t size = fd ? read(fd.number(), text, sizeof text) : -1;
  if (size <= 0) return false;
  // "7 (a name) S …": a name may have any sign in it.
  const std::string_view stat(text, static_cast<size_t>(size));
  const size_t close = stat.rfind(") ");
  return close == stat.npos || close + 2 >= stat.size() ||
         (stat[close + 2] != 'Z' && stat[close + 2] != 'X');
}

bool is_process_alive(int32_t pid, const std::string& proc) {
  if (is_alive(pid, proc)) return true;
  const auto tids = list_threads(pid, proc);
  const std::string tasks = fmt::format("{}/{}/task", proc, pid);
  return std::any_of(tids.begin(), tids.end(), [&](int32_t tid) { return is_alive(tid, tasks); });
}

ThreadInfo load_thread(int32_t pid, int32_t tid, const std::string& proc) {
  ThreadInfo thread{pid, tid, {}};
  read_comm(AT_FDCWD, fmt::format("{}/{}/task/{}/comm", proc, pid, tid).c_str(), thread.comm);
  return thread;
}

ThreadInfo load_thread(int32_t tid, const std::string& proc) {
  const std::string status = read_text(fmt::format("{}/{}/status", proc, tid), 4096);
  int32_t pid = 0;
  if (const size_t at = status.find("\nTgid:\t"); at != status.npos)
    std::from_chars(status.data() + at + 7, status.data() + status.size(), pid);
  return load_thread(pid, tid, proc);
}

bool in_initial_pid_namespace() {
  return is_namespace("/proc/self/ns/pid", "pid:[4026531836]");  // PROC_PID_INIT_INO
}

bool in_initial_user_namespace() {
  return is_namespace("/proc/self/ns/user", "user:[4026531837]");  // PROC_USER_INIT_INO
}

}  // namespace oc::sys
