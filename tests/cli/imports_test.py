"""Profiles of other tools, and oc's own, as traces: how many samples they stand for."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

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


def main():
    suite = Suite("imports")
    with tempfile.TemporaryDirectory() as folder:
        profiles(suite, folder)
        kinds(suite, folder)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
