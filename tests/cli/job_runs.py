"""What the tests of --jobs share: scripts on several traces, and that every number of workers says the same."""
import os
import re
import tempfile

from program import problems_of, run

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "../fixtures")
SCHED, SYSCALLS, LOST, STACKS = (os.path.join(FIXTURES, name + ".data") for name in ("sched", "syscalls", "lost", "stacks"))


def script(args, text, **options):
    with tempfile.TemporaryDirectory(prefix="oc-jobs") as folder:
        os.chmod(folder, 0o755)  # for --user
        path = os.path.join(folder, "s.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return run(["script", *args, path], **options)


def inputs(*paths):
    return [word for path in paths for word in ("-i", path)]


def where(err):
    return re.sub(r"/\S*s\.lua", "s.lua", err)


def same(suite, name, text, paths, jobs, status=0):
    if not suite.wants(name):
        return
    one = script(inputs(*paths), text)
    problems = problems_of(one, status, r".", r"")
    for count in jobs:
        many = script([*inputs(*paths), "--jobs", str(count)], text)
        problems += problems_of(many, status, r".", r"")
        if many.out != one.out or where(many.err) != where(one.err):
            problems.append(f"--jobs {count} says something else: {many.out[:300]!r} {many.err[:300]!r}")
    suite.check(name, problems, one if problems else None)
