#include "symbol/debuginfod.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/fd.h"

namespace oc::symbol {

using base::Code;
using base::make_error;

/// The library's functions, and its handle.
struct Debuginfod::Client {
  decltype(&::debuginfod_begin) begin = nullptr;
  decltype(&::debuginfod_end) end = nullptr;
  decltype(&::debuginfod_find_debuginfo) find_debug = nullptr;
  decltype(&::debuginfod_find_executable) find_program = nullptr;
  decltype(&::debuginfod_set_progressfn) set_progress = nullptr;
  debuginfod_client* handle = nullptr;

  ~Client() {
    if (handle != nullptr) end(handle);
  }
  bool load();
  static int on_progress(debuginfod_client* client, long done, long all);
};

namespace {

/// Of the question that this thread asks: the client calls back in its thread, and tells its handle alone.
thread_local const Debuginfod::StopAsked* current_stop = nullptr;

void set_default(const char* name, const char* value) { setenv(name, value, 0); }

/// Nobody would answer the next question either.
bool is_unreachable(int number) {
  for (const int one : {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIME, ETIMEDOUT, ENOSYS}) {
    if (number == one) return true;
  }
  return false;
}

}  // namespace

int Debuginfod::Client::on_progress(debuginfod_client*, long, long) {
  return current_stop != nullptr && (*current_stop)() ? 1 : 0;
}

bool Debuginfod::Client::load() {
  void* const library = dlopen(DEBUGINFOD_SONAME, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return false;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    return function != nullptr;
  };
  return find(begin, "debuginfod_begin") && find(end, "debuginfod_end") &&
         find(find_debug, "debuginfod_find_debuginfo") &&
         find(find_program, "debuginfod_find_executable") &&
         find(set_progress, "debuginfod_set_progressfn");
}

Debuginfod::Debuginfod(StopAsked is_asked_to_stop)
    : is_asked_to_stop_(std::move(is_asked_to_stop)) {
  set_default(DEBUGINFOD_MAXTIME_ENV_VAR, "300");
  set_default(DEBUGINFOD_MAXSIZE_ENV_VAR, "2147483648");
}

Debuginfod::~Debuginfod() = default;

base::Status Debuginfod::prepare() {
  if (client_) return {};
  if (!closed_.empty()) return make_error(Code::kUnsupported, closed_);
  const char* const servers = std::getenv(DEBUGINFOD_URLS_ENV_VAR);
  if (servers == nullptr || servers[0] == 0) {
    closed_ = "debuginfod: DEBUGINFOD_URLS names no server";
    return make_error(Code::kUsage, closed_);
  }
  auto client = std::make_unique<Client>();
  if (!client->load() || (client->handle = client->begin()) == nullptr) {
    closed_ = "debuginfod: cannot load " DEBUGINFOD_SONAME ": apt-get install libdebuginfod1";
    return make_error(Code::kUnsupported, closed_);
  }
  client->set_progress(client->handle, Client::on_progress);
  client_ = std::move(client);
  return {};
}

std::unique_ptr<elf::File> Debuginfod::find(std::span<const uint8_t> id, Kind kind,
                                            std::string& problem) {
  const std::lock_guard lock(mutex_);
  const auto ready = prepare();
  if (!ready || !closed_.empty()) {
    problem = closed_;
    return nullptr;
  }
  const auto ask = kind == Kind::kDebug ? client_->find_debug : client_->find_program;
  char* path = nullptr;
  current_stop = &is_asked_to_stop_;
  const int found = ask(client_->handle, id.data(), static_cast<int>(id.size()), &path);
  current_stop = nullptr;
  const std::string name = path == nullptr ? "" : path;
  std::free(path);
  if (found < 0) {
    problem = found == -ENOENT ? "debuginfod: no server has it"
                               : fmt::format("debuginfod: {}", std::strerror(-found));
    if (is_asked_to_stop_()) problem = closed_ = "debuginfod: interrupted";
    if (is_unreachable(-found)) closed_ = problem + ", so no more files were asked for";
    return nullptr;
  }
  const base::Fd fd(found);
  auto file = elf::File::open(fd.number(), name);
  if (!file) {
    problem = file.error().what;
    return nullptr;
  }
  const auto own = file->build_id();
  if (!std::equal(own.begin(), own.begin() + static_cast<long>(std::min(own.size(), id.size())),
                  id.begin(), id.end())) {
    problem = "debuginfod: " + name + " has another build id";
    return nullptr;
  }
  return std::make_unique<elf::File>(std::move(*file));
}

}  // namespace oc::symbol
