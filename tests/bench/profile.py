#!/usr/bin/python3
"""A whole profile of a DWARF recording: every stack with functions, lines and inlined calls, against perf script.

profile.py ROOT [--rounds N] [--clang [SECONDS]]: started by `./dev bench profile`. A C++ program full of templates, -O2
-g; with --clang also clang++ compiling, where perf (addr2line for each address of libLLVM) is ended after SECONDS (900).
"""
import argparse
import os
import re
import sys
import tempfile
import time

import measure
from unwind import HEAVY

INLINES = ["perf", "script", "-F", "ip,sym,srcline", "-i"]


def run(command):
    cost = measure.run(command)
    if cost.status != 0:
        sys.exit(f"bench: {' '.join(command)}: {cost.output.strip()[-300:]}")


def record(path, program):
    if not os.path.exists(path):
        run(["perf", "record", "-q", "-e", "cpu-clock:u", "-F", "4999", "--call-graph", "dwarf,16384", "-o",
             path + ".partial", *program])
        os.rename(path + ".partial", path)


def perf_within(path, seconds):
    """Seconds that perf took, and which part of its stacks it printed in that time."""
    whole = measure.run(["perf", "script", "--no-inline", "-F", "ip", "-i", path], keep_output=True)
    with tempfile.NamedTemporaryFile("r") as out:
        began = time.monotonic()
        measure.run(["timeout", str(seconds), "sh", "-c", f"exec {' '.join(INLINES)} {path} >{out.name} 2>/dev/null"])
        took = time.monotonic() - began
        return took, out.read().count("\n\n") / max(whole.output.count("\n\n"), 1)


def report(oc, root, name, path, rounds, perf_seconds=None):
    script = os.path.join(root, "tests", "bench", "stack_profile.lua")
    rows = [measure.Row("oc, printed", [oc, "script", "-q", "-i", path, script]),
            measure.Row("oc, as JSON", [oc, "script", "-q", "-i", path, script, "--how", "json"])]
    peers = [measure.Row("perf script, no inlines", ["perf", "script", "--no-inline", "-F", "ip,sym", "-i", path])]
    if perf_seconds is None:
        peers.append(measure.Row("perf script, inlines, lines", [*INLINES, path]))
    measure.interleave(rows + peers, rounds)
    stats = measure.run([oc, "script", "-q", "-i", path, script.replace("stack_profile", "stack_count")], keep_output=True)
    numbers = re.search(r"samples=(\d+) stacks=(\d+) frames=(\d+) distinct=(\d+)", stats.output)
    print(f"{name}: {os.path.getsize(path) / 1e6:.1f} MB, {numbers[1]} samples, {numbers[2]} distinct stacks of {numbers[4]} "
          "distinct frames")
    for row in rows + peers:
        print(f"  {row.name:28} " + (row.missing or f"{row.wall:8.3f} s wall  {row.cpu:8.3f} s CPU"))
    if perf_seconds is not None:
        took, part = perf_within(path, perf_seconds)
        print(f"  perf script, inlines, lines  {took:8.1f} s wall, {100 * part:.0f} % of its stacks in that time: "
              f"{took / rows[0].wall:.0f} times ours")
    elif peers[1].wall and rows[0].wall:
        print(f"  with inlines and lines: oc {peers[1].wall / rows[0].wall:.1f} times as fast")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("root")
    options.add_argument("trace", nargs="?")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--clang", type=int, nargs="?", const=900)
    given = options.parse_args()
    folder = os.path.join(given.root, "build", "bench")
    os.makedirs(folder, exist_ok=True)
    oc, program = os.path.join(given.root, "build", "oc"), os.path.join(folder, "inlines")
    run(["c++", "-O2", "-g", "-std=c++17", os.path.join(given.root, "tests", "bench", "inlines.cc"), "-o", program])
    path = os.path.join(folder, "profile-inlines.data")
    record(path, [program, "5000"])
    report(oc, given.root, "C++, inlines", path, given.rounds)
    if given.clang is None:
        return
    source, path = os.path.join(folder, "heavy.cc"), os.path.join(folder, "profile-clang.data")
    with open(source, "w", encoding="utf-8") as file:
        file.write(HEAVY)
    record(path, ["clang++", "-O2", "-std=c++20", "-c", source, "-o", "/dev/null"])
    report(oc, given.root, "clang++ compiling", path, given.rounds, given.clang)


if __name__ == "__main__":
    main()
