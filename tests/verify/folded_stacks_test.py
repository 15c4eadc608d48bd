#!/usr/bin/python3
"""Stacks that are unwound while recording, against perf: folded_stacks_test.py

Recordings with registers and stack bytes, of perf and of `oc record --keep-stacks`, are folded as `oc record` does it;
then perf reads both, chain by chain. Recordings that oc folds while it makes them are read by perf and by oc.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import perf_text
import stacks_test
from perf_text import OC, run

FOLD = os.path.join(os.path.dirname(OC), "tests", "verify", "fold_trace")
OURS = ["record", "-F", "2000", "-e", "cpu-clock", "--call-graph", "dwarf,16384"]
SHARE = 200  # one stack of so many may differ
FILE_BYTES = 12  # times as large: with stack bytes against without, of a program as small as this

FORKS = r"""
import os, sys, time
def spin(seconds):
    end = time.time() + seconds
    while time.time() < end: pass
for _ in range(3):
    if os.fork() == 0:
        spin(0.05)
        os.execv(sys.argv[1], sys.argv[1:])
    os.wait()
"""


def stacks_of(path):
    """Of each sample by time and thread: addresses, and where the user's part begins."""
    found = {}
    for head, frames in stacks_test.perf_stacks(path, "--ns", fields="comm,tid,time,ip,sym,dso", kernel=True):
        found[head["tid"], head["s"], head["ns"]] = [frame for frame in frames if frame.ip != "0"]
    return found


def same(kept, folded):
    """perf's own unwound frames are one less than the return address; chains are not, and neither are the first ones."""
    if len(kept) != len(folded):
        return False
    return all(int(a.ip, 16) in (int(b.ip, 16), int(b.ip, 16) - 1) for a, b in zip(kept, folded))


def goes_on(kept, folded):
    """perf stopped earlier: where the stack itself faulted, so that none of it was copied, it has not even the first frame."""
    return len(kept) < len(folded) and same(kept, folded[:len(kept)])


def compare(kept, folded):
    theirs, ours = stacks_of(kept), stacks_of(folded)
    if len(theirs) < 20 or theirs.keys() != ours.keys():
        yield f"{len(ours)} samples, of {len(theirs)}; {list(theirs.keys() ^ ours.keys())[:3]} are not in both"
        return
    different = [key for key in theirs if not same(theirs[key], ours[key])]
    longer = [key for key in different if goes_on(theirs[key], ours[key])]
    if len(longer) * 20 <= len(theirs):
        different = [key for key in different if key not in longer]
    if len(different) * SHARE > len(theirs):
        key = different[0]
        yield f"{len(different)} of {len(theirs)} stacks differ: {key}: {ours[key]}\n   perf has {theirs[key]}"
    if not any(len(frames) > 8 for frames in ours.values()):
        yield "no deep stack"


def check_folded(path):
    out = path + ".folded"
    text, _ = run(FOLD, path, out)
    if not re.match(r"\d+ stacks, \d+ frames", text):
        yield f"told: {text}"
    yield from compare(path, out)


def oc_record(path, *args):
    done = subprocess.run([OC, *OURS[:1], "-o", path, *OURS[1:], *args], capture_output=True, text=True, check=False,
                          timeout=100)
    if done.returncode != 0 and re.search("refused|permission|not permitted|cannot open", done.stderr):
        perf_text.skip(f"oc record is refused here: {done.stderr.strip()[:200]}")
    return done


def check_record(program, path):
    """The file that oc makes has no stack bytes, and perf and oc find the program's functions in it."""
    kept = path + ".kept"
    done = oc_record(kept, "--keep-stacks", "--", program)
    told = oc_record(path, "--json", "--", program)
    if done.returncode != 0 or told.returncode != 0:
        yield f"status {done.returncode} and {told.returncode}: {done.stderr}{told.stderr}"
        return
    if os.path.getsize(path) * FILE_BYTES > os.path.getsize(kept):
        yield f"{os.path.getsize(path)} bytes, with the stacks {os.path.getsize(kept)}"
    stacks = json.loads(told.stdout)["recorded"].get("stacks", {})
    if stacks.get("unwound", 0) < 20 or sum(stacks["ends"].values()) != stacks["unwound"]:
        yield f"told: {stacks}"
    cut = stacks["unwound"] - stacks["ends"].get("complete", 0)
    if bool(cut) != bool(re.search(r"\d+ of \d+ user stacks are cut: ", told.stderr)):
        yield f"{cut} stacks are cut, and stderr says: {told.stderr}"
    if cut * 10 > stacks["unwound"]:
        yield f"{cut} of {stacks['unwound']} stacks are cut: {told.stderr}"
    yield from check_folded(kept)
    attrs, _ = run("perf", "evlist", "-v", "-i", path)
    if re.search(r"REGS_USER|STACK_USER|sample_regs_user|sample_stack_user|exclude_callchain_user", attrs) \
            or "CALLCHAIN" not in attrs:
        yield f"attrs: {attrs}"
    yield from read_by_both(program, path)


def read_by_both(program, path):
    chains = [[f.name for f in frames if f.module == program] for frames in stacks_of(path).values()]
    report = subprocess.run(["perf", "report", "--stdio", "-i", path], capture_output=True, text=True, check=False)
    if report.returncode != 0 or re.search(r"(?i)corrupt|error|fail", report.stderr):
        yield f"perf report: {report.returncode}: {report.stderr[:300]}"
    for name in ("compare", "deep", "leaf"):
        if name not in report.stdout:
            yield f"perf report does not show {name}"
    if not any("compare" in chain and "main" in chain for chain in chains):
        yield f"perf sees no stack through qsort: {chains[:5]}"
    folded, _ = run(OC, "script", "-q", "-i", path, os.path.join(perf_text.ROOT, "tests", "verify", "stacks.lua"), "--names")
    if not any(re.search(r"\bcompare\b.*\bsort\b.*\bmain\b", line) for line in folded.splitlines()):
        yield "oc sees no stack through qsort"


def check_exec(program, path):
    """Forks that become another program: their samples are unwound as what they are at that moment."""
    done = oc_record(path, "--", sys.executable, "-c", FORKS, program)
    if done.returncode != 0:
        yield f"status {done.returncode}: {done.stderr}"
    heads = stacks_test.perf_stacks(path, fields="comm,tid,ip,sym,dso", kernel=True)
    walked = [frames for head, frames in heads if head["comm"] == "walker"]
    through = [frames for frames in walked if {"compare", "main"} <= {f.name for f in frames}]
    if not through:
        yield f"no stack of the program that was begun by exec, of {len(walked)}"
    spun = [frames for head, frames in heads if "python" in head["comm"] or "walker" not in head["comm"]]
    if not any(len(frames) > 4 and any("python" in f.module for f in frames) for frames in spun):
        yield f"no stack of the interpreter, of {len(spun)}"


def check_deleted(program, path):
    """A program whose file goes away while it runs."""
    if os.getuid() != 0:
        return
    gone = program + ".gone"
    os.link(program, gone)
    done = oc_record(path, "--json", "--", "sh", "-c", f"{gone} & sleep 0.02; rm {gone}; wait")
    if done.returncode != 0:
        yield f"status {done.returncode}: {done.stderr}"
        return
    stacks = json.loads(done.stdout)["recorded"]["stacks"]
    if stacks["ends"].get("complete", 0) * 10 < stacks["unwound"] * 8:
        yield f"stacks of a deleted program: {stacks}"


def check_separate(program, path):
    """Rules that only the separate debug file has: .debug_frame."""
    if not all(map(shutil.which, ("objcopy", "strip"))):
        return
    separate = stacks_test.build(os.path.dirname(path), "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables")
    run("objcopy", "--only-keep-debug", separate, separate + ".debug")
    run("strip", "-s", separate)
    run("objcopy", "--add-gnu-debuglink=" + separate + ".debug", separate)
    done = oc_record(path, "--json", "--", separate)
    stacks = json.loads(done.stdout)["recorded"]["stacks"] if done.returncode == 0 else {}
    if stacks.get("ends", {}).get("complete", 0) * 10 < stacks.get("unwound", 1) * 9:
        yield f"status {done.returncode}, {stacks}: {done.stderr}"
    yield from read_by_both(separate, path)


def check_limit(program, path):
    """--max-stack counts frames of the kernel and the user together, also where they are unwound."""
    for args in ([], ["--keep-stacks"]):
        done = oc_record(path, "--max-stack", "3", *args, "--", program)
        text, _ = run(OC, "script", "-q", "-i", path, os.path.join(perf_text.ROOT, "tests", "verify", "stacks.lua"))
        depths = {line.count("|") for line in text.splitlines()}
        if done.returncode != 0 or max(depths, default=0) != 3:
            yield f"{args}: status {done.returncode}, depths {depths}: {done.stderr}"


def main():
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        program = stacks_test.build(folder, "-fomit-frame-pointer")
        os.mkdir(os.path.join(folder, "separate"))
        by_perf = stacks_test.record(folder, "dwarf,16384", program)
        for name, check, *args in (("perf's recording", check_folded, by_perf),
                                   ("oc record", check_record, program, os.path.join(folder, "oc.data")),
                                   ("fork and exec", check_exec, program, os.path.join(folder, "exec.data")),
                                   ("a deleted program", check_deleted, program, os.path.join(folder, "gone.data")),
                                   ("--max-stack", check_limit, program, os.path.join(folder, "limit.data")),
                                   ("a separate debug file", check_separate, None, os.path.join(folder, "separate", "a.data"))):
            problems += [f"{name}: {problem}" for problem in check(*args)]
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
