#!/usr/bin/python3
"""Stacks, oc against perf: stacks_test.py

Frame by frame against `perf script -F ip,sym,dso`: recordings of ours, of the corpus, and two that perf makes here of a
program built for it, by frame pointers and with registers and stack bytes. The stock scripts with stacks
against a fold of perf's text.
"""
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

import perf_text

CHAINS = ("clock.data", "stacks.data", "quipper/perf.data.callgraph-3.8", "quipper/perf.data.callgraph_and_branch-3.4",
          "simpleperf/testdata/perf_with_ip_zero_in_callchain.data", "perfparser/vector_static_gcc/perf.data",
          "simpleperf/testdata/perf_with_kernel_symbols_available_true.data")
STACKS = os.path.join(perf_text.FIXTURES, "stacks.data")
CLOCK = os.path.join(perf_text.FIXTURES, "clock.data")
WHOLE = ("--max-stack", "65535", "--no-inline")

Frame = collections.namedtuple("Frame", "ip module name")
HEAD = re.compile(r"(?P<comm>\S.*?)\s+(?P<tid>-?\d+)(?:\s+(?P<s>\d+)\.(?P<ns>\d{9}):)?(?P<rest>.*)$")
ENTRY = re.compile(r"([0-9a-f]+) (.*) \((.*?)\)$")

PROGRAM = r"""
#include <stdlib.h>
static volatile unsigned long sink;
__attribute__((noinline)) static void leaf(int n) { for (int i = 0; i < n; i++) sink += i * 7; }
__attribute__((noinline)) static void deep(int n) { if (n > 0) deep(n - 1); else leaf(20000); sink++; }
__attribute__((noinline)) static int compare(const void *a, const void *b) { deep(2); return *(int *)a - *(int *)b; }
__attribute__((noinline)) static void sort(void) { int v[64]; for (int i = 0; i < 64; i++) v[i] = i * 37 % 64;
  qsort(v, 64, sizeof v[0], compare); sink += v[3]; }
int main(void) { for (int i = 0; i < 40; i++) { deep(i % 20); sort(); } return 0; }
"""


def path_of(name):
    return os.path.join(perf_text.CORPUS if "/" in name else perf_text.FIXTURES, name)


def module_of(dso):
    """perf's name of a module as oc has it."""
    return "[kernel.kallsyms]" if re.match(r"\[(guest\.)?kernel\.kallsyms\]", dso) else dso


def perf_stacks(path, *options, fields="comm,tid,ip,sym,dso", kernel=False):
    """(match of the head, frames) of each sample; without a chain the only frame stands in the head's line."""
    command = [*WHOLE, "-F", fields, "-i", path, *options]
    text = perf_text.run("perf", "script", *command)[0] if kernel else perf_text.perf("script", *command)
    samples, is_head = [], True
    for line in text.splitlines():
        if not line.strip():
            is_head = True
        elif is_head:
            head = HEAD.match(line.strip())
            entry = ENTRY.match(head["rest"].strip())
            samples.append((head, [Frame(entry[1], module_of(entry[3]), entry[2])] if entry else []))
            is_head = bool(entry)
        else:
            entry = ENTRY.match(line.strip())
            assert entry, f"cannot read perf's line {line!r}"
            samples[-1][1].append(Frame(entry[1], module_of(entry[3]), entry[2]))
    return samples


def oc_stacks(path, *options):
    script = os.path.join(perf_text.ROOT, "tests", "verify", "stacks.lua")
    out, _ = perf_text.run(perf_text.OC, "script", "-q", "-i", path, script, *options)
    stacks = []
    for line in out.splitlines():
        parts = re.split(r"\|(?=[0-9a-f]+\t)", line)
        stacks.append((parts[0], [Frame(*part.split("\t")) for part in parts[1:]]))
    return stacks


def same_stack(expected, reason, actual):
    """Where nothing can be unwound, perf leaves out the frame itself as well."""
    stopped = ("the module's file cannot be had", "an address at which nothing is mapped")
    if reason in stopped and len(actual) == len(expected) + 1:
        actual = actual[:-1]
    return len(expected) == len(actual) and all(
        a.ip == b.ip and same_module(a.module, b.module) for a, b in zip(expected, actual))


def same_module(theirs, ours):
    """perf also names mappings of data, the file of compiled code, and modules of the kernel by their short name."""
    return (theirs == ours or (theirs == "//anon" and ours == "[unknown]")
            or (theirs.startswith("/tmp/perf-") and ours == "//anon")
            or (theirs.startswith("[") and os.path.basename(ours).replace("-", "_").startswith(theirs[1:-1] + "."))
            or (theirs == "[unknown]" and ours == "[kernel.kallsyms]"))


def check_chains(name):
    theirs, ours = perf_stacks(path_of(name)), oc_stacks(path_of(name))
    if len(theirs) != len(ours):
        yield f"{len(ours)} stacks, perf has {len(theirs)}"
    for number, ((_, expected), (reason, actual)) in enumerate(zip(theirs, ours)):
        if not same_stack(expected, reason, actual):
            yield f"sample {number}: {reason}: {actual}\n   perf has {expected}"
    assert sum(len(frames) for _, frames in ours) > len(ours) // 2, "hardly any frames"


# Recordings of our own --------------------------------------------------------------------------------

def build(folder, *flags):
    source, program = os.path.join(folder, "walker.c"), os.path.join(folder, "walker")
    with open(source, "w", encoding="utf-8") as out:
        out.write(PROGRAM)
    perf_text.run("cc", "-O1", "-g", "-fno-optimize-sibling-calls", *flags, source, "-o", program)
    return program


def record(folder, how, program):
    path = os.path.join(folder, "perf.data")
    done = subprocess.run(["perf", "record", "-q", "-F", "2000", "-e", "cpu-clock:u", "--call-graph", how, "-o", path, program],
                          capture_output=True, text=True, check=False, timeout=60)
    return path if done.returncode == 0 else perf_text.skip(f"perf record is refused here: {done.stderr.strip()[:200]}")


def check_recorded(how, *flags):
    """perf's own unwound frames are one less than the return address; its chains are not."""
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder, *flags)
        path = record(folder, how, program)
        theirs, ours = perf_stacks(path, kernel=True), oc_stacks(path, "--names")
        if len(theirs) != len(ours) or len(ours) < 20:
            yield f"{len(ours)} stacks, perf has {len(theirs)}"
        different, own_frames = [], 0
        for (_, expected), (reason, actual) in zip(theirs, ours):
            less = [0] + [1 if how != "fp" else 0] * len(actual)
            alike = len(expected) == len(actual) and all(
                int(a.ip, 16) == int(b.ip, 16) - minus and a.module == b.module
                and (a.module != program or a.name == b.name) for a, b, minus in zip(expected, actual, less))
            own_frames += sum(frame.module == program for frame in actual)
            if not alike:
                different.append(f"{reason}: {actual}\n   perf has {expected}")
        if len(different) * 200 > len(ours):  # 99.5 % are the same
            yield f"{len(different)} of {len(ours)} stacks differ: {different[0]}"
        if own_frames < len(ours):
            yield "hardly any frame of the program"
        if how != "fp" and not any("compare" in (f.name for f in frames) and "main" in (f.name for f in frames)
                                   for _, frames in ours):
            yield "no stack goes through qsort"


# Scripts ----------------------------------------------------------------------------------------------

def key_of(frames):
    return tuple((frame.ip, frame.module) for frame in frames)


def oc_rows(script, path, *options):
    """{(comm, frames): row} of the script's table."""
    out, _ = perf_text.run(perf_text.OC, "script", script, "-q", "-i", path, "--json", "--top", "100000", *options)
    rows = collections.defaultdict(list)
    for row in json.loads(out.splitlines()[0])["rows"]:
        frames = tuple((frame["address"][2:] if "address" in frame else f"{frame['offset']:x}", frame["module"])
                       for frame in row["stack"]["frames"] if not frame.get("inline"))
        rows[row["comm"], frames].append(row)
    return rows


def check_fold(script, path, event, *options):
    expected = collections.Counter()
    for head, frames in perf_stacks(path, *(("--comm", options[1]) if options[:1] == ("--comm",) else ()),
                                    fields="comm,tid,event,ip,sym,dso"):
        if event in head["rest"] and head["tid"] != "0":
            frames = [frame._replace(module="[unknown]") if frame.module == "//anon" else frame for frame in frames]
            expected[head["comm"], key_of(frames)] += 1
    actual = {key: sum(row["count"] for row in rows) for key, rows in oc_rows(script, path, *options).items()}
    if not expected or expected != actual:
        missing = [key for key in expected if actual.get(key) != expected[key]]
        yield f"{script}: {len(actual)} stacks, perf has {len(expected)}; {len(missing)} differ: {missing[:1]}"


def check_off_cpu(path):
    """Sums of the waits, from switch to switch."""
    waits, since = collections.Counter(), {}
    text = perf_text.perf("script", *WHOLE, "--ns", "-F", "comm,tid,time,event,trace,ip,sym,dso", "-i", path)
    for block in re.split(r"\n\s*\n", text):
        lines = block.strip().splitlines()
        if not lines or "sched:sched_switch:" not in lines[0]:
            continue
        head = HEAD.match(lines[0].strip())
        switch = re.search(r"prev_pid=(\d+) .*prev_state=(\S+) ==> .*next_pid=(\d+)", lines[0])
        now = int(head["s"]) * 10**9 + int(head["ns"])
        if switch[3] in since:
            began, key = since.pop(switch[3])
            waits[key] += now - began
        if switch[1] != "0" and not switch[2].startswith("R"):
            frames = [ENTRY.match(line.strip()).groups() for line in lines[1:]]
            since[switch[1]] = now, (head["comm"], tuple((ip, module_of(dso)) for ip, _, dso in frames))
    actual = {key: sum(row["sum"] for row in rows) for key, rows in oc_rows("off_cpu", path).items()}
    if not waits or waits != actual:
        yield f"off_cpu: {actual}\n   perf has {dict(waits)}"


def check_folded(script, path, event, owner, *options):
    """Lines for flame graphs: their number and sums, by what they begin with; names are compared elsewhere."""
    expected = collections.Counter()
    for head, frames in perf_stacks(path, fields="comm,pid,tid,event,ip,sym,dso"):
        if event in head["rest"] and head["tid"] != "0" and frames:
            expected[owner(head, frames)] += 1
    out, _ = perf_text.run(perf_text.OC, "script", script, "-q", "-i", path, "--folded", *options)
    actual = collections.Counter()
    for line in out.splitlines():
        stack, count = line.rsplit(" ", 1)
        assert ";" in stack, f"{script}: a line without a stack: {line}"
        actual[stack.split(";")[0]] += int(count)
    if not expected or actual != expected:
        yield f"{script} {options}: {actual}, perf has {expected}"


def check_hint(path):
    """Most of these stacks end after a frame or two: a script says so, and not when it is told to be quiet."""
    for quiet in ((), ("-q",)):
        _, err = perf_text.run(perf_text.OC, "script", "cpu_top", "-i", path, "--stacks", "--every", "0", *quiet)
        if ("try oc record --call-graph dwarf" in err) != (not quiet):
            yield f"cpu_top --stacks {quiet}: told {err!r}"


def check_chosen(path):
    """Of a recorded trace only chosen processes have stacks built, and only what these have is looked up."""
    code = ('local t = require("oc").open { stacks = "any" } local seen = {} t:on("cpu", function(e) '
            'seen[e.stack.id] = e.stack end) t:run() local s = t:stats().stacks print(s.samples, s.distinct_frames)')
    everybody = perf_stacks(path, fields="comm,pid,ip,sym,dso")
    pids = collections.Counter(head["tid"] for head, _ in everybody if head["comm"] != "sh")  # which started the others
    counts = {}
    for pid in [None, *pids]:
        out, _ = perf_text.run(perf_text.OC, "eval", "-q", "-i", path, *(("-p", pid) if pid else ()), code)
        counts[pid] = [int(number) for number in out.split()]
    if {pid: counts[pid][0] for pid in pids} != dict(pids) or len(pids) < 2:
        yield f"stacks by process {counts}, perf has {pids}"
    if any(counts[pid][1] >= counts[None][1] for pid in pids):
        yield f"the places of one process are those of all: {counts}"


def comm_of(head, _):
    return head["comm"]


def main():
    perf_text.need_perf()
    jobs = [(name, check_chains, name) for name in CHAINS]
    jobs += [("by frame pointers", check_recorded, "fp", "-fno-omit-frame-pointer"),
             ("by registers and stack bytes", check_recorded, "dwarf,16384", "-fomit-frame-pointer"),
             ("cpu_top", check_fold, "cpu_top", CLOCK, "", "--stacks", "--every", "0"),
             ("page_fault_stacks", check_fold, "page_fault_stacks", STACKS, "page-faults"),
             ("off_cpu", check_off_cpu, STACKS),
             ("chosen processes", check_chosen, CLOCK),
             ("a hint", check_hint, CLOCK),
             ("folded", check_folded, "cpu_top", CLOCK, "", comm_of),
             ("folded", check_folded, "cpu_top", CLOCK, "", lambda head, _: f"{head['comm']}/{head['tid']}", "--by", "pid"),
             ("folded", check_folded, "page_fault_stacks", STACKS, "page-faults", comm_of),
             ("folded", check_folded, "page_fault_stacks", STACKS, "page-faults", comm_of, "--by", "module")]
    has_corpus = bool(perf_text.corpus_paths([""]))
    return perf_text.run_checks([job for job in jobs if has_corpus or "/" not in job[0] or job[0] not in CHAINS],
                                "comparisons of stacks with perf")


if __name__ == "__main__":
    sys.exit(main())
