#!/usr/bin/python3
"""Measures stacks against perf: stacks.py ROOT [--rounds N]. Started by run.sh (./dev bench stacks).

Two recordings of the same program, by frame pointers and with registers and stack bytes: samples a second of oc and of
`perf script`, with and without names; bytes of memory a distinct stack and a sample.
"""
import argparse
import os
import re
import sys

import measure

PROGRAM = r"""
#include <stdlib.h>
static volatile unsigned long sink;
__attribute__((noinline)) static void leaf(int n) { for (int i = 0; i < n; i++) sink += i * 7; }
__attribute__((noinline)) static void a(int n); __attribute__((noinline)) static void b(int n);
__attribute__((noinline)) static void a(int n) { if (n > 0) { if (n & 1) b(n / 2 + n % 3); else a(n - 1); } leaf(3000); }
__attribute__((noinline)) static void b(int n) { if (n > 0) { if (n & 2) a(n - 2); else b(n - 1); } leaf(2000); }
__attribute__((noinline)) static int compare(const void *x, const void *y) { a(*(int *)x % 9); return *(int *)x - *(int *)y; }
int main(int argc, char **argv) {
  for (int i = 0; i < atoi(argv[1]); i++) { int v[64]; for (int k = 0; k < 64; k++) v[k] = (i + k) * 37 % 64;
    qsort(v, 64, sizeof v[0], compare); a(i % 60); b(i % 50); sink += v[3]; }
  return 0; }
"""
WAYS = {"frame pointers": ("fp", "-fno-omit-frame-pointer"), "registers and stack": ("dwarf,16384", "-fomit-frame-pointer")}


def make(folder, name, how, flag):
    """The recording, made once."""
    path = os.path.join(folder, f"stacks-{how.split(',')[0]}.data")
    if os.path.exists(path):
        return path
    source, program = os.path.join(folder, "walker.c"), os.path.join(folder, f"walker-{how.split(',')[0]}")
    with open(source, "w", encoding="utf-8") as out:
        out.write(PROGRAM)
    for command in (["cc", "-O1", "-g", "-fno-optimize-sibling-calls", flag, source, "-o", program],
                    ["perf", "record", "-q", "-F", "9000", "-e", "cpu-clock", "--call-graph", how, "-o", path, program, "400"]):
        cost = measure.run(command)
        if cost.status != 0:
            sys.exit(f"bench: {name}: {' '.join(command)}: {cost.output.strip()[-300:]}")
    return path


def main():
    options = argparse.ArgumentParser()
    options.add_argument("root")
    options.add_argument("trace", nargs="?")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    folder = os.path.join(given.root, "build", "bench")
    os.makedirs(folder, exist_ok=True)
    oc = os.path.join(given.root, "build", "oc")
    script = os.path.join(given.root, "tests", "bench", "stack_count.lua")
    for name, (how, flag) in WAYS.items():
        path = make(folder, name, how, flag)
        rows = [measure.Row("oc, by stack", [oc, "script", "-q", "-i", path, script]),
                measure.Row("oc, all names, lines, inlines", [oc, "script", "-q", "-i", path, script, "--names"]),
                measure.Row("perf script -F ip", ["perf", "script", "--no-inline", "-F", "ip", "-i", path]),
                measure.Row("perf script -F ip,sym", ["perf", "script", "--no-inline", "-F", "ip,sym", "-i", path])]
        measure.interleave(rows[:2], given.rounds, keep_output=True)
        measure.interleave(rows[2:], given.rounds)
        numbers = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", rows[0].output or "")}
        if not numbers:
            sys.exit(f"bench: {name}: {rows[0].missing}")
        print(f"\n{name}: {os.path.getsize(path) / 1e6:.1f} MB, {numbers['samples']} samples, "
              f"{numbers['frames'] / numbers['samples']:.1f} frames each, {numbers['stacks']} distinct stacks of "
              f"{numbers['distinct']} frames")
        print(f"  memory: {numbers['bytes'] / numbers['stacks']:.0f} bytes a distinct stack, "
              f"{numbers['bytes'] / numbers['samples']:.1f} a sample")
        for row in rows:
            peer = rows[2] if row is rows[0] else rows[3] if row is rows[1] else None
            ratio = f"  {peer.wall / row.wall:.1f} times as fast as {peer.name}" if peer and peer.wall and row.wall else ""
            print(f"  {row.name:32} " + (row.missing or f"{row.wall * 1e3:8.1f} ms wall  {row.cpu * 1e3:8.1f} ms CPU  "
                                         f"{numbers['samples'] / row.wall / 1e3:8.0f} k samples/s{ratio}"))


if __name__ == "__main__":
    main()
