#include "symbol/jit_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/open_regular.h"
#include "base/path.h"
#include "sys/process_view.h"

namespace oc::symbol {
namespace {

constexpr off_t kMostDumpBytes = off_t{1} << 30;

base::Fd open_plainly(const std::string& path) {
  return base::Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY));
}

/// The whole file. The others' are refused: anybody may make files in /tmp.
std::optional<std::vector<uint8_t>> read_own(const base::Fd& fd) {
  struct stat info {};
  if (!fd || fstat(fd.number(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  const uid_t user = geteuid();
  if (user != 0 && info.st_uid != 0 && info.st_uid != user) return {};
  if (info.st_size > kMostDumpBytes) return {};
  std::vector<uint8_t> bytes(static_cast<size_t>(info.st_size));
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t count =
        pread(fd.number(), bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    size += static_cast<size_t>(count);
  }
  bytes.resize(size);
  return bytes;
}

class Search {
 public:
  Search(const Places& places, int32_t pid) : places_(places), pid_(pid) {
    may_ask_process_ = places.is_this_machine && places.root.empty() && places.proc == "/proc";
    if (may_ask_process_) own_pid_ = sys::load_namespace_pid(pid);
  }

  std::optional<std::vector<uint8_t>> read_as_process(const std::string& path) const {
    if (!may_ask_process_ || own_pid_ == 0) return {};
    const auto fd = sys::open_as_seen_by(pid_, path);
    return fd ? read_own(*fd) : std::nullopt;
  }

  std::optional<std::vector<uint8_t>> read_map() const {
    if (own_pid_ != 0) {
      for (const int32_t pid : {own_pid_, pid_}) {
        if (auto bytes = read_as_process(fmt::format("/tmp/perf-{}.map", pid))) return bytes;
      }
    }
    const std::string name = fmt::format("/perf-{}.map", pid_);
    for (const std::string& archive : places_.archives) {
      if (auto bytes = read_own(open_plainly(archive + name))) return bytes;
    }
    if (is_elsewhere()) return {};
    return read_own(open_plainly(places_.root + "/tmp" + name));
  }

  /// What `read` makes of the first file that it takes.
  template <class Read>
  auto find_dump(const std::string& path, const Read& read) const -> decltype(read(base::Fd())) {
    if (may_ask_process_ && own_pid_ != 0) {
      if (const auto fd = sys::open_as_seen_by(pid_, path)) {
        if (auto found = read(*fd)) return found;
      }
    }
    const std::string name(base::file_name(path));
    for (const std::string& archive : places_.archives) {
      const std::string own = fmt::format("{}/dumps/{}/{}", archive, pid_, name);
      for (const std::string& place : {own, archive + "/" + name}) {
        if (auto found = read(open_plainly(place))) return found;
      }
    }
    if (is_elsewhere()) return {};
    if (places_.root.empty()) return read(open_plainly(path));
    auto fd = base::open_regular(path, places_.root);  // a foreign path
    return read(fd ? std::move(*fd) : base::Fd());
  }

 private:
  /// The process ran on another machine, and nobody said where that one's files are: ours are of other processes.
  bool is_elsewhere() const { return !places_.is_this_machine && places_.root.empty(); }

  const Places& places_;
  int32_t pid_;
  int32_t own_pid_ = 0;
  bool may_ask_process_ = false;
};

base::Result<JitDump> load_dump(const Search& search, const std::string& path) {
  auto bytes = search.find_dump(path, read_own);
  if (!bytes) return base::make_error(base::Code::kNotFound, path + " cannot be read");
  return JitDump::make(std::move(*bytes), path);
}

}  // namespace

base::Result<JitDump> load_jit_dump(const Places& places, int32_t pid, const std::string& path) {
  return load_dump(Search(places, pid), path);
}

uint64_t jit_dump_bytes(const Places& places, int32_t pid, const std::string& path) {
  const auto size = Search(places, pid).find_dump(path, [](const base::Fd& fd) {
    struct stat info {};
    const bool is_there = fd && fstat(fd.number(), &info) == 0 && S_ISREG(info.st_mode);
    return is_there ? std::optional(static_cast<uint64_t>(info.st_size)) : std::nullopt;
  });
  return size.value_or(0);
}

JitFiles find_jit_files(const Places& places, int32_t pid, const std::vector<std::string>& dumps) {
  JitFiles found;
  const Search search(places, pid);
  for (const std::string& path : dumps) {
    if (auto bytes = search.find_dump(path, read_own)) {
      found.dump_paths.push_back(path);
      found.dumps.push_back(std::move(*bytes));
    } else {
      found.missing.push_back(path);
    }
  }
  found.map = search.read_map();
  return found;
}

std::vector<std::string> find_dumps(const process::ModuleTable& modules, int32_t pid) {
  std::vector<std::string> dumps;
  for (uint32_t id = 1; id <= modules.size(); ++id) {
    const std::string path(modules.path({id}));
    const auto name = base::file_name(path);
    if (modules.find({id}).pid == pid && name.starts_with("jit-") && name.ends_with(".dump"))
      dumps.push_back(path);
  }
  return dumps;
}

JitNames load_jit_names(const Places& places, int32_t pid, const std::vector<std::string>& dumps) {
  JitNames found;
  JitFiles files = find_jit_files(places, pid, dumps);
  if (!files.missing.empty()) found.reason = files.missing.back() + " cannot be read";
  for (size_t i = 0; i < files.dumps.size(); ++i) {
    auto dump = JitDump::make(std::move(files.dumps[i]), files.dump_paths[i]);
    if (dump) {
      found.dump.emplace(std::move(*dump));
    } else {
      found.reason = dump.error().what;
    }
  }
  if (const auto& bytes = files.map) {
    found.map.emplace(
        std::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size()));
  }
  if (!found.map && !found.dump && found.reason.empty())
    found.reason =
        fmt::format("no program file, and process {} wrote no /tmp/perf-{}.map", pid, pid);
  return found;
}

}  // namespace oc::symbol
