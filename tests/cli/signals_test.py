"""Ctrl-C, SIGTERM, --timeout and kill -9: when a run ends, what it still prints, what it leaves behind.

    ready ──── signal ────> end     a script says "ready" on stdout; the time is taken from the signal
"""
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import perf_data
from bad_input_test import may_trace
from program import LONGEST_S, Ended, Suite, finish, patience, problems_of, run, start

SOON = 0.3       # (on an idle machine) a first signal ends a run with its results
AT_ONCE = 0.2    # a second one
READY = "io.stdout:write('ready\\n') io.stdout:flush() "
ENDS = "t:at_end(function() print('seen', n) end) t:run() print('after')"
RUN = "local t = oc.open{} local n = 0 "
COUNT = "t:on('cpu', function() n = n + 1 end) "
# A script cannot know that a run has begun but by being called.
ONCE = "local told = false local function ready() if not told then told = true " + READY + "end end "


class Job:
    """A running program that has said that it is ready."""

    def __init__(self, args, **options):
        self.job = start(args, **options)
        self.head = ""
        while not self.head.endswith("ready\n"):
            byte = os.read(self.job.stdout.fileno(), 1)  # what a buffer took, communicate would not see
            if not byte:
                break
            self.head += byte.decode()
        self.began = time.monotonic()

    def signal(self, number=signal.SIGINT, after=0.0):
        time.sleep(after)
        self.began = time.monotonic()
        self.job.send_signal(number)

    def finish(self, longest=10):
        ended = finish(self.job, self.began, longest)
        return Ended(ended.status, self.head + ended.out, ended.err, ended.seconds)


def live_script(body="", ends=ENDS):
    """Live; ready when the first timer fires."""
    return RUN + ONCE + COUNT + "t:every('20ms', function() ready() end) " + body + ends


def recorded_script(ends=ENDS):
    """Recorded, slow: 1 ms an event."""
    return RUN + ONCE + "local clock = os.clock t:on('cpu', function() ready() n = n + 1 local till = clock() + 0.001 " \
        "while clock() < till do end end) " + ends


def first_signal(suite, title, args, number, err):
    if not suite.wants(title):
        return
    job = Job(args)
    job.signal(number, 0.1)
    ended = job.finish()
    suite.check(title, problems_of(ended, 0, r"^seen\t\d+\nafter$", err, within=SOON), ended)


def first_signals(suite, trace, is_live):
    scripts = [("recorded", ["eval", recorded_script(), "-i", trace])]
    if is_live:
        scripts += [("live", ["eval", live_script()]),
                    ("of a command", ["eval", live_script(), "--", "sleep", "30"]),
                    ("of a command that ignores it", ["eval", live_script(), "--", "sh", "-c", "trap '' INT; exec sleep 30"])]
    for name, args in scripts:
        for number in (signal.SIGINT, signal.SIGTERM):
            err = {"recorded": r"stopped by a signal: .* cover the first", "live": None}.get(name, r"SIGTERM")
            suite.later(first_signal, suite, f"{number.name} ends a {name} run with its results", args, number, err)


def second_signal(suite, title, args, place, out="", first_ends=False, status=130, within=AT_ONCE, **options):
    if not suite.wants(title):
        return
    job = Job(args, **options)
    job.signal(after=0.3)
    if not first_ends:
        wait_while_pending(job.job.pid)  # two that wait are one
        time.sleep(0.3)
        if job.job.poll() is not None:
            suite.check(title, ["it ended by the first signal"], job.finish())
            return
        job.signal()
    ended = job.finish()
    problems = problems_of(ended, status, out, place, within=within)
    suite.check(title, problems, ended)


def spinning(suite, trace, is_live):
    spin = "while true do end"
    lost = ".*what its aggregates held is lost"
    work = "local x = 0 while true do x = x + 1 if x > 1e15 then break end end"
    suite.later(second_signal, suite, "a second Ctrl-C ends a callback that spins in compiled code, saying where",
                  ["eval", RUN + ONCE + "print('gathered')\nt:on('cpu', function(e) ready() n = n + 1 if n == 700 then " + work + " end end) " + ENDS,
                   "-i", trace], r"interrupted twice.*in the callback at eval:2, on event cpu-clock\S* at 0.699\d+ s" + lost, "gathered\nready")
    suite.later(second_signal, suite, "a second Ctrl-C ends a callback that spins interpreted",
                  ["eval", RUN + ONCE + "t:on('cpu', function(e) ready() while true do string.gsub('abc', 'b', '%%') end end) " + ENDS, "-i", trace],
                  r"in the callback at eval:1, on event cpu-clock" + lost, "ready")
    suite.later(second_signal, suite, "a first Ctrl-C ends a loop in the script's body", ["eval", READY + spin], r"interrupted at eval:1", "ready", True)
    suite.later(second_signal, suite, "SIGTERM also", ["eval", "print 'before'\n" + READY + "\nwhile true do end"],
                  r"interrupted at eval:3", "before\nready|ready", True)
    suite.later(second_signal, suite, "a first Ctrl-C ends a compiled function that the body called, a second later",
                  ["eval", "local function f() local x = 0 while true do x = x + 1 end end " + READY + "f()"],
                  r"\Aoc: interrupted; the script was in its own body", "ready", True, within=1.6)
    suite.later(second_signal, suite, "a second Ctrl-C ends a compiled function that the body called",
                  ["eval", "local function f() local x = 0 while true do x = x + 1 end end " + READY + "f()"], r"in its own body", "ready")
    suite.later(second_signal, suite, "a second Ctrl-C ends an end hook", ["eval", RUN + COUNT + "t:at_end(function() " + READY + spin + " end) t:run()", "-i", trace],
                  r"in a timer or an end hook" + lost, "ready")
    suite.later(second_signal, suite, "a second Ctrl-C ends a timer", ["eval", RUN + COUNT + "t:every('1ms', function() " + READY + spin + " end) t:run()", "-i", trace],
                  r"in a timer or an end hook" + lost, "ready")
    if is_live:
        suite.later(second_signal, suite, "a second Ctrl-C ends a live callback",
                      ["eval", RUN + ONCE + "t:on('cpu', function(e) ready() local x = 0 while true do x = x + 1 end end) " + ENDS],
                      r"in the callback at eval:1, on event cpu-clock" + lost, "ready")


def cut_hook(suite, title, hook, trace):
    job = Job(["eval", RUN + COUNT + hook + ENDS, "-i", trace])
    job.signal(after=0.03)
    ended = job.finish()
    suite.check(f"a first Ctrl-C does not cut off {title}",
                problems_of(ended, 0, r"^1\n.*^60\n.*after$", r"\A\Z|stopped by a signal"), ended)


def cut_hooks(suite, trace):
    """One Ctrl-C while results are printed must not cut them off."""
    lines = "for i = 1, 60 do print(i) io.stdout:flush() local till = os.clock() + 0.002 while os.clock() < till do end end"
    for title, hook in (("an end hook", "t:at_end(function() " + READY + lines + " end)"),
                        ("a timer", "local done t:every('10ms', function() if done then return end done = true " + READY + lines + " end)")):
        suite.later(cut_hook, suite, title, hook, trace)


READY_HOOK = """local oc = require "oc"
local told, clock = false, os.clock
oc.hooks { built = function(trace)
  trace:on("cpu", function()
    if not told then told = true io.stdout:write("ready\\n") io.stdout:flush() end
    local till = clock() + 0.0002
    while clock() < till do end
  end)
end }
"""


def verbs(suite, folder):
    """What was read until the first Ctrl-C is reported and written."""
    trace, hook = os.path.join(folder, "long.data"), os.path.join(folder, "hook.lua")
    with open(trace, "wb") as file:
        file.write(perf_data.trace(200000, 1000))
    with open(hook, "w", encoding="utf-8") as file:
        file.write(READY_HOOK)
    folded, told = os.path.join(folder, "cut.folded"), r"stopped by a signal: the results cover the first \S+ of the trace"

    def case(title, args, status, out, err, counts=None):
        if not suite.wants(title):
            return
        job = Job([*args, "--script", hook])
        job.signal(after=0.2)
        ended = job.finish(LONGEST_S)
        problems = problems_of(ended, status, out, err)
        found = re.search(r"cpu-clock\S*: (\d+) samples| (\d+)$", ended.out if counts is None else counts()) if status == 0 else None
        if status == 0 and not (found and 0 < int(found[1] or found[2]) < 200000):
            problems.append("not a part of it")
        suite.check(title, problems, ended)

    def text_of(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    suite.later(case, "Ctrl-C ends oc report with what was read", ["report", trace, "--by", "comm"], 0, r"100\.00 .*busy", told)
    suite.later(case, "Ctrl-C ends oc export with what was read", ["export", trace, "-o", folded], 0, "ready", told + r"[^$]*wrote", lambda: text_of(folded))
    suite.later(case, "Ctrl-C in the first trace leaves oc diff nothing to compare", ["diff", trace, trace], 130, "ready",
                "interrupted before .*long.data was read: there is nothing to compare")


def before_script(suite):
    """While the script is read from a terminal, say."""
    job = start(["script", "-"], stdin=subprocess.PIPE)
    wait_for_handler(job.pid)
    began = time.monotonic()
    job.send_signal(signal.SIGINT)
    ended = finish_unfed(job, began)
    suite.check("Ctrl-C while the script is still read", problems_of(ended, 130, None, r"\Aoc: interrupted\n\Z", within=SOON), ended)


def waiting_body(suite):
    job = Job(["eval", "print 'before' " + READY + "io.read()"], stdin=subprocess.PIPE)
    job.signal(after=0.1)
    ended = finish_unfed(job.job, job.began)
    suite.check("Ctrl-C while a body waits for input, a second later",
                problems_of(ended, 130, None, r"\Aoc: interrupted(; the script was in its own body| at eval:1)",
                            within=1.6), ended)


def wait_for_handler(pid):
    """Until a process handles SIGINT; for 30 s at most."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if signal_bit(pid, "SigCgt"):
            return
        time.sleep(0.02)


def signal_bit(pid, *sets):
    """Whether SIGINT is in one of these sets of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as text:
        words = dict(line.split(":", 1) for line in text if ":" in line)
    return any(int(words.get(name, "0"), 16) >> (signal.SIGINT - 1) & 1 for name in sets)


def wait_while_pending(pid):
    until = time.monotonic() + 30
    while time.monotonic() < until and signal_bit(pid, "SigPnd", "ShdPnd"):
        time.sleep(0.02)


def finish_unfed(job, began):
    """As finish, but stdin stays open: communicate would close it."""
    try:
        status = job.wait(LONGEST_S)
    except subprocess.TimeoutExpired:
        job.kill()
        status = None
    took = time.monotonic() - began
    job.stdin.close()
    return Ended(status, job.stdout.read(), job.stderr.read(), took)


def slow_reader(suite, trace):
    """A signal that falls into a write that waits for its reader loses nothing."""
    script = RUN + COUNT + "t:at_end(function() " + READY + "for i = 1, 100000 do print(i) end end) t:run()"
    job = Job(["eval", script, "-i", trace])
    time.sleep(0.2)
    job.signal()
    time.sleep(0.2)
    ended = job.finish()
    lines = ended.out.splitlines()
    problems = problems_of(ended, 0, "ready", r"\A\Z|stopped by a signal")
    if lines[1:] != [str(i) for i in range(1, 100001)]:
        problems.append(f"{len(lines)} lines came")
    ended.out = ended.out[:100]
    suite.check("Ctrl-C while a reader is slow loses nothing", problems, ended)


def timeouts(suite, trace, is_live):
    def expect(title, args, status, out, err, least, most):
        suite.later(expected, title, args, status, out, err, least, most)

    def expected(title, args, status, out, err, least, most):
        if suite.wants(title):
            ended = run(args)
            problems = problems_of(ended, status, out, err, within=most)
            if ended.seconds < least:
                problems.append(f"took only {ended.seconds:.2f} s")
            suite.check("--timeout: " + title, problems, ended)

    half = ["--timeout", "500ms", "-i", trace]
    expect("a compiled callback that spins", ["eval", RUN + "print 'gathered'\nt:on('cpu', function() n = n + 1 if n == 700 then while true do n = n + 1 end end end) " + ENDS, *half],
           1, r"^gathered$", r"\Aoc: the script did not return for 0.5 s.*in the callback at eval:2, on event cpu-clock\S* at 0.699.*lost\n\Z", 1.4, 2.5)
    expect("an interpreted callback that spins, with results", ["eval", RUN + "t:on('cpu', function() n = n + 1 if n == 7 then while true do string.gsub('abc', 'b', '%%') end end end) " + ENDS, *half],
           1, r"^seen\t7\nafter$", r"\Aeval:1: did not return in time \(--timeout\)\n", 0.4, 1.4)
    expect("the body", ["eval", "while true do end", "--timeout", "500ms"], 1, None, r"\A(oc: |eval:1: )did not return in time", 0.4, 1.4)
    expect("an end hook, and those after it", ["eval", RUN + COUNT + "t:at_end(function() while true do string.gsub('abc', 'b', '%%') end end) " + ENDS, *half],
           1, r"^seen\t1000\nafter$", r"\Aeval:1: did not return in time", 0.4, 1.4)
    expect("slow callbacks go on", ["eval", RUN + "t:on('cpu', function() n = n + 1 if n % 60 == 0 then os.execute('sleep 0.1') end end) " + ENDS,
                                    "--timeout", "1s", "-i", trace],
           0, r"^seen\t1000\nafter$", None, 1.1, 5)
    if is_live:
        expect("an idle system goes on", ["eval", RUN + "t:on('exec', function() n = n + 1 end) " + ENDS, "-d", "2500ms", "--timeout", "1500ms"],
               0, r"^seen\t\d+\nafter$", None, 2.4, 4)
        expect("a live callback", ["eval", RUN + "t:on('cpu', function() n = n + 1 while true do n = n + 1 end end) " + ENDS, "--timeout", "300ms"],
               1, "|seen", r"did not return (for 0.3 s.*in the callback at eval:1|in time)", 0.3, 3)


def processes(word):
    """Those whose command line holds `word`: the guardian keeps that of its program."""
    found = subprocess.run(["pgrep", "-f", word], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in found.split() if int(pid) != os.getpid()]


def killed(suite):
    mark = f"9{os.getpid()}"  # seconds to sleep, and nobody else's
    job = Job(["eval", live_script(), "--", "sleep", mark])
    guardians = [pid for pid in processes(mark) if comm_of(pid) == "oc-guardian"]
    job.job.kill()
    job.job.wait()
    began = time.monotonic()
    while time.monotonic() - began < 5 and any(comm_of(pid) == "oc-guardian" for pid in guardians):
        time.sleep(0.05)
    problems = [] if len(guardians) == 1 else [f"{len(guardians)} guardians, wanted one"]
    left = [comm_of(pid) for pid in processes(mark)]
    if left != ["sleep"]:
        problems.append(f"left behind: {left}, wanted the command")
    for pid in processes(mark):
        if comm_of(pid) == "sleep":
            os.kill(pid, signal.SIGKILL)
    suite.check("kill -9 leaves no process of ours; the command goes on", problems)


def comm_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as text:
            return text.read().strip()
    except OSError:
        return ""


def daemons(suite):
    """The command's end is the end, also when children that it left hold stdout."""
    job = start(["eval", live_script(), "--", "sh", "-c", "sleep 20 & echo started"], bufsize=0)
    began = time.monotonic()
    status = job.wait(LONGEST_S)
    took = time.monotonic() - began
    job.stdout.close()
    job.stderr.close()
    problems = [] if status == 0 else [f"status {status}"]
    if took > 1 * patience():
        problems.append(f"it waited for the daemon: {took:.2f} s")
    suite.check("a command that leaves a daemon behind", problems)


def prompt_back(suite):
    """From SIGINT to the end of the pipe, with 300 tracepoints open."""
    folder = "/sys/kernel/tracing/events/syscalls"
    names = sorted(os.listdir(folder))
    names = [name for name in names if name.startswith("sys_")][:300]
    listed = "{" + ",".join(f"'syscalls:{name}'" for name in names) + "}"
    script = RUN + ONCE + f"for _, name in ipairs({listed}) do t:on(name, function() n = n + 1 end) end " \
        "t:every('20ms', ready) " + ENDS
    times = []
    for _ in range(3):
        job = start(["eval", script], stderr=subprocess.DEVNULL)
        pipe = subprocess.Popen(["cat"], stdin=job.stdout, stdout=subprocess.PIPE, text=True)
        job.stdout.close()
        pipe.stdout.readline()
        time.sleep(0.1)
        began = time.monotonic()
        job.send_signal(signal.SIGINT)
        pipe.stdout.read()
        pipe.wait()
        job.wait()
        times.append(time.monotonic() - began)
    took = statistics.median(times)
    print(f"{len(names)} tracepoints: from SIGINT to the end of `oc | cat` {took * 1000:.0f} ms (median of 3)")
    # To close 300 one after the other takes 11 s.
    suite.check("ending with 300 tracepoints open is quick", [] if took < patience() else [f"took {times}"])


def main():
    suite = Suite("signals")
    cannot_trace = may_trace()
    with tempfile.TemporaryDirectory(prefix="oc-cli.") as folder:
        trace = os.path.join(folder, "trace.data")
        with open(trace, "wb") as out:
            out.write(perf_data.trace(1000))
        is_live = not cannot_trace
        first_signals(suite, trace, is_live)
        spinning(suite, trace, is_live)
        cut_hooks(suite, trace)
        verbs(suite, folder)
        for case in (before_script, waiting_body):
            suite.later(case, suite)
        suite.later(slow_reader, suite, trace)
        timeouts(suite, trace, is_live)
        if is_live:
            suite.later(killed, suite)
            suite.later(daemons, suite)
        suite.wait()
    if cannot_trace:
        suite.skip("what needs a live run", cannot_trace)
    else:
        prompt_back(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
