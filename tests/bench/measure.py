"""Runs programs and says what they cost: wall time, CPU time, memory. Standard library only."""
import os
import shutil
import statistics
import tempfile
import time


class Cost:
    """What one run took: seconds of wall clock and CPU, exit status, its output."""

    def __init__(self, wall, cpu, status, output):
        self.wall, self.cpu, self.status, self.output = wall, cpu, status, output


def spawn(command, out_fd, err_fd):
    null = os.open("/dev/null", os.O_RDONLY)
    env = dict(os.environ, PERF_CONFIG="/dev/null", LC_ALL="C", PAGER="cat")
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, out_fd, 1),
               (os.POSIX_SPAWN_DUP2, err_fd, 2)]
    try:
        return os.posix_spawn(shutil.which(command[0]), command, env, file_actions=actions)
    finally:
        os.close(null)


def run(command, keep_output=False):
    """Runs `command` to its end. Its output goes to /dev/null unless it is to be kept."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, \
            open("/dev/null", "wb") as null:
        began = time.perf_counter()
        pid = spawn(command, out.fileno() if keep_output else null.fileno(), err.fileno())
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - began
        status = os.waitstatus_to_exitcode(status)
        (out if status == 0 else err).seek(0)
        output = (out if status == 0 else err).read().decode(errors="replace")
    return Cost(wall, usage.ru_utime + usage.ru_stime, status, output)


def peak_kib(command):
    """The largest RssAnon and RssFile seen while `command` ran, looked at every millisecond."""
    peak = {"RssAnon": 0, "RssFile": 0}
    with open("/dev/null", "wb") as null:
        pid = spawn(command, null.fileno(), null.fileno())
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            try:
                with open(f"/proc/{pid}/status", encoding="ascii") as status:
                    for line in status:
                        name, _, value = line.partition(":")
                        if name in peak:
                            peak[name] = max(peak[name], int(value.split()[0]))
            except OSError:
                pass
            time.sleep(0.001)
    return peak["RssAnon"], peak["RssFile"]


def peak_anonymous_kib(command):
    return peak_kib(command)[0]


class Row:
    """One thing that is measured: its name, its command, its runs; or why it cannot be measured.

    `makes`: files that are new in each run, for replacing one costs as much as freeing it."""

    def __init__(self, name, command, makes=()):
        self.name, self.command, self.makes = name, command, makes
        self.costs, self.missing = [], None
        if shutil.which(command[0]) is None:
            self.missing = f"no {command[0]} here"

    def measure(self, keep_output=False):
        if self.missing:
            return
        for path in self.makes:
            if os.path.exists(path):
                os.unlink(path)
        cost = run(self.command, keep_output)
        if cost.status != 0:
            lines = cost.output.strip().splitlines() or ["no message"]
            self.missing = f"exit status {cost.status}: {lines[-1][:120]}"
            return
        self.costs.append(cost)

    @property
    def wall(self):
        return statistics.median(c.wall for c in self.costs) if self.costs else None

    @property
    def cpu(self):
        return statistics.median(c.cpu for c in self.costs) if self.costs else None

    @property
    def output(self):
        return self.costs[-1].output if self.costs else None


def interleave(rows, rounds, keep_output=False):
    """Measures all rows once, then all again, so that a noisy moment hits every one of them."""
    for _ in range(rounds):
        for row in rows:
            row.measure(keep_output)
