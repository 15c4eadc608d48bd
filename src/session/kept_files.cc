#include "session/kept_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <string>

namespace oc::session {

namespace {

static_assert(perf::MappedFile::kGone == process::Module::kGone);

perf::MapsLine line_of(const process::Mapping& mapping) {
  perf::MapsLine line;
  line.start = mapping.start;
  line.end = mapping.start + mapping.size_bytes;
  line.prot = PROT_EXEC;
  line.major = static_cast<uint32_t>(mapping.device >> 32);
  line.minor = static_cast<uint32_t>(mapping.device);
  line.inode = mapping.inode;
  line.generation = mapping.inode_generation;
  line.path = mapping.path;
  return line;
}

/// Its path leads to it.
bool is_in_its_place(const process::Mapping& mapping, int fd) {
  struct stat there {
  }, here{};
  const std::string path(mapping.path);
  return stat(path.c_str(), &there) == 0 && fstat(fd, &here) == 0 && there.st_dev == here.st_dev &&
         there.st_ino == here.st_ino;
}

}  // namespace

void KeptFiles::look_at(perf::CodeFiles& files, int32_t pid, base::Nanos time,
                        process::Mapping& mapping) {
  base::Fd fd;
  const perf::MappedFile* const file = files.find(pid, line_of(mapping), time, &fd);
  if (file == nullptr) return;
  mapping.build_id = process::BuildId(file->build_id);
  mapping.contents = file->contents;
  if (mapping.inode_generation == 0) mapping.inode_generation = file->generation;
  if (!fd || (time == 0 && is_in_its_place(mapping, fd.number()))) return;
  const Key key{mapping.device, mapping.inode, mapping.inode_generation, mapping.contents};
  const std::lock_guard lock(mutex_);
  if (files_.size() < kMost) files_.try_emplace(key, std::move(fd));
}

void KeptFiles::give(process::ModuleId id, symbol::ModuleFiles& files) const {
  const process::Module& module = files.modules().find(id);
  if (module.inode == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found =
      files_.find({module.device, module.inode, module.inode_generation, module.contents});
  if (found == files_.end()) return;
  base::Fd copy(fcntl(found->second.number(), F_DUPFD_CLOEXEC, 0));
  if (copy) files.keep(id, std::move(copy));
}

}  // namespace oc::session
