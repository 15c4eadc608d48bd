#include "session/kept_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/clock.h"

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

/// What `file` says, in place of what was not told.
void complete(process::Mapping& mapping, const perf::MappedFile& file) {
  mapping.build_id = process::BuildId(file.build_id);
  mapping.contents = file.contents;
  if (mapping.inode_generation == 0) mapping.inode_generation = file.generation;
}

/// Its path leads to it.
bool is_in_its_place(const std::string& path, int fd) {
  struct stat there {
  }, here{};
  return stat(path.c_str(), &there) == 0 && fstat(fd, &here) == 0 && there.st_dev == here.st_dev &&
         there.st_ino == here.st_ino;
}

/// The space that is free when it is let go; 0: it has a name.
uint64_t removed_bytes(int fd) {
  constexpr uint64_t kBlock = 512;  // of st_blocks, see stat(2)
  struct stat info {};
  if (fstat(fd, &info) != 0 || info.st_nlink != 0) return 0;
  return static_cast<uint64_t>(info.st_blocks) * kBlock;
}

}  // namespace

KeptFiles::Key KeptFiles::key_of(const process::Mapping& mapping) {
  return {mapping.device, mapping.inode, mapping.inode_generation, mapping.contents};
}

void KeptFiles::look_at(perf::CodeFiles& files, int32_t pid, base::Nanos time,
                        process::Mapping& mapping) {
  drop_removed();
  const perf::MapsLine line = line_of(mapping);
  if (const auto* const known = files.find_known(line, time)) {
    process::Mapping completed = mapping;
    complete(completed, *known);
    if (files_.count(key_of(completed)) != 0) {
      mapping = completed;
      return;
    }
  }
  base::Fd fd;
  const perf::MappedFile* const file = files.find(pid, line, time, &fd);
  if (file == nullptr) return;
  complete(mapping, *file);
  if (!fd || (time == 0 && is_in_its_place(std::string(mapping.path), fd.number()))) return;
  keep(mapping, std::move(fd));
}

void KeptFiles::keep(const process::Mapping& mapping, base::Fd fd) {
  const Key key = key_of(mapping);
  if (files_.count(key) != 0) return;
  if (files_.size() >= limits_.files) drop_findable();
  const std::lock_guard lock(mutex_);
  if (files_.size() >= limits_.files) {
    ++full_for_;
  } else {
    files_[key] = {std::move(fd), std::string(mapping.path), ++came_};
  }
}

/// The older half of them: what came just now may be about to be removed. Where all are needed, they are not looked at again for
/// a while.
void KeptFiles::drop_findable() {
  constexpr base::Nanos kPause = 1'000'000'000;
  const base::Nanos now = base::now_of(CLOCK_MONOTONIC);
  if (all_needed_at_ != 0 && now - all_needed_at_ < kPause) return;
  std::vector<Files::iterator> found;
  for (auto file = files_.begin(); file != files_.end(); ++file) {
    if (is_in_its_place(file->second.path, file->second.fd.number())) found.push_back(file);
  }
  all_needed_at_ = found.empty() ? now : 0;
  const auto middle = found.begin() + static_cast<ptrdiff_t>((found.size() + 1) / 2);
  std::nth_element(found.begin(), middle, found.end(),
                   [](auto a, auto b) { return a->second.order < b->second.order; });
  const std::lock_guard lock(mutex_);
  std::for_each(found.begin(), middle, [this](auto file) { files_.erase(file); });
}

/// The oldest ones, until the rest is small enough. Looked at now and then: a file is mapped first and removed later.
void KeptFiles::drop_removed() {
  constexpr base::Nanos kPause = 100'000'000;
  const base::Nanos now = base::now_of(CLOCK_MONOTONIC);
  if (now - measured_at_ < kPause) return;
  measured_at_ = now;
  std::vector<std::pair<Files::iterator, uint64_t>> removed;
  uint64_t bytes = 0;
  for (auto file = files_.begin(); file != files_.end(); ++file) {
    const uint64_t size = removed_bytes(file->second.fd.number());
    if (size != 0) removed.emplace_back(file, size);
    bytes += size;
  }
  if (bytes <= limits_.removed_bytes) return;
  std::sort(removed.begin(), removed.end(), [](const auto& a, const auto& b) {
    return a.first->second.order < b.first->second.order;
  });
  const std::lock_guard lock(mutex_);
  for (auto& [file, size] : removed) {
    files_.erase(file);
    ++dropped_;
    bytes -= size;
    if (bytes <= limits_.removed_bytes) return;
  }
}

base::Fd KeptFiles::lend(const process::Module& module) const {
  if (module.inode == 0) return {};
  const std::lock_guard lock(mutex_);
  const auto found =
      files_.find({module.device, module.inode, module.inode_generation, module.contents});
  if (found == files_.end()) return {};
  return base::Fd(fcntl(found->second.fd.number(), F_DUPFD_CLOEXEC, 0));
}

std::string KeptFiles::note() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  if (dropped_ != 0) {
    text = fmt::format(
        "{} removed programs and libraries were let go: together they took more than {} MiB of "
        "disk",
        dropped_, limits_.removed_bytes >> 20);
  }
  if (full_for_ != 0) {
    text +=
        fmt::format("{}{} mappings of programs and libraries came when {} files were held already",
                    text.empty() ? "" : "; ", full_for_, limits_.files);
  }
  return text.empty() ? text
                      : text + ": their functions may have no names, and stacks may end there";
}

}  // namespace oc::session
