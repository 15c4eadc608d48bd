#!/usr/bin/python3
"""Random filters over random records, as oc's generated Lua decides them and as Python does:
filters_test.py [SEED]
"""
import os
import random
import subprocess
import sys
import tempfile

import filter_cases

BUILD = os.environ.get("OC_BUILD_ROOT", os.path.join(os.path.dirname(__file__), "../../build"))
OC = os.path.join(BUILD, "oc")
EVENTS = 400
# How many callbacks share a run: one has the event alone, few are in the loop's own chain, many are
# called through tables (lua/oc/dispatch.lua).
RUNS = [1] * 6 + [8] * 12 + [120] * 4

SCRIPT = """
local oc = require "oc"
local trace = oc.open {}
local passed = {}
for i, filter in ipairs { %s } do
  local list = {}
  passed[i] = list
  trace:on("test:probe", { filter = filter }, function(e) list[#list + 1] = e.serial end)
end
trace:run()
for _, list in ipairs(passed) do print(table.concat(list, " ")) end
"""


def lua_text(text):
    return "[=[" + text + "]=]"


def run_oc(folder, trace, texts, *options):
    script = os.path.join(folder, "filters.lua")
    with open(script, "w", encoding="utf-8") as file:
        file.write(SCRIPT % ", ".join(lua_text(text) for text in texts))
    done = subprocess.run([OC, "script", "-q", "-i", trace, script, *options], timeout=120,
                          capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        sys.exit(f"oc ended with {done.returncode}:\n{done.stderr}\n" + "\n".join(texts))
    lines = done.stdout.split("\n")[:len(texts)]
    return [[int(word) for word in line.split()] for line in lines]


def check(text, want, got):
    if want == got:
        return True
    odd = sorted(set(want) ^ set(got))[:5]
    print(f"{text}\n  Python: {len(want)} events, oc: {len(got)}; first differences: {odd}")
    return False


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    events = filter_cases.random_events(rng, EVENTS)
    good, some, count = True, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        trace = os.path.join(folder, "random.data")
        filter_cases.write_trace(trace, events)
        for size in RUNS:
            cases = [filter_cases.random_filter(rng, events) for _ in range(size)]
            results = run_oc(folder, trace, [text for text, _ in cases])
            for (text, holds), got in zip(cases, results):
                want = [event["serial"] for event in events if holds(event)]
                good = check(text, want, got) and good
                some += 0 < len(want) < EVENTS
                count += 1
        for _ in range(4):  # the command line's filter beside the callback's
            (a_text, a), (b_text, b) = (filter_cases.random_filter(rng, events) for _ in range(2))
            want = [event["serial"] for event in events if a(event) and b(event)]
            got = run_oc(folder, trace, [a_text], "--filter", b_text)[0]
            good = check(f"{a_text}  --filter  {b_text}", want, got) and good
    print(f"{count} filters, {some} of which let some events through and not all")
    if some < count / 3:
        sys.exit("too few filters decide anything")
    if not good:
        sys.exit(f"differences; again with: filters_test.py {seed}")


if __name__ == "__main__":
    main()
