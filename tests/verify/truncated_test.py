#!/usr/bin/python3
"""Truncated traces: truncated_test.py

Each of our fixtures is cut at five places (OC_TEST_REPEAT: that many times as many) among its records. oc must deliver just what perf delivers of a
sound file with the records before the cut, say at which offset the file ends, and exit 0; 3 with --strict.
Cuts behind the records cost names, never samples; cuts before them are one error.

What lies behind the records is lost with them: names and formats of events. So these do not count here.
"""
import copy
import os
import re
import sys
import tempfile

import perf_data
import perf_text

CUTS = 5 * int(os.environ.get("OC_TEST_REPEAT", "1"))
# Once a trace: a run costs more than the comparison.
STRICT_AT = 2


def cut_places(trace):
    """Spread over the records: inside one, then behind one, in turn."""
    starts = []
    at = trace.begin
    for record in trace.records:
        starts.append(at)
        at += len(record)
    for index in range(CUTS):
        number = (index + 1) * len(starts) // (CUTS + 1)
        inside = (1, 7, 9, len(trace.records[number]) - 1, 0)[index % 5]
        yield starts[number] + inside, number


def anonymous(samples):
    """Without names of events; times since the first."""
    first = next((s.time for s in samples if s.time), 0)
    return [s._replace(event="", cpu=-1, time=s.time - first if s.time else 0) for s in samples]


def run_oc(path, *options, status):
    script = os.path.join(perf_text.ROOT, "tests", "verify", "counts.lua")
    out, err = perf_text.run(perf_text.OC, "script", "-i", path, script, "--lines", *options, status=status)
    samples = []
    for line in out.splitlines():
        words = line.split("\t")
        if len(words) == 6:
            samples.append(perf_text.Sample(*map(int, words[:4]), *words[4:]))
    return samples, err


def check_cut(whole, folder, cut, number):
    """`number`: how many records are whole before the cut."""
    cut_path, sound_path = os.path.join(folder, "cut.data"), os.path.join(folder, "sound.data")
    with open(cut_path, "wb") as file:
        file.write(whole.data[:cut])
    sound = copy.copy(whole)
    sound.records = whole.records[:number]
    sound.write(sound_path)
    ours, err = run_oc(cut_path, status=(0,))
    # Of a group's READ perf makes further samples (see counts_test.py): theirs without those is a list
    # of the same times.
    theirs = perf_text.perf_samples(sound_path, whole.types)
    events = {s.event for s in theirs}
    if "page-faults" in events and "group" in whole.name:
        theirs = [s for s in theirs if s.event != "page-faults"]
    if any(s.time for s in theirs):  # a time of 0 is "none" in perf's list, the beginning in oc's
        ours = [s._replace(time=s.time + 1) for s in ours]
    if anonymous(theirs) != anonymous(ours):
        yield f"perf delivers {len(theirs)} samples of the records before it, oc {len(ours)}"
    if not re.search(r"offset (0x[0-9a-f]+|\d+)", err):
        yield f"no offset in: {err.strip()}"
    elif str(cut) not in err and hex(cut) not in err:
        yield f"not the offset of the end, {cut}, in: {err.strip()}"


def check_strict(whole, folder, cut):
    path = os.path.join(folder, "cut.data")
    with open(path, "wb") as file:
        file.write(whole.data[:cut])
    run_oc(path, "--strict", status=(3,))


def check_behind(whole, folder, expected):
    """Cuts in what follows the records: all samples are there."""
    path = os.path.join(folder, "cut.data")
    end = whole.begin + whole.size
    for cut in (end, end + 40, (end + len(whole.data)) // 2, len(whole.data) - 1):
        with open(path, "wb") as file:
            file.write(whole.data[:cut])
        ours, err = run_oc(path, status=(0,))
        if len(ours) != expected:
            yield f"cut at {cut}, behind the records: {len(ours)} samples of {expected}"
        if cut < len(whole.data) - 1 and "oc: " not in err:  # the last byte is of nothing that oc reads
            yield f"cut at {cut}, behind the records: nothing is said"


def check_before(whole, folder):
    path = os.path.join(folder, "cut.data")
    for cut in (0, 4, 50, 103, whole.attrs_at + 20):
        with open(path, "wb") as file:
            file.write(whole.data[:cut])
        _, err = run_oc(path, status=(1, 2))
        if "data" not in err or "stack traceback" in err:
            yield f"cut at {cut}: unclear: {err.strip()}"


def check(path):
    whole = perf_data.PerfData(path)
    whole.name = perf_text.label(path)
    whole.types = perf_text.sample_types(path)
    with tempfile.TemporaryDirectory() as folder:
        for index, (cut, number) in enumerate(cut_places(whole)):
            for problem in check_cut(whole, folder, cut, number):
                yield f"cut at {cut}: {problem}"
            if index == STRICT_AT:
                check_strict(whole, folder, cut)
        yield from check_behind(whole, folder, len(whole.samples()))
        if path == perf_text.DEMO:
            yield from check_before(whole, folder)


def main():
    perf_text.need_perf()
    return perf_text.run_checks([(perf_text.label(path), check, path) for path in perf_text.fixtures()],
                                f"traces cut at {CUTS} places")


if __name__ == "__main__":
    sys.exit(main())
