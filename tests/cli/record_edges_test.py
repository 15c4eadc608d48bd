"""`oc record` where it gets difficult: threads that start all the time, BPF programs, what a file of several lists."""
import ctypes
import itertools
import os
import platform
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bad_input_test import may_trace
from program import Suite, problems_of, run, start, finish
from record_test import HAS_PERF, SWITCH, complaints, lines_of, perf, wait_for_bytes

CALLS = "raw_syscalls:sys_enter"
DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/traces/demo.data")
BPF_CALL = {"x86_64": 321, "aarch64": 280}.get(platform.machine())

# Threads that live for some milliseconds and make CALLS_EACH marked calls each (getpgid of no process), started without
# a pause; and one that was there before. Prints the tid, when it began and when it had ended, of each.
FIRST_ENDS = """
import ctypes, sys, threading, time
def work():
    end = time.time() + 120
    while time.time() < end: sum(range(1000))
threading.Thread(target=work).start()
ctypes.CDLL(None).syscall(int(sys.argv[1]), 0)
"""
SPAWNER = """
import os, sys, threading, time
EACH = 20
def work(rows):
    begin = time.monotonic_ns()
    for _ in range(EACH):
        try: os.getpgid(1 << 29)
        except OSError: pass
        time.sleep(0.0005)
    rows.append((threading.get_native_id(), begin, time.monotonic_ns()))
print("ready", flush=True)
while True:
    rows = []
    some = [threading.Thread(target=work, args=(rows,)) for _ in range(4)]
    for one in some: one.start()
    for one in some: one.join()
    for row in rows: print(*row, flush=True)
"""


def load_bpf(name):
    """A program that returns 0; its descriptor, below 0 where the kernel refuses it. linux/bpf.h: BPF_PROG_LOAD."""
    if BPF_CALL is None:
        return -1
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xb7, 0, 0, 0, 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    socket_filter, load = 1, 5
    attr = struct.pack("<IIQQIIQII16s", socket_filter, 2, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0, 0, 0, name)
    return libc.syscall(ctypes.c_long(BPF_CALL), ctypes.c_long(load), ctypes.create_string_buffer(attr, 128), ctypes.c_long(128))


def bpf_told(path):
    """What perf finds of BPF programs in a trace: of the header's sections, and of records."""
    header = re.findall(r"^# (bpf_prog_info .*oc_test.*)$", perf("report", "--header-only", "-I", "-i", path)[1], re.M)
    shown = perf("script", "--show-bpf-events", "-i", path)[1]
    return header, re.findall(r"PERF_RECORD_KSYMBOL (addr .*oc_test.*)", shown)


class Edges:
    def __init__(self, suite, folder):
        self.suite, self.folder, self.numbers = suite, folder, itertools.count(1)

    def path(self, name="t.data"):
        folder = os.path.join(self.folder, str(next(self.numbers)))
        os.mkdir(folder)
        return os.path.join(folder, name)

    def bpf(self):
        """Programs that are loaded already, as perf tells of them; and one that is loaded meanwhile."""
        name = "BPF programs"
        program = load_bpf(b"oc_test_1") if os.geteuid() == 0 and HAS_PERF else -1
        if program < 0:
            self.suite.skip(name, "needs root, perf, and a kernel that takes a BPF program")
            return
        later = -1
        try:
            ours, theirs, all_of = self.path(), self.path(), self.path()
            ended = run(["record", "-q", "-o", ours, "-e", SWITCH, "--", "true"])
            perf("record", "-q", "-o", theirs, "-e", SWITCH, "--", "true")
            told = [bpf_told(path) for path in (ours, theirs)]
            problems = problems_of(ended, 0, None, None)
            if told[0] != told[1] or not told[0][0] or not told[0][1]:
                problems.append(f"oc tells {told[0]}, perf {told[1]}")
            job = start(["record", "-q", "-o", all_of, "-e", SWITCH])
            wait_for_bytes(all_of + ".partial", at_least=4096)  # what is there has been listed
            later = load_bpf(b"oc_test_2")
            wait_until(lambda: b"oc_test_2" in Path(all_of + ".partial").read_bytes())
            time.sleep(0.2)  # what is told of it is asked for in the same turn, which takes 100 ms
            os.close(later)  # gone before the end
            later = -1
            job.send_signal(signal.SIGINT)
            ended = finish(job)
            header, records = bpf_told(all_of)
            problems += problems_of(ended, 0, None, None) + complaints(all_of)
            if len(header) != 2 or not any("oc_test_2" in record for record in records):
                problems.append(f"loaded meanwhile: {header} {records}")
        finally:
            for fd in (program, later):
                if fd >= 0:
                    os.close(fd)
        self.suite.check(name, problems, ended)

    def lists(self):
        """Each file of a command's recording begins with its processes, and no others."""
        if not HAS_PERF:
            self.suite.skip("what a further file lists", "no perf here")
            return
        output = self.path("r.data")
        script = "sleep 5 & sh -c 'sleep 0.2; sleep 0.2; sleep 0.2; sleep 0.2'; kill $!"
        ended = run(["record", "-q", "-o", output, "--rotate", "250ms", "-e", SWITCH, "--", "sh", "-c", script])
        names = sorted(os.listdir(os.path.dirname(output)))
        problems = problems_of(ended, 0, None, None)
        if len(names) < 3:
            problems.append(f"files: {names}")
        for name in names[1:-1]:  # the last may have begun when all had ended
            path = os.path.join(os.path.dirname(output), name)
            shown = perf("script", "--show-task-events", "-i", path)[1]
            comms = re.findall(r" 0\.000000: PERF_RECORD_COMM: (.*):\d+/\d+", shown)
            # The two shells and the first sleep; and what the second one starts, before or after its exec.
            if set(comms) != {"sh", "sleep"} or comms.count("sh") < 2 or len(comms) > 5:
                problems.append(f"{name} lists {comms[:20]}")
            problems += complaints(path, may_be_empty=True)  # on a busy machine all may sleep for so long
            if re.search(r"^\s*:\d+ .*sched_switch", shown, re.M):
                problems.append(f"{name} has threads without a name")
        self.suite.check("what a further file lists", problems, ended)

    def left_over(self):
        """Files of an earlier recording that had more of them."""
        output = self.path("r.data")
        for number in 1, 2, 3, 5:  # of a recording that was longer; 5 is not of the same row
            with open(output.replace(".data", f".000{number}.data"), "wb"):
                pass
        ended = run(["record", "-o", output, "--rotate", "1h", "-e", SWITCH, "--", "true"])
        self.suite.check("--rotate tells of files of an earlier recording", problems_of(
            ended, 0, None, r"r\.0002\.data to \S*r\.0003\.data are of an earlier recording"), ended)

    def flight(self):
        """What is older than the window is let go, with the next list of what runs; that takes time on a busy machine."""
        for pause in (1.8, 8):
            problems, ended = self.fly(pause)
            if not problems:
                break
        self.suite.check("--overwrite: SIGUSR2 and the end", problems, ended)

    def fly(self, pause):
        output = self.path("f.data")
        job = start(["record", "-o", output, "--overwrite", "500ms", "-e", SWITCH])
        time.sleep(pause)
        stray = os.listdir(os.path.dirname(output))
        job.send_signal(signal.SIGUSR2)
        first = os.path.join(os.path.dirname(output), "f.0001.data")
        wait_until(lambda: os.path.exists(first))
        job.send_signal(signal.SIGINT)
        ended = finish(job)
        problems = problems_of(ended, 0, None, "2 files up to .*f.data")
        problems += [f"before the first dump there is {name}" for name in stray]
        for path in (first, output):
            if not os.path.exists(path):
                problems.append(f"there is no {path}")
            elif HAS_PERF:
                problems += complaints(path)
                times = [float(line.strip(" :")) for line in lines_of(path, "time")]
                span = max(times, default=0) - min(times, default=0)
                if not 0.3 < span < 0.9 * pause:
                    problems.append(f"{path} covers {span} s")
        return problems, ended

    def spawning(self):
        """-p of a process that starts threads all the time: each of them is recorded, and once."""
        name = "-p while threads start"
        number = {"x86_64": 121, "aarch64": 155}.get(platform.machine())  # getpgid
        if number is None:
            self.suite.skip(name, "the number of a system call is not known here")
            return
        job = subprocess.Popen([sys.executable, "-c", SPAWNER], stdout=subprocess.PIPE, text=True)
        job.stdout.readline()
        output = self.path()
        recorder = start(["record", "-o", output, "-p", str(job.pid), "-e", CALLS, "--filter", f"id == {number}"])
        wait_for_bytes(output + ".partial", at_least=4096)  # all are attached to, and listed
        first, rows = time.monotonic_ns(), []
        while sum(begin > first for _, begin, _ in rows) < 40:
            rows.append(tuple(map(int, job.stdout.readline().split())))
        last = time.monotonic_ns()
        recorder.send_signal(signal.SIGINT)
        ended = finish(recorder)
        job.kill()
        job.wait()
        script = ("local t, c, nameless = oc.open{}, {}, 0 t:on('" + CALLS + "', function(e) c[e.tid] = (c[e.tid] or 0) + 1 "
                  "if e.comm:find(':', 1, true) == 1 then nameless = nameless + 1 end end) t:run() print(nameless, 0) "
                  "for tid, n in pairs(c) do print(tid, n) end")
        lines = run(["eval", "-q", "-i", output, script]).out.splitlines()
        nameless = int(lines[0].split()[0])
        counts = dict(map(int, line.split()) for line in lines[1:])
        wanted = [tid for tid, begin, end in rows if begin > first and end < last]
        wrong = {tid: counts.get(tid, 0) for tid in wanted if counts.get(tid, 0) != 20}
        double = {tid: n for tid, n in counts.items() if n > 20}
        problems = problems_of(ended, 0, None, ".", 6)
        if len(wanted) < 10 or wrong or double:
            problems.append(f"of {len(wanted)} threads these were not recorded with 20 calls: {wrong}; with more: {double}")
        if nameless != 0:
            problems.append(f"{nameless} calls of threads without a name")
        self.suite.check(name, problems, ended)

    def first_thread_gone(self):
        """A process whose first thread has ended is there as long as another one runs."""
        name = "-p, the first thread has ended"
        number = {"x86_64": 60, "aarch64": 93}.get(platform.machine())  # exit, of the thread alone
        if number is None:
            self.suite.skip(name, "the number of a system call is not known here")
            return
        job = subprocess.Popen([sys.executable, "-c", FIRST_ENDS, str(number)], stdout=subprocess.PIPE)
        wait_until(lambda: b") Z " in Path(f"/proc/{job.pid}/stat").read_bytes())
        output, problems = self.path(), []
        recorder = start(["record", "-o", output, "-p", str(job.pid), "-e", "cpu-clock", "-F", "999", "--call-graph", "dwarf",
                          "-d", "1s"])
        ended = finish(recorder)
        problems += problems_of(ended, 0, None, ".", 6)
        script = ("local t, all, known = oc.open{ stacks = 'any' }, {}, 0 t:on('cpu-clock', function(e) all[#all + 1] = e.stack end) "
                  "t:run() for _, s in ipairs(all) do local f = s:frames() "
                  "if #f > 1 and f[#f].module ~= '[unknown]' then known = known + 1 end end print(#all, known)")
        if ended.status == 0:
            samples, known = map(int, run(["eval", "-q", "-i", output, script]).out.split())
            if samples < 10 or known * 10 < samples * 9:
                problems.append(f"{samples} samples, {known} with stacks")
        job.kill()
        job.wait()
        self.suite.check(name, problems, ended)


def wait_until(is_so):
    """For 60 s at most: then the check that follows fails."""
    end = time.monotonic() + 60
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)


def without_effect(suite):
    """Options that could change nothing are told, each with what to do."""
    count = "local t = oc.open{} t:on('cpu', function() end) t:run()"
    for args, err in ((["-F", "99"], "-F is for a live run"), (["-a"], "-a is for a live run"),
                      (["--buffer=1MiB"], "--buffer is for a live run"), (["--weight"], "--weight is for a live run"),
                      (["--time", "10%/11"], "there are 10 slices of 10%")):
        ended = run(["eval", count, "-i", DEMO, *args])
        suite.check(" ".join(args), problems_of(ended, 2, None, err, 4), ended)
    for name, env, err in (("a frequency that was set", {"OC_FREQUENCY": "99"}, None),
                           ("OC_BUFER", {"OC_BUFER": "1MiB"}, "OC_BUFER sets nothing: did you mean 'OC_BUFFER'"),
                           ("OC_EVENT", {"OC_EVENT": "x"}, "--event is for the command line only"),
                           ("another's OC_HOME_PAGE", {"OC_HOME_PAGE": "x"}, None)):
        ended = run(["eval", count, "-i", DEMO], env=env)
        suite.check(name, problems_of(ended, 0, None, err), ended)
    ended = run(["eval", count, "-i", DEMO, "-e", "cpu-clock"])
    suite.check("-e nobody reads", problems_of(ended, 0, None, "-e and --syscalls change nothing"), ended)


def main():
    suite = Suite("record_edges")
    if suite.wants("without_effect"):
        without_effect(suite)
    cannot = may_trace()
    if cannot:
        suite.skip("recording", cannot)
        return suite.finish()
    with tempfile.TemporaryDirectory() as folder:
        edges = Edges(suite, folder)
        for case in (edges.flight, edges.bpf, edges.lists, edges.left_over, edges.spawning, edges.first_thread_gone):
            if suite.wants(case.__name__):
                suite.later(case)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
