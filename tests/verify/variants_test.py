#!/usr/bin/python3
"""Traces that are rare or cannot be shipped, oc against perf: variants_test.py

Variants of our fixtures: threads that were reaped before their last event (tid -1), no sample_id_all, no
rounds, records far out of order, samples without a time. And, as root, traces of the whole system
recorded now: all CPUs, SWITCH_CPU_WIDE, rings too small. Each is compared as counts_test.py compares.
"""
import os
import random
import struct
import subprocess
import sys
import tempfile

import counts_test
import perf_data
import perf_text

WORK = ("for i in 1 2 3; do seq 3000 | sort -R | gzip >/dev/null & done; wait;"
        "seq 100000 | xz -0 -T2 --block-size=200KiB >/dev/null")
SYSTEM_WIDE = {
    "every sched event, switch records": ["-e", "sched:*", "--switch-events"],
    "four events, small rings": ["-m", "4", "-e", "sched:sched_switch,raw_syscalls:sys_enter",
                                 "-F", "2000", "-e", "cpu-clock,page-faults", "--switch-events"],
}


def reaped(trace):
    """The kernel writes tid -1, then pid -1, for a thread that is being torn down."""
    place = trace.sample_place(perf_data.TID)
    for index, sample in enumerate(trace.samples()):
        if index % 7 == 0:
            struct.pack_into("<i", sample, place + 4, -1)
        if index % 21 == 0:
            struct.pack_into("<i", sample, place, -1)


def no_sample_id_all(trace):
    trace.drop_sample_id_all()


def no_rounds(trace):
    trace.records = [r for r in trace.records if perf_data.kind(r) != perf_data.FINISHED_ROUND]


def out_of_order(trace):
    """One round, whose samples lie anywhere: perf sorts by time, those of one time stay as they lie."""
    no_rounds(trace)
    first = next(i for i, r in enumerate(trace.records) if perf_data.kind(r) == perf_data.SAMPLE)
    behind = trace.records[first:]
    kernel = [r for r in behind if perf_data.kind(r) < perf_data.FIRST_USER_TYPE]
    random.Random(1).shuffle(kernel)
    trace.records = trace.records[:first] + kernel + [r for r in behind
                                                      if perf_data.kind(r) >= perf_data.FIRST_USER_TYPE]


def many_rounds(trace):
    """A round after every eleventh record: what then comes late is delivered late, as by perf."""
    no_rounds(trace)
    mark = struct.pack("<IHH", perf_data.FINISHED_ROUND, 0, 8)
    trace.records = [part for i, r in enumerate(trace.records)
                     for part in ([bytearray(mark), r] if i % 11 == 10 else [r])]


# perf: "No sample_id_all support, falling back to unordered processing": it delivers such a file as it lies
# (__perf_session__new in tools/perf/util/session.c). oc keeps the samples in order of time, with
# the records that have no time at the beginning of their round; names may differ then.
UNORDERED = {"no sample_id_all"}

VARIANTS = {
    "reaped": (reaped, ("sched.data", "syscalls.data", "clock.data")),
    "no sample_id_all": (no_sample_id_all, ("sched.data", "clock.data", "nocpu.data")),
    "no rounds": (no_rounds, ("sched.data", "syscalls.data")),
    "out of order": (out_of_order, ("sched.data", "clock.data")),
    "many rounds": (many_rounds, ("sched.data", "syscalls.data", "lost.data")),
}


def variants(folder):
    for what, (change, names) in VARIANTS.items():
        for name in names:
            trace = perf_data.PerfData(os.path.join(perf_text.FIXTURES, name))
            change(trace)
            os.makedirs(os.path.join(folder, what), exist_ok=True)
            path = os.path.join(folder, what, name)
            trace.write(path)
            yield f"{name}, {what}", counts_test.check, path, what not in UNORDERED


def recorded(folder):
    for what, options in SYSTEM_WIDE.items():
        path = os.path.join(folder, what + ".data")
        done = subprocess.run(["perf", "record", "-q", "-N", "-a", "-o", path, *options, "--", "sh", "-c",
                               WORK], capture_output=True, check=False, timeout=60)
        if done.returncode != 0:
            print(f"not compared: {what}: perf cannot record the system here")
            continue
        yield what, counts_test.check, path


def main():
    perf_text.need_perf()
    with tempfile.TemporaryDirectory() as folder:
        return perf_text.run_checks([*variants(folder), *recorded(folder)], "traces compared with perf")


if __name__ == "__main__":
    sys.exit(main())
