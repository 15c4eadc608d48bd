"""Live runs against what the kernel counts, and against commands whose doings are known.

OC_TEST_OFFLINE=1 also takes the last CPU offline for a moment (root; everybody on the machine notices).
"""
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from bad_input_test import may_trace
from program import NOTES, OC, Suite, environment, finish, problems_of, run, start

OPEN = "local t = oc.open{} local n = 0 "
ROWS = " t:run() c:print() "


def numbers(ended):
    """Rows of a printed counter: the keys, joined by a space, to the count."""
    rows = {}
    for line in ended.out.splitlines():
        words = line.split()
        if len(words) >= 2 and re.fullmatch(r"[\d,]+", words[-1]):
            rows[" ".join(words[:-1])] = int(words[-1].replace(",", ""))
    return rows


def check_rows(suite, name, script, command, wanted, options=()):
    """Runs `script`; `wanted` says of each key how often, or a least and a most."""
    if not suite.wants(name):
        return None
    ended = run(["eval", script, *options, *(["--", *command] if command else [])])
    rows = numbers(ended)
    problems = problems_of(ended, 0, ".", None)
    for key, value in wanted.items():
        least, most = value if isinstance(value, tuple) else (value, value)
        if not least <= rows.get(key, 0) <= most:
            problems.append(f"{key}: {rows.get(key, 0)}, wanted {value}")
    suite.check(name, problems, ended)
    return rows


def counted(suite, folder):
    """What oc sees of dd and what it lost is what an event that only counts says."""
    if not shutil.which("perf"):
        suite.skip("counts equal a counting event", "no perf here")
        return
    said = os.path.join(folder, "stat")
    script = OPEN + "t:on('raw_syscalls:sys_enter', function(e) if e.comm == 'dd' then n = n + 1 end end) " \
        "t:run() print('seen', n, 'lost', t:stats().lost)"
    dd = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=100000", "status=none"]
    room = ["--buffer", "64MiB"]  # for all of them, should nobody read while other tests run
    for name, args in (("of a command", ["--", "perf", "stat", "-x", ",", "-o", said, "-e", "raw_syscalls:sys_enter", *dd]),
                       ("system-wide", ["-d", "20s"])):
        if args[0] == "--":
            ended = run(["eval", script, *room, *args])
        else:
            ready = script.replace("t:run()", "t:every('10ms', function() io.stderr:write('.') end) t:run()")
            job = start(["eval", ready, *room, *args])
            job.stderr.read(1)
            subprocess.run(["perf", "stat", "-x", ",", "-o", said, "-e", "raw_syscalls:sys_enter", *dd], check=True)
            time.sleep(0.05)
            job.send_signal(2)
            ended = finish(job)
            ended.err = NOTES.sub("", ended.err.strip("."))  # a note stood behind the dots of timers
        with open(said, encoding="utf-8") as text:
            count = int(next(line for line in text if "sys_enter" in line).split(",")[0])
        found = re.search(r"seen\t(\d+)\tlost\t(\d+)", ended.out)
        seen, lost = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
        problems = problems_of(ended, 0, "seen", None)
        if lost != 0 or seen != count:
            problems.append(f"seen {seen} + lost {lost}, the kernel counted {count}")
        suite.check(f"counts equal a counting event, {name}", problems, ended)


THREADS = """
import threading, os
def work():
    for i in range(50): os.getppid()
all = [threading.Thread(target=work) for i in range(3)]
for t in all: t.start()
for t in all: t.join()
"""
FAULTS = """
import ctypes, mmap
m = mmap.mmap(-1, 200 * 4096)
at = ctypes.addressof(ctypes.c_char.from_buffer(m))
print("range", at, flush=True)
for page in range(200): m[page * 4096] = 1
"""


def of_commands(suite):
    counter = OPEN + "local c = oc.counter('what', 'comm') "
    on = "t:on('{0}', function(e) c:count('{0}', e.comm) end) "
    chain = ["sh", "-c", "/bin/true; (exec sh -c 'exec sleep 0.01'); exit 0"]
    check_rows(suite, "exec, fork, exit and comm of a chain", counter + "".join(on.format(name) for name in ("exec", "fork", "exit", "comm")) + ROWS,
               chain, {"exec sh": 2, "exec true": 1, "exec sleep": 1, "fork sh": 2, "exit true": 1, "exit sleep": 1, "exit sh": 1, "comm sleep": 1})
    check_rows(suite, "every event has the name of its moment", counter + on.format("raw_syscalls:sys_enter") + ROWS, chain,
               {"raw_syscalls:sys_enter true": (5, 300), "raw_syscalls:sys_enter sleep": (5, 300), "raw_syscalls:sys_enter sh": (10, 900)})
    check_rows(suite, "mmap tells files", OPEN + "local c = oc.counter('file') t:on('mmap', function(e) c:count(e.filename:match('[^/]*$')) end) " + ROWS,
               ["/bin/true"], {"true": (1, 9), "libc.so.6": (1, 9)})
    rows = check_rows(suite, "threads of a command", OPEN + "local c = oc.counter('what', 'same') t:on('raw_syscalls:sys_enter', function(e) "
                      "if e.id == 110 then c:count(e.tid == e.pid and 'main' or 'thread', e.comm) end end) " + ROWS,
                      ["/usr/bin/python3", "-S", "-c", THREADS], {})
    if rows is not None and sum(n for key, n in rows.items() if key.startswith("thread")) != 150:
        suite.check("threads of a command", [f"150 calls of threads, seen {rows}"])
    names = ("page-faults", "minor-faults", "page_fault", "context-switches", "cswitch", "cpu", "task-clock")
    check_rows(suite, "software events by name, together", counter + "".join(on.format(name) for name in names) + ROWS,
               ["sh", "-c", "sleep 0.01; i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"],
               {"page-faults sleep": (20, 900), "page_fault sleep": (20, 900), "minor-faults sleep": (20, 900),
                "context-switches sleep": (1, 99), "cswitch sleep": (1, 99), "cpu sh": (3, 500), "task-clock sh": (3, 500)})


def fault_addresses(suite):
    name = "page_fault has the address"
    script = OPEN + "local c = oc.counter('addr') t:on('page_fault', function(e) c:count(e.addr) end) t:run() print(c:json())"
    ended = run(["eval", script, "--", "/usr/bin/python3", "-S", "-c", FAULTS])
    began = re.search(r"range (\d+)", ended.out)
    problems = problems_of(ended, 0, "range", None)
    if began:
        first = int(began.group(1))
        pages = {int(text, 16) & ~4095 for text in re.findall(r"0x([0-9a-f]+)", ended.out)}
        missing = sum(first + 4096 * page not in pages for page in range(200))
        if missing:
            problems.append(f"{missing} of 200 touched pages are not among {len(pages)} addresses")
    ended.out = ended.out[:300]
    suite.check(name, problems, ended)


def restless():
    """A process that calls and sleeps all the time: another machine may have nothing else to see."""
    return start(["-c", "while :; do sleep 0.005; done"], program="/bin/sh")


def stop(job):
    job.kill()
    job.communicate()


def system_wide(suite):
    check_rows(suite, "a glob", OPEN + "local c = oc.counter('event') t:on('sched:*', function(e) c:count(e.event) end) " + ROWS, None,
               {"sched:sched_switch": (1, 10**7), "sched:sched_wakeup": (1, 10**7)}, ["-d", "300ms"])
    ended = run(["eval", OPEN + "t:on('alarmtimer:*', function() n = n + 1 end) local fired = 0 t:every('50ms', function() fired = fired + 1 end) "
                 "t:run() print('fired', fired)", "-d", "1s"])
    suite.check("timers fire on an idle system", problems_of(ended, 0, r"fired\t(19|20)$", None, within=1.6), ended)
    if not 0.9 < ended.seconds:
        suite.check("-d lasts as long as it says", [f"{ended.seconds:.2f} s"])
    ended = run(["eval", OPEN + "t:on('sched:sched_switch', function() n = n + 1 end) t:run() print(n, t:stats().events)", "-n", "10"])
    suite.check("-n ends after so many", problems_of(ended, 0, r"^10\t10$", None, within=1), ended)
    job = start(["eval", OPEN + "local c = oc.counter('pid') t:on('raw_syscalls:sys_enter', function(e) c:count(e.pid) end) "
                 "t:every('10ms', function() io.stdout:flush() end) t:run() c:print{top=100000}", "-d", "400ms"])
    ended = finish(job)
    rows = numbers(ended)
    problems = problems_of(ended, 0, ".", None)
    if str(job.pid) in rows:
        problems.append(f"it saw {rows[str(job.pid)]} calls of its own")
    if len(rows) < 2:
        problems.append("it saw nothing at all")
    suite.check("own threads are left out", problems)


def one_cpu_less(suite):
    name = "a CPU that is offline"
    switches = sorted(glob.glob("/sys/devices/system/cpu/cpu[0-9]*/online"))
    if not os.environ.get("OC_TEST_OFFLINE"):
        suite.skip(name, "OC_TEST_OFFLINE is not set")
        return
    script = OPEN + "local c = oc.counter('cpu') t:on('cpu', function(e) c:count(e.cpu) end) t:run() c:print() "

    def turn(value):
        with open(switches[-1], "w", encoding="ascii") as switch:
            switch.write(value)

    try:
        turn("0")
        before = run(["eval", script, "-d", "200ms"])
        job = start(["eval", script, "-d", "700ms"])
        time.sleep(0.2)
        turn("1")
        coming = finish(job)
        job = start(["eval", script, "-d", "700ms"])
        time.sleep(0.2)
        turn("0")
        going = finish(job)
    except OSError as error:
        suite.skip(name, f"cannot be switched: {error}")
        return
    finally:
        turn("1")
    suite.check(name, problems_of(before, 0, r"^ *0 ", None), before)
    suite.check("a CPU that comes", problems_of(coming, 0, r"^ *0 ", None), coming)
    suite.check("a CPU that goes", problems_of(going, 0, r"^ *0 ", None, within=1.5), going)


def main():
    suite = Suite("live")
    reason = may_trace()
    if reason:
        suite.skip("live", reason)
        return suite.finish()
    with tempfile.TemporaryDirectory(prefix="oc-live.") as folder:
        counted(suite, folder)
    of_commands(suite)
    fault_addresses(suite)
    other = restless()
    try:
        system_wide(suite)
    finally:
        stop(other)
    one_cpu_less(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
