"""Profiles of other tools, and oc's own, as traces: how many samples they stand for."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import perf_data
from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
CLOCK = os.path.join(ROOT, "tests", "fixtures", "clock.data")
DEMO = os.path.join(ROOT, "examples", "traces", "demo.data")
SAMPLES = {"cpu-clock": 225, "raw_syscalls:sys_enter": 1118, "raw_syscalls:sys_exit": 1118, "sched:sched_switch": 76}


def total_of(path):
    with open(path, encoding="utf-8") as lines:
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines)


def files_of(folder, trace, name, *extensions):
    paths = [os.path.join(folder, name + extension) for extension in extensions]
    ended = run(["export", trace, *(word for path in paths for word in ("-o", path))])
    return paths, ended


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def profiles(suite, folder):
    """What is made of a profile is what is made of the trace that the profile was made of."""
    (profile, direct, picture), _ = files_of(folder, CLOCK, "clock", ".pb.gz", ".folded", ".svg")
    (folded, other, page), ended = files_of(folder, profile, "again", ".folded", ".svg", ".html")
    problems = problems_of(ended, 0, None, "wrote")
    if sorted(text_of(folded).splitlines()) != sorted(text_of(direct).splitlines()):
        problems.append("other collapsed stacks")
    for path in picture, other:
        if "48 samples" not in text_of(path):
            problems.append(f"{path} does not tell of 48 samples")
    if '["samples","48"]' not in text_of(page) or "times exact to" in text_of(page):
        problems.append("the page does not tell of 48 samples without times")
    suite.check("an entry of a profile counts as many samples as it says", problems, ended)
    ended = run(["report", profile, "--by", "comm", "-q"])
    suite.check("also in a table", problems_of(ended, 0, r"cpu-clock: 48 samples, 48.0ms\n.*\n60.42 +29 +29.0ms +awk\n",
                                               None), ended)


def kinds(suite, folder):
    (profile,), _ = files_of(folder, DEMO, "demo", ".pb.gz")
    ended = run(["report", profile, "--by", "comm", "-q"])
    told = {name: int(count) for name, count in re.findall(r"^(\S+): (\d+) samples", ended.out, re.M)}
    suite.check("each kind of a profile has its own number of samples", [] if told == SAMPLES else [f"{told}"], ended)
    ended = run(["diff", DEMO, profile, "--json", "-q"])
    told = {row["kind"]: (row["samples_before"], row["samples_after"]) for row in map(json.loads, ended.out.splitlines())
            if "kind" in row}
    wanted = {name: (count, count) for name, count in SAMPLES.items()}
    suite.check("oc diff takes as many", [] if told == wanted else [f"{told}"], ended)
    if not shutil.which("go"):
        suite.skip("as go tool pprof", "there is no go here")
        return
    for kind, count in SAMPLES.items():
        theirs = subprocess.run(["go", "tool", "pprof", "-symbolize=none", "-raw", profile], capture_output=True, text=True,
                                check=True, env=dict(os.environ, HOME=folder)).stdout
        header = re.search(r"^Samples:\n(.*)\n", theirs, re.M)[1].split()
        place = next(i for i, name in enumerate(header) if name.startswith(kind + "/"))
        rows = [list(map(int, row.split())) for row in re.findall(r"^ *((?:\d+ +){4}\d+): ", theirs, re.M)]
        found = sum(row[0] for row in rows if row[place])
        suite.check(f"as go tool pprof: {kind}", [] if found == count else [f"{found}, not {count}"])


def collapsed(suite, folder):
    """Numbers of collapsed stacks are of samples, and of what else is told; read again they may be anything."""
    (before, waits, profile), ended = files_of(folder, CLOCK, "before", ".folded", ".2.folded", ".pb.gz")
    problems = problems_of(ended, 0, None, r"before\.folded \(.*; its numbers are samples\)")
    suite.check("samples of a rate are counted", problems + ([] if total_of(before) == 48 else ["not 48"]), ended)
    ended = run(["export", CLOCK, "--values", "-o", waits, "--force"])
    problems = problems_of(ended, 0, None, "its numbers are ns of cpu-clock")
    suite.check("--values: in ns", problems + ([] if total_of(waits) == 48048048 else ["not 48 ms"]), ended)
    ended = run(["report", before, "-q"])
    suite.check("and read so", problems_of(ended, 0, r"^samples: 48 samples, 48\n", None), ended)
    after = os.path.join(folder, "after.folded")
    run(["export", DEMO, "-e", "cpu-clock", "-o", after, "-q"])
    for one, other in (before, after), (waits, after):
        ended = run(["diff", one, other, "--by", "comm", "--fail-above", "1%"])
        problems = problems_of(ended, 0, r"  - +awk\n", None)
        if "does not tell whether its numbers are samples" not in ended.out:
            problems.append("not told why")
        suite.check("nothing is significant where nobody knows of how many samples", problems, ended)
    ended = run(["diff", before, after, "--by", "comm", "--fail-above", "1%", "--counts"])
    suite.check("with --counts somebody knows", problems_of(ended, 4, r"60\.42 +73\.33 .* - +awk\n", None), ended)
    ended = run(["diff", before, DEMO, "--by", "comm"])
    suite.check("with which kind collapsed stacks are compared", problems_of(ended, 2, None, "has several kinds: cpu-clock.*-e"),
                ended)
    for one, other in (before, DEMO), (profile, after):
        ended = run(["diff", one, other, "-e", "cpu-clock", "--by", "comm", "-q"])
        suite.check("collapsed stacks and others are compared", problems_of(
            ended, 0, r"cpu-clock: 48 samples before, 225 after\n.*\n(.*\n)* *60\.42 +73\.33 ", None), ended)


def parts(suite, folder):
    """All files of --per have numbers of one unit."""
    script = os.path.join(folder, "two_kinds.lua")
    with open(script, "w", encoding="utf-8") as file:
        file.write("""require "oc".hooks { parsed = function(m)
  m:add_sample { kind = "mine", value = 3000, pid = 1, comm = "me" }
end }""")
    ended = run(["export", CLOCK, "--script", script, "--per", "comm", "-o", os.path.join(folder, "part.svg"), "-q"])
    names = [name for name in os.listdir(folder) if name.startswith("part.")]
    by_value = [name for name in names if "width is their value" in text_of(os.path.join(folder, name))]
    suite.check("parts of several kinds are in samples", [] if len(names) > 2 and not by_value else [f"{by_value} of {names}"],
                ended)
    at, path = perf_data.START_NS, os.path.join(folder, "reused.data")
    records = [perf_data.comm(at, 10, "first"), perf_data.sample(at + 1000, 10), perf_data.sample(at + 2000, 10),
               perf_data.exit_of(at + 3000, 10), perf_data.fork(at + 4000, 1, 10), perf_data.comm(at + 4001, 10, "second"),
               perf_data.sample(at + 5000, 10), perf_data.comm(at + 5500, 20, "other"), perf_data.sample(at + 6000, 20)]
    with open(path, "wb") as file:
        file.write(perf_data.file_of(records))
    ended = run(["export", path, "--per", "process", "-o", os.path.join(folder, "life.folded")])
    told = {name: text_of(os.path.join(folder, name)) for name in os.listdir(folder) if name.startswith("life.")}
    comms = {name: {line.split(";")[0].split(" ")[0] for line in text.splitlines()} for name, text in told.items()}
    wanted = {"life.10.folded": {"first"}, "life.10-2.folded": {"second"}, "life.20.folded": {"other"}}
    suite.check("each life of a pid has its file", [] if comms == wanted else [f"{told}"], ended)


SCRIPTS = (
    ("a format of one's own tells its size as others do", 0, r"^7\t\d\d+\n", None, """
oc.exporter { name = "seven", write = function(_, out) out:write("123", 4567) end }
print(m:export(FOLDER .. "/seven", { format = "seven" }), m:export(FOLDER .. "/seven.folded"))"""),
    ("m:export of nothing is no file", 1, None, "nothing.svg was not written: none of the 48 samples passes the filters",
     """m:export(FOLDER .. "/nothing.svg", { comm = "nosuch" })"""),
    ("graphs of different units are not merged", 1, None, r"cannot be merged: ns \(cpu-clock\) and counts \(mine\)", """
m:add_sample { kind = "mine", value = 3, pid = 1, comm = "me" }
m:graph { kind = "cpu-clock" }:merge(m:graph { kind = "mine" })"""),
    ("those of one unit are", 0, r"^48048048\n", None, """
print(m:graph { kind = "cpu-clock", comm = "awk" }:merge(m:graph { kind = "cpu-clock", comm = { "xz", "sh" } }):node().total)"""),
    ("a sample tells of which process it is", 0, r"^0\n", None, """
local known = {}
for process in m:processes() do known[process.id] = process.pid end
print(m:samples { where = function(s) return known[s.process] ~= s.pid end }:total())"""),
)


def scripts(suite, folder):
    for name, status, out, err, code in SCRIPTS:
        code = 'local m = oc.open { machine = true }:run():machine() ' + code.replace("FOLDER", f'"{folder}"')
        ended = run(["eval", "-q", "-i", CLOCK, code])
        suite.check(name, problems_of(ended, status, out, err), ended)
    hook, nothing = os.path.join(folder, "hook.lua"), os.path.join(folder, "nothing.svg")
    with open(hook, "w", encoding="utf-8") as file:
        file.write('require "oc".hooks { export = function(_, _, options) options.where = function() return false end end }')
    ended = run(["export", CLOCK, "--script", hook, "-o", nothing])
    problems = problems_of(ended, 1, None, "nothing.svg was not written: none of the 48 samples passes")
    suite.check("nor is what a hook leaves nothing of", problems + (["there is one"] if os.path.exists(nothing) else []), ended)


def mistakes(suite, folder):
    for name, text, told in (("none.folded", "a;b 1\nno\nno\n", "none.folded:2: 'no' is no stack"),
                             ("below.stacks", "a;b -5\n", "below.stacks:1: 'a;b -5' is no stack.*not below 0"),
                             ("some.folded", "a;b 5\na;c -5\na;d 1\n", None)):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        ended = run(["report", path])
        problems = problems_of(ended, 1, None, told) if told else problems_of(
            ended, 0, "samples: 6 samples, 6", "1 lines are no stacks.*the first is line 2")
        suite.check(f"lines that are no stacks: {name}", problems, ended)
    for name in "part.data.zst", "part.data.gz":
        ended = run(["export", CLOCK, "-o", os.path.join(folder, name)])
        suite.check(f"{name} is refused", problems_of(ended, 2, None, "is not compressed as a whole"), ended)
    # Nothing was read yet: that the trace is not there is not what is told.
    ended = run(["export", "/nowhere.data", "-o", "/proc/x.folded"])
    suite.check("a folder that takes no files", problems_of(ended, 2, None, "nothing can be written into the folder /proc/"), ended)


def diffs(suite):
    ended = run(["diff", DEMO, DEMO, "-e", "cpu-clock", "--by", "comm", "--top", "2", "-q"])
    suite.check("of equal changes the largest comes first", problems_of(ended, 0, r"\+0\.0% +- +awk\n.* sort\n\(", None), ended)
    ended = run(["diff", CLOCK, DEMO, "-e", "cpu-clock", "--by", "comm", "--per-second", "-q"])
    suite.check("values per second have units", problems_of(ended, 0, r"\d[mµ]s/s +[\d.]+[mµ]s/s +[-+][\d.]+[mµ]s/s ", None), ended)
    for one, other in (CLOCK, DEMO), (DEMO, CLOCK):
        ended = run(["diff", one, other, "-e", "cpu-clock", "--comm", "nosuch"])
        suite.check("filters that leave nothing are told", problems_of(
            ended, 1, None, r"nothing to compare: none of the \d+ samples of \S+\.data passes the filters"), ended)


def main():
    suite = Suite("imports")
    with tempfile.TemporaryDirectory() as folder:
        profiles(suite, folder)
        kinds(suite, folder)
        collapsed(suite, folder)
        parts(suite, folder)
        scripts(suite, folder)
        mistakes(suite, folder)
    diffs(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
