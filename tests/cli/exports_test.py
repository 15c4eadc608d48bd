"""Exports of the program: several at once, of the threads that --comm names, of nothing, beside scripts' own."""
import os
import re
import sys
import tempfile

import perf_data
from program import OC, Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
STACKS = os.path.join(ROOT, "tests", "fixtures", "stacks.data")
SCHED = os.path.join(ROOT, "tests", "fixtures", "sched.data")


def threads_with_names(suite, folder):
    """--comm: the thread's own name, or its process's at that moment, in every verb."""
    path, part, picture = (os.path.join(folder, name) for name in ("named.data", "named.part.data", "named.folded"))
    at, records = perf_data.START_NS, []
    for name, tid in (("sh", 10), ("pool", 11), ("other", 20)):
        pid = 20 if tid == 20 else 10
        records.append(perf_data.comm(at, pid, name, tid=tid))
    for i in range(10):
        if i == 4:
            records.append(perf_data.comm(at + 4_000_000, 10, "server", is_exec=True))
            records.append(perf_data.fork(at + 4_000_001, 10, 10, 12))
            records.append(perf_data.comm(at + 4_000_002, 10, "pool", tid=12))
        for pid, tid in ((10, 10), (10, 11 if i < 4 else 12), (20, 20)):
            records.append(perf_data.sample(at + i * 1_000_000 + 10 + tid, pid, tid=tid))
    with open(path, "wb") as file:
        file.write(perf_data.file_of(records))
    for name, wanted in (("server", 12), ("sh", 8), ("pool", 10), ("other", 10), ("s*", 20)):
        def told(args, out, name=name):
            ended = run([*args, "--comm", name, "-q"])
            found = re.search(out, ended.out)
            return (int(found[1]) if found else None), ended
        rows = [("oc eval", *told(["eval", "print(samples():total())", "-i", path], r"^(\d+)$")),
                ("of events", *told(["eval", 'count("cpu")', "-i", path], r"(\d+)\n\Z")),
                ("oc report", *told(["report", path, "--by", "process"], r"cpu-clock\S*: (\d+) samples")),
                ("oc diff", *told(["diff", path, path, "--by", "comm"], r"cpu-clock\S*: (\d+) samples before"))]
        run(["export", path, "--comm", name, "-o", part, "-o", picture, "--force", "-q"])
        rows.append(("the part that oc export wrote", *told(["report", part], r"cpu-clock\S*: (\d+) samples")))
        with open(picture, encoding="utf-8") as lines:
            rows.append(("a file of samples", sum(int(line.rsplit(" ", 1)[1]) for line in lines), rows[0][2]))
        problems = [f"{what}: {found}, not {wanted}" for what, found, _ in rows if found != wanted]
        suite.check(f"--comm {name} is the same everywhere", problems, rows[0][2])
    ended = run(["eval", 'print(samples { comm = "server" }:total(), samples { task = "server" }:total())', "-i", path, "-q"])
    suite.check("in Lua comm is the thread's own name, task also its process's", problems_of(ended, 0, r"^6\t12$", None), ended)
    with open(path, "rb") as file:
        ended = run(["export", "-", "--comm", "sh", "-o", part, "-o", picture, "--force"], stdin=file.read())
    suite.check("two readings of standard input are refused", problems_of(ended, 2, None, "two readings"), ended)


def nothing_passes(suite, folder):
    path = os.path.join(folder, "nothing.svg")
    ended = run(["export", SCHED, "-o", path, "--comm", "nope"])
    problems = problems_of(ended, 1, None, r"\Aoc: nothing was written: none of the 85 samples passes the filters\n\Z")
    suite.check("an export of nothing is no file", problems + (["there is one"] if os.path.exists(path) else []), ended)
    ended = run(["report", SCHED, "--tree", "--comm", "nope"])
    suite.check("nothing is said of the stacks of what is not there",
                problems_of(ended, 0, "no samples", r"\Aoc: none of the 85 samples passes the filters\n\Z"), ended)
    ended = run(["report", SCHED, "--tree", "--comm", "sh"])
    suite.check("of what is there it is", problems_of(ended, 0, "sched:sched_switch", "85 of 85 samples have no stack"), ended)


def together(suite, folder):
    """Files that are written at the same time: what they would be alone, told in their order, also where one fails."""
    names = ["t.pb.gz", "t.folded", "t.svg", "t.speedscope.json", "t2.collapsed"]
    paths = [os.path.join(folder, name) for name in names]
    ended = run(["export", STACKS, *(word for path in paths for word in ("-o", path))])
    problems = problems_of(ended, 0, None, "wrote")
    told = [line.split()[2] for line in ended.err.splitlines() if line.startswith("oc: wrote")]
    if told != paths:
        problems.append(f"told {told}")
    for path in paths:
        alone = os.path.join(folder, "alone-" + os.path.basename(path))
        run(["export", STACKS, "-q", "-o", alone])
        if open(path, "rb").read() != open(alone, "rb").read():
            problems.append(f"{path} has other bytes than alone")
    suite.check("files at the same time are what they are alone", problems, ended)
    before, fails, after = (os.path.join(folder, name) for name in ("f.pb.gz", "f.speedscope.json", "f2.pb.gz"))
    limit = os.path.getsize(paths[0]) // 512 + 2  # of blocks, which larger files do not fit in
    ended = run(["-c", f'ulimit -f {limit}; exec "$0" "$@"', OC, "export", STACKS, "-o", before, "-o", fails, "-o", after],
                program="/bin/sh")
    problems = problems_of(ended, 1, None, "limit on the size of files")
    there = [os.path.exists(path) for path in (before, fails, after)]
    if there != [True, False, False]:
        problems.append(f"there are {there}")
    suite.check("of files at the same time those before one that fails are there", problems, ended)


OWN = """
local oc = require "oc"
oc.exporter { name = "mine", extension = ".mine", write = function(m, out, options)
  options.comm, options.counts = "gzip", true
  if options.symbol then options.symbol[1] = "nothing" end
  out:write("mine")
end }
"""

RAISES = """
local C, export = require "oc.abi", require "oc.export"
local folder = %r
local m = oc.open { machine = true, stacks = "any" }:run():machine()
local paths = { folder .. "/r1.folded", folder .. "/r2.folded", folder .. "/r3.folded" }
collectgarbage("stop")
print(pcall(export.write_all, m, paths, {}, function() error("it raised", 0) end))
print(C.oc_path_kind(paths[1]), C.oc_path_kind(paths[2]), C.oc_path_kind(paths[3]))
io.stdout:flush()
os.execute("ls -l /proc/$PPID/fd | grep -c " .. folder)
print(C.oc_exports_can("/dev/shm/a.folded", nil), C.oc_exports_can("/dev/null", "collapsed"),
  C.oc_exports_can("-", "collapsed"), C.oc_exports_can("/dev/stdout", "collapsed"))
"""


def beside_scripts(suite, folder):
    """What a script does to its own file is of no matter to the others, nor is an error between two of them."""
    script, alone = os.path.join(folder, "own.lua"), os.path.join(folder, "o.folded")
    with open(script, "w", encoding="utf-8") as file:
        file.write(OWN)
    run(["export", STACKS, "-q", "-o", alone])
    for names in ("o.mine", "o1.folded"), ("p.mine", "p1.folded", "p2.folded"), ("q1.folded", "q.mine", "q2.folded"):
        paths = [os.path.join(folder, name) for name in names]
        ended = run(["export", STACKS, "--script", script, "-q", *(word for path in paths for word in ("-o", path))])
        others = [open(path, encoding="utf-8").read() for path in paths if path.endswith(".folded")]
        problems = problems_of(ended, 0, None, None)
        if any(text != open(alone, encoding="utf-8").read() for text in others):
            problems.append(f"{[text.count(chr(10)) for text in others]} lines are not those of a file alone")
        suite.check(f"a script's exporter changes its own options only: {' '.join(names)}", problems, ended)
    paths = [os.path.join(folder, name) for name in ("s.mine", "s.folded")]
    run(["export", STACKS, "-q", "-o", alone, "--force", "--symbol", "_int_malloc"])
    ended = run(["export", STACKS, "--script", script, "-q", "-o", paths[0], "-o", paths[1], "--symbol", "_int_malloc"])
    same = open(paths[1], encoding="utf-8").read() == open(alone, encoding="utf-8").read() != ""
    suite.check("nor lists in them", problems_of(ended, 0, None, None) + ([] if same else ["others"]), ended)
    ended = run(["eval", "-q", "-i", STACKS, RAISES % folder])
    suite.check("an error between two files ends their threads, and leaves those that are complete",
                problems_of(ended, 0, r"\Afalse\tit raised\n1\t0\t0\n0\n1\t0\t0\t0\n\Z", None), ended)


def main():
    suite = Suite("exports")
    with tempfile.TemporaryDirectory(prefix="oc-exports.") as folder:
        together(suite, folder)
        threads_with_names(suite, folder)
        nothing_passes(suite, folder)
        beside_scripts(suite, folder)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
