#!/usr/bin/python3
"""Names of frames: oc's symbolizer against perf script's, on one recording with call chains.

symbols_perf.py FRAME_NAMES RECORDING: prints what differs by kind; exit status 1 when more than one in 200 differs.
"""
import collections
import re
import subprocess
import sys

FRAME = re.compile(r"^\s+([0-9a-f]+) (.*) \((.*)\)$")


def perf_frames(recording):
    """{(question for frame_names, address): what perf says}."""
    text = subprocess.run(["perf", "script", "-i", recording, "--no-inline", "-F", "ip,sym,symoff,dso"],
                          capture_output=True, text=True, check=True, errors="replace").stdout
    frames = {}
    for line in text.splitlines():
        found = FRAME.match(line)
        if not found:
            continue
        address, name, dso = found.groups()
        if dso.startswith("[kernel"):
            frames[f"kernel {address}"] = name
        elif dso.startswith("/") and " (deleted)" not in dso and not dso.startswith("/tmp/perf-"):
            frames[f"file {dso} {address}"] = name
    return frames


def oc_names(program, questions):
    text = subprocess.run([program], input="\n".join(questions) + "\n", capture_output=True, text=True,
                          check=True, errors="replace").stdout
    return [line.split("\t")[0] for line in text.splitlines()]


def kind_of(ours, theirs):
    if ours == theirs:
        return None
    if theirs == "[unknown]":
        return "explained: perf knows no name"
    our_name, _, our_offset = ours.rpartition("+")
    their_name, _, their_offset = theirs.rpartition("+")
    if our_offset == their_offset:
        if "@@" in their_name and our_name.split("@")[0] == their_name.split("@")[0]:
            return "explained: a version"
        return "another name of the same place"
    if ours == "[unknown]":
        return "oc knows no name"
    return "another function"


def compare(program, recording):
    frames = perf_frames(recording)
    kinds = collections.defaultdict(list)
    for (question, theirs), ours in zip(frames.items(), oc_names(program, frames)):
        kind = kind_of(ours, theirs)
        if kind:
            kinds[kind].append((question, ours, theirs))
    return len(frames), kinds


def main():
    total, kinds = compare(sys.argv[1], sys.argv[2])
    different = 0
    for kind, examples in sorted(kinds.items()):
        print(f"  {len(examples)} {kind}")
        if not kind.startswith("explained"):
            different += len(examples)
        for question, ours, theirs in examples[:6]:
            print(f"    {question}: oc {ours}, perf {theirs}")
    print(f"{total} frames, {different} differ")
    return 0 if total and different * 200 <= total else 1


if __name__ == "__main__":
    sys.exit(main())
