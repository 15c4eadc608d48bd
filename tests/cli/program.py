"""Runs the program under test as a user would: arguments in, status and texts out."""
import concurrent.futures
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
from dataclasses import dataclass

BUILD = os.environ.get("OC_BUILD_ROOT", os.path.join(os.path.dirname(__file__), "../../build"))
OC = os.path.join(BUILD, "oc")
LONGEST_S = 60
# To perf script and report that need no names of the kernel: reading these takes ten times as long as all the rest.
NO_KALLSYMS = "--kallsyms=/dev/null"


def patience():
    """How much longer than on an idle machine all may take: five times, and where more want to run than there are CPUs, as many
    times that as each gets less of them."""
    with open("/proc/loadavg", encoding="ascii") as text:
        words = text.read().split()
    return 5 * max(1.0, max(float(words[0]), int(words[3].split("/")[0])) / (os.cpu_count() or 1))


# What no user shall ever see, whatever he typed.
OURS = re.compile(r"stack traceback|\[oc/|\[C\]|terminate called|fault of oc|AddressSanitizer"
                  r"|runtime error:")


# What a busy machine may add to any run.
NOTES = re.compile(r"^oc: threads came and went while they were listed[^\n]*\n", re.M)


@dataclass
class Ended:
    """How a run ended. `status` is the exit status, or minus the signal."""
    status: int
    out: str
    err: str
    seconds: float


def environment(extra=None):
    env = {key: value for key, value in os.environ.items() if not key.startswith("OC_")}
    env["LC_ALL"] = "C"
    env["OC_CONFIG"] = os.devnull  # what this machine's users set is not of the tests
    env.update(extra or {})
    return env


# A background job of a shell ignores SIGINT, and what is ignored is inherited; what is handled is not.
signal.signal(signal.SIGINT, signal.default_int_handler)


def start(args, program=OC, prefix=(), env=None, **options):
    """A running program; stdout and stderr are pipes unless told otherwise."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               **options}
    return subprocess.Popen([*prefix, program, *args], env=environment(env), encoding="utf-8",
                            errors="replace", **options)


def finish(job, began=None, longest=LONGEST_S):
    """Waits for the end; a program that does not end is killed, with status None."""
    began = time.monotonic() if began is None else began
    try:
        out, err = job.communicate(timeout=longest)
        status = job.returncode
    except subprocess.TimeoutExpired:
        job.kill()
        out, err = job.communicate()
        status = None
    return Ended(status, out or "", NOTES.sub("", err or ""), time.monotonic() - began)


def run(args, stdin=None, longest=LONGEST_S, **options):
    with tempfile.TemporaryFile() as given:
        if stdin is not None:
            given.write(stdin if isinstance(stdin, bytes) else stdin.encode())
            given.seek(0)
            options["stdin"] = given
        return finish(start(args, **options), longest=longest)


def on_terminal(args, columns=0, rows=0, stdout_too=True, env=None, program=OC):
    """What a terminal of this size gets as stderr, and stdout unless that is a pipe; and what the pipe gets.

    0 is a terminal that tells no size.
    """
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen([program, *args], stdin=subprocess.DEVNULL, stderr=other, env=environment(env),
                               stdout=other if stdout_too else subprocess.PIPE)
    os.close(other)
    seen = b""
    while True:
        try:
            chunk = os.read(main, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    out = process.stdout.read().decode() if process.stdout else ""
    status = process.wait(timeout=LONGEST_S)
    os.close(main)
    return Ended(status, seen.decode(errors="replace").replace("\r\n", "\n"), out, 0)


class Suite:
    """Named checks; at the end one line, and the status for meson (77: nothing could run).

    Most cases wait for most of their time, so those that need no machine of their own are run side by side:

        suite.later(case, suite, folder) …        suite.wait()
    """
    WORKERS = 4

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, [], []
        self.only = os.environ.get("ONLY")
        self.pool, self.cases = concurrent.futures.ThreadPoolExecutor(self.WORKERS), []
        self.lock = threading.Lock()

    def later(self, case, *arguments, **options):
        """Runs a case soon, beside others."""
        self.cases.append(self.pool.submit(case, *arguments, **options))

    def wait(self):
        """Until no case runs; raises what one of them raised."""
        cases, self.cases = self.cases, []
        concurrent.futures.wait(cases)
        for case in cases:
            case.result()

    def wants(self, name):
        return not self.only or re.search(self.only, name)

    def skip(self, name, reason):
        with self.lock:
            self.skipped.append(name)
            print(f"skipped: {name}: {reason}")

    def check(self, name, problems, ended=None):
        with self.lock:
            self.tell(name, problems, ended)

    def tell(self, name, problems, ended):
        if not problems:
            self.passed += 1
            return
        self.failed.append(name)
        print(f"FAILED: {name}")
        for problem in problems:
            print(f"    {problem}")
        if ended is not None:
            print(f"    status {ended.status} after {ended.seconds:.2f} s")
            for stream, text in (("out", ended.out), ("err", ended.err)):
                for line in text.splitlines()[:14]:
                    print(f"    {stream}| {line[:200]}")

    def finish(self):
        self.wait()
        print(f"{self.name}: {self.passed} passed, {len(self.failed)} failed, "
              f"{len(self.skipped)} skipped")
        if self.failed:
            return 1
        return 0 if self.passed else 77


def problems_of(ended, status=0, out=None, err=None, most_err_lines=12, within=None,
                inside=False):
    """What is wrong with an ending. `out` and `err` are regular expressions, or None: empty.

    `within` is in seconds of an idle machine.
    """
    problems = []
    if ended.status != status:
        problems.append(f"status {ended.status}, wanted {status}")
    for name, text, wanted in (("stdout", ended.out, out), ("stderr", ended.err, err)):
        if wanted is None and text:
            problems.append(f"{name} is not empty")
        elif wanted is not None and not re.search(wanted, text, re.M | re.S):
            problems.append(f"{name} does not match {wanted!r}")
    shown = OURS.search(ended.err) or OURS.search(ended.out)
    if shown and not inside:
        problems.append(f"shows our own inside: {shown.group(0)!r}")
    if ended.err.count("\n") > most_err_lines:
        problems.append(f"{ended.err.count(chr(10))} lines on stderr")
    if within is not None and ended.seconds > within * patience():
        problems.append(f"took {ended.seconds:.2f} s, wanted {within * patience():.2f}")
    return problems
