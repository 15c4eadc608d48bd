#!/usr/bin/env python3
"""Profiles of the corpus that other tools wrote, opened by oc: against `go tool pprof` and lines parsed here.

Profiles in pprof's old formats and text in UTF-16 must be refused with a word about it.
"""
import collections
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys

import perf_text

CORPUS = perf_text.CORPUS
failures = []


def check(is_so, what):
    if not is_so:
        failures.append(what)
        print("FAILED:", what[:1000])


def rows_of(path, *more):
    """oc's samples of a file; or the error."""
    done = subprocess.run([perf_text.OC, "export", path, "-o", "-", "--format", "jsonl", *more], capture_output=True, timeout=120)
    if done.returncode != 0:
        return None, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.split(b"\n")[:-1]], done.stderr.decode()


def go_top(path, kind):
    """Flat and cumulative by function."""
    environment = dict(os.environ, PPROF_BINARY_PATH="/nowhere", HOME="/nowhere")
    done = subprocess.run(["go", "tool", "pprof", "-symbolize=none", "-top", "-nodecount=1000000", "-nodefraction=0",
                           "-trim=false", "-unit=minimum", "-sample_index=" + kind, path], env=environment,
                          capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, f"go tool pprof {path}: {done.stderr[:300]}")
    found = {}
    for line in done.stdout.split("\n"):
        row = re.fullmatch(r"\s*(-?[\d.]+)([a-zA-Z]*)\s+-?[\d.e+-]+%\s+-?[\d.e+-]+%\s+(-?[\d.]+)([a-zA-Z]*)\s+-?[\d.e+-]+%  (.*?)"
                           r"( \((partial-)?inline\))?", line)
        if row:
            # Both say that nobody knows, in other words; oc has no tabs in a name.
            name = "[unknown]" if row[5] == "<unknown>" else row[5].replace("\t", " ")
            found[name] = (float(row[1]), float(row[3]))
    return found


def go_samples(path):
    """How many samples a profile is of that has the types samples and another one; None: it has others."""
    done = subprocess.run(["go", "tool", "pprof", "-symbolize=none", "-raw", path], env=dict(os.environ, HOME="/nowhere"),
                          capture_output=True, text=True, timeout=120)
    found = re.search(r"^Samples:\nsamples/count (\S+)\n(.*?)^Locations$", done.stdout, re.M | re.S)
    if not found:
        return None
    values = [[int(number) for number in row] for row in re.findall(r"^ *(-?\d+) +(-?\d+): ", found[2], re.M)]
    # A sample of which only the value is there counts as one.
    return sum(abs(count) or 1 for count, value in values if count or value)


def is_protobuf(path):
    """As its manifest says of it: pprof itself reads it as one."""
    with open(path, "rb") as file:
        return file.read(2)[:2] in (b"\x1f\x8b", b"\n\x04", b"\n\x05")


def check_profile(path):
    rows, error = rows_of(path, "-e", "*")
    name = os.path.relpath(path, CORPUS)
    check(rows is not None, f"{name}: {error}")
    if rows is None:
        return
    samples = go_samples(path)
    if samples is not None:
        counts, _ = rows_of(path, "--counts")
        ours = sum(row["value"] for row in counts)
        check(ours == samples, f"{name}: {ours} samples; pprof has {samples}")
    for kind in dict.fromkeys(row["kind"] for row in rows):
        flat, total = collections.Counter(), collections.Counter()
        for row in rows:
            if row["kind"] == kind and row["stack"]:
                flat[row["stack"][-1]] += row["value"]
                for function in set(row["stack"]):
                    total[function] += row["value"]
        # What pprof rounds to two digits of a unit is compared as shares.
        theirs = go_top(path, kind)
        ours_all, theirs_all = sum(flat.values()), sum(flat for flat, _ in theirs.values())
        if not theirs_all or not ours_all:
            check(not theirs_all and not ours_all, f"{name}, {kind}: {theirs_all} and {ours_all}")
            continue
        for function, (go_flat, go_total) in theirs.items():
            shares = (flat[function] / ours_all, total[function] / ours_all)
            check(abs(shares[0] - go_flat / theirs_all) < 2e-4 and abs(shares[1] - go_total / theirs_all) < 2e-4,
                  f"{name}, {kind}, {function}: {flat[function]} {total[function]} of {ours_all}; "
                  f"pprof has {go_flat} {go_total} of {theirs_all}")


def check_folded(path):
    """Each line's count counts for its stack; a first frame that is no function stays a name of a thread."""
    with open(path, "rb") as file:
        lines = file.read().decode("utf-8").replace("\r\n", "\n").split("\n")
    expected, found = collections.Counter(), collections.Counter()
    for line in lines:
        parts = re.fullmatch(r"(.*\S) (\d+(?:\.\d*)?)", line)
        if parts:
            frames = [re.sub(r"_\[[kij]\]$", "", frame) for frame in parts[1].split(";") if frame]
            expected[tuple(frames)] += float(parts[2])
    rows, error = rows_of(path)
    name = os.path.relpath(path, CORPUS)
    check(rows is not None, f"{name}: {error}")
    for row in rows or ():
        found[tuple(([row["comm"]] if "comm" in row else []) + row["stack"])] += row["value"]
    check(expected == found, f"{name}: {list((expected - found).items())[:2]} instead of {list((found - expected).items())[:2]}")


def check_refused(path, words):
    rows, error = rows_of(path)
    check(rows is None and words in error, f"{os.path.relpath(path, CORPUS)}: {error[:300]}")


def main():
    if not os.path.isdir(os.path.join(CORPUS, "pprof")):
        perf_text.skip("there is no corpus with profiles")
    work = []
    folded = [path for path in glob.glob(os.path.join(CORPUS, "folded", "**", "*.txt"), recursive=True)
              if "utf16" not in path and "results" not in path and "empty" not in path and "nameattr_" not in path
              and "-diff" not in path]
    check(len(folded) > 10, "the corpus has fewer collapsed stacks than expected")
    work += [(check_folded, path) for path in folded]
    for path in glob.glob(os.path.join(CORPUS, "folded", "speedscope", "*utf16*")):
        work.append((lambda path: check_refused(path, "UTF-16"), path))
    for path in glob.glob(os.path.join(CORPUS, "pprof", "google-pprof", "profile", "testdata", "*")):
        if not path.endswith(".string") and not is_protobuf(path):
            work.append((lambda path: check_refused(path, "old format"), path))
    if shutil.which("go"):
        profiles = [path for end in ("*.pb.gz", "*.pprof", "*.prof")
                    for path in glob.glob(os.path.join(CORPUS, "pprof", "**", end), recursive=True)]
        check(len(profiles) > 8, "the corpus has fewer profiles than expected")
        work += [(check_profile, path) for path in profiles]
    else:
        print("skipped: go tool pprof (there is no go here)")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda item: item[0](item[1]), work))
    if failures:
        sys.exit(f"{len(failures)} checks failed")
    print(len(work), "profiles agree")


main()
