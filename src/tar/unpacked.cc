#include "tar/unpacked.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>

namespace oc::tar {

using base::Code;
using base::make_error;

namespace {

constexpr const char* kPrefix = "oc-archive.";
constexpr const char* kLock = ".lock";
constexpr int64_t kOldSeconds = 3600;
constexpr int kTries = 8;

std::string temporary_folder() {
  const char* const told = std::getenv("TMPDIR");
  return told != nullptr && told[0] == '/' ? told : "/var/tmp";
}

/// The lock last: who is killed meanwhile leaves a folder that the next one may remove.
void remove_all(const std::string& folder) {
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem)) {
    std::error_code ignored;
    if (entry.path().filename() != kLock) std::filesystem::remove_all(entry.path(), ignored);
  }
  if (rmdir(folder.c_str()) == 0) return;
  unlink((folder + "/" + kLock).c_str());
  rmdir(folder.c_str());
}

/// Whoever unpacked holds its lock: where nobody does, he was killed. One without a lock may be about to get it.
bool is_left_behind(const std::string& path, const struct stat& info) {
  const base::Fd lock(
      ::open((path + "/" + kLock).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (lock) return flock(lock.number(), LOCK_EX | LOCK_NB) == 0;
  return errno == ENOENT && std::time(nullptr) - info.st_mtime > kOldSeconds;
}

void remove_left_behind(const std::string& parent) {
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(parent, problem)) {
    const std::string path = entry.path().string();
    struct stat info {};
    if (!entry.path().filename().string().starts_with(kPrefix) || lstat(path.c_str(), &info) != 0 ||
        !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
      continue;
    if (is_left_behind(path, info)) remove_all(path);
  }
}

}  // namespace

Unpacked::~Unpacked() {
  if (!folder_.empty()) remove_all(folder_);
}

/// Another process may take a folder for left behind before it is locked: then the next one.
base::Status Unpacked::make_folder() {
  const std::string parent = temporary_folder();
  remove_left_behind(parent);
  for (int i = 0; i < kTries; ++i) {
    std::string name = parent + "/" + kPrefix + "XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      auto error =
          base::system_error(errno, "cannot make a folder in " + parent + " to unpack " + archive_,
                             "TMPDIR can name another one");
      error.code = Code::kSystem;
      return error;
    }
    const std::string place = name + "/" + kLock;
    lock_ = base::Fd(::open(place.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const bool is_locked = lock_ && flock(lock_.number(), LOCK_EX | LOCK_NB) == 0;
    struct stat own {
    }, there{};
    if (is_locked && fstat(lock_.number(), &own) == 0 && stat(place.c_str(), &there) == 0 &&
        own.st_ino == there.st_ino) {
      folder_ = name;
      return {};
    }
    const int why = errno;
    remove_all(name);
    if (why != EWOULDBLOCK && why != ENOENT)
      return base::system_error(why, "cannot unpack into " + name);
  }
  return make_error(Code::kSystem, "cannot make a folder in " + parent + " that stays");
}

/// Those on the way to a member, one after another: what an archive makes of them is bounded.
base::Status Unpacked::make_folders(const Member& member) {
  for (size_t at = member.name.find('/'); at != std::string::npos;
       at = member.name.find('/', at + 1)) {
    const std::string folder = folder_ + "/" + member.name.substr(0, at);
    if (mkdir(folder.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      if (errno == ENOTDIR) return {};  // a file: the member cannot be made, which is told
      return base::system_error(errno, "cannot unpack " + archive_);
    }
    if (++folders_ > limits_.members) {
      return make_error(
          Code::kInvalid,
          fmt::format("{}: the member '{}' is refused: there are more than {} folders", archive_,
                      member.name, limits_.members));
    }
  }
  return {};
}

base::Status Unpacked::unpack_one(Reader& reader, const Member& member) {
  const std::string path = folder_ + "/" + member.name;
  struct statvfs room {};
  if (statvfs(folder_.c_str(), &room) == 0 &&
      member.size_bytes / room.f_frsize > static_cast<uint64_t>(room.f_bavail)) {
    return make_error(Code::kSystem,
                      fmt::format("there is no room in {} to unpack {} of {}", temporary_folder(),
                                  member.name, archive_),
                      "TMPDIR can name a folder that has more");
  }
  if (auto made = make_folders(member); !made) return made;
  const base::Fd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd && (errno == EEXIST || errno == ENOTDIR || errno == EISDIR))
    return make_error(Code::kInvalid, fmt::format("{}: the member '{}' is refused: there is "
                                                  "another one of that name",
                                                  archive_, member.name));
  if (!fd) return base::system_error(errno, "cannot unpack " + archive_);
  return reader.copy_to(fd, is_asked_to_stop_);
}

base::Result<std::unique_ptr<Unpacked>> Unpacked::open(const std::string& path,
                                                       StopAsked is_asked_to_stop, Limits limits) {
  auto reader = Reader::open(path, limits);
  if (!reader) return std::move(reader.error());
  auto member = (*reader)->next();
  if (!member) return std::move(member.error());
  if (!*member) return make_error(Code::kInvalid, path + " is an archive with nothing in it");
  std::unique_ptr<Unpacked> self(new Unpacked(path, std::move(is_asked_to_stop), limits));
  if (auto made = self->make_folder(); !made) return std::move(made.error());
  if (auto done = self->unpack_one(**reader, **member); !done) return std::move(done.error());
  self->first_ = self->folder_ + "/" + (*member)->name;
  return self;
}

base::Status Unpacked::unpack_others(Reader& reader) {
  auto member = reader.next();  // the first one is there
  while (member && *member) {
    member = reader.next();
    if (!member || !*member) break;
    if (auto done = unpack_one(reader, **member); !done) {
      unlink((folder_ + "/" + (*member)->name).c_str());
      return done;
    }
  }
  return member ? base::Status() : std::move(member.error());
}

base::Status Unpacked::unpack() {
  if (unpacked_) return *unpacked_;
  auto reader = Reader::open(archive_, limits_);
  if (!reader) {
    unpacked_ = std::move(reader.error());
    return *unpacked_;
  }
  unpacked_ = unpack_others(**reader);
  if (!*unpacked_ && (*reader)->is_damaged()) {
    damage_ = unpacked_->error().what + ": names and stacks are of the files before that";
    unpacked_ = base::Status();
  }
  return *unpacked_;
}

}  // namespace oc::tar
