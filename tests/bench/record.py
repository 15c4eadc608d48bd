#!/usr/bin/env python3
"""`oc record` against `perf record`: CPU of the recorder itself, loss, start-up; same events, same time, in turn.

  record.py [--seconds N] [--rounds N] [--oc PATH]

Numbers of one run on one machine: compare the two tools of a row, not rows of different days.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


def cpu_of(command, **options):
    """Runs a command: seconds of wall, of its CPU (its waited-for children too), stdout, stderr."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        job = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, **options)
        _, status, usage = os.wait4(job.pid, 0)
        wall = time.monotonic() - began
        job.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return wall, usage.ru_utime + usage.ru_stime, texts[0], texts[1]


class Load:
    """Programs that keep the CPUs busy, ended by their pids."""

    def __init__(self, commands):
        self.jobs = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]

    def end(self):
        for job in self.jobs:
            job.send_signal(signal.SIGKILL)
            job.wait()


SPIN = ["sh", "-c", "while :; do :; done"]
INTERPRETERS = [["python3", "-c", "import json\nwhile True: json.loads(json.dumps([{'a': list(range(100))}] * 10))"]] * 2
DD = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1"]


def perf_lost(path):
    text = subprocess.run(["perf", "report", "--stats", "-i", path], capture_output=True, text=True, check=False).stdout
    lost = re.search(r"LOST_SAMPLES? events:\s+(\d+)", text)
    return lost.group(0) if lost else ""


def samples_and_lost(oc, path):
    """By oc's own reader, for both tools' files alike."""
    script = ("local t = oc.open{} local n = 0 t:on('*', function() n = n + 1 end) t:run() "
              "local s = t:stats() print(s.records, s.lost)")
    done = subprocess.run([oc, "eval", script, "-i", path], capture_output=True, text=True, check=False)
    numbers = re.search(r"(\d+)\t(\d+)", done.stdout)
    return tuple(map(int, numbers.groups())) if numbers else (0, 0)


def row(oc, folder, name, load, perf_options, oc_options, seconds, rounds):
    print(f"{name}, {seconds} s, {rounds} rounds")
    sums = {"perf": 0.0, "oc": 0.0}
    sizes = {"perf": 0, "oc": 0}
    for turn in range(rounds):
        for tool in ("perf", "oc"):
            path = os.path.join(folder, tool + ".data")
            running = Load(load)
            time.sleep(0.3)
            if tool == "perf":
                command = ["perf", "record", "-q", "-a", "-o", path, *perf_options, "--", "sleep", str(seconds)]
            else:
                command = [oc, "record", "-q", "-o", path, *oc_options, "-d", f"{seconds}s"]
            wall, cpu, _, err = cpu_of(command)
            running.end()
            records, lost = samples_and_lost(oc, path)
            size = os.path.getsize(path)
            sums[tool] += cpu
            sizes[tool] += size
            print(f"  {tool:4}  CPU {cpu:7.3f} s  wall {wall:6.2f} s  {size / 2**20:8.1f} MiB  {records:9} records"
                  f"  lost {lost} ({100 * lost / max(records + lost, 1):.1f} %)  {err.strip()[:60] if lost == 0 else ''}")
            os.unlink(path)
    print(f"  CPU, oc / perf: {sums['oc'] / max(sums['perf'], 1e-9):.2f}; size, perf / oc: {sizes['perf'] / max(sizes['oc'], 1):.1f}\n")
    return sums["oc"] <= sums["perf"]


def startup(oc, folder):
    print("start to end, wall")
    for name, perf_options, oc_options in (
            ("-- true", ["--", "true"], ["--", "true"]),
            ("all syscalls:sys_enter_* -- true", ["-e", "syscalls:sys_enter_*", "--", "true"],
             ["-e", "syscalls:sys_enter_*", "--", "true"])):
        for tool, command in (("oc", [oc, "record", "-q", "-o", os.path.join(folder, "s.data"), *oc_options]),
                              ("perf", ["perf", "record", "-q", "-o", os.path.join(folder, "p.data"), *perf_options])):
            wall, cpu, _, _ = cpu_of(command)
            print(f"  {tool:4}  {name:34} {wall:6.3f} s  CPU {cpu:.3f} s")
    print()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=int, default=30)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--oc", default=os.path.join(ROOT, "build/oc"))
    arguments.add_argument("--stacks", nargs="*", default=["-g"], help="oc's options for stacks")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        startup(given.oc, folder)
        spin = [SPIN] * (os.cpu_count() or 1)
        row(given.oc, folder, "cpu-clock at 999 Hz", spin, ["-F", "999", "-e", "cpu-clock"],
            ["-F", "999", "-e", "cpu-clock"], given.seconds, given.rounds)
        if given.stacks:
            row(given.oc, folder, "cpu-clock at 999 Hz with stacks", spin, ["-F", "999", "-e", "cpu-clock", "-g"],
                ["-F", "999", "-e", "cpu-clock", *given.stacks], given.seconds, given.rounds)
            row(given.oc, folder, "cpu-clock at 999 Hz, --call-graph dwarf", [*spin, *INTERPRETERS],
                ["-F", "999", "-e", "cpu-clock", "--call-graph", "dwarf"],
                ["-F", "999", "-e", "cpu-clock", "--call-graph", "dwarf"], given.seconds, given.rounds)
        event = "raw_syscalls:sys_enter"
        row(given.oc, folder, "a storm of system calls, 2 dd, 8 MiB a CPU", [DD, DD], ["-m", "8M", "-e", event],
            ["--buffer", "8MiB", "-e", event], given.seconds, given.rounds)
        row(given.oc, folder, "the same, 512 KiB a CPU", [DD, DD], ["-m", "512K", "-e", event],
            ["--buffer", "512KiB", "-e", event], given.seconds, given.rounds)
        row(given.oc, folder, "the same, everybody's defaults", [DD, DD], ["-e", event], ["-e", event],
            given.seconds, given.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
