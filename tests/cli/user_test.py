"""--user: as root, a script runs as somebody else, and the events come all the same."""
import json
import os
import pwd
import re
import resource
import shutil
import subprocess
import sys
import tempfile

from bad_input_test import may_trace
from program import OC, Suite, problems_of, run
from terminal import Terminal

NOBODY = 65534
FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/sched.data")
SHOW = r"local s = io.open('/proc/self/status'):read '*a' print(s:match 'Uid:%s+(%d+%s+%d+%s+%d+)', s:match 'CapEff:%s+(%x+)', s:match 'CapPrm:%s+(%x+)') "
# What a script may ask the broker for by itself: it can call everything, and knows the socket's number.
ATTACK = r"""
local ffi = require "ffi"
ffi.cdef [[
struct oc_test_request { uint32_t what; int32_t pid, cpu; uint32_t has_group; uint64_t flags; uint8_t attr[%d]; char path[256]; };
struct oc_test_address { uint16_t family; char path[108]; };
int getsockname(int fd, struct oc_test_address *address, uint32_t *size);
ssize_t send(int fd, const void *data, size_t size, int flags);
ssize_t recv(int fd, void *data, size_t size, int flags);
]]
local socket
for fd = 3, 60 do
  local address, size = ffi.new "struct oc_test_address", ffi.new("uint32_t[1]", 110)
  if ffi.C.getsockname(fd, address, size) == 0 and address.family == 1 then socket = fd break end
end
local answer = ffi.new "int32_t[1]"
local function ask(request, size)
  ffi.C.send(socket, request, size or ffi.sizeof(request), 0)
  return ffi.C.recv(socket, answer, 4, 0) == 4 and (answer[0] >= 0 and "given" or "refused") or "gone"
end
local function file(path) return ask(ffi.new("struct oc_test_request", { what = 2, path = path })) end
for _, path in ipairs { "/etc/shadow", "/proc/1/mem", "/proc/1/environ", "/proc/../etc/shadow", "/proc/self/maps",
  "/sys/kernel/tracing/events/sched/sched_switch/enable", "/sys/kernel/tracing/trace_pipe",
  "/sys/kernel/tracing/events/../../../../etc/shadow" } do
  print(path, file(path))
end
print("short", ask(ffi.new "char[5]"))
print("unknown", ask(ffi.new("struct oc_test_request", { what = 9 })))
print("itself", ask(ffi.new("struct oc_test_request", { what = 1, pid = 0, cpu = -1 })))
print("long", ask(ffi.new "char[5000]"))
print("maps", file "/proc/%d/maps")
"""


def request_attr_bytes():
    """sizeof(struct perf_event_attr) of the headers that built oc."""
    source = "#include <linux/perf_event.h>\n#include <stdio.h>\nint main(void) { printf(\"%zu\", sizeof(struct perf_event_attr)); }"
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "size")
        done = subprocess.run(["cc", "-x", "c", "-", "-o", program], input=source, text=True, check=False, capture_output=True)
        return int(subprocess.run([program], capture_output=True, text=True, check=True).stdout) if done.returncode == 0 else None


def wrong_names(suite):
    for title, args, prefix, err in (
            ("nobody of that name", ["--user", "no-such-user"], (), "there is no user 'no-such-user'.*getent"),
            ("root", ["--user", "root"], (), "would keep all rights"),
            ("no name", ["--user"], (), "needs a name"),
            ("nobody called sudo", ["--user=sudo"], (), "nobody did"),
            ("another's, without root", ["--user", "daemon"], ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
             "only root")):
        ended = run(["eval", "print(1)", *args], prefix=prefix)
        suite.check("--user: " + title, problems_of(ended, 2, None, err), ended)


def without_events(suite, program):
    ended = run(["eval", SHOW + "print(io.open('/etc/shadow'))", "--user", "nobody"], program=program)
    suite.check("a script has neither root's id nor capabilities",
                problems_of(ended, 0, rf"^{NOBODY}\s+{NOBODY}\s+{NOBODY}\t0+\t0+\nnil\t/etc/shadow: Permission denied", None), ended)
    for title, env, args in (("sudo's caller", {"SUDO_UID": str(NOBODY)}, ["--user", "sudo"]), ("by the environment", {"OC_USER": "nobody"}, [])):
        ended = run(["eval", SHOW, *args], env=env, program=program)
        suite.check(f"--user: {title}", problems_of(ended, 0, rf"^{NOBODY}\s", None), ended)
    script = "local oc = require 'oc' local opt = oc.args { user = oc.string() }"
    ended = run(["eval", script])
    suite.check("no argument is called user", problems_of(ended, 1, None, "--user says who runs the script"), ended)


def every_way(suite, program, folder):
    """Whichever word leads to lines or a script: none runs them as root."""
    trace, line = os.path.join(folder, "sched.data"), SHOW + "\n"
    shutil.copy(FIXTURE, trace)
    os.chmod(trace, 0o644)
    for title, args, env in (("repl TRACE", ["repl", trace, "--user", "nobody"], {}), ("TRACE", [trace, "--user", "nobody"], {}),
                             ("TRACE, by the environment", [trace], {"OC_USER": "nobody"}), ("repl", ["repl", "--user=nobody", "-q"], {})):
        ended = run(args, stdin=line, env=env, program=program)
        suite.check(f"--user: oc {title}", problems_of(ended, 0, rf"^{NOBODY}\s+{NOBODY}\s", None), ended)
    script = os.path.join(folder, "count.lua")
    with open(script, "w", encoding="utf-8") as file:
        file.write("local n, t = 0, require 'oc'.open {} t:on('sched:sched_switch', function() n = n + 1 end) t:run() print('seen', n > 0)\n")
    os.chmod(script, 0o644)
    ended = run(["repl", trace, "--user", "nobody"], stdin=f".run {script}\n", program=program)
    suite.check("--user: .run of a trace", problems_of(ended, 0, "^seen\ttrue$", None), ended)
    ended = run(["repl", "--user", "nobody", "-q"], stdin=f".run {script}\n", program=program)
    suite.check("--user: .run of this machine", problems_of(ended, 1, None, "this user has no rights to trace this machine"), ended)


def environment_of_user(suite, program):
    env = {"XDG_STATE_HOME": "/root/state", "XDG_CONFIG_HOME": "/root/config", "TMPDIR": "/root/tmp", "MAIL": "/var/mail/root", "PATH": "/root/bin:/usr/bin:/bin",
           "SHELL": "/root/shell", "KEPT": "kept"}
    names = ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "TMPDIR", "MAIL", "PATH", "SHELL", "HOME", "USER", "KEPT"]
    entry = pwd.getpwuid(NOBODY)
    wanted = ["nil", "nil", "nil", "nil", "/usr/local/bin:/usr/bin:/bin", entry.pw_shell, entry.pw_dir, entry.pw_name, "kept"]
    code = "".join(f"print(os.getenv '{name}')\n" for name in names)
    ended = run(["eval", code, "--user", "nobody"], env=env, program=program)
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    shown = "unlimited" if limit == resource.RLIM_INFINITY else str(limit // 1024)
    ended_limit = run(["eval", "local _ = os.execute 'ulimit -S -l'", "--user", "nobody"], program=program)
    suite.check("the limits of what a script starts are as they were", problems_of(ended_limit, 0, rf"\A{shown}\n\Z", None), ended_limit)
    suite.check("the environment is that user's", problems_of(ended, 0, r"\A" + "\n".join(map(re.escape, wanted)) + r"\n\Z", None), ended)


def terminal_keys(suite, program):
    """Keys cannot be pushed into the terminal that root's shell reads, neither by the script nor by what it starts."""
    push = ('local ffi = require "ffi"\nffi.cdef "int ioctl(int, unsigned long, ...);"\nlocal key = ffi.new("char[2]", "x")\n'
            "for _, request in ipairs { 0x5412ULL, 0x541CULL, 0x100005412ULL } do io.write(ffi.C.ioctl(0, request, key) == -1 and ffi.errno() or 'pushed', ' ') end "
            "print(os.execute [[%s -c 'import fcntl; fcntl.ioctl(0, 0x5412, b\"x\")' 2>&1 | tail -n 1]])")
    terminal = Terminal(["eval", push % "/usr/bin/python3", "--user", "nobody"], program=program)
    if os.path.exists("/usr/bin/python3"):
        terminal.expect("PermissionError: .Errno 1.")
    terminal.expect("^1 1 1 ")
    suite.check("no keys for root's shell", terminal.finish(0))


def with_events(suite, program, folder):
    count = "local n = 0 local t = oc.open {} t:on('sched:sched_switch', function(e) n = n + (e.next_pid >= 0 and 1 or 0) end) " \
            "t:on('cpu', function() end) t:run() print('seen', n > 0)"
    ended = run(["eval", SHOW + count, "--user", "nobody", "-d", "300ms"], program=program)
    suite.check("events come to a script without rights", problems_of(ended, 0, rf"^{NOBODY}\s.*seen\ttrue", "", 12), ended)
    ended = run(["eval", count, "--user", "nobody", "--", "id", "-u"], program=program)
    suite.check("a command runs as that user, and is traced", problems_of(ended, 0, rf"^{NOBODY}\n.*seen\ttrue", "", 12), ended)
    names = "local kernel = false local t = oc.open { symbols = true } t:on('cpu', function(e) if e.module:find 'kernel' and not e.symbol:find '^%[' " \
            "then kernel = true end end) t:run() print('named', kernel)"
    plain = run(["eval", names, "--", "dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=300000", "status=none"], program=program)
    if "named\ttrue" in plain.out:
        ended = run(["eval", names, "--user", "nobody", "--", "dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=300000", "status=none"], program=program)
        suite.check("the kernel's functions have names", problems_of(ended, 0, r"named\ttrue", "", 12), ended)
    else:
        suite.skip("the kernel's functions have names", "nor have they as root")
    mine = os.path.join(folder, "mine")
    os.mkdir(mine)
    os.chown(mine, NOBODY, NOBODY)
    trace = os.path.join(mine, "t.data")
    ended = run(["record", "--user", "nobody", "-o", trace, "-d", "200ms", "-q"], program=program)
    problems = problems_of(ended, 0, None, "", 12)
    if not os.path.exists(trace) or os.stat(trace).st_uid != NOBODY:
        problems.append("the trace is not that user's")
    suite.check("a recording is that user's", problems, ended)
    ended = run(["record", "--user", "nobody", "-o", "/root/oc-user-test.data", "-d", "100ms"], program=program)
    suite.check("a file that the user may not write is refused", problems_of(ended, 1, None, "oc-user-test.data.*ermission denied"), ended)


def attacks(suite, program):
    size = request_attr_bytes()
    if size is None:
        suite.skip("what the broker refuses", "no C compiler to ask for a size")
        return
    ended = run(["eval", ATTACK % (size, os.getpid()), "--user", "nobody"], program=program)
    lines = dict(line.rsplit("\t", 1) for line in ended.out.splitlines() if "\t" in line)
    wrong = {key: value for key, value in lines.items() if value != ("given" if key == "maps" else "refused")}
    problems = problems_of(ended, 0, "maps\tgiven", None)
    if wrong or len(lines) != 13:
        problems.append(f"answers are {lines}")
    suite.check("the broker gives what watching needs, and nothing else", problems, ended)


def file_capabilities(suite, program, is_live):
    """A program with capabilities of its own, run by an ordinary user, gives them up in all threads."""
    capable = program + ".capable"
    shutil.copy(program, capable)
    given = shutil.which("setcap") and subprocess.run(["setcap", "cap_perfmon,cap_dac_read_search,cap_sys_admin+ep", capable], check=False,
                                                      capture_output=True).returncode == 0
    if not given:
        suite.skip("a program with capabilities", "setcap does not work here")
        return
    as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    script = "local f = io.popen 'cat /proc/'..io.open('/proc/self/stat'):read '*n'..'/task/*/status' print(f:read '*a')".replace(
        "'cat /proc/'..io.open('/proc/self/stat'):read '*n'..'/task/*/status'", "('cat /proc/' .. io.open('/proc/self/stat'):read '*n' .. '/task/*/status')")
    for more, wanted in (([], False), (["--user", "nobody"], True)):
        ended = run(["eval", script, *more], program=capable, prefix=as_nobody)
        sets = [line.split()[1] for line in ended.out.splitlines() if line.startswith("CapEff:")]
        is_none = bool(sets) and all(int(value, 16) == 0 for value in sets)
        suite.check(f"a program with capabilities {' '.join(more)}", problems_of(ended, 0, "CapEff", None)
                    + ([] if len(sets) >= 2 and is_none == wanted else [f"of the threads: {sets}"]), ended)
    if is_live:
        count = "local n = 0 local t = oc.open {} t:on('cpu', function() n = n + 1 end) t:run() print('seen', n > 0)"
        ended = run(["eval", count, "--user", "nobody", "-d", "300ms"], program=capable, prefix=as_nobody)
        suite.check("such a program's broker opens events", problems_of(ended, 0, "seen\ttrue", "", 12), ended)


def doctor(suite, program):
    ended = run(["doctor", "--user", "nobody", "--json"], program=program)
    findings = {line["name"]: line for line in map(json.loads, ended.out.splitlines()) if "name" in line}
    problems = []
    if "nobody" not in findings["user"]["value"] or "without rights" not in findings["scripts"]["value"]:
        problems.append(f"{findings['user']} {findings['scripts']}")
    plain = run(["doctor", "--json"], program=program)
    before = {line["name"]: line for line in map(json.loads, plain.out.splitlines()) if "name" in line}
    for name in ("whole system", "tracepoints", "tracefs", "own commands", "kernel symbols"):
        if findings[name]["state"] != before[name]["state"]:
            problems.append(f"{name}: {before[name]} became {findings[name]}")
    suite.check("oc doctor says who runs scripts", problems, ended)


def main():
    suite = Suite("user")
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        print("skipped: needs root and setpriv")
        return 77
    with tempfile.TemporaryDirectory(prefix="oc-user.") as folder:
        os.chmod(folder, 0o755)
        program = os.path.join(folder, "oc")  # the build may lie where only root may look
        shutil.copy(OC, program)
        os.chmod(program, 0o755)
        os.chdir("/")
        wrong_names(suite)
        without_events(suite, program)
        every_way(suite, program, folder)
        environment_of_user(suite, program)
        terminal_keys(suite, program)
        attacks(suite, program)
        cannot = may_trace()
        file_capabilities(suite, program, not cannot)
        if cannot:
            suite.skip("events", cannot)
        else:
            with_events(suite, program, folder)
            doctor(suite, program)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
