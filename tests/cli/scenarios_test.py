"""Every built-in scenario, from `oc record` to what is made of it: each question that has a name gets an answer."""
import json
import os
import re
import sys
import tempfile

from bad_input_test import may_trace
from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
FIXTURES = os.path.join(ROOT, "tests", "fixtures")
STACKS, SCHED = os.path.join(FIXTURES, "stacks.data"), os.path.join(FIXTURES, "sched.data")
# It computes, touches memory, waits for a thread and for time.
BUSY = """
import threading, time
def work():
    time.sleep(0.02)
    memory = bytearray(1 << 23)
    return sum(range(300000)), memory
thread = threading.Thread(target=work)
thread.start()
thread.join()
work()
"""
# What one command does surely; block_io needs a disk.
OF_COMMAND = ("cpu", "page_faults", "off_cpu", "syscalls", "locks")
NOT_TRIED = {"block_io": "it needs a disk to write to", "run_queue": "pairs_test.py records it"}


def counted(ended):
    """Samples of the only kind that the report is of."""
    tables = [json.loads(line) for line in ended.out.splitlines() if '"rows"' in line]
    kinds = [table.get("kind") for table in tables]
    return sum(row["count"] for table in tables for row in table["rows"]), kinds


def answers(suite, folder, path, name):
    """What is told of a scenario of this trace, by each way to ask."""
    ended = run(["report", path, "--scenario", name, "--by", "comm", "--json"])
    count, kinds = counted(ended)
    problems = [] if count > 0 and len(kinds) == 1 else [f"{count} samples of kinds {kinds}"]
    suite.check(f"{name}: report", problems + problems_of(ended, 0, "", ""), ended)
    out = os.path.join(folder, name + ".folded")
    ended = run(["export", path, "--scenario", name, "-o", out, "--counts", "-q"])
    total = sum(int(line.rsplit(" ", 1)[1]) for line in open(out, encoding="utf-8")) if os.path.exists(out) else 0
    suite.check(f"{name}: export has the samples of the report", problems_of(ended, 0, None, "")
                + ([] if total == count else [f"{total} samples, report has {count}"]), ended)
    ended = run(["eval", f'use "{name}" print("n", samples{{kind="{name}"}}:total())', "-i", path])
    suite.check(f"{name}: by its name in a question", problems_of(ended, 0, rf"^n\t{count}$", ""), ended)


def live(suite, folder):
    path = os.path.join(folder, "all.data")
    ended = run(["record", "-q", "--scenario", ",".join(OF_COMMAND), "-o", path, "--", sys.executable, "-c", BUSY])
    suite.check("all that a command does is recorded at once", problems_of(ended, 0, None, ""), ended)
    for name in OF_COMMAND:
        suite.later(answers, suite, folder, path, name)


def straight(suite, folder, name):
    """To a file of another format, without a trace that stays."""
    out = os.path.join(folder, name + ".straight.svg")
    ended = run(["record", "-q", "--scenario", name, "-o", out, "--", sys.executable, "-c", BUSY])
    suite.check(f"{name}: recorded as a flame graph", problems_of(ended, 0, None, "")
                + ([] if os.path.exists(out) else ["there is no file"]), ended)


def hooked(suite, folder):
    """What a hook will look for in the trace is recorded."""
    script, out = os.path.join(folder, "hook.lua"), os.path.join(folder, "hook.svg")
    with open(script, "w", encoding="utf-8") as file:
        file.write('local n = 0\nrequire("oc").hooks { built = function(trace)\n'
                   '  trace:on("sched:sched_switch", function() n = n + 1 end)\n'
                   '  trace:at_end(function() print(n > 0) end)\nend }\n')
    ended = run(["record", "-q", "--script", script, "-o", out, "--", sys.executable, "-c", BUSY])
    suite.check("events of a built hook are recorded", problems_of(ended, 0, r"\Atrue\n\Z", "")
                + ([] if os.path.exists(out) else ["there is no file"]), ended)
    with open(script, "w", encoding="utf-8") as file:
        file.write('require("oc").hooks { built = function(trace)\n'
                   '  for p in trace:machine():processes() do print(p) end\n'
                   '  trace:on("sched:sched_switch", function() end)\n'
                   '  while trace:next() do end\nend }\n')
    ended = run(["record", "-q", "--script", script, "-o", out, "--force", "--", "true"])
    suite.check("a hook that waits for answers is told, and ended", problems_of(
        ended, 1, r"\A\Z", r"\Aoc: what the 'built' hook asks for cannot be known before the recording .*name its events with -e\n"), ended)


def recorded(suite, folder):
    """Of recordings that are always here."""
    for path, name in ((STACKS, "page_faults"), (os.path.join(FIXTURES, "clock.data"), "cpu"), (SCHED, "off_cpu"),
                       (SCHED, "run_queue"), (os.path.join(FIXTURES, "syscalls.data"), "syscalls")):
        answers(suite, folder, path, name)
    ended = run(["report", STACKS, "--scenario", "off_cpu,page_faults", "--by", "comm"])
    suite.check("of two scenarios both are shown", problems_of(ended, 0, r"off_cpu: .*page_fault: 484 samples", ""), ended)


def nothing(suite, folder):
    """Where nothing of a scenario happened that is said, and not which kinds there are."""
    script, out = os.path.join(folder, "never.lua"), os.path.join(folder, "never.folded")
    with open(script, "w", encoding="utf-8") as file:
        at = '{ event = "sched:sched_switch", where = function() return false end }'
        file.write(f'require("oc").scenario {{ name = "never", events = {{ "sched:sched_switch" }}, '
                   f'span = {{ from = {at}, to = {at} }} }}\n')
    ended = run(["export", SCHED, "--script", script, "--scenario", "never", "-o", out])
    suite.check("nothing of it to export", problems_of(ended, 1, None, "nothing was written: nothing of never happened in"),
                ended)
    ended = run(["export", SCHED, "--script", script, "--scenario", "never,off_cpu", "-o", out, "-q"])
    suite.check("nothing of one of them", problems_of(ended, 0, None, "") + ([] if os.path.getsize(out) else ["empty"]), ended)


def main():
    suite = Suite("scenarios")
    ended = run(["list", "scenarios"])
    missing = set(re.findall(r"^(\w+) +\S", ended.out, re.M)) - set(OF_COMMAND) - set(NOT_TRIED)
    suite.check("every scenario is tried here", [f"not {missing}"] if missing else [], ended)
    with tempfile.TemporaryDirectory() as folder:
        suite.later(recorded, suite, tempfile.mkdtemp(dir=folder))
        suite.later(nothing, suite, folder)
        reason = may_trace()
        if reason:
            suite.skip("scenarios of a command", reason)
        else:
            suite.later(hooked, suite, folder)
            for name in ("page_faults", "off_cpu"):
                suite.later(straight, suite, folder, name)
            live(suite, folder)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
