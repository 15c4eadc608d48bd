#include "tar/unpacked.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace oc::tar {

using base::Code;
using base::make_error;

namespace {

constexpr const char* kPrefix = "oc-archive.";
constexpr const char* kLock = "/.lock";

std::string temporary_folder() {
  const char* const told = std::getenv("TMPDIR");
  return told != nullptr && told[0] == '/' ? told : "/var/tmp";
}

void remove_all(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

/// Whoever unpacked holds its lock: where nobody does, he was killed.
void remove_left_behind(const std::string& parent) {
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(parent, problem)) {
    const std::string path = entry.path().string();
    struct stat info {};
    if (!entry.path().filename().string().starts_with(kPrefix) || lstat(path.c_str(), &info) != 0 ||
        !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
      continue;
    const base::Fd lock(::open((path + kLock).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (lock && flock(lock.number(), LOCK_EX | LOCK_NB) == 0) remove_all(path);
  }
}

}  // namespace

Unpacked::~Unpacked() {
  if (!folder_.empty()) remove_all(folder_);
}

base::Status Unpacked::make_folder() {
  const std::string parent = temporary_folder();
  remove_left_behind(parent);
  std::string name = parent + "/" + kPrefix + "XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    auto error =
        base::system_error(errno, "cannot make a folder in " + parent + " to unpack " + archive_,
                           "TMPDIR can name another one");
    error.code = Code::kSystem;
    return error;
  }
  folder_ = name;
  lock_ = base::Fd(::open((folder_ + kLock).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!lock_ || flock(lock_.number(), LOCK_EX | LOCK_NB) != 0)
    return base::system_error(errno, "cannot unpack into " + folder_);
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
  std::error_code problem;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), problem);
  const base::Fd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd && (errno == EEXIST || problem))
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

base::Status Unpacked::unpack() {
  if (unpacked_) return *unpacked_;
  unpacked_ = [&]() -> base::Status {
    auto reader = Reader::open(archive_, limits_);
    if (!reader) return std::move(reader.error());
    auto member = (*reader)->next();  // the first one is there
    for (;;) {
      member = (*reader)->next();
      if (!member) return std::move(member.error());
      if (!*member) return {};
      if (auto done = unpack_one(**reader, **member); !done) return done;
    }
  }();
  return *unpacked_;
}

}  // namespace oc::tar
