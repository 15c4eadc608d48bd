#include "session/kept_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <string>

#include "sys/process_view.h"

namespace oc::session {

namespace {

bool is_inode(int result, const struct stat& info, uint64_t inode) {
  return result == 0 && S_ISREG(info.st_mode) && info.st_ino == inode;
}

/// The mapped file itself, even without a name; only root may open it so.
base::Fd open_mapped(int32_t pid, const process::Mapping& mapping) {
  const std::string path = fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start,
                                       mapping.start + mapping.size_bytes);
  base::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd) return fd;
  auto seen = sys::open_as_seen_by(pid, std::string(mapping.path));
  return seen ? std::move(*seen) : base::Fd();
}

}  // namespace

process::BuildId KeptFiles::look_at(perf::Rundown& files, int32_t pid,
                                    const process::Mapping& mapping) {
  keep(pid, mapping);
  perf::MapsLine line;
  line.start = mapping.start;
  line.end = mapping.start + mapping.size_bytes;
  line.prot = PROT_EXEC;
  line.major = static_cast<uint32_t>(mapping.device >> 32);
  line.minor = static_cast<uint32_t>(mapping.device);
  line.inode = mapping.inode;
  line.path = mapping.path;
  const perf::MappedFile* const file = files.find_file(pid, line);
  return file == nullptr ? process::BuildId() : process::BuildId(file->build_id);
}

void KeptFiles::keep(int32_t pid, const process::Mapping& mapping) {
  if (mapping.inode == 0 || !mapping.path.starts_with('/') || files_.size() >= kMost) return;
  const std::pair key{mapping.device, mapping.inode};
  if (files_.count(key) != 0) return;
  struct stat info {};
  const std::string path(mapping.path);
  if (is_inode(stat(path.c_str(), &info), info, mapping.inode)) return;
  base::Fd fd = open_mapped(pid, mapping);
  if (fd && is_inode(fstat(fd.number(), &info), info, mapping.inode))
    files_.emplace(key, std::move(fd));
}

void KeptFiles::give(process::ModuleId id, symbol::ModuleFiles& files) const {
  const process::Module& module = files.modules().find(id);
  const auto found = files_.find({module.device, module.inode});
  if (found == files_.end() || module.inode == 0) return;
  base::Fd copy(fcntl(found->second.number(), F_DUPFD_CLOEXEC, 0));
  if (copy) files.keep(id, std::move(copy));
}

}  // namespace oc::session
