#!/usr/bin/python3
"""Measures reports and exports against perf: machine.py ROOT [--rounds N]. Started by run.sh (./dev bench machine).

A recording by frame pointers of at least 200,000 samples becomes pprof, collapsed and speedscope files in one pass;
its peers are `perf script` with a folding script (standard library Python, frames and names only) and `perf report`.
There are two: short stacks of one program again and again, and those of find, xargs and grep and of the kernel beneath
them, of which every second one is new. Then what the machine itself costs, without a trace (machine_samples).
"""
import argparse
import json
import os
import subprocess
import sys

import measure
from stacks import make

SAMPLES = 200_000
FOLD = r"""
import collections, sys
counts, comm, stack = collections.Counter(), "", []
for line in sys.stdin:
    if not line.strip():
        if comm: counts[comm + ";" + ";".join(reversed(stack))] += 1
        comm, stack = "", []
    elif line[0].isspace() and comm:
        name = line.strip().split(" ", 1)[-1].rsplit(" (", 1)[0]
        stack.append(name.rsplit("+0x", 1)[0])
    else:
        comm = line.split()[0]
if comm: counts[comm + ";" + ";".join(reversed(stack))] += 1
for key, count in counts.items(): print(key, count)
"""


def samples_of(oc, path):
    summary = subprocess.run([oc, "report", path, "--json"], capture_output=True, check=True, text=True).stdout
    return json.loads(summary.splitlines()[0])["summary"]["events"]


def repeated(folder, oc, repeat_trace):
    """The recording of stacks.py, its samples repeated until there are enough."""
    path = os.path.join(folder, "machine.data")
    if os.path.exists(path):
        return path
    one = make(folder, "frame pointers", "fp", "-fno-omit-frame-pointer")
    times = SAMPLES // samples_of(oc, one) + 1
    cost = measure.run([repeat_trace, one, path, str(times * os.path.getsize(one))])
    if cost.status != 0:
        sys.exit(f"bench: {repeat_trace}: {cost.output.strip()[-300:]}")
    return path


def searched(folder, oc, root):
    """find, xargs and grep over headers, again and again until there are enough samples: made once."""
    path = os.path.join(folder, "searched.data")
    rounds = 10
    while not os.path.exists(path) or samples_of(oc, path) < SAMPLES:
        search = (f"for i in $(seq {rounds}); do find /usr/include {root}/src -name '*.h' | "
                  "xargs grep -l no_such_word; done")
        cost = measure.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "20000", "-m", "16M", "-g", "-o", path,
                            "sh", "-c", f"({search}) >/dev/null; true"])
        if cost.status != 0:
            sys.exit(f"bench: {path}: {cost.output.strip()[-300:]}")
        rounds = rounds * SAMPLES * 5 // 4 // max(samples_of(oc, path), 1) + 1
    return path


def shape_of(oc, path):
    """How many samples and distinct stacks there are."""
    script = ("local m = oc.open { machine = true, stacks = 'any' }:run():machine() "
              "local n = m:stats() print(n.samples, n.stacks)")
    told = subprocess.run([oc, "eval", "-q", "-i", path, script], capture_output=True, check=True, text=True).stdout
    return [int(float(word)) for word in told.split()]


def compare(path, folder, oc, rounds):
    fold = os.path.join(folder, "fold.py")
    with open(fold, "w", encoding="utf-8") as out:
        out.write(FOLD)
    files = [os.path.join(folder, name) for name in ("a.pb.gz", "a.folded", "a.speedscope.json")]
    outputs = [word for name in files for word in ("-o", name)]
    ours = [measure.Row("oc export, three formats", [oc, "export", path, "-q", "--force", *outputs], files),
            *(measure.Row(f"oc export, {name} alone", [oc, "export", path, "-q", "--force", "-o", file], [file])
              for name, file in zip(("pprof", "collapsed", "speedscope"), files)),
            measure.Row("oc report", [oc, "report", path, "-q"])]
    peers = [measure.Row("perf script | fold", ["sh", "-c", f"perf script -i {path} | /usr/bin/python3 {fold}"]),
             measure.Row("the same, names only", ["sh", "-c", f"perf script --no-inline -F comm,ip,sym -i {path} | "
                                                  f"/usr/bin/python3 {fold}"]),
             measure.Row("perf report --stdio", ["perf", "report", "--stdio", "-i", path])]
    measure.interleave(ours + peers, rounds)
    samples, stacks = shape_of(oc, path)
    print(f"\n{os.path.basename(path)}: {os.path.getsize(path) / 1e6:.1f} MB, {samples} samples, {stacks} distinct stacks")
    for row in ours + peers:
        ratios = "".join(f"  {peer.wall / row.wall:.1f} x {peer.name}" for peer in peers
                         if row in ours and peer.wall and row.wall)
        print(f"  {row.name:28} " + (row.missing or f"{row.wall * 1e3:9.1f} ms wall {row.cpu * 1e3:9.1f} ms CPU{ratios}"))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("root")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    folder = os.path.join(given.root, "build", "bench")
    os.makedirs(folder, exist_ok=True)
    oc = os.path.join(given.root, "build", "oc")
    repeat_trace = os.path.join(given.root, "build", "tests", "bench", "repeat_trace")
    for path in (repeated(folder, oc, repeat_trace), searched(folder, oc, given.root)):
        compare(path, folder, oc, given.rounds)
    print(f"load average: {os.getloadavg()[0]:.1f}")
    subprocess.run([os.path.join(given.root, "build", "tests", "bench", "machine_samples")], check=True)


if __name__ == "__main__":
    main()
