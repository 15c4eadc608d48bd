#include "perf/ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "sys/broker.h"

namespace oc::perf {

namespace {

/// The soft limit on locked memory is the hard one for as long, where this process gave up its rights (--user) and the
/// limit counts. What scripts start inherits it as it was.
class RaisedLimit {
 public:
  RaisedLimit() {
    is_raised_ = sys::Broker::active() != nullptr && getrlimit(RLIMIT_MEMLOCK, &before_) == 0 &&
                 before_.rlim_cur < before_.rlim_max;
    const rlimit raised{before_.rlim_max, before_.rlim_max};
    if (is_raised_) setrlimit(RLIMIT_MEMLOCK, &raised);
  }
  ~RaisedLimit() {
    const int reason = errno;
    if (is_raised_) setrlimit(RLIMIT_MEMLOCK, &before_);
    errno = reason;
  }
  RaisedLimit(const RaisedLimit&) = delete;
  RaisedLimit& operator=(const RaisedLimit&) = delete;

 private:
  rlimit before_{};
  bool is_raised_ = false;
};

}  // namespace

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
  const RaisedLimit raised;
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
