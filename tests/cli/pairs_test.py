"""Waits that pair events of several threads: around a command, with -p, and of recordings by --comm, -p, -t.

The helper's waits are known (napper.cc): 2 threads of 10 sleeps of 20 ms, one of 5 waits for a lock. A busy machine adds waits, and makes
them longer: so counts and sums are held from below, and by what the same recording tells without a filter.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from bad_input_test import may_trace
from program import NO_KALLSYMS, Suite, environment, finish, run, start

ROOT = os.environ["OC_SOURCE_ROOT"]
NAPPER = os.environ.get("OC_NAPPER", "")
NAPS, NAP_NS, LOCKS = 20, 20e6, 5
OWN_NAMES = {"napper", "locker", os.path.basename(NAPPER)[:15]}


def rows_of(script, *options, command=()):
    """What a script prints of each name: its number of waits, and ns."""
    by = ["--by", "comm", "--top", "1000", "--json"]
    ended = run(["script", script, *by, *options, *(["--", *command] if command else [])])
    tables = [json.loads(line) for line in ended.out.splitlines() if '"kind":"stats"' in line]
    return {row["comm"]: (row["count"], row["sum"]) for table in tables for row in table["rows"]}, ended


def problems_of(ended):
    return [] if ended.status == 0 else [f"status {ended.status}"]


def off_cpu_problems(rows):
    count, total = rows.get("napper", (0, 0))
    problems = [] if count >= NAPS and total >= NAPS * NAP_NS else [f"napper waited {count} times, {total / 1e6} ms"]
    count, total = rows.get("locker", (0, 0))
    if count < LOCKS or total < LOCKS * NAP_NS * 0.8:
        problems.append(f"locker waited {count} times, {total / 1e6} ms")
    return problems + strangers(rows)


def run_queue_problems(rows):
    count = rows.get("napper", (0, 0))[0]
    return ([] if count >= NAPS else [f"napper waited {count} times for a CPU"]) + strangers(rows)


def strangers(rows, known=frozenset(OWN_NAMES)):
    return [f"{name} has nothing to do with it" for name in rows if name not in known]


CHECKS = {"off_cpu": off_cpu_problems, "run_queue_latency": run_queue_problems}
SCENARIOS = {"off_cpu": "off_cpu", "run_queue": "run_queue_latency"}


def of_command(suite, script):
    rows, ended = rows_of(script, command=[NAPPER])
    suite.check(f"{script} around a command", problems_of(ended) + CHECKS[script](rows), ended)


def of_process(suite, scenario, script):
    """The scenario, live. The shell waits for a line, so that all of the helper is traced."""
    with subprocess.Popen(["sh", "-c", "read line; exec " + NAPPER], stdin=subprocess.PIPE) as shell:
        job = start(["eval", LIVE % (scenario, scenario), "-p", str(shell.pid)])
        said = job.stderr.readline()
        shell.stdin.write(b"\n")
        shell.stdin.close()
        ended = finish(job)
    rows = {}
    for line in ended.out.splitlines():
        words = line.split("\t")
        if len(words) == 3:
            rows[words[0]] = (int(words[1]), float(words[2]))
    rows.pop("sh", None)
    problems = problems_of(ended) + CHECKS[script](rows)
    if said != ".\n":
        problems.append(f"it began with {said}")
    suite.check(f"scenario {scenario} of a process", problems, ended)


# The scenarios live; "." says that the events are on.
LIVE = """
local t = oc.open { machine = true }
t:use('%s')
local said = false
t:every('10ms', function() if not said then io.stderr:write('.\\n') said = true end end)
t:run()
for _, row in ipairs(t:machine():samples { kind = '%s' }:by('comm'):rows()) do
  print(('%%s\\t%%d\\t%%.0f'):format(row[1], row.count, row.sum))
end
"""


def report_rows(path, kind, options=()):
    ended = run(["report", path, "--scenario", kind, "--by", "comm", "--top", "1000", "--json", *options])
    tables = [json.loads(line) for line in ended.out.splitlines() if '"rows"' in line]
    return {row["comm"]: (row["count"], row["sum"]) for table in tables for row in table["rows"]}, ended


def of_recording(suite, folder, how, options, command=True):
    """`how` it was recorded: what scripts and reports tell of it is right, and the same."""
    path = os.path.join(folder, how.replace(" ", "_") + ".data")
    ended = run(["record", "-q", "--scenario", "off_cpu,run_queue", "-o", path, *options, "--", NAPPER])
    suite.check(f"recorded {how}", problems_of(ended), ended)
    chosen = [] if command else ["--comm", "napper,locker," + os.path.basename(NAPPER)[:15]]
    for kind, script in SCENARIOS.items():
        rows, ended = rows_of(script, "-i", path, *chosen)
        if not command:
            rows.pop("oc", None)  # the helper before its exec has the name that it got there
        suite.check(f"{script} of {how}", problems_of(ended) + CHECKS[script](rows), ended)
        rows, ended = report_rows(path, kind, chosen)
        suite.check(f"report of {kind}, {how}", problems_of(ended) + CHECKS[script](rows), ended)


def filters(suite, folder):
    """Of a recording of the whole system: what is told of a name is what is told of it among all."""
    path = os.path.join(folder, "all.data")
    # Without the SWITCH records that --scenario adds: what others do tells when a thread comes back.
    ended = run(["record", "-q", "-a", "-g", "-o", path, "-e", "sched:sched_switch,sched:sched_wakeup,sched:sched_wakeup_new",
                 "--", NAPPER])
    suite.check("recorded without SWITCH records", problems_of(ended), ended)
    for script in CHECKS:
        every, ended = rows_of(script, "-i", path)
        for comm in ("napper", "locker"):
            rows, ended = rows_of(script, "-i", path, "--comm", comm)
            problems = problems_of(ended)
            if comm not in every or rows.get(comm) != every[comm]:
                problems.append(f"--comm {comm}: {rows.get(comm)}, among all {every.get(comm)}")
            suite.check(f"{script} --comm {comm}", problems + strangers(rows, OWN_NAMES | {"oc"}), ended)


def of_perf_sched(suite, folder):
    """What perf sched record asks for: of wake-ups their beginning alone."""
    path = os.path.join(folder, "waking.data")
    ended = run(["record", "-q", "-a", "-o", path, "-e", "sched:sched_switch,sched:sched_waking,sched:sched_wakeup_new", "--", NAPPER])
    suite.check("recorded as perf sched does", problems_of(ended), ended)
    script, told = rows_of("run_queue_latency", "-i", path)
    report, ended = report_rows(path, "run_queue")
    for name, rows, each in ("script", script, told), ("report", report, ended):
        count = rows.get("napper", (0, 0))[0]
        suite.check(f"run queue of perf sched's events: {name}",
                    problems_of(each) + ([] if count >= NAPS else [f"napper waited {count} times for a CPU"]), each)


FUTEX_WAITS = {0, 6, 9, 11, 13}  # WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2 of linux/futex.h


def locks(suite, folder):
    """Waits in futex are the calls that wait, as perf shows them; a wake-up is none."""
    name = "locks are the waits that perf shows"
    if not shutil.which("perf") or os.uname().machine != "x86_64":
        suite.skip(name, "no perf here, or another machine's numbers")
        return
    path = os.path.join(folder, "locks.data")
    ended = run(["record", "-q", "--scenario", "locks", "-o", path, "--", NAPPER])
    rows, told = report_rows(path, "locks")
    shown = subprocess.run(["perf", "script", NO_KALLSYMS, "-i", path, "-F", "comm,event,trace"], capture_output=True, text=True,
                           check=False, env=environment()).stdout
    calls = re.findall(r"sys_enter: NR 202 \(\w+, (\w+),", shown)
    waits = sum(int(operation, 16) % 128 in FUTEX_WAITS for operation in calls)
    count = sum(row[0] for row in rows.values())
    problems = problems_of(ended) + problems_of(told)
    if count != waits or count == 0 or len(calls) == waits:
        problems.append(f"{count} waits, perf shows {waits} of {len(calls)} calls of futex")
    suite.check(name, problems, told)


OWN_SCENARIO = """
local oc = require "oc"
oc.scenario { name = "leaves", events = { "sched:sched_switch" }, setup = function(trace, add)
  trace:on("sched:sched_switch", function(e)
    if e.comm == "napper" then add { kind = "left", event = e, value = 3 } end
  end)
end }
"""


def own_scenario(suite, folder):
    """What report shows of a scenario are the samples that it adds, whatever it calls them."""
    path, script = os.path.join(folder, "own.data"), os.path.join(folder, "own.lua")
    with open(script, "w", encoding="utf-8") as file:
        file.write(OWN_SCENARIO)
    ended = run(["record", "-q", "--script", script, "--scenario", "leaves", "-o", path, "--", NAPPER])
    told = run(["report", path, "--script", script, "--scenario", "leaves", "--by", "comm", "--json"])
    tables = [json.loads(line) for line in told.out.splitlines() if '"rows"' in line]
    problems = problems_of(ended) + problems_of(told)
    kinds = [table["kind"] for table in tables]
    rows = [row for table in tables for row in table["rows"]]
    if kinds != ["left"] or [row["comm"] for row in rows] != ["napper"] or rows[0]["sum"] != 3 * rows[0]["count"]:
        problems.append(f"kinds {kinds}, rows {rows}")
    suite.check("a scenario of one's own shows its own samples", problems, told)


def main():
    suite = Suite("pairs")
    reason = may_trace() if NAPPER else "no helper was built"
    if not reason:
        with tempfile.TemporaryDirectory() as folder:
            for case in (filters, locks, own_scenario, of_perf_sched):
                suite.later(case, suite, folder)
            for script in CHECKS:
                suite.later(of_command, suite, script)
            for scenario, script in SCENARIOS.items():
                suite.later(of_process, suite, scenario, script)
            suite.later(of_recording, suite, folder, "of a command", [])
            suite.wait()
            # Alone: a helper of another case that ends before it is listed has no name.
            of_recording(suite, folder, "system-wide", ["-a"], False)
    else:
        suite.skip("what is traced here", reason)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
