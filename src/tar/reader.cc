#include "tar/reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "tar/library.h"

namespace oc::tar {

using base::Code;
using base::make_error;

namespace {

constexpr size_t kBlock = size_t{256} << 10;
constexpr size_t kMostName = 4096, kMostPart = 255, kMostParts = 64;
constexpr uint64_t kAllowance = uint64_t{64} << 20;
constexpr size_t kTarMagicAt = 257;
constexpr const char* kNoArchive = "Unrecognized archive format";  // libarchive's words

}  // namespace

std::string find_name_problem(const std::string& name) {
  if (name.empty()) return "it has no name";
  if (name.size() > kMostName) return "its name is too long";
  if (name.front() == '/') return "its name is absolute";
  if (name.back() == '/') return "its name is a folder's";
  if (std::count(name.begin(), name.end(), '/') >= static_cast<ptrdiff_t>(kMostParts))
    return fmt::format("its name has more than {} parts", kMostParts);
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('/', at), name.size());
    const auto part = std::string_view(name).substr(at, end - at);
    if (part == "..") return "its name leads out of the archive";
    if (part.empty() || part == ".") return "its name has an empty part";
    if (part.size() > kMostPart) return "its name is too long";
    at = end + 1;
  }
  const bool is_plain = std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
  });
  return is_plain ? "" : "its name has control characters";
}

bool may_be_archive(const std::string& path) {
  struct stat info {};
  // A FIFO that is opened and closed again is lost to its writer.
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  const base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return false;
  std::array<char, kTarMagicAt + 5> head{};
  if (pread(fd.number(), head.data(), head.size(), 0) < 6) return false;
  const std::string_view all(head.data(), head.size());
  return all.starts_with("\x28\xb5\x2f\xfd") || all.starts_with("\x1f\x8b") ||
         all.starts_with(std::string_view("\xfd"
                                          "7zXZ\0",
                                          6)) ||
         all.substr(kTarMagicAt) == "ustar";
}

struct Reader::State {
  const Library* library = nullptr;
  struct ::archive* handle = nullptr;
  std::string path;
  base::Fd fd;
  Limits limits;
  uint64_t most_bytes = 0;
  uint64_t bytes = 0;
  uint32_t members = 0;
  bool is_damaged = false;
  Member member;

  base::Error failed() {
    is_damaged = true;
    const char* const why = library->archive_error_string(handle);
    const bool is_none = members == 0 && why != nullptr && std::string_view(why) == kNoArchive;
    return make_error(is_none ? Code::kNotFound : Code::kInvalid,
                      fmt::format("cannot read the archive {}: {}", path,
                                  why == nullptr ? "it is damaged" : why));
  }
  base::Error refused(const std::string& name, const std::string& why) const {
    std::string shown = name.substr(0, 200);
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; },
        '?');
    return make_error(Code::kInvalid,
                      fmt::format("{}: the member '{}' is refused: {}", path, shown, why),
                      "oc archive makes no such archives: look where it comes from");
  }
};

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}

Reader::~Reader() {
  if (state_->handle != nullptr) state_->library->archive_read_free(state_->handle);
}

base::Result<std::unique_ptr<Reader>> Reader::open(const std::string& path, Limits limits) {
  const auto library = load_library();
  if (!library) return library.error();
  auto state = std::make_unique<State>();
  state->library = *library;
  state->path = path;
  state->limits = limits;
  state->fd = base::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (!state->fd || fstat(state->fd.number(), &info) != 0)
    return base::system_error(errno, "cannot open " + path);
  const auto size = static_cast<uint64_t>(std::max<off_t>(info.st_size, 0));
  state->most_bytes = std::min(limits.bytes, kAllowance + size * limits.growth);
  state->handle = (*library)->archive_read_new();
  if (state->handle == nullptr)
    return make_error(Code::kSystem, "there is no memory to read " + path);
  State& made = *state;
  std::unique_ptr<Reader> reader(new Reader(std::move(state)));
  (*library)->archive_read_support_format_tar(made.handle);
  // What this libarchive cannot unpack by itself is told when it is met; no program is called for it.
  for (const auto support :
       {(*library)->archive_read_support_filter_zstd, (*library)->archive_read_support_filter_gzip,
        (*library)->archive_read_support_filter_xz}) {
    if (support(made.handle) != ARCHIVE_OK)
      return make_error(Code::kUnsupported, "this libarchive cannot unpack zstd, gzip and xz");
  }
  if ((*library)->archive_read_open_fd(made.handle, made.fd.number(), kBlock) != ARCHIVE_OK)
    return made.failed();
  return reader;
}

bool Reader::is_damaged() const { return state_->is_damaged; }

base::Result<std::optional<Member>> Reader::next() {
  State& state = *state_;
  const Library& library = *state.library;
  for (;;) {
    struct ::archive_entry* entry = nullptr;
    const int status = library.archive_read_next_header(state.handle, &entry);
    if (status == ARCHIVE_EOF) return std::optional<Member>();
    if (status < ARCHIVE_WARN) return state.failed();
    const char* const told = library.archive_entry_pathname(entry);
    const std::string name = told == nullptr ? "" : told;
    if (++state.members > state.limits.members)
      return state.refused(name, fmt::format("there are more than {}", state.limits.members));
    const auto kind = library.archive_entry_filetype(entry);
    if (kind == AE_IFDIR) continue;
    if (kind != AE_IFREG || library.archive_entry_hardlink(entry) != nullptr ||
        library.archive_entry_symlink(entry) != nullptr)
      return state.refused(name, "it is a link or a device, not a file");
    if (const auto problem = find_name_problem(name); !problem.empty())
      return state.refused(name, problem);
    const auto size = library.archive_entry_size(entry);
    if (size < 0 || library.archive_entry_size_is_set(entry) == 0)
      return state.refused(name, "it does not tell its size");
    state.member = {name, static_cast<uint64_t>(size)};
    if (state.member.size_bytes > state.most_bytes - state.bytes)
      return state.refused(
          name, fmt::format("with it more than {} MiB would be unpacked", state.most_bytes >> 20));
    state.bytes += state.member.size_bytes;
    return std::optional<Member>(state.member);
  }
}

base::Status Reader::copy_to(const base::Fd& fd, const std::function<bool()>& is_asked_to_stop) {
  State& state = *state_;
  const auto failed = [&](int number) {
    return base::system_error(
        number, "cannot unpack " + state.path,
        number == ENOSPC ? "it needs room: TMPDIR can name a folder that has more" : "");
  };
  for (;;) {
    if (is_asked_to_stop())
      return make_error(Code::kUsage, "interrupted while " + state.path + " was unpacked");
    const void* bytes = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int status = state.library->archive_read_data_block(state.handle, &bytes, &size, &offset);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) return state.failed();
    const auto end = static_cast<uint64_t>(offset) + size;
    if (offset < 0 || end > state.member.size_bytes)
      return state.refused(state.member.name, "it is larger than it says");
    const auto* from = static_cast<const char*>(bytes);
    while (size > 0) {
      const ssize_t written = pwrite(fd.number(), from, size, offset);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return failed(written == 0 ? ENOSPC : errno);
      from += written;
      offset += written;
      size -= static_cast<size_t>(written);
    }
  }
  if (ftruncate(fd.number(), static_cast<off_t>(state.member.size_bytes)) != 0)
    return failed(errno);
  return {};
}

}  // namespace oc::tar
