"""Runs every `Example:` line at the head of the scripts and examples, as a user would type it.

examples_test.py SOURCE_ROOT OC

`perf.data` stands for the demo trace; a live run is cut to a fraction of a second, and skipped, with the
reason, where the kernel refuses it.
"""
import concurrent.futures
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

FOLDER = tempfile.TemporaryDirectory()
ARCHIVE = os.path.join(FOLDER.name, "slow.tar.zst")  # what the guide calls slow.tar.zst
NOT_PERMITTED = re.compile(r"not permitted|Permission denied|Operation not permitted|tracefs|root", re.I)


def examples(path):
    for line in open(path, encoding="utf-8"):
        if not line.startswith("---"):
            break
        found = re.match(r"---\s*Examples?:\s*(oc .*)$", line.rstrip("\n"))
        if found:
            yield found.group(1)


def guide_examples(path):
    """The lines of a guide's code blocks that run oc."""
    blocks = open(path, encoding="utf-8").read().split("```")[1::2]
    return [line for block in blocks for line in block.splitlines() if line.startswith("oc ")]


def command(line, root, oc):
    """The words to run, and whether they are live."""
    demo = os.path.join(root, "examples", "traces", "demo.data")
    line = re.sub(r"(?<!/)\bslow\.tar\.zst\b", ARCHIVE, line.replace("/tmp/", FOLDER.name + "/"))
    words = shlex.split(line)
    words = [oc] + [demo if w in ("perf.data", "examples/traces/demo.data") else w for w in words[1:]]
    end = words.index("--") if "--" in words else len(words)
    options, behind = words[1:end], words[end:]
    if "-i" in options or options[:1] in (["archive"], ["symbols"]):
        return words, False
    for i, word in enumerate(options):
        if word == "-d":
            options[i + 1] = "300ms"
    if not behind and "-d" not in options:
        options += ["-d", "300ms"]
    behind = ["--", "ls", "/"] if behind[1:2] == ["make"] else behind
    return [oc] + options + behind, True


def run(line, root, oc, checked=False):
    """'' when it worked, 'skip: …' or what is wrong. `checked`: no event is used after its callback."""
    words, is_live = command(line, root, oc)
    env = {**os.environ, "OC_CHECKED": "yes"} if checked else None
    done = subprocess.run(words, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=30, env=env)
    if done.returncode == 0 and (done.stdout.strip() or is_live):
        return ""
    if is_live and done.returncode == 1 and NOT_PERMITTED.search(done.stderr):
        return "skip: " + done.stderr.strip().split("\n")[0]
    return "%sstatus %d\n%s%s" % ("under --checked: " if checked else "", done.returncode, done.stdout[-800:], done.stderr[-800:])


def runs_of(lines, root, oc):
    """Each line, and checked: recorded ones, and where a file has none of these, its first one."""
    scripts = [line for line in lines if re.match(r"oc (script|eval|\S+\.lua) ", line)]
    recorded = [line for line in scripts if not command(line, root, oc)[1]]
    return [(line, False) for line in lines] + [(line, True) for line in recorded or scripts[:1]]


def main():
    root, oc = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    files = sorted(glob.glob(root + "/scripts/*.lua") + glob.glob(root + "/examples/*.lua"))
    files += [root + "/docs/guide/filters.md", root + "/docs/guide/archives.md"]
    subprocess.run([oc, "archive", "-q", root + "/examples/traces/demo.data", "-o", ARCHIVE], check=True,
                   stderr=subprocess.DEVNULL)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for path in files:
        lines = guide_examples(path) if path.endswith(".md") else list(examples(path))
        if not lines:
            print("FAIL %s has no Example: line in its head" % os.path.relpath(path, root))
            counts["failed"] += 1
        with concurrent.futures.ThreadPoolExecutor(4) as pool:  # they wait for most of their time
            runs = runs_of(lines, root, oc)
            problems = list(pool.map(lambda one: run(one[0], root, oc, one[1]), runs))
        for (line, _), problem in zip(runs, problems):
            if not problem:
                counts["passed"] += 1
            elif problem.startswith("skip: "):
                counts["skipped"] += 1
                print("SKIP %s: %s" % (line, problem[6:]))
            else:
                counts["failed"] += 1
                print("FAIL %s: %s" % (line, problem))
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % counts)
    sys.exit(1 if counts["failed"] or not counts["passed"] else 0)


main()
