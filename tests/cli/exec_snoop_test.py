"""exec_snoop on a hand-made trace: threads that outlive the first one, threads that execute, lost ends."""
import json
import os
import subprocess
import sys
import tempfile

import perf_data

ROOT = os.environ["OC_SOURCE_ROOT"]
OC = os.path.join(os.environ["OC_BUILD_ROOT"], "oc")


def ms(count):
    return perf_data.START_NS + count * 1_000_000


def records():
    comm, fork, exit_of = perf_data.comm, perf_data.fork, perf_data.exit_of
    return [
        comm(ms(0), 10, "shell"), perf_data.sample(ms(0), 10),
        # Makes threads; the first ends before the others. A thread is no parent of its process.
        fork(ms(1), 10, 20), comm(ms(2), 20, "threads", True),
        fork(ms(3), 20, 20, 21), fork(ms(3), 20, 20, 22),
        exit_of(ms(4), 20), exit_of(ms(5), 20, 22), exit_of(ms(12), 20, 21),
        # A thread executes: the first one ends, and the program has its number.
        fork(ms(13), 10, 30), comm(ms(14), 30, "before", True), fork(ms(15), 30, 30, 31),
        exit_of(ms(16), 30), comm(ms(17), 30, "after", True), exit_of(ms(20), 30),
        # The end is lost, and the number is used again.
        fork(ms(21), 10, 40), comm(ms(22), 40, "lost", True),
        fork(ms(25), 10, 40), comm(ms(26), 40, "again", True), exit_of(ms(27), 40),
        # Of a process from before the trace: nothing is known of it.
        fork(ms(28), 10, 10, 11), exit_of(ms(28), 10, 11),
        fork(ms(29), 10, 50), comm(ms(30), 50, "lasting", True),
        fork(ms(29), 10, 51), comm(ms(31), 51, "others", True),
        perf_data.sample(ms(32), 10),
    ]


def snoop(path, *options):
    done = subprocess.run([OC, "script", "exec_snoop", "-i", path, "--json", "--every", "0", *options],
                          capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    if done.returncode != 0:
        sys.exit(f"exit status {done.returncode}: {done.stderr}")
    rows = json.loads(done.stdout.splitlines()[0])["rows"]
    return [(row["pid"], row["comm"], row["parent"], row["took"] / 1e6) for row in rows], done.stderr


def main():
    problems = []

    def check(what, actual, expected):
        if actual != expected:
            problems.append(f"{what}: {actual}, expected {expected}")

    with tempfile.NamedTemporaryFile(suffix=".data") as file:
        file.write(perf_data.file_of(records()))
        file.flush()
        rows, err = snoop(file.name)
        check("all", rows, [(20, "threads", "shell/10", 10), (30, "before", "shell/10", 3), (30, "after", "shell/10", 3),
                            (40, "lost", "shell/10", 3), (40, "again", "shell/10", 1)])
        check("still ran", "2 programs still ran" in err, True)
        rows, err = snoop(file.name, "--comm", "again")
        check("--comm", rows, [(40, "again", "shell/10", 1)])
        check("none of --comm still ran", "still ran" in err, False)
    print("\n".join(problems) or "exec_snoop: all as it should be")
    sys.exit(1 if problems else 0)


main()
