"""Where results go, and who may run: full disks, closed pipes, no stdin, users without rights."""
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

import perf_data
from bad_input_test import COUNT, files, may_trace
from program import LONGEST_S, OC, Suite, finish, patience, problems_of, run, start

PRINTS = "for i = 1, 300000 do print(i) end"
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
CPU = COUNT.replace("{body}", "")


def to_full_disk(suite, paths):
    name = "a full disk is a failure that is said"
    for code in (PRINTS, "print 'short'"):
        with open("/dev/full", "wb") as full:
            ended = finish(start(["eval", code], stdout=full))
        suite.check(f"{name}: {code}", problems_of(
            ended, 1, None, r"\Aoc: cannot write the results: No space left on device\n\Z"), ended)
    with open("/dev/full", "wb") as full:
        ended = finish(start(["eval", CPU, "-i", paths["trace"], "--json"], stdout=full))
    suite.check(name + ": --json", problems_of(ended, 1, None, "cannot write the results: No space"), ended)


def to_closed_pipe(suite, paths):
    for name, args in (("prints", ["eval", PRINTS]),
                       ("prints from callbacks", ["eval", COUNT.replace("{body}", "print(n, ('x'):rep(200))"), "-i", paths["trace"]])):
        job = start(args, bufsize=0)
        job.stdout.buffer.read(10) if hasattr(job.stdout, "buffer") else job.stdout.read(10)
        job.stdout.close()
        began = time.monotonic()
        err = job.stderr.read()
        status = job.wait(LONGEST_S)
        problems = [] if status in (-13, 0) else [f"status {status}, wanted an end by SIGPIPE"]
        if err:
            problems.append("stderr is not empty: " + err[:200])
        if time.monotonic() - began > 2 * patience():
            problems.append("it took long")
        suite.check(f"a reader that goes away ends it quietly: {name}", problems)


def without_streams(suite, paths):
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        command = f'exec "$0" "$@" {closed}'
        ended = run(["-c", command, OC, "eval", CPU, "-i", paths["trace"]], program="/bin/sh")
        wanted = 1 if ">&-" in closed.replace("2>&-", "") else 0
        out = r"^seen\t1000$" if wanted == 0 else None
        err = r"cannot write the results" if wanted == 1 and "2>&-" not in closed else None
        suite.check(f"streams closed by {closed}", problems_of(ended, wanted, out, err), ended)


def live_streams(suite):
    job = start(["eval", "local t = oc.open{} t:every('10ms', function() print(('x'):rep(9000)) end) t:run()", "-d", "20s"])
    job.stdout.read(100)
    job.stdout.close()
    try:
        status = job.wait(5)
        problems = [] if status == -13 else [f"status {status}, wanted SIGPIPE"]
    except subprocess.TimeoutExpired:
        job.kill()
        problems = ["it hangs"]
    suite.check("live: a reader that goes away ends it", problems)
    ended = run(["eval", CPU, "--", "sh", "-c", "exec <&-; echo from the command; exit 0"])
    suite.check("the command shares stdout", problems_of(ended, 0, r"from the command\n.*seen|seen.*from the command"), ended)


class Nobody:
    """The program in a folder that the user nobody may read."""

    def __init__(self, folder, trace):
        os.chmod(folder, 0o755)
        self.program = shutil.copy(OC, folder)
        self.folder, self.trace = folder, trace

    def run(self, args, **options):
        return run(args, program=self.program, prefix=AS_NOBODY, cwd=self.folder, **options)


def as_nobody(suite, nobody):
    seen = r"^seen\t\d+$"
    cases = [
        ("its own command is sampled, without the kernel", ["eval", CPU, "--", "sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"],
         {}, 0, r"^seen\t\d\d+$", r"'cpu-clock:u' leaves out the kernel: perf_event_paranoid is 2"),
        ("system-wide is refused, with the fix", ["eval", CPU, "-d", "100ms"], {}, 1, None,
         r"\Aoc: cannot open event 'cpu-clock' system-wide: Permission denied\n.*perf_event_paranoid is 2.*sysctl kernel.perf_event_paranoid=.*a command of your own \(oc doctor shows what works\)\n\Z"),
        ("OC_FALLBACK_TRACE takes over", ["eval", CPU, "-d", "100s"], {"OC_FALLBACK_TRACE": nobody.trace}, 0, r"^seen\t1000$",
         r"Permission denied.*perf_event_paranoid=.*instead, the script runs on the recorded trace " + re.escape(nobody.trace)),
        ("OC_FALLBACK_TRACE that is not there", ["eval", CPU], {"OC_FALLBACK_TRACE": "/nowhere.data"}, 1, None,
         r"Permission denied.*cannot open /nowhere.data: No such file"),
        ("OC_FALLBACK_TRACE is not for wrong events", ["eval", "oc.open{}:on('page-fualts', print)"], {"OC_FALLBACK_TRACE": nobody.trace}, 1,
         None, r"\Aeval:1: .*page-fualts"),
        ("tracepoints are refused, with the fix", ["script", "syscall_latency", "--", "ls", "/"], {}, 1, None,
         r"raw_syscalls:sys_enter.*Permission denied.*root"),
        ("switches of its own command work", ["script", "cswitch_top", "--", "sleep", "0.05"], {}, 0, r"sleep +blocked",
         r"\Aoc: cswitch by SWITCH records, which know no next_comm: [^\n]*sched:sched_switch[^\n]*(Permission denied|read)[^\n]*\n"),
        ("a buffer above the lock limit", ["eval", CPU, "--buffer", "4GiB", "--", "ls"], {}, 1, None,
         r"\Aoc: cannot map rings of 4096 MiB.*perf_event_mlock_kb.*smaller buffer"),
        ("a trace that it may not read", ["eval", CPU, "-i", nobody.folder + "/secret"], {}, 1, None, r"cannot open .*secret: Permission denied"),
        ("a script that it may not read", ["script", nobody.folder + "/secret"], {}, 2, None, r"secret: Permission denied"),
        ("a command that it may not run", ["eval", CPU, "--", nobody.folder + "/secret"], {}, 1, None, r"cannot run .*secret'.*Permission denied"),
    ]
    for name, args, env, status, out, err in cases:
        name = "nobody: " + name
        if suite.wants(name):
            ended = nobody.run(args, env=env)
            suite.check(name, problems_of(ended, status, out, err, within=5), ended)


def missing_for_nobody():
    with open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii") as text:
        paranoid = int(text.read())
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return "needs root and setpriv"
    return "" if paranoid == 2 else f"perf_event_paranoid is {paranoid}, the messages are of 2"


def main():
    suite = Suite("streams")
    with tempfile.TemporaryDirectory(prefix="oc-cli.") as folder:
        paths = files(folder)
        to_full_disk(suite, paths)
        to_closed_pipe(suite, paths)
        without_streams(suite, paths)
        cannot_trace = may_trace()
        if cannot_trace:
            suite.skip("live streams and nobody", cannot_trace)
            return suite.finish()
        live_streams(suite)
        with open(os.path.join(folder, "secret"), "wb") as secret:
            secret.write(perf_data.trace(3))
        os.chmod(secret.name, stat.S_IRUSR | stat.S_IXUSR)
        reason = missing_for_nobody()
        if reason:
            suite.skip("nobody", reason)
        else:
            as_nobody(suite, Nobody(folder, paths["trace"]))
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
