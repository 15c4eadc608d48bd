#pragma once

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace oc::session {

/// A process of oc's own that analyses a part of the work: a fork, not another program, so that it has
/// the script's Lua state as it was.
///
///     first process   start ──┬──────────────── wait ──── text(kResult), text(kOutput), text(kErrors)
///     worker                  └─ … writes … ── _exit          files without names, mapped when it ended
///
/// It has its own process group, so that Ctrl-C at the terminal reaches the first process alone, which
/// passes it on; and the kernel ends it when that ends. Owned by one thread, which must be the one that
/// has the Lua state. Threads of the first process are not in the worker.
class Worker {
 public:
  enum Text : uint32_t { kResult, kOutput, kErrors, kTexts };

  /// What a worker shares with the first process while it runs.
  struct Shared {
    std::atomic<uint64_t> bytes_read;
  };

  /// Everything that is needed before the fork.
  static base::Result<Worker> prepare();
  /// Forks with all signals blocked; true in the worker, which has then stdout and stderr of its own.
  /// Signals stay blocked there until `unblock`.
  base::Result<bool> fork();
  /// In the worker: when its handlers can work.
  void unblock();

  Worker(Worker&& other) noexcept;
  Worker& operator=(Worker&&) = delete;
  ~Worker();

  Shared& shared() { return *shared_; }
  int descriptor() const { return pidfd_.number(); }
  /// Takes note of its end; true once it has ended.
  bool poll();
  void signal(int number);
  /// Exit status, 128 + n for a signal, nothing while it runs.
  std::optional<int> status() const { return status_; }
  /// Owned by this. Of a worker that has ended.
  std::string_view text(Text which) const { return mapped_[which]; }
  /// In the worker: appends to its results.
  bool write(std::string_view bytes);

 private:
  Worker() = default;
  /// What it wrote stays mapped: there may be more workers than descriptors.
  void close_files();

  pid_t pid_ = -1;  ///< -1: not forked, or in the worker itself
  base::Fd pidfd_;
  std::array<base::Fd, kTexts> files_;
  std::array<std::string_view, kTexts> mapped_{};
  Shared* shared_ = nullptr;
  std::optional<int> status_;
  sigset_t before_{};
};

}  // namespace oc::session
