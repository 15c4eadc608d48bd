#include "sys/broker_message.h"

#include <errno.h>
#include <unistd.h>

#include <cstring>

namespace oc::sys {

namespace {

constexpr size_t kMostFds = 2;
constexpr size_t kControlBytes = CMSG_SPACE(sizeof(int) * kMostFds);

}  // namespace

bool send_message(int socket, const void* bytes, size_t size, const int* fds, size_t count) {
  alignas(cmsghdr) char control[kControlBytes] = {};
  iovec data{const_cast<void*>(bytes), size};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(header), fds, count * sizeof(int));
  }
  while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

long take_message(int socket, void* bytes, size_t size, int* fds, size_t& count) {
  count = 0;
  alignas(cmsghdr) char control[kControlBytes];
  iovec data{bytes, size};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t taken = 0;
  do {
    taken = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (taken < 0 && errno == EINTR);
  if (taken < 0) return -1;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t found = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < found; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      if (count < kMostFds) {
        fds[count++] = fd;
      } else {
        close(fd);
      }
    }
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) return taken;
  while (count > 0) close(fds[--count]);
  return kDamaged;
}

}  // namespace oc::sys
