#!/usr/bin/python3
"""A trace larger than one looks at: `oc … --time` of its last second against `cat FILE >/dev/null`.

big.py ROOT TRACE [--gigabytes N] [--rounds N] [--json FILE]. Started by run.sh big. The file is made by
repeating the records of TRACE, with later times each, and removed at the end.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

import measure

SPARE = 5 * 10**9  # left free on the disk
WANTED = 1.5


def make(root, trace, path, size):
    """Writes the file; says what it is."""
    free = shutil.disk_usage(os.path.dirname(path)).free
    if free < size + SPARE:
        sys.exit(f"bench: {free / 1e9:.0f} GB free on the disk of {path}, {size / 1e9:.0f} and "
                 f"{SPARE / 1e9:.0f} to spare are needed: --gigabytes takes less")
    repeat = os.path.join(root, "build/tests/bench/repeat_trace")
    said = subprocess.run([repeat, trace, path, str(size)], check=True, capture_output=True,
                          text=True).stdout
    print(f"{path}: {os.path.getsize(path) / 1e9:.1f} GB, {said.strip()}")


def forget(path):
    """Takes the file out of the page cache, so that the next run reads it from the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def print_cold(rows, path):
    """One run of each from the disk: only to look at, disks of machines in the cloud are moody."""
    for row in rows:
        forget(path)
        print(f"{row.name:<34}{measure.run(row.command).wall:>8.3f} s from the disk")


def cached_share(path):
    """How much of the file is in the page cache, by fincore; None where that is not installed."""
    if shutil.which("fincore") is None:
        return None
    out = subprocess.run(["fincore", "-b", "-n", "-o", "RES", path], capture_output=True, text=True,
                         check=False).stdout.split()
    return int(out[0]) / os.path.getsize(path) if out else None


def main():
    options = argparse.ArgumentParser()
    options.add_argument("root")
    options.add_argument("trace")
    options.add_argument("--gigabytes", type=float, default=10)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json")
    opt = options.parse_args()

    path = os.path.join(opt.root, "build/bench/repeated.data")
    oc, count = os.path.join(opt.root, "build/oc"), os.path.join(opt.root, "tests/bench/count.lua")
    try:
        make(opt.root, opt.trace, path, int(opt.gigabytes * 1e9))
        cat = measure.Row("cat FILE >/dev/null", ["cat", path])
        last = measure.Row("oc script --time -1s, -i FILE",
                           [oc, "script", "--time", "-1s,", "-i", path, count])
        whole = measure.Row("oc script -i FILE", [oc, "script", "-i", path, count])
        cat.measure()
        cat.costs.clear()
        for _ in range(opt.rounds):
            cat.measure()
            last.measure(keep_output=True)
        share = cached_share(path)
        whole.measure()
        peaks = [measure.peak_kib(row.command) for row in (last, whole)]
        print_cold((cat, last), path)
        expected = measure.run([oc, "script", "--time", "-1s,", "-i", opt.trace, count],
                               keep_output=True).output
    finally:
        if os.path.exists(path):
            os.remove(path)
    if share is not None:
        print(f"{share * 100:.0f} % of it in the page cache after the runs")
    for row in (cat, last, whole):
        print(f"{row.name:<34}{row.wall:>8.3f} s {row.cpu:>8.3f} s of CPU" if row.wall
              else f"{row.name}: {row.missing}")
    for row, (anonymous, mapped) in zip((last, whole), peaks):
        print(f"{row.name:<34}peak RssAnon {anonymous / 1024:.1f} MiB, RssFile {mapped / 1024:.0f} MiB")
    ratio = last.wall / cat.wall
    print(f"{ratio:.2f} times cat (wanted: at most {WANTED})")
    is_same = last.output == expected
    print("the last second counts " + ("as in the trace that was repeated" if is_same else "WRONGLY"))
    if opt.json:
        with open(opt.json, "w", encoding="utf-8") as out:
            json.dump({"cat_s": cat.wall, "last_second_s": last.wall, "whole_s": whole.wall,
                       "peak_kib": peaks, "cached": share}, out, indent=1)
    return 0 if is_same and ratio <= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
