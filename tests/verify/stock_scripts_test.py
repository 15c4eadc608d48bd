#!/usr/bin/python3
"""The stock scripts on recorded traces: stock_scripts_test.py [--print]

Expected numbers are computed here from the text of `perf script` on the same file; those of the shipped
trace are frozen below too, so that the test has something to hold where there is no perf. --print shows
what to freeze after the trace was recorded again.
"""
import collections
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile

import perf_text

NAMES = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
SWITCH = re.compile(r"prev_comm=(?P<comm>.*) prev_pid=(?P<tid>\d+) prev_prio=\d+ prev_state=(?P<state>\S+) ==>")

SWITCH_RECORD = re.compile(r"\s*(.*?)\s+\d+/(\d+)\s.*PERF_RECORD_SWITCH(?:_CPU_WIDE)? OUT( preempt)?\s*(?:next pid|$)")

# The shipped trace; count, sum, min and max (ns) of the calls that were made 30 times or more.
FROZEN = {
    "cpu_top": {
        "awk": 165, "gzip": 8, "md5sum": 1, "seq": 1, "sh": 5, "sleep": 1, "sort": 44,
    },
    "cswitch_top": {
        "awk/preempted": 41, "gzip/blocked": 2, "gzip/preempted": 2, "md5sum/blocked": 1,
        "seq/blocked": 1, "sh/blocked": 10, "sh/preempted": 1, "sleep/blocked": 1, "sort/blocked": 4,
        "sort/preempted": 13,
    },
    "syscall_latency": {
        "close": [158, 212949, 811, 15913], "mmap": [168, 908974, 2684, 37666],
        "mprotect": [33, 205303, 4326, 13430], "newfstatat": [138, 216721, 1031, 10676],
        "openat": [191, 638690, 1992, 37446], "read": [42, 212770305, 901, 180922744],
        "rt_sigaction": [74, 91029, 771, 19239], "write": [45, 31835232, 1061, 16924397],
    },
}


def oc_rows(script, path, *options):
    """Rows of the script's first table, and its total."""
    out, _ = perf_text.run(perf_text.OC, "script", script, "-q", "-i", path, "--json", "--top", "1000", *options)
    documents = [json.loads(line) for line in out.splitlines()]
    tables = [document for document in documents if "rows" in document]
    if not tables:
        return {}, 0
    keys = tables[0]["columns"]
    rows = {tuple(row[key] for key in keys): row for row in tables[0]["rows"]}
    return rows, tables[0]["total"]


def oc_counts(script, path, *options):
    rows, total = oc_rows(script, path, *options)
    assert total == sum(row["count"] for row in rows.values()), "total is not the sum of the rows"
    return {key: row["count"] for key, row in rows.items()}


# What perf says -----------------------------------------------------------------------------------

def by(samples, key):
    """Counts by comm and one more field, as the scripts' --by does."""
    return dict(collections.Counter(
        (s.comm,) if key == "comm" else (s.comm, getattr(s, key)) for s in samples))


def perf_cpu(path, event, key, idle):
    return by([s for s in perf_text.samples_of(path) if s.event == event and (idle or s.tid != 0)], key)


def perf_lines(path, event):
    """(sample, text of the tracepoint) of each sample of one tracepoint."""
    text = perf_text.perf("script", "--ns", "-F", "comm,pid,tid,cpu,time,event,trace", "-i", path)
    for line in text.splitlines():
        head, found, trace = line.partition(f" {event}: ")
        if found:
            yield perf_text.parse(head + f" {event}:"), trace


def perf_switches(path, key, idle):
    """By comm (and key) and why; R and R+ (and nothing else) could have run on."""
    counts = collections.Counter()
    for sample, trace in perf_lines(path, "sched:sched_switch"):
        if sample.tid == 0 and not idle:
            continue
        why = "preempted" if SWITCH.match(trace)["state"] in ("R", "R+") else "blocked"
        first = (sample.comm,) if key == "comm" else (sample.comm, getattr(sample, key))
        counts[(*first, why)] += 1
    return dict(counts)


def perf_latencies(path):
    """(comm, number of the call, ns) of each call that began and ended in the trace."""
    entries = [(s, int(t.split()[1]), True) for s, t in perf_lines(path, "raw_syscalls:sys_enter")]
    exits = [(s, int(t.split()[1]), False) for s, t in perf_lines(path, "raw_syscalls:sys_exit")]
    began = {}
    for sample, number, is_entry in sorted(entries + exits, key=lambda item: item[0].time):
        if is_entry:
            began[sample.tid] = (number, sample.time)
        elif began.get(sample.tid, (None, 0))[0] == number:
            yield sample.comm, number, sample.time - began.pop(sample.tid)[1]


def grouped(latencies, column):
    groups = collections.defaultdict(list)
    for latency in latencies:
        groups[latency[column]].append(latency[2])
    return groups


def call_names():
    if not os.path.exists(NAMES):
        return {}
    with open(NAMES, encoding="ascii") as text:
        return {int(n): name for name, n in re.findall(r"#define __NR_(\w+) (\d+)", text.read())}


# Comparisons --------------------------------------------------------------------------------------

def differs(what, expected, actual):
    if expected != actual:
        yield f"{what}: expected {expected}, oc {actual}"


def check_cpu_top(path, event):
    for key in ("comm", "pid", "tid", "cpu"):
        if key == "cpu" and all(s.cpu < 0 for s in perf_text.samples_of(path)):
            continue
        yield from differs(f"cpu_top by {key}", perf_cpu(path, event, key, False),
                           oc_counts("cpu_top", path, "--by", key, "--every", "0"))
    yield from differs("cpu_top --idle", perf_cpu(path, event, "comm", True),
                       oc_counts("cpu_top", path, "--idle", "--every", "0"))


def check_cswitch_top(path):
    for key in ("comm", "tid", "cpu"):
        yield from differs(f"cswitch_top by {key}", perf_switches(path, key, False),
                           oc_counts("cswitch_top", path, "--by", key))
    yield from differs("cswitch_top --idle", perf_switches(path, "comm", True),
                       oc_counts("cswitch_top", path, "--idle"))


def check_row(what, values, row):
    exact = {"count": len(values), "sum": sum(values), "min": min(values), "max": max(values)}
    yield from differs(what, exact, {name: row[name] for name in exact})
    near = {"mean": statistics.fmean(values),
            "deviation": statistics.stdev(values) if len(values) > 1 else 0.0}
    for name, value in near.items():
        if not math.isclose(row[name], value, rel_tol=1e-9, abs_tol=1e-3):
            yield f"{what} {name}: expected {value}, oc {row[name]}"


def check_syscall_latency(path):
    latencies, names = list(perf_latencies(path)), call_names()
    for option, column in (("call", 1), ("comm", 0)):
        rows, _ = oc_rows("syscall_latency", path, "--by", option)
        expected = {(names.get(key, key) if column == 1 else key,): values
                    for key, values in grouped(latencies, column).items()}
        if column == 1 and not names:
            continue
        yield from differs(f"syscall_latency by {option}: groups", sorted(expected), sorted(rows))
        for key in expected.keys() & rows.keys():
            yield from check_row(f"syscall_latency {key}", expected[key], rows[key])


def check_switch_records(path):
    """Without sched_switch, cswitch_top counts the SWITCH records of threads that stopped running."""
    text = perf_text.perf("script", "--show-switch-events", "-F", "comm,pid,tid,event,time", "--ns", "-i", path)
    counts = collections.Counter()
    for line in text.splitlines():
        found = SWITCH_RECORD.match(line)
        if found:
            counts[(found[1], int(found[2]), "preempted" if found[3] else "blocked")] += 1
    busy = {key: count for key, count in counts.items() if key[1] != 0}
    yield from differs("cswitch_top of SWITCH records", busy, oc_counts("cswitch_top", path, "--by", "tid"))
    yield from differs("cswitch_top --idle of SWITCH records", dict(counts),
                       oc_counts("cswitch_top", path, "--idle", "--by", "tid"))


# Frozen -------------------------------------------------------------------------------------------

def frozen_now():
    """The numbers of the shipped trace, as they are now."""
    def flat(counts):
        return {"/".join(map(str, key)): count for key, count in sorted(counts.items())}
    rows, _ = oc_rows("syscall_latency", perf_text.DEMO, "--by", "call")
    return {
        "cpu_top": flat(oc_counts("cpu_top", perf_text.DEMO, "--every", "0")),
        "cswitch_top": flat(oc_counts("cswitch_top", perf_text.DEMO)),
        "syscall_latency": {key[0]: [row["count"], row["sum"], row["min"], row["max"]]
                            for key, row in sorted(rows.items()) if row["count"] >= 30},
    }


def check_frozen():
    now = frozen_now()
    for name, expected in FROZEN.items():
        if name == "syscall_latency" and os.uname().machine != "x86_64":
            continue  # only there the trace's system calls have names
        yield from differs(f"{name} of the shipped trace", expected, now[name])


def check_intervals():
    """Each table has its time as title, in JSON too."""
    for script in ("cpu_top", "cswitch_top"):
        options = ("script", script, "-q", "-i", perf_text.DEMO, "--every", "100ms")
        out, _ = perf_text.run(perf_text.OC, *options)
        titles = [line for line in out.splitlines() if re.fullmatch(r"[0-9.]+ s", line)]
        if len(titles) != 3 or titles[:2] != ["0.1 s", "0.2 s"]:
            yield f"{script} --every 100ms: titles {titles}"
        out, _ = perf_text.run(perf_text.OC, *options, "--json")
        in_json = [json.loads(line).get("title") for line in out.splitlines() if "summary" not in line]
        if in_json != titles:
            yield f"{script} --every 100ms --json: titles {in_json}"


def check_exited():
    """Switches of threads that ended, by the state that perf prints: the last of each thread, in the whole system."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "exits.data")
        done = subprocess.run(["perf", "record", "-q", "-a", "-e", "sched:sched_switch", "-o", path, "--", "sh", "-c",
                               "for i in 1 2 3; do (ls / >/dev/null); done"], capture_output=True, check=False, timeout=60)
        if done.returncode == 0:
            yield from compare_exited(path)
        else:
            print("switches of threads that ended are not compared: perf record -a is refused here")


def compare_exited(path):
    expected = sum(SWITCH.match(trace)["state"][0] in "XZ" for _, trace in perf_lines(path, "sched:sched_switch"))
    code = 'local n, t = 0, require "oc".open() t:on("cswitch", function(e) if e.exited then n = n + 1 end end) t:run() print(n)'
    out, _ = perf_text.run(perf_text.OC, "eval", "-q", "-i", path, code)
    yield from differs("switches of threads that ended", expected, int(out))
    if expected == 0:
        yield "no thread ends in this trace"


def checks():
    """(check, what it takes …)"""
    def fixture(name):
        return os.path.join(perf_text.FIXTURES, name)
    yield (check_frozen,)
    yield (check_intervals,)
    if not perf_text.has_perf():
        print("no perf here: only the frozen numbers are compared")
        return
    yield check_cpu_top, perf_text.DEMO, "cpu-clock"
    yield check_cswitch_top, perf_text.DEMO
    yield check_syscall_latency, perf_text.DEMO
    yield (check_exited,)
    yield check_cpu_top, fixture("clock.data"), "cpu-clock"
    yield check_cswitch_top, fixture("sched.data")
    yield check_syscall_latency, fixture("syscalls.data")
    yield check_switch_records, fixture("switch.data")
    whole_system = os.path.join(perf_text.CORPUS, "quipper", "perf.data.callgraph-3.8")
    if os.path.exists(whole_system):  # has an idle task
        yield check_cpu_top, whole_system, "cycles"
    whole_system = os.path.join(perf_text.CORPUS, "quipper", "perf.data.intel_pt-4.14")
    if os.path.exists(whole_system):  # the idle task is switched out there
        yield check_switch_records, whole_system


def main():
    if "--print" in sys.argv:
        print(json.dumps(frozen_now(), indent=4))
        return 0
    jobs = [(perf_text.label(arguments[0]) if arguments else check.__name__, check, *arguments)
            for check, *arguments in checks()]
    return perf_text.run_checks(jobs, "comparisons of stock scripts with perf")


if __name__ == "__main__":
    sys.exit(main())
