#!/usr/bin/python3
"""Names of compiled code in stacks: jit_test.py

A program that puts two functions at one address, one after the other (jit_program.c), recorded by perf and by oc, and
live: each sample has the name of what was there at its time, as `perf inject --jit` finds it. Then LuaJIT itself, with
the module that writes its perf map.
"""
import collections
import glob
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

import perf_text

NAMES = ("first", "second", "lasting")
COUNT = """
local trace = require("oc").open { symbols = true }
trace:on(EVENT, function(e) print(("%.0f %s"):format(trace.start_ns + e.time, e.symbol)) end)
trace:run()
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=100, **options)
    return done.returncode, done.stdout, done.stderr


def symbols_of(event, *options):
    """[(time, function)] of each sample of an event, as a script sees it."""
    status, out, err = run(perf_text.OC, "eval", "-q", COUNT.replace("EVENT", f'"{event}"'), *options)
    assert status == 0, err
    return [(int(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in out.splitlines()]


def counts_of(samples):
    return collections.Counter(name for _, name in samples if name in NAMES)


def check_recorded(program, folder):
    """Sample by sample against perf inject, which makes a file of each function; it needs the trace's clock to be the
    dump's."""
    data, injected = os.path.join(folder, "perf.data"), os.path.join(folder, "injected.data")
    status, _, err = run("perf", "record", "-q", "-k", "mono", "-F", "2000", "-e", "cpu-clock:u", "-o", data, program, folder, "4",
                         cwd=folder)
    if status != 0:
        print("left out, perf record is refused here:", err.strip()[:200])
        return
    if run("perf", "inject", "--jit", "-i", data, "-o", injected, cwd=folder)[0] != 0:
        print("left out, perf inject --jit does not work here")
        return
    theirs = {}
    for line in perf_text.perf("script", "--ns", "-F", "time,ip,sym", "-i", injected).splitlines():
        found = re.match(r"\s*(\d+)\.(\d{9}):\s+[0-9a-f]+ (\S+)", line)
        if found and found[3] in NAMES:
            theirs[int(found[1]) * 10**9 + int(found[2])] = found[3]
    ours = {time: name for time, name in symbols_of("cpu-clock*", "-i", data) if name in NAMES}
    missed = [(time, name, ours.get(time)) for time, name in theirs.items() if ours.get(time) != name]
    if len(theirs) < 50 or len(set(theirs.values())) < 3:
        yield f"perf inject found {len(theirs)} samples of {set(theirs.values())}"
    # A sample may fall between a function's last byte and its record: perf gives it to what comes.
    if len(missed) > 2 or len(ours) != len(theirs):
        yield f"{len(missed)} of {len(theirs)} samples are named otherwise than by perf: {missed[:3]}; oc has {len(ours)}"
    print(f"jitdump: {len(ours)} samples of compiled code, {len(missed)} named otherwise than by perf")


def check_own(program, folder):
    """The same program live, and recorded by oc: the two functions of one address take turns, twice as long and once."""
    data = os.path.join(folder, "own.data")
    status, _, err = run(perf_text.OC, "record", "-q", "-F", "2000", "-e", "cpu-clock:u", "-g", "-o", data, "--", program, folder,
                         "4", cwd=folder)
    if status != 0:
        print("left out, oc record is refused here:", err.strip()[:200])
        return
    for how, samples in (("recorded", symbols_of("cpu-clock*", "-i", data)),
                         ("live", symbols_of("cpu-clock:u", "-F", "2000", "--", program, folder, "4"))):
        counts = counts_of(samples)
        if sum(counts.values()) < 50:
            yield f"{how}: hardly any sample of compiled code: {counts}"
        elif not (counts["first"] > counts["second"] * 1.2 and counts["second"] > counts["lasting"] * 1.2 > 0):
            yield f"{how}: {counts}: first ran 40 ms at a time, second 20, lasting 10"


def check_lua(folder):
    """LuaJIT, named by the module of examples/: two hot loops of a program."""
    luajit = shutil.which("luajit")
    if not luajit:
        print("left out, no luajit")
        return
    program = os.path.join(folder, "hot.lua")
    with open(program, "w", encoding="utf-8") as file:
        file.write("local function hot_one(n)\n  local s = 0\n  for i = 1, n do s = s + i % 7 end\n  return s\nend\n"
                   "local function hot_two(n)\n  local s = 0\n  for i = 1, n do s = s + i % 5 end\n  return s\nend\n"
                   "print(hot_one(3e7) + hot_two(3e7))\n")
    module = os.path.join(perf_text.ROOT, "examples", "luajit_perf_map.lua")
    before = set(glob.glob("/tmp/perf-*.map"))
    status, out, err = run(perf_text.OC, "script", "cpu_top", "--folded", "-q", "-F", "2000", "--", luajit, module, program)
    for path in set(glob.glob("/tmp/perf-*.map")) - before:  # ours, as far as one can tell: it names this program
        with open(path, encoding="utf-8", errors="replace") as text:
            is_ours = "hot.lua" in text.read()
        if is_ours:
            os.unlink(path)
    if status != 0:
        print("left out, a live run is refused here:", err.strip()[:200])
        return
    hot = collections.Counter()
    for stack, count in (line.rsplit(" ", 1) for line in out.splitlines() if " " in line):
        found = re.search(r"Lua:hot\.lua:(\d+)_\(trace_\d+\)|Lua:hot\.lua:(\d+) \(trace \d+\)", stack)
        if found:
            hot[found[1] or found[2]] += int(count)
    if hot["3"] < 20 or hot["8"] < 20:
        yield f"LuaJIT: samples by line of hot.lua {hot}, expected lines 3 and 8:\n{out}"
    print("LuaJIT: samples in traces by line:", dict(hot))


def main():
    if platform.machine() != "x86_64" or not shutil.which("cc"):
        perf_text.skip("the program that compiles code is for x86-64, and wants cc")
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "jit_program")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jit_program.c")
        perf_text.run("cc", "-O1", source, "-o", program)
        jobs = [("own", check_own, program, folder), ("LuaJIT", check_lua, folder)]
        if perf_text.has_perf():
            jobs.append(("perf inject", check_recorded, program, folder))
        return perf_text.run_checks(jobs, "checks of compiled code")


if __name__ == "__main__":
    sys.exit(main())
