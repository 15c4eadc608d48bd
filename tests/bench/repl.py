#!/usr/bin/python3
"""The REPL on a big trace: the time to the first prompt, a count over all events, the answers of completion.

repl.py ROOT TRACE [--rounds N] [--json FILE]. Started by run.sh repl. The count is held against the same by
`oc eval` in a process of its own, in the same run.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import measure

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
import terminal  # noqa: E402

WANTED = {"first prompt": 0.3, "count of all events": 0.3, "completion": 0.05}


def session(root, trace):
    """One session: seconds to the prompt, and from the line to the next prompt."""
    with tempfile.TemporaryDirectory() as state:
        began = time.monotonic()
        t = terminal.Terminal(["repl", trace], env={"XDG_STATE_HOME": state},
                              program=os.path.join(root, "build/oc"))
        t.expect("^oc> ")
        prompt = time.monotonic() - began
        began = time.monotonic()
        t.ask('count("*")', "count")
        counted = time.monotonic() - began
        problems = t.finish(0, "\x04")
    if problems:
        sys.exit("bench: " + "; ".join(problems))
    return prompt, counted


def completion(root):
    """Milliseconds by case, and how many events there are."""
    script = os.path.join(root, "tests/bench/complete_bench.lua")
    out = subprocess.run([os.path.join(root, "build/oc"), "script", script], check=True, capture_output=True,
                         text=True).stdout
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("root")
    options.add_argument("trace")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json")
    given = options.parse_args()
    prompts, counts, evals = [], [], []
    evaluate = [os.path.join(given.root, "build/oc"), "eval", "-i", given.trace, 'count("*")']
    for _ in range(given.rounds):
        prompt, counted = session(given.root, given.trace)
        prompts.append(prompt)
        counts.append(counted)
        evals.append(measure.run(evaluate).wall)
    answers = completion(given.root)
    events, index = answers.pop("event_count"), answers.pop("index")
    rows = {"first prompt": min(prompts), "count of all events": min(counts),
            "completion": max(answers.values()) / 1e3}
    print(f"{given.trace}: {os.path.getsize(given.trace) / 1e6:.0f} MB, best of {given.rounds}")
    for name, seconds in rows.items():
        verdict = "" if seconds <= WANTED[name] else f"   MISSED: {WANTED[name]} s"
        print(f"{name:<24}{seconds * 1e3:>10.1f} ms{verdict}")
    print(f"{'the count by oc eval':<24}{min(evals) * 1e3:>10.1f} ms")
    print(f"completion among {events:.0f} events and 100000 symbols, ms: "
          + ", ".join(f"{name} {value:.2f}" for name, value in answers.items())
          + f"; their index, made once while nobody types: {index:.0f}")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({**rows, "eval": min(evals), "completion_ms": answers}, file)


if __name__ == "__main__":
    main()
