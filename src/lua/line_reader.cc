#include "lua/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace oc::lua {

Got asked_by_signal(const oc_host& host) {
  if (host.end_signal.load() != 0) return Got::kSignal;
  return host.stop_requests.load() != 0 ? Got::kInterrupt : Got::kIdle;
}

bool LineReader::take_line() {
  const size_t end = ahead_.find('\n', searched_);
  if (end == std::string::npos && ahead_.size() < kMost && !(is_over_ && !ahead_.empty())) {
    searched_ = ahead_.size();
    return false;
  }
  line_ = ahead_.substr(0, end);
  ahead_.erase(0, end == std::string::npos ? end : end + 1);
  searched_ = 0;
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  return true;
}

Got LineReader::next(int wait_ms) {
  for (;;) {
    if (take_line()) return Got::kLine;
    if (is_over_) return Got::kEnd;
    if (const Got asked = asked_by_signal(host_); asked != Got::kIdle) return asked;
    const bool looks_again = wait_ms < 0 || wait_ms > kSignalLookMs;
    pollfd ready{fd_, POLLIN, 0};
    const int count = poll(&ready, 1, looks_again ? kSignalLookMs : wait_ms);
    if (count == 0 && wait_ms >= 0) return Got::kIdle;
    if (count <= 0) continue;
    char block[65536];
    const ssize_t size = read(fd_, block, sizeof block);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size <= 0) {
      is_over_ = true;
      if (size < 0 && errno != EBADF) problem_ = errno;  // closed from the start is no fault
    } else {
      ahead_.append(block, static_cast<size_t>(size));
    }
  }
}

}  // namespace oc::lua
