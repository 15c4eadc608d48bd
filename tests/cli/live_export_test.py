"""Files of events of a live trace; parts of traces with stack bytes, packed or not; Ctrl-C while a recording is to
become a file for another tool."""
import csv
import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from bad_input_test import may_trace
from program import LONGEST_S, Suite, finish, problems_of, run, start

PERF = shutil.which("perf")
TABLES = """
local oc = require "oc"
local t, n, all, chosen = oc.open {}, 0, 0, 0
t:export("l.events.csv", { events = { "sched:sched_process_exec" } })
t:export("l.events.jsonl.gz", { events = { "sched:sched_process_exec", "sched:sched_process_fork" } })
t:export("l.events.db", { events = { "sched:sched_process_exec" }, filter = "comm == 'true'" })
t:on("sched:sched_process_exec", function(e)
  n, all = n + 1, all + 1
  if e.comm == "true" then chosen = chosen + 1 end
end)
t:on("sched:sched_process_fork", function(e) all = all + 1 end)
t:run()
print(n, all, chosen)
"""


def tables(suite, parent):
    """Each file has the events that a callback beside it counts, and says who made them."""
    folder = tempfile.mkdtemp(dir=parent)
    command = "for i in 1 2 3 4 5; do /bin/true; done; /bin/echo > /dev/null"
    ended = run(["eval", TABLES, "--", "/bin/sh", "-c", command], cwd=folder)
    problems = problems_of(ended, 0, r"^\d+\t\d+\t\d+$", None)
    if not problems:
        execs, both, chosen = map(int, ended.out.split())
        with open(os.path.join(folder, "l.events.csv"), encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        with gzip.open(os.path.join(folder, "l.events.jsonl.gz"), "rt") as lines:
            objects = [json.loads(line) for line in lines]
        database = sqlite3.connect(os.path.join(folder, "l.events.db"))
        names = database.execute('SELECT filename FROM "sched:sched_process_exec"').fetchall()
        database.close()
        names_of_rows = [row["filename"] for row in rows]
        if len(rows) != execs or names_of_rows.count("/bin/true") != 5 or "/bin/echo" not in names_of_rows:
            problems.append(f"csv: {names_of_rows}, and the callback saw {execs}")
        if len(objects) != both or any(at["time"] < 0 or at["pid"] <= 0 for at in objects):
            problems.append(f"jsonl: {len(objects)} of {both}")
        if names != [("/bin/true",)] * 5 or chosen != 5:
            problems.append(f"sqlite: {names}, and the callback saw {chosen}")
    suite.check("tables of a live trace", problems, ended)
    ended = run(["eval", 'oc.open{}:export("l.data", { events = { "sched:sched_switch" } })'], cwd=folder)
    problems = problems_of(ended, 1, None, "of a recorded trace only")
    if any(name.startswith("l.data") for name in os.listdir(folder)):
        problems.append("something is left of it")
    suite.check("a part of a live trace is refused, with what does it", problems, ended)


def parts(suite, parent, name, options):
    """Stack bytes and registers of the chosen events are in the part: perf unwinds them as it does those of the whole."""
    folder = tempfile.mkdtemp(dir=parent)
    whole, part = os.path.join(folder, "whole.data"), os.path.join(folder, "part.data")
    command = "/bin/true; gzip -c /bin/sh > /dev/null; gzip -c /bin/ls > /dev/null"
    ended = run(["record", "-q", "-e", "page-faults", "-c", "1", *options, "-o", whole, "--", "/bin/sh", "-c", command])
    suite.check(f"{name}: recorded", problems_of(ended, 0, None, "" if ended.err else None), ended)
    exported = run(["export", whole, "-o", part, "-q", "--comm", "gzip"])

    def script(path, *more):
        return subprocess.run([PERF, "script", "-i", path, "-F", "comm,pid,tid,time,event,ip,sym,symoff,dso", *more],
                              capture_output=True, check=False).stdout
    wanted, got = script(whole, "--comms", "gzip"), script(part)
    problems = problems_of(exported, 0, None, None)
    if wanted.count(b"page-faults") < 10:
        problems.append("perf sees nothing of it")
    if got != wanted:
        problems.append(f"perf sees another trace: {len(got)} bytes, wanted {len(wanted)}")
    reports = [run(["report", path, "--comm", "gzip", "--by", "stack", "--top", "5", "-q"]) for path in (whole, part)]
    if reports[0].out != reports[1].out or "page-faults" not in reports[0].out:
        problems.append("oc reports another trace")
    suite.check(f"{name}: a part", problems, exported)


def interrupted(suite, parent, outputs):
    """What was recorded until then is exported; nothing else is left."""
    folder = tempfile.mkdtemp(dir=parent)
    words = [word for output in outputs for word in ("-o", output)]
    mark = os.path.join(folder, "runs")
    # The shell works until it is ended, and tells when it has begun.
    command = f"i=0; while :; do i=$((i+1)); [ $i = 2000 ] && : > {mark}; done"
    job = start(["record", "-g", "-F", "999", *words, "--", "/bin/sh", "-c", command], cwd=folder)
    until = time.monotonic() + LONGEST_S / 2
    while not os.path.exists(mark) and job.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.2)
    job.send_signal(signal.SIGINT)
    ended = finish(job)
    problems = problems_of(ended, 0, None, r"wrote .*x\.svg")
    left = sorted(set(os.listdir(folder)) - {"runs"})
    if left != sorted(outputs):
        problems.append(f"there are {left}")
    elif not problems:
        with open(os.path.join(folder, "x.svg"), encoding="utf-8") as file:
            text = file.read()
        if not text.rstrip().endswith("</svg>"):
            problems.append("the graph is cut off")
        if "x.data" in outputs:
            again = run(["export", os.path.join(folder, "x.data"), "-q", "-o", "-", "--format", "flamegraph"])
            problems += problems_of(again, 0, r"</svg>", None)
    suite.check(f"Ctrl-C while {' and '.join(outputs)} are recorded", problems, ended)


def main():
    suite = Suite("live_export")
    cannot_trace = may_trace()
    if cannot_trace:
        suite.skip("all", cannot_trace)
        return suite.finish()
    with tempfile.TemporaryDirectory(prefix="oc-live-export.") as folder:
        suite.later(tables, suite, folder)
        suite.later(interrupted, suite, folder, ["x.svg"])
        suite.later(interrupted, suite, folder, ["x.data", "x.svg"])
        if PERF:
            for name, options in (("stack bytes", ["--call-graph", "dwarf", "--keep-stacks"]),
                                  ("compressed", ["-z", "--call-graph", "dwarf", "--keep-stacks"]),
                                  ("compressed frames", ["-z", "-g"])):
                suite.later(parts, suite, folder, name, options)
        else:
            suite.skip("parts", "there is no perf to compare with")
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
