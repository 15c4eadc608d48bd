#!/usr/bin/python3
"""Values of samples, oc against perf: values_test.py

Fixed and tail fields against `perf script -F FIELD`, call chains address by address, and every payload
field of every tracepoint against what perf's Python scripting hands to a script.
"""
import json
import os
import re
import sys

import perf_text

# By file: oc's names of the fields; a corpus file has a slash.
FIELDS = {
    "clock.data": ("ip", "period", "addr", "data_src"),
    "demo.data": ("ip", "period"),
    "faults.data": ("ip", "addr", "phys_addr", "data_src", "data_page_size", "code_page_size"),
    "nocpu.data": ("ip", "period"),
    "quipper/perf.data.weight_struct": ("ip", "addr", "weight", "data_src"),
    "quipper/perf.data.callgraph-3.8": ("ip", "period"),
    "perfparser/vector_static_gcc/perf.data": ("ip", "period", "addr", "data_src"),
    "simpleperf/testdata/perf.data": ("ip", "period"),
}
CHAINS = ("clock.data", "quipper/perf.data.callgraph-3.8", "quipper/perf.data.callgraph_and_branch-3.4",
          "simpleperf/testdata/perf_with_ip_zero_in_callchain.data")
PAYLOADS = ("sched.data", "syscalls.data", "demo.data", "lost.data", "perfparser/probe.data.file")

HEX = ("ip", "addr", "phys_addr", "data_src")
PAGE_SIZES = {"N/A": 0, "4K": 1 << 12, "2M": 1 << 21, "4M": 1 << 22, "1G": 1 << 30}


def path_of(name):
    if name == "demo.data":
        return perf_text.DEMO
    return os.path.join(perf_text.CORPUS if "/" in name else perf_text.FIXTURES, name)


def oc_values(name, *options):
    script = os.path.join(perf_text.ROOT, "tests", "verify", "values.lua")
    out, _ = perf_text.run(perf_text.OC, "script", "-q", "-i", path_of(name), script, *options)
    return [line.split("\t") for line in out.splitlines()]


def perf_chains(name):
    """From perf's dump: its printed chains show user addresses as offsets in their files."""
    chains = []
    for line in perf_text.perf("report", "-D", "-i", path_of(name)).splitlines():
        entry = re.match(r"\.{5} *\d+: ([0-9a-f]{16})$", line)
        if "PERF_RECORD_SAMPLE(" in line:
            chains.append([])
        elif entry:
            chains[-1].append(int(entry.group(1), 16))
    return chains


def number(field, text):
    if field.endswith("page_size"):
        return PAGE_SIZES[text.strip()]
    return int(text.split()[0], 16 if field in HEX else 10)


def perf_column(name, field):
    """-G: the sample's own address, not its call chain."""
    options = ["-G"] if field == "ip" else []
    text = perf_text.perf("script", *options, "-F", field, "-i", path_of(name))
    return [number(field, line) for line in text.splitlines() if line.strip()]


def first_difference(what, theirs, ours):
    if len(theirs) != len(ours):
        return f"{what}: perf has {len(theirs)}, oc {len(ours)}"
    for at, (a, b) in enumerate(zip(theirs, ours)):
        if a != b:
            return f"{what} of sample {at}: perf {a}, oc {b}"
    return None


def check_fields(name, fields):
    rows = oc_values(name, "--fields", ",".join(fields))
    for column, field in enumerate(fields):
        yield first_difference(field, perf_column(name, field), [int(row[column], 0) for row in rows])


def check_chain(name):
    theirs = perf_chains(name)
    ours = [[int(word, 16) for word in row[0].split()] for row in oc_values(name, "--fields", "callchain")]
    yield first_difference("call chain", theirs, ours)


def oc_value(text):
    """A value as values.lua prints it; arrays of addresses as their bytes in hex."""
    if text.startswith('"'):
        return text[1:-1]
    if text.startswith("["):
        return b"".join(int(w, 0).to_bytes(8, "little") for w in text[1:-1].split(",")).hex()
    return int(text, 0)


def check_payload(name):
    theirs = []
    script = os.path.join(perf_text.ROOT, "tests", "verify", "fields.py")
    for line in perf_text.perf("script", "-s", script, "-i", path_of(name)).splitlines():
        if line.startswith("{"):
            document = json.loads(line)
            theirs.append((document["event"].replace("__", ":", 1), document["fields"]))
    ours = []
    for row in oc_values(name, "--payload"):
        if len(row) > 1:  # others have no payload
            values = dict(word.split("=", 1) for word in row[1:])
            shown = {k: oc_value(v) for k, v in values.items()
                     if k not in ("common_type", "common_flags", "common_preempt_count")}
            ours.append((row[0], shown))
    if not theirs:
        yield "perf's Python scripting gave nothing"
    yield first_difference("payload", theirs, ours)


def main():
    perf_text.need_perf()
    jobs = [(name, check_fields, name, fields) for name, fields in FIELDS.items()]
    jobs += [(name, check_chain, name) for name in CHAINS]
    if "libpython: [ on" in perf_text.perf("version", "--build-options").replace("  ", " "):
        jobs += [(name, check_payload, name) for name in PAYLOADS]
    else:
        print("this perf has no Python: payloads are not compared")
    has_corpus = bool(perf_text.corpus_paths([""]))
    return perf_text.run_checks([job for job in jobs if has_corpus or "/" not in job[0]],
                                "comparisons of values with perf")


if __name__ == "__main__":
    sys.exit(main())
