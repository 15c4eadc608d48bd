#include "symbol/kept_names.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/byte_sink.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "base/mapping.h"

namespace oc::symbol {
namespace {

constexpr std::string_view kKeptMagic = "ockern2\n";
constexpr uint64_t kMostKeptBytes = uint64_t{1} << 30;

/// A symbol in the file.
struct Entry {
  uint64_t start;
  uint32_t name, binding;
};
constexpr uint64_t kEntry = 16;
static_assert(sizeof(Entry) == kEntry);

bool is_own(const struct stat& info) {
  const bool is_mine = info.st_uid == geteuid() || info.st_uid == 0;
  return is_mine && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// Made with rights for this user alone; its parents as well, where they are missing.
bool make_folder(const std::string& path) {
  std::error_code problem;
  if (!std::filesystem::is_directory(path, problem)) {
    const auto parent = std::filesystem::path(path).parent_path().string();
    if (parent.empty() || parent == path || !make_folder(parent)) return false;
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return false;
  }
  return true;
}

bool write_all(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace

std::vector<uint8_t> pack_names(const KernelNames& names) {
  base::ByteSink sink;
  sink.put_text(kKeptMagic);
  sink.put(uint64_t{0});
  sink.put(names.text_start);
  sink.put(names.text);
  sink.put(uint64_t{names.symbols.size()});
  sink.put(uint64_t{names.names.size()});
  for (const auto& symbol : names.symbols) {
    sink.put(symbol.start);
    sink.put(symbol.name);
    sink.put(uint32_t{symbol.binding});
  }
  sink.put_bytes(names.names);
  constexpr size_t kHashed = 16;
  const auto bytes = sink.bytes().subspan(kHashed);
  sink.patch(8, uint64_t{XXH3_64bits(bytes.data(), bytes.size())});
  return sink.take();
}

std::optional<KernelNames> unpack_names(std::span<const uint8_t> packed) {
  base::Bytes bytes(packed);
  if (bytes.text(kKeptMagic.size()) != kKeptMagic) return {};
  const auto hash = bytes.read<uint64_t>();
  if (bytes.failed() || XXH3_64bits(bytes.at(), bytes.remaining()) != hash) return {};
  KernelNames names;
  names.text_start = bytes.read<uint64_t>();
  names.text = bytes.read<uint64_t>();
  const auto count = bytes.read<uint64_t>(), size = bytes.read<uint64_t>();
  if (bytes.failed() || count > bytes.remaining() / kEntry ||
      size != bytes.remaining() - count * kEntry)
    return {};
  names.symbols.reserve(count);
  const auto entries = bytes.take(count * kEntry);
  for (size_t at = 0; at < entries.size(); at += kEntry) {  // 200,000: no check for each field
    Entry entry;
    std::memcpy(&entry, entries.data() + at, kEntry);
    if (entry.name >= size) return {};
    SymbolTable::Symbol& symbol = names.symbols.emplace_back();
    symbol.start = entry.start;
    symbol.name = entry.name;
    symbol.binding = static_cast<uint8_t>(entry.binding);
    symbol.source = NameSource::kKallsyms;
  }
  const auto text = bytes.take(size);
  names.names.assign(text.begin(), text.end());
  return names;
}

KeptNames::KeptNames(std::string folder) : folder_(std::move(folder)) {
  if (!folder_.empty()) folder_ += "/kernel";
}

std::optional<KernelNames> KeptNames::find(const std::string& key) const {
  if (folder_.empty()) return {};
  const std::string path = folder_ + "/" + key;
  const base::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (!fd || fstat(fd.number(), &info) != 0 || !S_ISREG(info.st_mode) || !is_own(info)) return {};
  if (static_cast<uint64_t>(info.st_size) > kMostKeptBytes) return {};
  const auto mapping = base::Mapping::map(fd.number(), path);
  return mapping ? unpack_names(mapping->bytes()) : std::nullopt;
}

bool KeptNames::add(const std::string& key, const KernelNames& names) const {
  if (folder_.empty() || !make_folder(folder_)) return false;
  struct stat info {};
  if (stat(folder_.c_str(), &info) != 0 || !is_own(info) || info.st_uid != geteuid()) return false;
  const std::string path = folder_ + "/" + key;
  const std::string partial = fmt::format("{}.{}.partial", path, getpid());
  const base::Fd fd(
      open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return false;
  if (!write_all(fd.number(), pack_names(names)) || rename(partial.c_str(), path.c_str()) != 0) {
    unlink(partial.c_str());
    return false;
  }
  drop_old();
  return true;
}

/// Each boot moves the kernel, so that a file per boot would pile up.
void KeptNames::drop_old() const {
  namespace fs = std::filesystem;
  std::error_code problem;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (const auto& entry : fs::directory_iterator(folder_, problem)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("kallsyms-")) files.emplace_back(entry.last_write_time(problem), entry);
  }
  std::sort(files.begin(), files.end());
  for (size_t i = 0; i + kMostFiles < files.size(); ++i) fs::remove(files[i].second, problem);
}

}  // namespace oc::symbol
