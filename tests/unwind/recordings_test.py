#!/usr/bin/python3
"""Stacks of real programs, recorded by perf with registers and stack bytes, unwound by us, by libdwfl over the same
bytes, and by perf (libunwind): at least 99.5 % of the stacks are the same.

  recordings_test.py UNWIND_STACKS DWFL_STACKS PROGRAM…

What may differ, and is counted apart: perf takes one off the address of a signal's trampoline too. perf alone finds no CFI
without .eh_frame_hdr or in a compressed .debug_frame, so for programs named *_only_dwfl it is not asked.
"""
import collections
import os
import shutil
import subprocess
import sys
import tempfile

WANTED = 0.995
ROUNDS = "150"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def parse(text):
    """(head, addresses) of each stack; user space only."""
    stacks = []
    for line in text.splitlines():
        if line[:1] == "\t" or line.startswith("        "):
            address = int(line.split()[0], 16)
            if address < 1 << 63:
                stacks[-1][1].append(address)
        elif line.strip():
            stacks.append((line, []))
    return stacks


def is_same(ours, theirs, odd):
    if len(ours) != len(theirs):
        return False
    for at, (a, b) in enumerate(zip(ours, theirs)):
        if a != b and not (at > 0 and a == b + 1):
            return False
        odd[0] += a != b
    return True


def compare(name, ours, theirs):
    """True when enough are the same."""
    if len(ours) != len(theirs):
        print(f"{name}: {len(ours)} stacks, not {len(theirs)}")
        return False
    odd, different = [0], []
    for (head, a), (_, b) in zip(ours, theirs):
        if not is_same(a, b, odd):
            different.append((head, a, b))
    share = 1 - len(different) / len(ours)
    print(f"{name}: {len(ours)} stacks, {share:.2%} the same, {odd[0]} trampolines by the byte before")
    for head, a, b in different[:3]:
        print(f"  {head}\n    ours   {[hex(x) for x in a]}\n    theirs {[hex(x) for x in b]}")
    return share >= WANTED


def check(folder, unwind_stacks, dwfl_stacks, program):
    name = os.path.basename(program)
    data = os.path.join(folder, "perf.data")
    recorded = subprocess.run(
        ["perf", "record", "-q", "-e", "cpu-clock:u", "-F", "2500", "--call-graph", "dwarf,16384", "-o", data,
         program, ROUNDS], capture_output=True, text=True, check=False)
    if recorded.returncode != 0:
        print(f"perf cannot record here: {recorded.stderr.strip()}")
        return None
    ours = parse(run(unwind_stacks, data, "print"))
    ends = collections.Counter(head.split(" ", 2)[2] for head, _ in ours)
    print(f"{name}: {dict(ends)}")
    good = len(ours) > 50 and ends["complete"] >= 0.9 * len(ours)  # not those of the dynamic linker's start
    good &= compare(f"{name} against libdwfl", ours, parse(run(dwfl_stacks, data)))
    if not name.endswith("_only_dwfl"):
        text = run("perf", "script", "-i", data, "--no-inline", "-F", "pid,tid,time,ip,sym")
        good &= compare(f"{name} against perf", ours, parse(text))
    return good


def main(unwind_stacks, dwfl_stacks, *programs):
    if shutil.which("perf") is None:
        print("perf is not installed (./dev test installs it as root)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        results = [check(folder, unwind_stacks, dwfl_stacks, program) for program in programs]
    if None in results:
        return 77
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
