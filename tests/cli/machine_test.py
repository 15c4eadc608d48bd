"""`oc report`, `oc export`, `oc diff`, and the lists of what they can: on recordings of ours."""
import json
import os
import re
import sys
import tempfile

from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
STACKS = os.path.join(ROOT, "tests", "fixtures", "stacks.data")
SCHED = os.path.join(ROOT, "tests", "fixtures", "sched.data")
CLOCK = os.path.join(ROOT, "tests", "fixtures", "clock.data")
DEMO = os.path.join(ROOT, "examples", "traces", "demo.data")
FAULTS = os.path.join(ROOT, "tests", "fixtures", "faults.data")


def reports(suite):
    ended = run(["report", STACKS, "--by", "comm", "--top", "2"])
    suite.check("a table for each kind, the heaviest first",
                problems_of(ended, 0, r"page-faults: 484 samples, 484\n +% +count +sum +comm\n31\.82 +154 +154 +sh\n",
                            None), ended)
    ended = run(["report", STACKS, "-e", "page-faults", "--callers", "_int_malloc", "-q"])
    suite.check("callers as a tree", problems_of(ended, 0, r"100\.00% +_int_malloc", None), ended)
    ended = run(["report", STACKS, "-e", "page_fault", "--tree", "--comm", "gzip", "--json", "-q"])
    tree = json.loads(ended.out.splitlines()[-1])["tree"]
    problems = [] if tree["total"] == 82 and tree["children"] else [f"told {tree['total']}"]
    suite.check("a tree as JSON", problems, ended)
    ended = run(["report", SCHED, "--scenario", "run_queue", "--by", "comm"])
    suite.check("a scenario's samples", problems_of(ended, 0, r"run_queue: 16 samples", "oc: run_queue: 12 without a beginning"), ended)
    ended = run(["report", STACKS, "--by", "simbol"])
    suite.check("a group that does not exist", problems_of(ended, 2, None, "did you mean 'symbol'"), ended)
    ended = run(["report", STACKS, "-e", "cycles"])
    suite.check("a kind that is not there", problems_of(ended, 1, None, "no samples of kind 'cycles'"), ended)
    ended = run(["report", STACKS, "--scenario", "of_cpu"])
    suite.check("a scenario that does not exist", problems_of(ended, 2, None, "off_cpu"), ended)
    ended = run(["report", "/nowhere.data"])
    suite.check("a file that is not there", problems_of(ended, 1, None, "/nowhere.data"), ended)
    ended = run(["report", STACKS, "--time", "1000s,"])
    if "oc record -g" in ended.err:
        suite.check("and nothing else is said of them", [ended.err], ended)
    suite.check("no samples in that time", problems_of(ended, 0, "no samples", "lies after the trace"), ended)


def orders_and_units(suite):
    ended = run(["report", DEMO, "-q"])
    kinds = re.findall(r"^([\w:-]+): \d+ samples", ended.out, re.M)
    right = ["cpu-clock", "raw_syscalls:sys_enter", "raw_syscalls:sys_exit", "sched:sched_switch"]
    suite.check("samples of the CPUs come first", [] if kinds == right else [f"{kinds}"], ended)
    ended = run(["eval", "-q", "-i", DEMO, 'samples{}:by("kind"):mean():top(2)'])
    suite.check("each kind's values have its unit",
                problems_of(ended, 0, r"1\.00ms +cpu-clock\n +0\.00 +1 +raw_syscalls:sys_enter\n", None), ended)
    ended = run(["eval", "-q", "-i", DEMO, 'samples{kind="cpu-clock"}:by("comm"):top(1)'])
    suite.check("durations are told as such", problems_of(ended, 0, r"73\.33 +165 +165ms +awk\n", None), ended)
    # As scripts/syscall_latency.lua and perf script: 19 ends without a beginning.
    ended = run(["report", DEMO, "--scenario", "syscalls"])
    told = re.search(r"syscalls: (\d+) without a beginning, (\d+) returns of clone.*?, (\d+) returns from", ended.err)
    latency = run(["script", "syscall_latency", "-i", DEMO])
    both = sum(map(int, told.groups())) if told else None
    exits = re.search(r"(\d+) exits without an entry", latency.err)
    suite.check("a scenario tells all that it leaves out",
                [] if told and exits and both == int(exits[1]) else [f"{both} of {exits and exits[1]}"], ended)


def words_of_others(suite, folder):
    for code, hint in (
            ('count("tracepoint:sched:sched_switch")', "write sched:sched_switch"),
            ('count("t:sched:sched_switch")', "write sched:sched_switch"),
            ('count("software:page-faults:1")', "write page-faults, with --period 1"),
            ('count("profile:hz:99")', "write cpu, with -F 99"),
            ('count("interval:s:1")', 'every("1s", fn)'),
            ('count("sched:sched_switch", "execname")', "that is 'comm' here"),
            ('count("sched:sched_switch", "nsecs")', "that is 'time' here"),
            ('count("sched:sched_switch", "kstack")', "that is 'stack' here"),
            ('lhist("sched:sched_switch", "prev_prio")', "{ linear = {")):
        ended = run(["eval", "-i", DEMO, code])
        suite.check(f"words of bpftrace: {code}", problems_of(ended, 1, None, re.escape(hint)), ended)
    for verb, hint in ("top", "oc script cpu_top"), ("stat", "oc eval"), ("trace", "oc script syscall_latency"):
        suite.check(f"words of perf: {verb}", problems_of(ended := run([verb]), 2, None, hint), ended)
    ended = run(["help", "cpu_top"])
    suite.check("help of a script", problems_of(ended, 0, "Which processes use the CPU.*--top", None), ended)
    ended = run(["help", "nonesuchx"])
    suite.check("help of nothing", problems_of(ended, 2, None, "oc help reference"), ended)
    ended = run(["help", "e"])
    suite.check("sentences of the help are whole", problems_of(ended, 0, r"e\.cpu +-1: not known\.", None), ended)
    ended = run(["record", "-o", os.path.join(folder, "x.svgg"), "--", "true"])
    suite.check("an extension of nothing", problems_of(ended, 2, None, r"extension \.svgg\n.*'\.svg'\?; .* x\.data"), ended)


def depth_of(node):
    return 1 + max((depth_of(child) for child in node.get("children", [])), default=0)


def newcomers(suite, folder):
    """What a first hour with it met."""
    ended = run(["report", STACKS, "--by", "cgroup,comm", "-e", "page-faults", "-q"])
    suite.check("a group without a name is told as such", problems_of(ended, 0, r"\(no cgroup\) +sh$", None), ended)
    tree = ["report", STACKS, "-e", "page-faults", "--tree", "--min", "0%", "-q"]
    ended = run([*tree, "--depth", "2"])
    levels = {len(indent) // 2 for indent in re.findall(r"%  (?:[\d.]+%| +)  ( *)\S", ended.out)}
    suite.check("--depth is the number of levels", [] if levels == {0, 1} else [f"{levels}"], ended)
    ended = run([*tree, "--depth", "2", "--json"])
    root = json.loads(ended.out.splitlines()[-1])["tree"]
    suite.check("also as JSON, below the root", [] if depth_of(root) == 3 else [f"{depth_of(root)}"], ended)
    for more, key in ([], "functions"), (["--by", "comm"], "rows"), (["--tree"], "tree"):
        ended = run(["report", STACKS, "--comm", "nobody", "--json", *more])
        document = json.loads(ended.out.splitlines()[-1])
        suite.check(f"nothing has the shape of something: {key}",
                    problems_of(ended, 0, "", "none of the 493 samples passes the filters")
                    + ([] if key in document else [f"{document}"]), ended)
    ended = run(["report", STACKS, "oops", "--tre"])
    suite.check("only verbs that run commands are told of --",
                problems_of(ended, 2, None, "did you mean --tree") + (["--"] if "comes after --" in ended.err else []),
                ended)
    ended = run(["report", SCHED, "--scenario", "syscalls"])
    suite.check("what a scenario lacks is recorded for it", problems_of(
        ended, 1, None, r"record it with: oc record -a --scenario syscalls -o FILE"), ended)
    ended = run(["eval", "-i", SCHED, 'oc.open { stacks = "fp" }:on("page_fault", print)'])
    suite.check("stacks that are wanted are recorded", problems_of(ended, 1, None, r"oc record -g -a"), ended)
    ended = run(["diff", STACKS, STACKS, "-o", os.path.join(folder, "x.txt")])
    suite.check("a flame graph is no text", problems_of(ended, 2, None, "name it .svg"), ended)
    same = os.path.join(folder, "same.folded")
    ended = run(["export", STACKS, "-o", same, "-o", same])
    suite.check("one file twice", problems_of(ended, 2, None, "given twice")
                + (["it was written"] if os.path.exists(same) else []), ended)


def folded(suite):
    for name, trace, total in ("cpu_top", CLOCK, None), ("page_fault_stacks", STACKS, 484), ("off_cpu", STACKS, None):
        ended = run(["script", name, "-i", trace, "--folded", "-q"])
        lines = [line.rsplit(" ", 1) for line in ended.out.splitlines()]
        problems = [] if lines and len({stack for stack, _ in lines}) == len(lines) else ["equal lines"]
        if total and sum(int(count) for _, count in lines) != total:
            problems.append(f"{sum(int(count) for _, count in lines)} in all, not {total}")
        suite.check(f"{name} --folded: a stack is one line", problems, ended)
    ended = run(["script", "off_cpu", "-i", STACKS, "--by", "tid", "--stacks", "-q"])
    suite.check("off_cpu --stacks: below each thread", problems_of(ended, 0, r"^comm +tid +count.*\n.*\n    \S", ""),
                ended)


def exports(suite, folder):
    folded, profile = os.path.join(folder, "a.folded"), os.path.join(folder, "a.pb.gz")
    ended = run(["export", STACKS, "-e", "page-faults", "-o", folded, "-o", profile, "-o",
                 os.path.join(folder, "a.svg")])
    problems = problems_of(ended, 0, None, "wrote")
    with open(folded, encoding="utf-8") as lines:
        total = sum(int(line.rsplit(" ", 1)[1]) for line in lines)
    if total != 484:
        problems.append(f"{total} samples in the collapsed file")
    suite.check("several formats from one reading", problems, ended)
    first = open(profile, "rb").read()
    ended = run(["export", STACKS, "-e", "page-faults", "-o", profile])
    suite.check("a file that is there stays", problems_of(ended, 2, None, "--force"), ended)
    ended = run(["export", STACKS, "-e", "page-faults", "-o", profile, "--force"])
    problems = problems_of(ended, 0, None, "wrote")
    if open(profile, "rb").read() != first:
        problems.append("other bytes")
    suite.check("the same input gives the same bytes", problems, ended)
    for path in (folded, profile):
        ended = run(["report", path, "--by", "comm", "--json", "-q"])
        rows = json.loads(ended.out.splitlines()[-1])["rows"]
        told = {row["comm"]: row["sum"] for row in rows}
        wanted = {"sh": 154, "sort": 90, "gzip": 82, "seq": 81, "sleep": 77}
        suite.check(f"{os.path.basename(path)} opens like a trace", [] if told == wanted else [f"told {told}"], ended)
    ended = run(["export", STACKS, "-o", "-", "--format", "collapsed", "--comm", "seq", "-q"])
    suite.check("standard output", problems_of(ended, 0, r"^seq;", None), ended)
    ended = run(["export", STACKS, "-o", os.path.join(folder, "a.pdf")])
    suite.check("no format by that name", problems_of(ended, 2, None, "tells no format"), ended)
    ended = run(["export", STACKS, "-o", "x", "--format", "ppof"])
    suite.check("no such format", problems_of(ended, 2, None, "did you mean .pprof"), ended)
    ended = run(["export", STACKS, "-o", os.path.join(folder, "none", "a.folded")])
    suite.check("a folder that is not there", problems_of(ended, 2, None, "none"), ended)
    ended = run(["export", STACKS, "-e", "page-faults", "--per", "comm", "-o", os.path.join(folder, "per.folded")])
    problems = problems_of(ended, 0, None, "per.gzip.folded")
    suite.check("a file for each name", problems, ended)
    with open(os.path.join(folder, "own.data"), "wb") as file:
        file.write(open(STACKS, "rb").read())
    ended = run(["export", file.name, "-o", file.name, "--format", "csv", "--force"])
    problems = problems_of(ended, 2, None, "is the trace itself")
    if open(file.name, "rb").read() != open(STACKS, "rb").read():
        problems.append("the trace is gone")
    suite.check("a trace is never replaced by what is made of it", problems, ended)
    ended = run(["export", SCHED, "--per", "comm", "--comm", "gzip", "-o", os.path.join(folder, "one.folded")])
    names = [name for name in os.listdir(folder) if name.startswith("one.")]
    problems = problems_of(ended, 0, None, "one.gzip") + ([] if len(names) == 1 else [f"{names}"])
    suite.check("--per keeps to the filters", problems, ended)
    if os.path.exists("/dev/full"):
        ended = run(["export", STACKS, "-o", "/dev/full", "--format", "collapsed"])
        suite.check("a full disk", problems_of(ended, 1, None, "No space|no space"), ended)


SCRIPT = """
local oc = require "oc"
oc.exporter { name = "names", extension = ".names", write = function(m, out)
  for _, row in ipairs(m:samples():by("comm"):count():rows()) do out:write(row[1], "\\n") end
end }
oc.hooks {
  settings = function(options) options.quiet = true end,
  built = function(trace) trace:at_end(function() io.stdout:write("end ") end) end,
  parsed = function(m) m:add_sample { kind = "mine", value = 3, pid = 1, comm = "me" } end,
  export = function(m, path, options)
    if path:find("skip") then return false end
    options.kind = "mine"
  end,
  finished = function(m) io.stdout:write(m:stats().samples, "\\n") end,
}
"""


def hooks(suite, folder):
    script, out = os.path.join(folder, "hooks.lua"), os.path.join(folder, "mine.folded")
    with open(script, "w", encoding="utf-8") as file:
        file.write(SCRIPT)
    ended = run(["export", STACKS, "--script", script, "-o", out, "-o", os.path.join(folder, "skip.folded"), "-o",
                 os.path.join(folder, "all.names")])
    problems = problems_of(ended, 0, "^end 494$", None)
    if open(out, encoding="utf-8").read() != "me 3\n" or os.path.exists(os.path.join(folder, "skip.folded")):
        problems.append("the hook did not choose what is exported")
    suite.check("hooks of a script are called on the way", problems, ended)
    with open(script, "w", encoding="utf-8") as file:
        file.write('local oc = require "oc"\noc.hooks { exprot = print }\n')
    ended = run(["report", STACKS, "--script", script])
    suite.check("a hook that does not exist", problems_of(ended, 1, None, "did you mean .export"), ended)
    suite.check("the script's line is told", problems_of(ended, 1, None, r"hooks\.lua:2"), ended)
    with open(script, "w", encoding="utf-8") as file:
        file.write('local oc = require "oc"\noc.hooks { parsed = function(m)\n  m:nonsense()\nend }\n')
    ended = run(["report", STACKS, "--script", script, "-q"])
    suite.check("an error in a hook has its line", problems_of(ended, 1, None, r"hooks\.lua:3.*nonsense"), ended)
    ended = run(["report", STACKS, "--script", script + "x"])
    suite.check("a script that is not there", problems_of(ended, 2, None, "hooks.luax"), ended)


def diffs(suite, folder):
    ended = run(["diff", STACKS, STACKS, "-e", "page-faults", "--by", "comm", "--fail-above", "1%"])
    suite.check("the same trace twice: nothing changed", problems_of(ended, 0, r"\+0\.00", None), ended)
    profile = os.path.join(folder, "again.pb.gz")
    run(["export", STACKS, "-e", "page-faults", "-o", profile, "-q"])
    ended = run(["diff", STACKS, profile, "-e", "page-faults", "--json", "-q"])
    document = json.loads(ended.out.splitlines()[-1])
    problems = [f"changed: {row}" for row in document["rows"]
                if row["change"] or row["samples_before"] != row["samples_after"]]
    suite.check("a trace and the profile made of it are alike, also in samples", problems, ended)
    ended = run(["diff", STACKS, FAULTS, "-e", "page-faults", "--by", "comm", "--fail-above", "1%", "--json", "-q"])
    document = json.loads(ended.out.splitlines()[-1])
    problems = problems_of(ended, 4, "significant", None)
    if not any(row["significant"] and row["change"] > 1 for row in document["rows"]):
        problems.append("nothing grew")
    suite.check("what grew makes an exit status", problems, ended)
    picture = os.path.join(folder, "diff.svg")
    ended = run(["diff", STACKS, FAULTS, "-e", "page-faults", "-o", picture])
    problems = problems_of(ended, 0, "before +after", "wrote")
    if not os.path.exists(picture) or b"<svg" not in open(picture, "rb").read(2000):
        problems.append("no picture")
    suite.check("a differential flame graph", problems, ended)
    ended = run(["diff", STACKS])
    suite.check("one trace is too few", problems_of(ended, 2, None, "two traces"), ended)


def lists(suite):
    ended = run(["list", "formats"])
    suite.check("formats are listed", problems_of(ended, 0, r"pprof +.*\.pb\.gz", None), ended)
    ended = run(["list", "scenarios", "off*"])
    suite.check("scenarios are listed", problems_of(ended, 0, r"^off_cpu +", None), ended)


def main():
    suite = Suite("machine")
    with tempfile.TemporaryDirectory() as folder:
        reports(suite)
        newcomers(suite, folder)
        orders_and_units(suite)
        words_of_others(suite, folder)
        folded(suite)
        exports(suite, folder)
        hooks(suite, folder)
        diffs(suite, folder)
        lists(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
