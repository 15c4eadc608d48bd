#include "lua/watch.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "base/mapping.h"
#include "base/thread.h"
#include "lua/aside.h"
#include "lua/raise.h"

namespace oc::lua {

using Doing = oc_host::Doing;
using Clock = std::chrono::steady_clock;

namespace {

/// A signal handler has no argument of its own: this is where it finds the watch.
Watch* g_watch = nullptr;

constexpr int kPollMs = 50;
constexpr int kIdlePollMs = 250;  // until a script sets --timeout
constexpr auto kLiveRest = std::chrono::milliseconds(200);
constexpr auto kGrace = std::chrono::seconds(1);
constexpr auto kOpeningGrace = std::chrono::seconds(10);  // the kernel may take its time

void raise_timed_out(lua_State* state, lua_Debug*) {
  raise_here(state, "did not return in time (--timeout)");
}

/// SA_RESTART: a signal that falls into a write of results must not cut it off.
void install(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

bool is_ignored(int number) {
  struct sigaction action {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// A thread's capabilities are its own: `--user` of a program that has them from its file gives up the main thread's.
/// This one needs none; root keeps them, and loses them in all threads when it becomes somebody else.
void give_up_capabilities() {
  if (geteuid() == 0) return;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  (void)syscall(SYS_capset, &header, none);
}

}  // namespace

Watch::Watch(oc_host& host, lua_State* state)
    : host_(host),
      state_(state),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      main_thread_(pthread_self()) {
  g_watch = this;
  thread_ = std::make_unique<std::thread>(base::start_thread([this] { run(); }));
  host_.after_fork = [this] { begin_anew(); };
  for (const int number : {SIGINT, SIGTERM, SIGALRM, SIGUSR1}) install(number, on_signal);
  if (!is_ignored(SIGHUP)) install(SIGHUP, on_signal);  // nohup's are
  struct sigaction bus {};
  bus.sa_sigaction = on_bus_error;
  bus.sa_flags = SA_SIGINFO;
  sigemptyset(&bus.sa_mask);
  sigaction(SIGBUS, &bus, nullptr);
}

Watch::~Watch() {
  ending_ = true;
  const uint64_t one = 1;
  (void)!write(wake_.number(), &one, sizeof one);
  thread_->join();  // before the handlers go: its SIGALRM would end the process
  for (const int number : {SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGBUS}) install(number, SIG_DFL);
  if (!is_ignored(SIGHUP)) install(SIGHUP, SIG_DFL);
  g_watch = nullptr;
}

void Watch::begin_anew() {
  (void)thread_.release();  // a thread that is not in this process can neither be joined nor freed
  wake_ =
      base::Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));  // the old one is the first process's too
  thread_ = std::make_unique<std::thread>(base::start_thread([this] { run(); }));
}

/// The hook may come late: what it should end is over then, and nobody would catch the error.
void Watch::raise_interrupted(lua_State* state, lua_Debug*) {
  if (g_watch != nullptr && g_watch->host_.doing.load() == Doing::kBody)
    raise_here(state, "interrupted");
  lua_sethook(state, nullptr, 0, 0);
}

/// Of what goes on for a while after it was interrupted.
void Watch::raise_interrupted_again(lua_State* state, lua_Debug*) {
  const Doing doing = g_watch == nullptr ? Doing::kHost : g_watch->host_.doing.load();
  if (doing == Doing::kBody || doing == Doing::kCallbacks) raise_here(state, "interrupted");
  lua_sethook(state, nullptr, 0, 0);
}

/// On the main thread. lua_sethook may be called from a handler, as luajit's own main does.
void Watch::on_signal(int number) {
  Watch& watch = *g_watch;
  oc_host& host = watch.host_;
  if (number == SIGUSR1) {
    host.pause_requests.fetch_add(1);
    const uint64_t one = 1;
    (void)!write(watch.wake_.number(), &one, sizeof one);
    return;
  }
  if (number == SIGALRM) {  // from the watchdog
    lua_sethook(watch.state_, host.timed_out ? raise_timed_out : raise_interrupted_again,
                LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
    return;
  }
  if (host.interactive != 0 && number != SIGINT) host.end_signal = number;
  host.last_signal = number;
  host.stop_requests.fetch_add(1);
  const bool is_beside = host.interactive == 2;
  if (host.doing.load() == Doing::kBody && (is_beside || !host.is_running.load())) {
    watch.is_interrupting_ = true;
    lua_sethook(watch.state_, raise_interrupted, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
  }
  const uint64_t one = 1;
  (void)!write(watch.wake_.number(), &one, sizeof one);
}

void Watch::on_bus_error(int, siginfo_t* info, void*) {
  if (base::Mapping::mend(info->si_addr)) return;  // whoever reads a trace tells it as damage
  constexpr char text[] =
      "oc: a mapped file became shorter while it was read; reading cannot go on\n";
  (void)!write(STDERR_FILENO, text, sizeof text - 1);
  _exit(1);
}

void Watch::run() {
  give_up_capabilities();
  for (;;) {
    pollfd ready{wake_.number(), POLLIN, 0};
    const bool is_near = host_.timeout_ns.load() > 0 || host_.stop_requests.load() > 0;
    poll(&ready, 1, is_near ? kPollMs : kIdlePollMs);
    uint64_t count = 0;
    (void)!read(wake_.number(), &count, sizeof count);
    if (ending_) return;
    if (host_.interactive != 0) {
      follow_line();
      continue;
    }
    if (host_.stop_requests.load() >= 2) {
      end_now(128 + host_.last_signal.load(), "interrupted twice, ending at once");
    }
    if (host_.stop_requests.load() == 1) stop_session();
    if (host_.pause_requests.load() != seen_pauses_) wake_session();
    if (host_.timeout_ns.load() > 0) look_at_progress();
  }
}

/// The script's thread sees the request when it asks for the next events: now rather than in a while.
void Watch::wake_session() {
  seen_pauses_ = host_.pause_requests.load();
  const std::lock_guard lock(host_.mutex);
  if (host_.active != nullptr) host_.active->session.wake();
}

void Watch::stop_session() {
  const auto now = Clock::now();
  if (stopped_at_ == Clock::time_point{}) stopped_at_ = now;
  const bool has_begun = host_.progress.load() != 0;
  // A run that is being opened may have a file already: it ends as any other, with that complete.
  const bool is_opening = !has_begun && host_.is_running.load();
  // In compiled code, or it waits for something.
  const bool is_stuck = is_interrupting_.load() && host_.doing.load() == Doing::kBody;
  const auto waited = now - stopped_at_;
  const bool hangs = (is_stuck && waited >= kGrace) || (is_opening && waited >= kOpeningGrace);
  if ((!has_begun && !is_opening) || hangs) end_now(128 + host_.last_signal.load(), "interrupted");
  const std::lock_guard lock(host_.mutex);
  if (host_.active == nullptr) return;
  host_.active->session.stop();
  // What a live run has gathered is worth a moment; callbacks may be too slow for it.
  if (!host_.active->session.is_live() || now - stopped_at_ >= kLiveRest) host_.active->cut();
}

/// A line that was interrupted: its run is cut; what does not end for a while gets the hook anew, and then
/// is told of.
void Watch::follow_line() {
  const uint32_t requests = host_.stop_requests.load();
  if (seen_line_ != host_.lines_begun.load() || requests == 0 ||
      host_.doing.load() == Doing::kHost) {
    seen_line_ = host_.lines_begun.load();
    stopped_at_ = {};
    is_hooked_again_ = is_told_ = false;
    if (host_.pause_requests.load() != seen_pauses_) wake_session();
    return;
  }
  const auto now = Clock::now();
  if (stopped_at_ == Clock::time_point{}) stopped_at_ = now;
  if (is_told_ && requests > requests_when_told_)
    end_now(128 + host_.last_signal.load(), "interrupted again, the session ends");
  {
    const std::lock_guard lock(host_.mutex);
    if (host_.active != nullptr && host_.is_running.load() && host_.interactive == 1) {
      host_.active->session.stop();
      if (!host_.active->session.is_live() || now - stopped_at_ >= kLiveRest) host_.active->cut();
    }
  }
  if (now - stopped_at_ >= kGrace && !is_hooked_again_) {
    is_hooked_again_ = true;
    pthread_kill(main_thread_, SIGALRM);
  }
  if (now - stopped_at_ >= 2 * kGrace && !is_told_) {
    is_told_ = true;
    requests_when_told_ = requests;
    constexpr std::string_view text =
        "oc: the line does not end: it is in compiled code, or waits for something. Ctrl-C again "
        "ends the "
        "session\n";
    (void)!write(Aside::error_output(), text.data(), text.size());
  }
}

void Watch::look_at_progress() {
  const Doing doing = host_.doing.load();
  uint64_t progress = uint64_t{host_.progress.load()} << 32;
  {
    const std::lock_guard lock(host_.mutex);
    if (host_.active != nullptr)
      progress += __atomic_load_n(&host_.active->loop.at, __ATOMIC_RELAXED);
  }
  const auto now = Clock::now();
  const bool in_script = doing == Doing::kBody || doing == Doing::kCallbacks;
  if (!in_script || progress != seen_progress_) {
    seen_progress_ = progress;
    changed_at_ = now;
    warned_ = false;
    return;
  }
  const auto limit = std::chrono::nanoseconds(host_.timeout_ns.load());
  if (now - changed_at_ < limit) return;
  if (!warned_) {
    warned_ = true;
    host_.timed_out = true;
    pthread_kill(main_thread_, SIGALRM);
  } else if (now - changed_at_ >= limit + kGrace) {
    end_now(1, fmt::format("the script did not return for {:.3g} s (--timeout)",
                           static_cast<double>(limit.count()) / 1e9));
  }
}

std::string Watch::where() const {
  if (host_.doing.load() == Doing::kBody) {
    return host_.is_running.load() ? "in a timer or an end hook" : "in its own body";
  }
  // Held by somebody else: a session is being opened or closed, so no callback runs.
  const std::unique_lock lock(host_.mutex, std::try_to_lock);
  if (!lock) return {};
  const oc_session* session = host_.active;
  if (session == nullptr || host_.doing.load() != Doing::kCallbacks) return {};
  const oc_loop& loop = session->loop;
  const uint32_t at = __atomic_load_n(&loop.at, __ATOMIC_RELAXED);
  if (loop.events == nullptr) return {};
  const oc_event& event = loop.events[at];
  const std::string line = event.event < session->where.size() ? session->where[event.event] : "";
  return fmt::format("in the callback at {}, on event {} at {:.9f} s, number {} of batch {}",
                     line.empty() ? "an unknown line" : line,
                     session->session.kinds().name(event.event), event.time / 1e9, at + 1,
                     loop.turns);
}

void Watch::end_now(int status, const std::string& why) {
  std::string text = (host_.has_bar ? "\r\x1b[Koc: " : "oc: ") + why;
  if (const std::string place = where(); !place.empty()) {
    text += "; the script was " + place + "; what its aggregates held is lost";
  }
  text += "\n";
  Aside::give_terminal_back();
  (void)!write(Aside::error_output(), text.data(), text.size());
  if (ftrylockfile(stdout) == 0) fflush(stdout);
  _exit(status);
}

}  // namespace oc::lua
