#include "sys/drop.h"

#include <errno.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "sys/broker.h"
#include "sys/confine.h"
#include "sys/memory_limit.h"
#include "sys/permissions.h"

namespace oc::sys {

namespace {

using base::Code;
using base::make_error;

Dropped& state() {
  static Dropped dropped;
  return dropped;
}

struct User {
  std::string name;
  std::string home;
  std::string shell;
  uid_t uid = 0;
  gid_t gid = 0;
};

User user_of(const passwd& entry) {
  const std::string_view shell = entry.pw_shell == nullptr ? "" : entry.pw_shell;
  return {entry.pw_name, entry.pw_dir, std::string(shell.empty() ? "/bin/sh" : shell), entry.pw_uid,
          entry.pw_gid};
}

bool read_id(const std::string& text, uint32_t& id) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

base::Result<User> find_user(const std::string& given) {
  std::string name = given;
  if (name == "sudo") {
    const char* caller = std::getenv("SUDO_UID");
    if (caller == nullptr)
      return make_error(Code::kUsage, "--user sudo is whoever called sudo, and nobody did",
                        "name the user: --user NAME");
    name = caller;
  }
  if (const passwd* entry = getpwnam(name.c_str())) return user_of(*entry);
  uint32_t uid = 0;
  if (!read_id(name, uid))
    return make_error(Code::kUsage, fmt::format("there is no user '{}'", name),
                      "getent passwd lists those that there are; a number does too");
  if (const passwd* entry = getpwuid(uid)) return user_of(*entry);
  return User{name, "/", "/bin/sh", uid, uid};  // in containers ids often have no names
}

/// Rings are mapped by this process, and its limit counts then: an eighth of memory is more than all rings take.
void raise_limits() {
  const rlim_t wanted = load_memory_bytes() / 8;
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted) limit.rlim_max = wanted;
    setrlimit(RLIMIT_MEMLOCK, &limit);
  }
}

/// No capability in any set. False where the kernel refuses.
bool clear_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return syscall(SYS_capset, &header, sets) == 0;
}

/// What of an environment is about its user, as `su -` sets it: folders, files and programs of the user before are not
/// this one's. Options of oc's and of programs that are traced stay.
void change_environment(const User& user) {
  std::vector<std::string> gone = {"MAIL", "TMPDIR", "TMP", "TEMP", "BASH_ENV", "ENV"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("XDG_")) gone.emplace_back(text.substr(0, text.find('=')));
  }
  for (const std::string& name : gone) unsetenv(name.c_str());
  setenv("HOME", user.home.c_str(), 1);
  setenv("SHELL", user.shell.c_str(), 1);
  setenv("USER", user.name.c_str(), 1);
  setenv("LOGNAME", user.name.c_str(), 1);
  setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
}

base::Status become(const User& user) {
  if (setgroups(0, nullptr) != 0 || initgroups(user.name.c_str(), user.gid) != 0 ||
      setresgid(user.gid, user.gid, user.gid) != 0 || setresuid(user.uid, user.uid, user.uid) != 0)
    return base::system_error(errno, "cannot become user " + user.name);
  change_environment(user);
  return {};
}

}  // namespace

const Dropped& dropped() { return state(); }

base::Result<Dropped> drop_rights(const std::string& name) {
  auto user = find_user(name);
  if (!user) return user.error();
  const Permissions before = load_permissions();
  const bool is_same = geteuid() == user->uid && getuid() == user->uid;
  if (user->uid == 0)
    return make_error(Code::kUsage, "--user root would keep all rights",
                      "name a user who has none, or leave --user out");
  if (is_same && before.capabilities == 0) return Dropped{};
  if (!is_same && geteuid() != 0)
    return make_error(Code::kPermission,
                      fmt::format("only root can run a script as {}", user->name),
                      "leave --user out, or begin as root: sudo oc …");
  auto broker = Broker::start();
  if (!broker) return broker.error();
  raise_limits();
  if (!is_same) {
    if (auto status = become(*user); !status) return status.error();
  }
  // A thread's capabilities are its own; those of a user who was root went with that, in all threads.
  if (is_same && !clear_capabilities())
    return base::system_error(errno, "cannot give up the capabilities");
  if (auto status = confine(); !status) return status.error();
  // Nobody else of that user's may look into this process and talk to the broker.
  prctl(PR_SET_DUMPABLE, 0);
  state() = {user->name, user->uid, user->gid, (*broker)->pid()};
  Broker::set_active(std::move(*broker));
  return state();
}

}  // namespace oc::sys
