// Waits that are known: two threads "napper" that sleep 10 times 20 ms, one "locker" that waits 5 times for a mutex
// which is held for 20 ms, each time.
#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <thread>

namespace {

constexpr int kNaps = 10;
constexpr int kLocks = 5;
constexpr std::chrono::milliseconds kNap{20};

void nap() { std::this_thread::sleep_for(kNap); }

void take_naps() {
  prctl(PR_SET_NAME, "napper");
  for (int i = 0; i < kNaps; ++i) nap();
}

/// The other one has the mutex when this one is let go, and holds it for a nap.
void wait_for_locks(std::mutex& mutex, int go_on, int done) {
  prctl(PR_SET_NAME, "locker");
  char byte = 0;
  for (int i = 0; i < kLocks; ++i) {
    if (read(go_on, &byte, 1) != 1) return;
    mutex.lock();
    mutex.unlock();
    if (write(done, &byte, 1) != 1) return;
  }
}

}  // namespace

int main() {
  int go_on[2];
  int done[2];
  if (pipe(go_on) != 0 || pipe(done) != 0) return 1;
  std::mutex mutex;
  std::thread naps[] = {std::thread(take_naps), std::thread(take_naps)};
  std::thread locker([&] { wait_for_locks(mutex, go_on[0], done[1]); });
  char byte = 0;
  for (int i = 0; i < kLocks; ++i) {
    mutex.lock();
    if (write(go_on[1], &byte, 1) != 1) return 1;
    nap();
    mutex.unlock();
    if (read(done[0], &byte, 1) != 1) return 1;
  }
  for (std::thread& thread : naps) thread.join();
  locker.join();
}
