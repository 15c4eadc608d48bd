#!/usr/bin/python3
"""Totals of a trace by thread name and by function, oc report against perf report: report_test.py

Samples and the sum of their periods, event by event, of our fixtures and of the corpus.
"""
import collections
import json
import os
import re
import sys

import perf_text

CORPUS = tuple("quipper/perf.data." + name for name in (
    "callgraph-3.8", "singleprocess-3.8", "remmap-3.2", "raw-3.4", "group_desc-4.14", "armv7-3.4", "lost_samples-4.4",
    "weight_struct", "proc.map.timeout-3.18", "callgraph_and_branch-3.4", "piped.target-3.4"))
EVENT = re.compile(r"# Samples: \S+ +of events? '(.*)'$")


def perf_totals(path, sort):
    """event -> key -> [samples, periods]"""
    text = perf_text.perf("report", "-i", path, "--stdio", "--no-children", "--no-group", "--no-branch-stack", "-g", "none", "-s", sort, "-t", "|",
                          "-F", f"sample,period,{sort}")
    totals, event = collections.OrderedDict(), None
    for line in text.splitlines():
        head = EVENT.match(line)
        if head:
            event = head[1]
            totals[event] = collections.defaultdict(lambda: [0, 0])
        elif line.strip() and not line.startswith("#"):
            samples, period, key = (part.strip() for part in line.split("|", 2))
            key = re.sub(r"^\[[^]]\] ", "", key) if sort == "sym" else key
            totals[event][key][0] += int(samples)
            totals[event][key][1] += int(period)
    return {event: dict(keys) for event, keys in totals.items() if keys}


def oc_totals(path, by):
    out, _ = perf_text.run(perf_text.OC, "report", path, "--by", by, "--json", "-q", "--top", "1e6")
    totals = {}
    for line in out.splitlines():
        document = json.loads(line)
        if "rows" in document:
            rows = totals[document["kind"]] = collections.defaultdict(lambda: [0, 0])
            for row in document["rows"]:  # functions of one name in several files are several
                rows[row[by]][0] += row["count"]
                rows[row[by]][1] += row["sum"]
    return totals


def differences(path):
    expected, actual = perf_totals(path, "comm"), oc_totals(path, "comm")
    if len(expected) == len(actual) == 1:  # perf and the file may call one event differently
        actual = dict(zip(expected, actual.values()))
    for event, keys in expected.items():
        if keys != actual.get(event):
            yield f"{event} by comm: perf {keys}, oc {actual.get(event)}"


def function_differences(path):
    """Where perf has a name, ours is the same; entries of a PLT are named by us alone."""
    expected, actual = perf_totals(path, "sym"), oc_totals(path, "symbol")
    if len(expected) == len(actual) == 1:
        actual = dict(zip(expected, actual.values()))
    for event, keys in expected.items():
        for key, numbers in keys.items():
            is_name = not re.match(r"0x[0-9a-f]+$|@plt$|\[", key)
            if is_name and actual.get(event, {}).get(key) != numbers:
                yield f"{event}: {key}: perf {numbers}, oc {actual.get(event, {}).get(key)}"
        if sum(samples for samples, _ in keys.values()) != sum(row[0] for row in actual.get(event, {}).values()):
            yield f"{event}: not as many samples"


def main():
    perf_text.need_perf()
    jobs = []
    for path in perf_text.fixtures() + perf_text.corpus_paths(CORPUS):
        # perf makes samples of a group's members of what its leader read.
        if os.path.exists(path) and not path.endswith("group.data"):
            jobs.append((perf_text.label(path), differences, path))
    for name in ("stacks.data", "clock.data", "faults.data"):
        path = os.path.join(perf_text.FIXTURES, name)
        jobs.append((name + " by function", function_differences, path))
    return perf_text.run_checks(jobs, "tables of totals")


if __name__ == "__main__":
    sys.exit(main())
