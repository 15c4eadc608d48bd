"""Filters on live runs: the kernel and the generated Lua let the same events through, those that the
workload is known to make and that `perf record --filter` records; and what users are told.
"""
import os
import platform
import shutil
import subprocess
import sys
import tempfile

from bad_input_test import may_trace
from program import NO_KALLSYMS, Suite, environment, problems_of, run

CALLS = 600
NR_LSEEK = {"x86_64": 8, "aarch64": 62}.get(platform.machine())
# 0..CALLS-1 as lseek's offset, two thirds of them as worker-b; then two programs.
WORKLOAD = f"""
import os, subprocess
fd = os.open("/dev/zero", os.O_RDONLY)
os.dup2(fd, 77)
for i in range({CALLS}):
    if i in (0, {CALLS // 3}):
        name = os.open("/proc/self/comm", os.O_WRONLY)
        os.write(name, b"worker-a" if i == 0 else b"worker-b")
    os.lseek(77, i, i % 3 if i % 3 < 2 else 0)
    os.read(77, i % 5)
subprocess.run(["/bin/true"])
subprocess.run(["/bin/sh", "-c", "exit 0"])
"""
COMMAND = ["--", sys.executable, "-S", "-E", "-c", WORKLOAD]
LATER = range(CALLS // 3, CALLS)

SCRIPT = """
local oc = require "oc"
local trace = oc.open { pushdown = %s }
local function show(tag, field)
  return function(e)
    local value = field and e.args[field] or e.args.args[2]
    print(tag, oc.addr.is(value) and value:number() or value)
  end
end
%s
trace:run()
print("filtered", trace:stats().filtered)
"""

# Lines of Lua: event, filter, tag, the field that is shown; then what must come, by tag.
LSEEK, RAW = "syscalls:sys_enter_lseek", "raw_syscalls:sys_enter"
RENAME, EXEC = "task:task_rename", "sched:sched_process_exec"
NAMES = ["worker-a", "worker-b"]
GROUPS = {
    "numbers and names of threads": (
        (LSEEK, "fd == 77 && whence in (1, 7..9) && comm == 'worker-b'", "offset",
         [i for i in LATER if i % 3 == 1]),
        (RAW, f"id == {NR_LSEEK} && comm =~ 'worker-*' && comm != 'worker-b'", None, range(CALLS // 3)),
        (RENAME, "newcomm == 'worker-b' || newcomm =~ '*er-a'", "newcomm", NAMES),
        (EXEC, "filename == '/bin/true'", "filename", ["/bin/true"]),
    ),
    "other texts": (
        (LSEEK, "!(fd != 77) && offset >= 100 && 300 > offset", "offset", range(100, 300)),
        (RENAME, "newcomm contains 'ork' && oldcomm != 'worker-a'", "newcomm", NAMES[:1]),
        (EXEC, "filename starts_with '/bin/' && filename != '/bin/sh'", "filename", ["/bin/true"]),
    ),
    "ends and globs": (
        (RENAME, "newcomm ends_with '-b' && newcomm =~ 'w?rk[a-f]r*'", "newcomm", NAMES[1:]),
        (LSEEK, "fd == 77 && (cpu >= 0 && tid > 0) && common_pid > 0 && whence <= 0", "offset",
         [i for i in range(CALLS) if i % 3 != 1]),
        (EXEC, "filename =~ '*/tru?'", "filename", ["/bin/true"]),
    ),
    "several callbacks on one event": (
        (LSEEK, "fd == 77 && whence == 1", "offset", [i for i in range(CALLS) if i % 3 == 1]),
        (LSEEK, "fd == 77 && comm == 'worker-b'", "offset", LATER),
    ),
}
WIDE = "fd == 77 && (" + " || ".join(f"whence == {i} && fd < {i + 900}" for i in range(400)) + ")"


def script_of(lines, pushdown):
    calls = [f'trace:on("{event}", {{ filter = [=[{text}]=] }}, show({tag}, '
             f'{repr(field) if field else "nil"}))'
             for tag, (event, text, field, _) in enumerate(lines)]
    return SCRIPT % (str(pushdown).lower(), "\n".join(calls))


def rows(ended):
    """By tag: what was shown, in order."""
    found = {}
    for line in ended.out.splitlines():
        tag, value = line.split("\t")
        found.setdefault(tag, []).append(value)
    return found


def traced(folder, lines, pushdown):
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, suffix=".lua") as file:
        file.write(script_of(lines, pushdown))
        file.flush()
        return run(["script", "-v", file.name, *COMMAND])


def same_events(suite, folder, name, lines):
    if suite.wants(name):
        by_kernel, by_lua = traced(folder, lines, True), traced(folder, lines, False)
        problems = problems_of(by_kernel, 0, ".", ".", most_err_lines=99)
        problems += problems_of(by_lua, 0, ".", ".", most_err_lines=99)
        if " lost" in by_kernel.err + by_lua.err:
            suite.skip(name, "records were lost on this busy machine")
            return
        left = {where: float(rows(ended).get("filtered", ["0"])[0])
                for where, ended in (("kernel", by_kernel), ("lua", by_lua))}
        if not left["kernel"] < left["lua"]:
            problems.append(f"the kernel left out nothing: {left}")
        if "in the kernel: nothing" not in by_lua.err or "==" not in by_kernel.err:
            problems.append("-v does not tell what the kernel filters")
        for tag, (_, text, _, wanted) in enumerate(lines):
            for where, ended in (("kernel", by_kernel), ("lua", by_lua)):
                got = rows(ended).get(str(tag), [])
                if got != [str(value) for value in wanted]:
                    problems.append(f"{where}: {text}: {len(got)} events, wanted {len(wanted)}")
        suite.check(name, problems, by_kernel)


def as_perf(suite, folder, event, kernel_text, ours):
    name = "perf record --filter"
    recording = os.path.join(folder, event + ".perf.data")
    done = subprocess.run(["perf", "record", "-q", "-o", recording, "-e", event, "--filter", kernel_text, *COMMAND],
                          capture_output=True, check=False, encoding="utf-8", env=environment())
    if done.returncode != 0:
        suite.skip(f"{name} '{kernel_text}'", "perf cannot record here")
        return
    by_perf = subprocess.run(["perf", "script", NO_KALLSYMS, "-i", recording, "-F", "comm,event"], capture_output=True, check=False,
                             encoding="utf-8", env=environment()).stdout.count("\n")
    code = f"t=oc.open{{}} n=0 t:on('{event}', function() n=n+1 end) t:run() print(n)"
    ended = run(["eval", code, "--filter", ours, *COMMAND])
    problems = problems_of(ended, 0, rf"^{by_perf}$")
    if by_perf == 0:
        problems.append("perf recorded nothing")
    suite.check(f"{name} '{kernel_text}'", problems, ended)
    again = run(["eval", code.replace(event, f"{event}*"), "--filter", ours, "-i", recording])
    suite.check(f"{name}: of its recording '{ours}'", problems_of(again, 0, rf"^{by_perf}$"), again)


OF_PERF = (
    (LSEEK, "fd == 77 && whence == 1", "fd == 77 && whence == 1"),
    (RENAME, 'newcomm ~ "work*"', "newcomm =~ 'work*'"),
    (RAW, f'id == {NR_LSEEK} && COMM == "worker-b"', f"id == {NR_LSEEK} && comm == 'worker-b'"),
)


def recorded(suite, folder):
    path = os.path.join(folder, "oc.data")
    event_filter = "fd == 77 && comm == 'worker-b' && whence in (1, 5)"
    ended = run(["record", "-o", path, "-e", LSEEK, "--filter", event_filter, *COMMAND])
    wanted = len([i for i in LATER if i % 3 == 1])
    suite.check("oc record --filter", problems_of(ended, 0, None, rf" {wanted} events"), ended)
    code = f"t=oc.open{{}} n=0 t:on('{LSEEK}', function() n=n+1 end) t:run() print(n)"
    ended = run(["eval", code, "-i", path])
    suite.check("oc record --filter: of its recording", problems_of(ended, 0, rf"^{wanted}$"), ended)
    for event, text, said in ((LSEEK, "whence == 1 && pid > 5", r"'pid > 5' cannot be filtered while rec"),
                              ("cpu-clock", "cpu == 1", r"'cpu == 1' cannot be filtered while recording"),
                              (LSEEK, WIDE, r"cannot filter while recording")):
        ended = run(["record", "-o", path, "-e", event, "--filter", text, *COMMAND])
        status = 1 if text is WIDE else 2
        suite.check(f"oc record --filter refuses {text[:40]}", problems_of(ended, status, None, said),
                    ended)


SYSTEM_WIDE = """
local oc = require "oc"
local trace = oc.open { pushdown = %s }
local offsets, is_done = {}, false
trace:on("syscalls:sys_enter_lseek", { filter = "fd == 77 && whence == 1 && comm == 'worker-a'" },
  function(e) offsets[#offsets + 1] = tostring(e.offset) end)
trace:every("50ms", function()
  if not is_done then os.execute(os.getenv "WORKLOAD") end
  is_done = true
end)
trace:on("sched:sched_process_exec", { filter = "filename == '/bin/true'" }, function()
  if #offsets > 0 then trace:stop() end
end)
trace:run()
print(table.concat(offsets, " "))
"""


def system_wide(suite, folder):
    """Beside the filter that leaves out our own threads. The workload runs while the script waits for it."""
    path = os.path.join(folder, "workload.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(WORKLOAD)
    wanted = " ".join(str(i) for i in range(CALLS // 3) if i % 3 == 1)
    for pushdown in ("true", "false"):
        ended = run(["eval", SYSTEM_WIDE % pushdown, "-d", "30s", "-v"],
                    env={"WORKLOAD": f"{sys.executable} -S -E {path}"})
        taken = r'in the kernel: \(fd == 77 && whence == 1 && COMM == "worker-a"\)'
        suite.check(f"system-wide, pushdown {pushdown}",
                    problems_of(ended, 0, f"^{wanted}$", taken if pushdown == "true" else ".",
                                most_err_lines=99), ended)


def too_much_for_the_kernel(suite):
    name = "a filter that is too long for the kernel"
    code = "t=oc.open{} n=0 t:on('" + LSEEK + "', function() n=n+1 end) t:run() print(n)"
    ended = run(["eval", code, "--filter", WIDE, *COMMAND])
    suite.check(name, problems_of(ended, 0, rf"^{CALLS}$", r"does not filter 'syscalls:sys_enter_lseek'"),
                ended)


def limits(suite):
    code = "t=oc.open{} n=0 t:on('" + LSEEK + "', function() n=n+1 end) t:run() print(n, t:stats().events)"
    for pushdown in ("true", "false"):
        ended = run(["eval", code.replace("open{}", "open{pushdown=" + pushdown + "}"), "-n", "5",
                     "--filter", "fd == 77 && whence == 1", *COMMAND])
        suite.check(f"-n counts what passes, pushdown {pushdown}",
                    problems_of(ended, 0, r"^5\t5$", r"|SIGTERM"), ended)


ON = "t=oc.open{{}} t:on('{}', {{ filter = \"{}\" }}, print) t:run()"


def told(suite):
    for name, args, status, err in (
            ("an unknown field", ["eval", ON.format("sched:sched_switch", "next_pdi == 1")], 1,
             r"no field 'next_pdi'\n +\| next_pdi == 1\n +\| \^ did you mean .*next_pid"),
            ("a glob without the field", ["eval", ON.format("sched:*", "next_pdi == 1")], 1,
             r"none of the \d+ events of 'sched:\*' has it"),
            ("an unknown field of --filter",
             ["eval", ON.format("sched:sched_switch", "prev_pid == 1"), "--filter", "x == 1"], 2,
             r"^oc: --filter: event 'sched:sched_switch' has no field 'x'"),
            ("a filter of --filter that does not parse",
             ["eval", ON.format("sched:sched_switch", "prev_pid == 1"), "--filter", "cpu = 1"], 2,
             r"equal is =="),
            ("an event that --filter cannot fit",
             ["eval", "t=oc.open{} t:on('sched:sched_switch', print) t:on('exit', print) t:run()",
              "--filter", "prev_pid == 1 && prev_pid == 2", "-d", "10ms"], 0,
             r"--filter leaves out all events without the fields that it names: exit")):
        ended = run(args)
        suite.check(name, problems_of(ended, status, "" if status else None, err), ended)


def main():
    suite = Suite("filters")
    reason = may_trace()
    if not NR_LSEEK or not os.path.isdir("/sys/kernel/tracing/events/syscalls"):
        reason = reason or "no events of system calls here"
    if reason:
        suite.skip("filters", reason)
        return suite.finish()
    with tempfile.TemporaryDirectory(prefix="oc-filters.") as folder:
        for name, lines in GROUPS.items():
            suite.later(same_events, suite, folder, name, lines)
        for case in OF_PERF if shutil.which("perf") else ():
            suite.later(as_perf, suite, folder, *case)
        suite.later(recorded, suite, folder)
        for case in (too_much_for_the_kernel, limits, told):
            suite.later(case, suite)
        suite.wait()
        system_wide(suite, folder)  # the others' calls pass its filter
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
