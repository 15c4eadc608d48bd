// Workers: what abi/jobs.h says of them.

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "abi/host.h"
#include "session/worker.h"

extern "C" {
#include "abi/jobs.h"
}

using oc::session::Worker;

struct oc_worker {
  explicit oc_worker(oc_host& owner, Worker made) : host(owner), worker(std::move(made)) {}
  oc_host& host;
  Worker worker;
};

namespace {

std::string problem;

constexpr int kPollMs = 20;  // where the kernel has no descriptors of processes

/// In the worker: it has a watch of its own, and tells how far it is.
void begin_in_worker(oc_host& host, oc_worker& worker) {
  host.own_work = &worker.worker.shared().bytes_read;
  host.work.clear();
  ++host.forks;
  host.own_worker = &worker;
  host.stop_requests = 0;  // what came before the fork is told to it by the first process
  if (host.after_fork) host.after_fork();
  worker.worker.unblock();
}

oc_worker* fail_to_start(const std::string& why) {
  problem = why;
  return nullptr;
}

}  // namespace

extern "C" {

oc_worker* oc_worker_start(oc_host* host, double of_bytes, int* is_worker) {
  *is_worker = 0;
  try {
    auto prepared = Worker::prepare();
    if (!prepared) return fail_to_start(prepared.error().what);
    auto made = std::make_unique<oc_worker>(*host, std::move(*prepared));
    // Held over the fork: the watch's thread, which is not in the worker, may not have it there.
    std::unique_lock lock(host->mutex);
    auto forked = made->worker.fork();
    if (!forked) return fail_to_start(forked.error().what);
    oc_worker& worker = *made.release();
    if (*forked) {
      lock.unlock();
      *is_worker = 1;
      begin_in_worker(*host, worker);
      return nullptr;
    }
    host->work.push_back({&worker.worker.shared().bytes_read, static_cast<uint64_t>(of_bytes)});
    return &worker;
  } catch (const std::exception& problem_here) {
    return fail_to_start(problem_here.what());
  }
}

const char* oc_workers_problem(void) { return problem.c_str(); }

void oc_workers_begin(oc_host* host, double of_bytes) {
  {
    const std::lock_guard lock(host->mutex);
    host->work_bytes = static_cast<uint64_t>(of_bytes);
    host->work_done = 0;
  }
  host->is_running = of_bytes > 0;
  host->progress.fetch_add(1);
}

int oc_workers_wait(oc_worker* const* workers, uint32_t count, double wait_ms) {
  bool has_all = true;
  std::vector<pollfd> ended;
  for (uint32_t i = 0; i < count; ++i) {
    ended.push_back({workers[i]->worker.descriptor(), POLLIN, 0});
    has_all = has_all && workers[i]->worker.descriptor() >= 0;
  }
  poll(ended.data(), ended.size(), has_all ? static_cast<int>(wait_ms) : kPollMs);
  for (uint32_t i = 0; i < count; ++i) {
    if (workers[i]->worker.poll()) return static_cast<int>(i);
  }
  return -1;
}

void oc_worker_signal(oc_worker* worker, int number) { worker->worker.signal(number); }

int oc_worker_status(oc_worker* worker) { return worker->worker.status().value_or(-1); }

const char* oc_worker_text(oc_worker* worker, uint32_t which, size_t* size_bytes) {
  *size_bytes = 0;
  if (which >= Worker::kTexts) return nullptr;
  const std::string_view text = worker->worker.text(static_cast<Worker::Text>(which));
  *size_bytes = text.size();
  return text.data();
}

void oc_worker_close(oc_worker* worker) {
  oc_host& host = worker->host;
  {
    const std::lock_guard lock(host.mutex);
    std::erase_if(host.work, [&](const oc_host::Work& work) {
      if (work.bytes_read != &worker->worker.shared().bytes_read) return false;
      host.work_done += work.of_bytes;
      return true;
    });
  }
  delete worker;
}

int oc_worker_write(oc_host* host, const char* bytes, size_t size_bytes) {
  return host->own_worker != nullptr && host->own_worker->worker.write({bytes, size_bytes}) ? 0
                                                                                            : -1;
}

void oc_worker_leave(oc_host*, int status) {
  const bool is_written = std::fflush(nullptr) == 0;
  _exit(is_written ? status : 1);
}

}  // extern "C"
