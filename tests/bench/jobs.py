#!/usr/bin/python3
"""--jobs: two traces one after the other and in two workers, one trace whole and in two slices; the same bytes each time.

jobs.py ROOT TRACE [--rounds N]: started by `./dev bench jobs`. Exit status 1 when the answers differ.
"""
import argparse
import os
import statistics
import sys

import measure


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("trace")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    oc = os.path.join(given.root, "build/oc")
    here = os.path.dirname(os.path.abspath(__file__))
    failed = False
    print(f"{'':<44}{'wall s':>9}{'cpu s':>9}")
    for script in ("count.lua", "jobs.lua"):
        for what, inputs in (("two traces", [given.trace] * 2), ("one trace", [given.trace])):
            named = [word for path in inputs for word in ("-i", path)]
            costs, outputs = {1: [], 2: []}, set()
            for _ in range(given.rounds):
                for jobs in (1, 2):
                    cost = measure.run([oc, "script", *named, "--jobs", str(jobs), os.path.join(here, script)],
                                       keep_output=True)
                    if cost.status != 0:
                        sys.exit(f"bench: {script}: {cost.output.strip()[-300:]}")
                    costs[jobs].append(cost)
                    outputs.add(cost.output)
            walls = {jobs: statistics.median(cost.wall for cost in list_) for jobs, list_ in costs.items()}
            for jobs, list_ in costs.items():
                cpu = statistics.median(cost.cpu for cost in list_)
                print(f"{script + ', ' + what + ', --jobs ' + str(jobs):<44}{walls[jobs]:>9.3f}{cpu:>9.3f}")
            print(f"    {walls[1] / walls[2]:.2f} times faster, " + ("the same bytes" if len(outputs) == 1 else "NOT THE SAME"))
            failed = failed or len(outputs) != 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
