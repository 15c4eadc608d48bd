#!/usr/bin/python3
"""Unwind rules from a script: given_rules_test.py

A program that calls through code without frame pointers and without tables (unframed_program.c), recorded with
registers and stack bytes: its stacks end there, and with a rule they go on to main, as the program is written.
"""
import collections
import os
import platform
import shutil
import subprocess
import sys
import tempfile

import perf_text

SCRIPT = """
local trace = require("oc").open { stacks = "dwarf" }
RULES
local seen = {}
trace:on("cpu-clock*", function(e) seen[#seen + 1] = e.stack end)
trace:run()
for _, stack in ipairs(seen) do
  local names = {}
  for i, frame in ipairs(stack:frames()) do names[i] = frame.name or frame.module end
  print(stack.reason .. "|" .. table.concat(names, ";"))
end
"""


def stacks_of(data, rules):
    out, _ = perf_text.run(perf_text.OC, "eval", "-q", "-i", data, SCRIPT.replace("RULES", rules))
    return [(line.split("|", 1)[0], line.split("|", 1)[1].split(";")) for line in out.splitlines()]


def in_leaf(stacks):
    return [(reason, names) for reason, names in stacks if "leaf" in names]


def check(data, address):
    chain = ["leaf", "//anon", "outer", "main"]
    plain = in_leaf(stacks_of(data, ""))
    if len(plain) < 20:
        yield f"hardly any sample in leaf: {len(plain)}"
    if any("outer" in names for _, names in plain):
        yield "without a rule a stack goes on behind the made code"
    ends = collections.Counter((reason, names[-1]) for reason, names in plain)
    if set(ends) - {("the module has no unwind information for an address", "//anon"),
                    ("no unwind information for an address", "//anon")}:
        yield f"without a rule stacks end so: {ends}"
    for what, module in (("by its name", "//anon"), ("by a glob", "//*")):
        rules = f'trace:add_unwind_rules("{module}", {{ {{ offset = {address}, size = 21, cfa = "sp+48" }} }})'
        given = in_leaf(stacks_of(data, rules))
        short = [names for _, names in given if names[names.index("leaf"):][:4] != chain]
        if len(given) != len(plain) or short:
            yield f"{what}: {len(short)} of {len(given)} stacks do not go on to main: {short[:1]}"
    other = f'trace:add_unwind_rules("//anon", {{ {{ offset = {address + 64}, size = 21, cfa = "sp+48" }} }})'
    if stacks_of(data, other) != stacks_of(data, ""):
        yield "a rule of another place changes stacks"
    outermost = f'trace:add_unwind_rules("//anon", {{ {{ offset = {address}, size = 21, cfa = "none" }} }})'
    if {reason for reason, _ in in_leaf(stacks_of(data, outermost))} != {"complete"}:
        yield "code that nobody calls does not end a stack"
    # A rule goes before the program's own tables: here a wrong one.
    program = f'trace:add_unwind_rules("*unframed_program", {{ {{ offset = 0, size = {2**30}, cfa = "none" }} }})'
    if any(names[-1] != "leaf" for _, names in in_leaf(stacks_of(data, program))):
        yield "a rule does not go before those of the file"


def main():
    if platform.machine() != "x86_64" or not shutil.which("cc"):
        perf_text.skip("the program is for x86-64, and wants cc")
    perf_text.need_perf()
    with tempfile.TemporaryDirectory() as folder:
        program, data = os.path.join(folder, "unframed_program"), os.path.join(folder, "perf.data")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "unframed_program.c")
        perf_text.run("cc", "-O1", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", source, "-o", program)
        done = subprocess.run(["perf", "record", "-q", "-F", "999", "-e", "cpu-clock:u", "--call-graph", "dwarf,4096", "-o", data,
                               program, "150"], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            perf_text.skip(f"perf record is refused here: {done.stderr.strip()[:200]}")
        return perf_text.run_checks([("rules", check, data, int(done.stdout.split()[0], 16))], "checks of given unwind rules")


if __name__ == "__main__":
    sys.exit(main())
