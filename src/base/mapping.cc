#include "base/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "base/fd.h"

namespace oc::base {
namespace {

constexpr size_t kPageBytes = 4096;
/// What stands where nothing is left of a trace: a header of 8 bytes of no type, by which whoever steps over records
/// goes on. Read as big-endian its size is 2,048.
constexpr uint64_t kNoRecord = uint64_t{8} << 48;
constexpr size_t kHugePage = size_t{2} << 20;

/// The files that are mapped, where a signal handler finds them: the one thing here that is the whole process's, as the
/// handler is. Files beyond the last place are not in it.
struct Range {
  std::atomic<uintptr_t> begin{0};  ///< 0: a free place
  std::atomic<size_t> size_bytes{0};
  std::atomic<bool> has_records{false};
  std::atomic<bool> is_mended{false};
};
std::array<Range, 8192> g_ranges;

void add_range(const void* data, size_t size_bytes, bool has_records) {
  for (Range& range : g_ranges) {
    uintptr_t is_free = 0;
    if (!range.begin.compare_exchange_strong(is_free, reinterpret_cast<uintptr_t>(data))) continue;
    range.has_records = has_records;
    range.is_mended = false;
    range.size_bytes = size_bytes;
    return;
  }
}

void remove_range(const void* data) {
  for (Range& range : g_ranges) {
    if (range.begin.load() != reinterpret_cast<uintptr_t>(data)) continue;
    range.size_bytes = 0;
    range.begin = 0;
    return;
  }
}

}  // namespace

bool Mapping::mend(const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (Range& range : g_ranges) {
    const uintptr_t begin = range.begin.load();
    if (begin == 0 || at < begin || at - begin >= range.size_bytes.load()) continue;
    void* const page = reinterpret_cast<void*>(at & ~(kPageBytes - 1));
    if (mmap(page, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == MAP_FAILED) {
      return false;
    }
    auto* const words = static_cast<uint64_t*>(page);
    if (range.has_records) std::fill(words, words + kPageBytes / sizeof *words, kNoRecord);
    range.is_mended = true;
    return true;
  }
  return false;
}

bool Mapping::is_mended() const {
  if (!is_known_) return false;
  const auto begin = reinterpret_cast<uintptr_t>(data_);
  return std::any_of(g_ranges.begin(), g_ranges.end(), [&](const Range& range) {
    return range.begin.load() == begin && range.is_mended.load();
  });
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)),
      is_lent_(other.is_lent_),
      is_known_(other.is_known_) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  std::swap(is_lent_, other.is_lent_);
  std::swap(is_known_, other.is_known_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ == nullptr || is_lent_) return;
  if (is_known_) remove_range(data_);
  munmap(const_cast<uint8_t*>(data_), size_bytes_);
}

Result<Mapping> Mapping::open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return system_error(errno, "cannot open " + path);
  return map(fd.number(), path);
}

Result<Mapping> Mapping::map(int fd, const std::string& path) {
  return map_as(fd, path, PROT_READ, MAP_PRIVATE);
}

Result<Mapping> Mapping::map_private(int fd, const std::string& name) {
  return map_as(fd, name, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
}

Result<Mapping> Mapping::map_as(int fd, const std::string& path, int protection, int flags) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return system_error(errno, "cannot read " + path);
  if (S_ISDIR(info.st_mode)) return make_error(Code::kInvalid, path + " is a folder, not a file");
  if (!S_ISREG(info.st_mode)) {
    return make_error(Code::kUnsupported, path + " is not a regular file, so it cannot be mapped",
                      "write it to a file first");
  }
  Mapping mapping;
  if (info.st_size == 0) return mapping;
  const auto size = static_cast<size_t>(info.st_size);
  void* data = mmap(nullptr, size, protection, flags, fd, 0);
  if (data == MAP_FAILED) return system_error(errno, "cannot map " + path);
  mapping.data_ = static_cast<const uint8_t*>(data);
  mapping.size_bytes_ = size;
  mapping.is_known_ = true;
  add_range(data, size, (protection & PROT_WRITE) == 0);
  return mapping;
}

Result<Mapping> Mapping::allocate(size_t size_bytes) {
  Mapping mapping;
  if (size_bytes == 0) return mapping;
  void* const data = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return system_error(errno, "cannot allocate memory");
  if (size_bytes >= kHugePage) madvise(data, size_bytes, MADV_HUGEPAGE);  // a fault for 512 pages
  mapping.data_ = static_cast<const uint8_t*>(data);
  mapping.size_bytes_ = size_bytes;
  return mapping;
}

Mapping Mapping::lend(std::span<const uint8_t> bytes) {
  Mapping mapping;
  mapping.data_ = bytes.data();
  mapping.size_bytes_ = bytes.size();
  mapping.is_lent_ = true;
  return mapping;
}

void Mapping::will_need(uint64_t offset, uint64_t size_bytes) const {
  constexpr uint64_t kPage = 4096;
  if (offset >= size_bytes_ || is_lent_) return;
  const uint64_t begin = offset & ~(kPage - 1);
  const uint64_t end = std::min<uint64_t>(size_bytes_, offset + size_bytes);
#ifdef MADV_POPULATE_READ
  if (madvise(const_cast<uint8_t*>(data_) + begin, end - begin, MADV_POPULATE_READ) == 0) return;
#endif
  madvise(const_cast<uint8_t*>(data_) + begin, end - begin, MADV_WILLNEED);
}

void Mapping::drop(uint64_t offset, uint64_t size_bytes) const {
  if (offset >= size_bytes_ || is_lent_) return;
  const uint64_t size = std::min<uint64_t>(size_bytes, size_bytes_ - offset);
  madvise(const_cast<uint8_t*>(data_) + offset, size, MADV_DONTNEED);
}

}  // namespace oc::base
