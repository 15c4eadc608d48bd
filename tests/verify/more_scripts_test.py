#!/usr/bin/python3
"""syscall_top, run_queue_latency, exec_snoop and event_top on recorded traces, against what `perf script` and
`perf sched latency` say of the same files."""
import collections
import json
import os
import re
import struct
import sys
import tempfile

import perf_data
import perf_text
from stock_scripts_test import call_names, differs, oc_rows, perf_lines

SCHED = os.path.join(perf_text.FIXTURES, "sched.data")
SYSCALLS = os.path.join(perf_text.FIXTURES, "syscalls.data")

SWITCH = re.compile(r"prev_comm=.* prev_pid=(?P<prev>\d+) prev_prio=\d+ prev_state=(?P<state>\S+) ==> "
                    r"next_comm=(?P<comm>.*) next_pid=(?P<next>\d+) next_prio=\d+")
LATENCY = re.compile(r"\s+(?P<comm>\S+):(?P<tid>\d+)\s+\|\s+[\d.]+ ms \|\s+(?P<count>\d+) \| avg:\s+(?P<avg>[\d.]+) ms "
                     r"\| max:\s+(?P<max>[\d.]+) ms")


LOST = "LOST records"


def in_order(path, *events):
    """(event, sample, text) of several tracepoints, by time. LOST records are told by their time alone."""
    lines = [(event, sample, text) for event in events if event != LOST for sample, text in perf_lines(path, event)]
    if LOST in events:
        shown = perf_text.perf("script", "--ns", "--show-lost-events", "-F", "tid,time", "-i", path)
        lines += [(LOST, perf_text.Sample(int(s) * 10**9 + int(ns), -1, -1, -1, LOST, ""), "")
                  for s, ns in re.findall(r"(\d+)\.(\d{9}): PERF_RECORD_LOST lost", shown)]
    return sorted(lines, key=lambda line: line[1].time)


# syscall_top --------------------------------------------------------------------------------------

def perf_calls(path):
    """(comm, pid, number, ns, failed) of each call that began and ended in the trace."""
    began = {}
    for event, sample, text in in_order(path, "raw_syscalls:sys_enter", "raw_syscalls:sys_exit", LOST):
        if event == LOST:
            began.clear()
            continue
        number = int(text.split()[1])
        if event.endswith("enter"):
            began[sample.tid] = (number, sample.time)
        elif began.get(sample.tid, (None, 0))[0] == number:
            ret = int(text.split("=")[1])
            failed = -4095 <= ret < 0 and not -516 <= ret <= -512
            yield sample.comm, sample.pid, number, sample.time - began.pop(sample.tid)[1], failed


def syscall_rows(path, by, only_failed):
    groups = collections.defaultdict(list)
    names = call_names()
    for comm, pid, number, took, failed in perf_calls(path):
        if failed or not only_failed:
            key = {"call": (names.get(number, number),), "comm": (comm,), "pid": (comm, pid)}[by]
            groups[key].append((took, failed))
    return {key: (len(calls), sum(failed for _, failed in calls), sum(took for took, _ in calls),
                  max(took for took, _ in calls)) for key, calls in groups.items()}


def check_syscall_top(path):
    for by in ("call", "comm", "pid"):
        if by == "call" and not call_names():
            continue
        for options in ((), ("--failed",)):
            rows, _ = oc_rows("syscall_top", path, "--by", by, *options)
            actual = {key: (row["calls"], row["errors"], row["time"], row["max"]) for key, row in rows.items()}
            yield from differs(f"syscall_top --by {by} {options}", syscall_rows(path, by, bool(options)), actual)


# run_queue_latency --------------------------------------------------------------------------------

def perf_waits(path, with_preempted):
    """(comm, tid, cpu, ns) of each wait for a CPU. Of two wake-ups the last counts, but who was preempted waits already."""
    ready, preempted = {}, {}
    wake = ("sched:sched_wakeup", "sched:sched_wakeup_new")
    for event, sample, text in in_order(path, "sched:sched_switch", *wake, LOST):
        if event == LOST:
            ready.clear()
            preempted.clear()
            continue
        if event in wake:
            tid = int(re.search(r" pid=(\d+)", text)[1])
            if tid not in preempted:
                ready[tid] = sample.time
            continue
        switch = SWITCH.match(text)
        woken, left = ready.pop(int(switch["next"]), None), preempted.pop(int(switch["next"]), None)
        since = left if woken is None and with_preempted else woken
        if since is not None and int(switch["next"]) != 0:
            yield switch["comm"], int(switch["next"]), sample.cpu, sample.time - since
        ready.pop(int(switch["prev"]), None)
        preempted.pop(int(switch["prev"]), None)
        if switch["state"] in ("R", "R+"):
            preempted[int(switch["prev"])] = sample.time


def check_run_queue_latency(path):
    for options in ((), ("--no-preempted",)):
        waits = list(perf_waits(path, not options))
        assert waits, "no wait in " + path
        for by, columns in (("comm", (0,)), ("tid", (0, 1)), ("cpu", (2,))):
            groups = collections.defaultdict(list)
            for wait in waits:
                groups[tuple(wait[column] for column in columns)].append(wait[3])
            expected = {key: (len(took), sum(took), max(took)) for key, took in groups.items()}
            rows, _ = oc_rows("run_queue_latency", path, "--by", by, *options)
            actual = {key: (row["count"], row["sum"], row["max"]) for key, row in rows.items()}
            yield from differs(f"run_queue_latency --by {by} {options}", expected, actual)


def woken_twice(path):
    """Threads that were woken again before any switch to them was seen: perf takes the first wake-up for the beginning."""
    ready, twice = set(), set()
    for event, _, text in in_order(path, "sched:sched_switch", "sched:sched_wakeup", "sched:sched_wakeup_new"):
        if event == "sched:sched_switch":
            ready.discard(int(SWITCH.match(text)["next"]))
            continue
        tid = int(re.search(r" pid=(\d+)", text)[1])
        (twice if tid in ready else ready).add(tid)
    return twice


def check_perf_sched(path):
    """The longest wait and the sum of all, by thread, as `perf sched latency` has them (in whole us)."""
    odd = woken_twice(path)
    rows, _ = oc_rows("run_queue_latency", path, "--by", "tid")
    longest, sums, counts = collections.Counter(), collections.Counter(), collections.Counter()
    for (_, tid), row in rows.items():
        longest[tid] = max(longest[tid], row["max"] / 1e6)
        sums[tid] += row["sum"] / 1e6
        counts[tid] += row["count"]
    compared = 0
    for line in perf_text.run("perf", "sched", "latency", "-p", "-i", path)[0].splitlines():
        found = LATENCY.match(line)
        if not found:
            continue
        tid, count = int(found["tid"]), int(found["count"])
        if tid in odd:
            continue
        compared += 1
        if abs(longest[tid] - float(found["max"])) > 0.0011:
            yield f"thread {tid}: waited {longest[tid]:.6f} ms at most, perf sched says {found['max']}"
        # perf leaves out a wait whose switch-out before is not in the recording (of one command).
        if counts[tid] <= count and abs(sums[tid] - float(found["avg"]) * count) > 0.0006 * count + 0.001:
            yield f"thread {tid}: waited {sums[tid]:.6f} ms, perf sched says {count} times {found['avg']}"
    if compared < 5:
        yield "perf sched latency has no rows to compare with"


# exec_snoop ---------------------------------------------------------------------------------------

def perf_programs(path):
    """(pid, comm, file, parent, ns): what each process executed, and how long it ran."""
    running, parents = {}, {}
    events = in_order(path, "sched:sched_process_fork", "sched:sched_process_exec", "sched:sched_process_exit")
    for event, sample, text in events:
        values = dict(re.findall(r"(\w+)=(\S+)", text))
        if event.endswith("fork"):
            parents[int(values["child_pid"])] = f"{sample.comm}/{sample.pid}"
        elif event.endswith("exec"):
            running[sample.pid] = (sample.time, values["filename"], sample.comm)
        elif sample.pid == sample.tid and sample.pid in running:
            began, file, comm = running.pop(sample.pid)
            yield sample.pid, comm, file, parents.get(sample.pid), sample.time - began


def check_exec_snoop(path):
    expected = list(perf_programs(path))
    out, _ = perf_text.run(perf_text.OC, "script", "exec_snoop", "-q", "-i", path, "--json", "--every", "0")
    actual = {row["pid"]: row for row in json.loads(out.splitlines()[0])["rows"]}
    yield from differs("exec_snoop: processes", sorted(row[0] for row in expected), sorted(actual))
    for pid, comm, file, parent, took in expected:
        row = actual.get(pid, {})
        yield from differs(f"exec_snoop {pid}", (comm, file, parent), (row.get("comm"), row.get("args"), row.get("parent")))
        # Ours are the records of exec and exit, perf's text the tracepoints: some microseconds apart.
        if abs(row.get("took", 0) - took) > 2_000_000:
            yield f"exec_snoop {pid}: {row.get('took')} ns, by tracepoints {took}"


# event_top ----------------------------------------------------------------------------------------

def check_event_top(path):
    expected = collections.Counter()
    for _, text in perf_lines(path, "sched:sched_switch"):
        expected[SWITCH.match(text)["comm"]] += 1
    rows, _ = oc_rows("event_top", path, "sched:sched_switch", "--by", "next_comm")
    yield from differs("event_top of switches", dict(expected), {key[0]: row["count"] for key, row in rows.items()})

    expected = collections.Counter(
        (sample.event, sample.comm) for sample in perf_text.samples_of(path) if "sched_process" in sample.event)
    rows, total = oc_rows("event_top", path, "sched:sched_process_*", "--by", "event,comm")
    yield from differs("event_top of a glob", dict(expected), {key: row["count"] for key, row in rows.items()})
    yield from differs("event_top: its total", sum(expected.values()), total)

    sums = collections.Counter()
    for sample, text in perf_lines(path, "sched:sched_wakeup"):
        sums[sample.cpu] += int(re.search(r"prio=(\d+)", text)[1])
    rows, _ = oc_rows("event_top", path, "sched:sched_wakeup", "--by", "cpu", "--sum", "prio")
    yield from differs("event_top --sum", dict(sums), {key[0]: row["sum"] for key, row in rows.items()})

    _, error = perf_text.run(perf_text.OC, "script", "event_top", "-i", path, "sched:sched_switch", "--by", "next_cmm",
                             status=(1,))
    if not error.startswith("oc: --by: ") or "did you mean 'next_comm'" not in error:
        yield f"event_top: a wrong field is told as {error}"

    for wrong, told in ((("sched:*", "--by", "next_cmm"), "no event of 'sched:*' has a field 'next_cmm'"),
                        (("sched:*", "--sum", "next_comm"), "'next_comm' of sched:sched_switch is char"),
                        (("sched:sched_switch", "--sum", "comm"), "'comm' is text"),
                        (("sched:*", "--by", "comm,pid,tid,cpu"), "one to three fields, not 4")):
        _, error = perf_text.run(perf_text.OC, "script", "event_top", "-i", path, *wrong, status=(2,))
        if told not in error:
            yield f"event_top {wrong}: told {error}"


def check_overlaps(path):
    """An event that several names mean is counted once."""
    switches, everything = "sched:sched_switch", oc_rows("event_top", path, "sched:*", "--by", "event")
    for names in (f"{switches},sched:*", f"sched:*,{switches},cswitch"):
        yield from differs(f"event_top {names}", everything, oc_rows("event_top", path, names, "--by", "event"))


# Lost records -------------------------------------------------------------------------------------

EVERY = 9  # samples between two losses


def add_losses(path, to):
    """A copy with LOST records among the others."""
    file = perf_data.PerfData(path)
    records, seen = [], 0
    for record in file.records:
        records.append(record)
        if perf_data.kind(record) == perf_data.SAMPLE:
            seen += 1
            if seen % EVERY == 0:  # with the sample's own tid, time, id and CPU as its trailer
                records.append(struct.pack("<IHHQQ", 2, 0, 24 + 32, 0, 5) + bytes(record[16:48]))
    file.records = records
    file.write(to)


def check_losses(path, check):
    """What was open when records were lost is left out, as the end of one may belong to another's beginning."""
    with tempfile.TemporaryDirectory() as folder:
        lossy = os.path.join(folder, "lossy.data")
        add_losses(path, lossy)
        if check is check_syscall_top:
            whole, rest = len(list(perf_calls(path))), len(list(perf_calls(lossy)))
        else:
            waits = list(perf_waits(lossy, True))
            whole, rest = len(list(perf_waits(path, True))), len(waits)
            text = perf_text.run(perf_text.OC, "report", lossy, "-q", "--scenario", "run_queue", "--by", "comm", "--json")[0]
            table = next(document for document in map(json.loads, text.splitlines()) if "rows" in document)
            samples = collections.Counter({row["comm"]: row["count"] for row in table["rows"]})
            yield from differs("report --scenario run_queue", collections.Counter(wait[0] for wait in waits), samples)
        if not 0 < rest < whole:
            yield f"{rest} of {whole} are left"
        yield from check(lossy)


def report_by_cpu(path, kind, *options):
    text = perf_text.run(perf_text.OC, "report", path, "-q", "--scenario", kind, "--by", "cpu", "--json", *options)[0]
    tables = [document for document in map(json.loads, text.splitlines()) if "rows" in document]
    return {row["cpu"]: (row["count"], row["sum"]) for table in tables for row in table["rows"]}


def check_chosen_cpus(path):
    """-C shows the waits that end on a CPU, wherever they began: what is told of it among all."""
    waits = collections.defaultdict(list)
    for _, _, cpu, took in perf_waits(path, True):
        waits[cpu].append(took)
    left = report_by_cpu(path, "off_cpu")
    assert len(waits) > 1 and left, "all happens on one CPU"
    for cpu, took in waits.items():
        chosen = ("-C", str(cpu))
        rows, _ = oc_rows("run_queue_latency", path, "--by", "cpu", *chosen)
        expected = {cpu: (len(took), sum(took))}
        yield from differs(f"run_queue_latency -C {cpu}", expected,
                           {key: (row["count"], row["sum"]) for (key,), row in rows.items()})
        yield from differs(f"run_queue -C {cpu}", expected, report_by_cpu(path, "run_queue", *chosen))
        expected = {key: row for key, row in left.items() if key == cpu}
        yield from differs(f"off_cpu -C {cpu}", expected, report_by_cpu(path, "off_cpu", *chosen))
        rows, _ = oc_rows("off_cpu", path, "--by", "comm", *chosen)
        count, total = (sum(row[of] for row in rows.values()) for of in ("count", "sum"))
        yield from differs(f"script off_cpu -C {cpu}", expected, {cpu: (count, total)} if rows else {})


CHECKS = (
    (check_chosen_cpus, SCHED),
    (check_overlaps, SCHED), (check_syscall_top, SYSCALLS), (check_syscall_top, perf_text.DEMO),
    (check_run_queue_latency, SCHED), (check_perf_sched, SCHED), (check_exec_snoop, SCHED),
    (check_event_top, SCHED),
)


def main():
    perf_text.need_perf()
    losses = [(perf_text.label(path) + ", lossy", check_losses, path, check) for path, check in
              ((SYSCALLS, check_syscall_top), (SCHED, check_run_queue_latency))]
    return perf_text.run_checks([(perf_text.label(path), check, path) for check, path in CHECKS] + losses,
                                "comparisons of stock scripts with perf")


if __name__ == "__main__":
    sys.exit(main())
