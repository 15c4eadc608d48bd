#include "perf/ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

namespace oc::perf {

uint64_t page_size_bytes() {
  static const auto size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return size;
}

Ring::Ring(Ring&& other) noexcept : pages_(std::exchange(other.pages_, {})) {}

Ring& Ring::operator=(Ring&& other) noexcept {
  if (this != &other) {
    unmap();
    pages_ = std::exchange(other.pages_, {});
  }
  return *this;
}

Ring::~Ring() { unmap(); }

int Ring::map(int fd, uint64_t size_bytes) {
  unmap();
  const size_t whole = page_size_bytes() + size_bytes;
  void* memory = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return errno;
  pages_.control = static_cast<perf_event_mmap_page*>(memory);
  pages_.data = static_cast<const uint8_t*>(memory) + page_size_bytes();
  pages_.size_bytes = size_bytes;
  return 0;
}

void Ring::unmap() {
  if (pages_.control == nullptr) return;
  munmap(pages_.control, page_size_bytes() + pages_.size_bytes);
  pages_ = {};
}

}  // namespace oc::perf
