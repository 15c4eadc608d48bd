#include "sys/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <iterator>

namespace oc::sys {

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArch = AUDIT_ARCH_X86_64;
constexpr uint32_t kOldArch = AUDIT_ARCH_I386;  // int 0x80 of a 64-bit program, too
constexpr uint32_t kNumberMask = ~0x40000000u;  // __X32_SYSCALL_BIT
constexpr uint32_t kX32Ioctl = 514;             // asm/unistd_x32.h, without that bit
#elif defined(__aarch64__)
constexpr uint32_t kArch = AUDIT_ARCH_AARCH64;
constexpr uint32_t kOldArch = AUDIT_ARCH_ARM;
constexpr uint32_t kNumberMask = ~0u;
constexpr uint32_t kX32Ioctl = __NR_ioctl;
#else
#error "the numbers of system calls of this architecture are not known here"
#endif
constexpr uint32_t kOldIoctl = 54;  // of i386 and of 32-bit arm

/// The kernel looks at 32 bits of the request only; where they lie in the argument's 64.
constexpr uint32_t kRequest =
    offsetof(seccomp_data, args[1]) + (std::endian::native == std::endian::little ? 0 : 4);

constexpr uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;

constexpr sock_filter kFilter[] = {
    /* 0 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
    /* 1 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 3, 0),
    /* 2 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kOldArch, 0, 10),
    /* 3 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    /* 4 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kOldIoctl, 4, 7),
    /* 5 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    /* 6 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kNumberMask),
    /* 7 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 1, 0),
    /* 8 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kX32Ioctl, 0, 3),
    /* 9 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kRequest),
    /* 10 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 2, 0),
    /* 11 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 1, 0),
    /* 12 */ BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    /* 13 */ BPF_STMT(BPF_RET | BPF_K, kRefuse),
};

}  // namespace

base::Status confine() {
  // Of all threads: with TSYNC they take this from the one that asks, too.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return base::system_error(errno, "cannot give up the rights of set-uid programs");
  sock_fprog program{};
  program.len = static_cast<unsigned short>(std::size(kFilter));
  program.filter = const_cast<sock_filter*>(kFilter);
  const auto refused = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                               static_cast<unsigned long>(SECCOMP_FILTER_FLAG_TSYNC), &program);
  if (refused < 0)
    return base::system_error(errno, "cannot keep the script from typing into the terminal");
  if (refused > 0)
    return base::make_error(base::Code::kPermission,
                            "cannot keep the script from typing into the terminal: a thread has a "
                            "seccomp filter of its own");
  return {};
}

}  // namespace oc::sys
