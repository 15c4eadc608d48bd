#!/usr/bin/python3
"""--time against perf script --time, and against filtering the whole trace: window_test.py

On our fixtures and on some files of the corpus, with and without rounds: windows in perf's absolute
stamps, in percents, since the beginning, from the end.
"""
import collections
import functools
import json
import os
import re
import sys

import perf_text

CORPUS = [
    "quipper/converter/single-event-multi-process.perf.data",
    "quipper/perf.data.callgraph-3.8",
    "quipper/perf.data.armv7.perf_3.14-3.8",
    "simpleperf/testdata/perf.data",
    "simpleperf/testdata/perf_with_kernel_symbols_available_true.data",
]
# perf turns the READ of a group into samples of its members, which no kernel wrote.
MADE_UP = {"group.data": ["page-faults"]}


def stamp(time):
    return f"{time // 10**9}.{time % 10**9:09}"


def windows(times):
    """Windows in perf's stamps: thirds of the trace, an instant, open ends."""
    first, last = min(times), max(times)
    third = (last - first) // 3
    yield stamp(first + third), stamp(last - third)
    yield stamp(sorted(times)[len(times) // 2]), stamp(sorted(times)[len(times) // 2])
    yield stamp(first + third), ""
    yield "", stamp(first + third)


def by_perf(path, window):
    text = perf_text.perf("script", "--ns", "-F", "comm,pid,tid,event,time", "-i", path, "--time", window)
    samples = [perf_text.parse(line) for line in text.splitlines() if line.strip()]
    made_up = MADE_UP.get(perf_text.label(path), [])
    return [(s.time, s.pid, s.tid, s.event, s.comm) for s in samples if s.event not in made_up]


@functools.lru_cache(None)
def by_oc(path, *options):
    """Samples with times since the beginning; stderr."""
    samples, _, summary, err = perf_text.oc_counts(path, *options)
    return [(s.time, s.pid, s.tid, s.event, s.comm) for s in samples], summary, err


def of_windows(path, windows):
    """For each window its samples, all in one run; stderr."""
    script = os.path.join(perf_text.ROOT, "tests", "verify", "windows.lua")
    out, err = perf_text.run(perf_text.OC, "script", "-i", path, script, "--windows", ";".join(windows))
    samples = {window: [] for window in windows}
    for line in out.splitlines():
        words = line.split("\t")
        if words[0] == "window":
            into = samples[words[1]]
        else:
            into.append((*map(int, words[:3]), *words[3:]))
    return samples, err


def check(path):
    """The differences."""
    whole, _, _ = by_oc(path)
    zero = min(s.time for s in perf_text.samples_of(path)) - min(s[0] for s in whole)
    chosen = list(windows([zero + s[0] for s in whole]))
    ours, _ = of_windows(path, [",".join(window) for window in chosen])
    for window in ours:
        expected = by_perf(path, window)
        if sorted(expected) != sorted((zero + s[0], *s[1:]) for s in ours[window]):
            yield f"--time {window}: perf {len(expected)} samples, oc {len(ours[window])}"
    as_option = by_oc(path, "--time", ",".join(chosen[0]))[0]
    if as_option != ours[",".join(chosen[0])]:
        yield f"--time {','.join(chosen[0])} is another part than oc.open's"
    relative = {}
    for window in chosen:
        first, last = [int(re.sub(r"\.", "", end)) - zero if end else None for end in window]
        text = ",".join("" if bound is None else f"{bound}ns" for bound in (first, last))
        relative[text] = [s for s in whole if (first is None or s[0] >= first) and (last is None or s[0] <= last)]
    end = max(s[0] for s in whole)
    relative[f"-{end // 4}ns,"] = [s for s in whole if s[0] >= end - end // 4]
    parts, err = of_windows(path, list(relative))
    if "asked for" in err:
        yield f"--time: {err}"
    for text, filtered in relative.items():
        if parts[text] != filtered:
            yield f"--time {text}: {len(filtered)} of all samples are inside, oc has {len(parts[text])}"


def check_list(path):
    """oc list --time counts the samples of the part by event."""
    end = max(s[0] for s in by_oc(path)[0])
    window = f"{end // 4}ns,{end // 2}ns"
    expected = collections.Counter(s[3] for s in by_oc(path, "--time", window)[0])
    out, _ = perf_text.run(perf_text.OC, "list", "events", "-i", path, "--time", window, "--json")
    ours = {row["name"]: row["count"] for row in map(json.loads, out.splitlines())}
    if ours != expected:
        yield f"oc list --time {window}: {ours}, expected {dict(expected)}"


def check_percents(path):
    """perf takes percents where the header tells the samples' times."""
    samples, _ = of_windows(path, ["10%,20%", "25%-75%", "50%/2", "0%-30%"])
    for window in samples:
        theirs = window.replace(",", "-")
        expected = [s[1:] for s in by_perf(path, theirs)]
        ours = [s[1:] for s in samples[window]]
        if sorted(expected) != sorted(ours):
            yield f"--time {window}: perf {len(expected)} samples, oc {len(ours)}"


def problems(path):
    if len({s.time for s in perf_text.samples_of(path)}) <= 2:
        return  # it has no times
    yield from check(path)
    yield from check_list(path)
    if "last sample" in perf_text.perf("script", "--header-only", "-i", path).replace("  ", " "):
        yield from check_percents(path)


def main():
    perf_text.need_perf()
    paths = perf_text.fixtures() + perf_text.corpus_paths(CORPUS)
    return perf_text.run_checks([(perf_text.label(path), problems, path) for path in paths],
                                "files' windows compared with perf")


if __name__ == "__main__":
    sys.exit(main())
