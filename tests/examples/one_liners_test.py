#!/usr/bin/python3
"""Every line of docs/one_liners.md, on a recorded trace: one_liners_test.py SOURCE_ROOT OC.

The table says for each line, by its first words, which recording it is asked of and what it must find; a line without
one fails. Lines for which there is no recording are run live, and skipped with the reason where that is refused. Some
are run live besides.
"""
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys
import tempfile

DEMO, SCHED, WORDS = "examples/traces/demo.data", "tests/fixtures/sched.data", "tests/fixtures/words.data"
SYSCALLS, CLOCK, FAULTS = "tests/fixtures/syscalls.data", "tests/fixtures/clock.data", "tests/fixtures/faults.data"

# Of the code: a part of it, the recording (None: live), what must be found.
WANTED = [
    ('on("exec"', DEMO, r"^\d+\tawk$"),
    ('on("sched:sched_process_exec"', WORDS, r"^dd\t/\S*bin/dd$"),
    ("processes{}", DEMO, r"^ +pid +comm .*^ *\d+ +awk "),
    ('count("fork"', DEMO, r"^sh +\d+$"),
    ("signal:signal_generate", WORDS, r"^sh +15 +sleep +1$"),
    ('count("mmap"', WORDS, r"^cat +/\S*/libc\S* +\d+$"),
    ('"raw_syscalls:sys_enter", "comm"', SYSCALLS, r"^gzip +\d+$"),
    ("trace:syscalls()", SYSCALLS, r"^read +\d+$"),
    ('"raw_syscalls:sys_exit", "comm", "ret"', SYSCALLS, r"^\S+ +-2 +\d+$"),
    ('every("1s"', SYSCALLS, r"^count\n +\d+\n"),
    ('use "syscalls"', SYSCALLS, r"mean +max +attribute:name\n.* read$"),
    ('"syscalls:sys_exit_openat"', WORDS, r"^cat +true +\d+$"),
    ('hist("syscalls:sys_exit_read"', WORDS, r"^\[512B, 1KiB\) +\d+ +\|@"),
    ('sum("syscalls:sys_exit_read"', WORDS, r"^cat +\S+KiB$"),
    ("sys_exit_write", WORDS, r"^dd +7 +256\.1KiB +36\.6KiB"),
    ('hist("block:block_rq_issue"', WORDS, r"^\[64KiB, 128KiB\) +\d+ +\|@"),
    ('sum("block:block_rq_issue"', WORDS, r"^dd +WS +256\.0KiB$"),
    ("page_fault", FAULTS, r"^seq +\d+$"),
    ("kmem:kmalloc", WORDS, r"^\[4KiB, 8KiB\) +\d+ +\|@"),
    ('"cpu", "comm"', DEMO, r"^awk +165 +73\.3%$"),
    ('"cpu", "stack"', CLOCK, r"^ +\d+$.*^\s+\S"),
    ("graph{", CLOCK, r"^ +total +self  function$"),
    ("flame.svg", CLOCK, None),
    ('"cpu", "cpu"', DEMO, r"^ +0 +\d+\n +1 +\d+$"),
    ("cycles", None, r"\S"),
    ("LLC-load-misses", None, r"\S"),
    ('"cswitch"', SCHED, r"^sort +true +\d+$"),
    ('"comm", "next_comm"', SCHED, r"^\S+ +\S+ +\d+$"),
    ("w = {}", SCHED, r"us, .*\) +\d+ +\|@"),
    ('use "run_queue"', SCHED, r"mean +max +comm\n.*sort$"),
    ('use "off_cpu"', SCHED, r"sum +max +comm\n.*gzip$"),
    ('count("sched:sched_wakeup"', SCHED, r"^gzip +6$"),
    ('"sched:*"', SCHED, r"^sched:sched_switch +\d+$"),
]
LIVE_TOO = ['on("exec"', '"raw_syscalls:sys_enter", "comm"', '"cpu", "comm"', "page_fault", '"cswitch"']
REFUSED = re.compile(r"not permitted|Permission denied|tracefs|no such event|not supported|has no|cannot", re.I)


def lines(path):
    for block in open(path, encoding="utf-8").read().split("```\n")[1::2]:
        yield block.strip()


def run(words, folder):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                          timeout=60, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def live(line, oc, folder, pattern):
    words = [oc] + shlex.split(line)[1:]
    words[words.index("5s")] = "300ms"
    status, out, err = run(words + ["--", "sh", "-c", "cat /etc/passwd | sort | wc -l"], folder)
    if status and REFUSED.search(err):
        return "skip: " + err.strip().split("\n")[0]
    return "" if status == 0 and re.search(pattern, out, re.M | re.S) else f"status {status}\n{out[-500:]}{err[-500:]}"


def recorded(line, oc, root, folder, wanted):
    part, trace, pattern = wanted
    words = [oc] + shlex.split(line)[1:]
    at = words.index("-d")
    words[at:at + 2] = ["-q", "-i", os.path.join(root, trace)]
    status, out, err = run(words, folder)
    if pattern is None:
        out, pattern = open(os.path.join(folder, part), encoding="utf-8").read(200), r"<svg"
    if status == 0 and re.search(pattern, out, re.M | re.S):
        return ""
    return f"status {status}, wanted {pattern}\n{out[:800]}{err[-800:]}"


def check(line, oc, root):
    """[(name, '' or what is wrong or 'skip: …')]"""
    found = [wanted for wanted in WANTED if wanted[0] in line]
    if len(found) != 1:
        return [(line, f"{len(found)} rows of the table fit: say what it must find")]
    part, trace, pattern = found[0]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        if trace:
            results.append((part, recorded(line, oc, root, folder, found[0])))
        if not trace or part in LIVE_TOO:
            results.append((part + " live", live(line, oc, folder, pattern if not trace else r"\d")))
    return results


def main():
    root, oc = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    shown = list(lines(root + "/docs/one_liners.md"))
    os.environ.update({"LC_ALL": "C", "OC_CONFIG": os.devnull})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = [each for one in pool.map(lambda line: check(line, oc, root), shown) for each in one]
    unused = [wanted[0] for wanted in WANTED if not any(wanted[0] in line for line in shown)]
    results += [(part, "no line of the page has it") for part in unused]
    failed = [(name, problem) for name, problem in results if problem and not problem.startswith("skip: ")]
    for name, problem in results:
        if problem:
            print(("SKIP" if problem.startswith("skip: ") else "FAIL"), f"{name}: {problem}")
    if len(shown) < 20:
        failed.append(("the page", "fewer than 20 lines"))
    print(f"{len(shown)} lines, {len(results)} checks, {len(failed)} failed")
    sys.exit(1 if failed else 0)


main()
