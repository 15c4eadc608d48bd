"""Two `dd bs=1` under no collector, under oc and under perf record; started by live_storm.sh.

    collector  |------------------ the whole session ------------------|
    load            |-- perf stat -e sys_enter dd … --|   (twice, side by side)

Each dd runs below a `perf stat` that only counts, enabled at exec, so its number is exactly the
system calls made under the name dd. As the session is longer than the load, what a collector saw
of these two processes under that name plus what it lost must be that number. The counting itself slows dd, in all three cases alike.
"""
import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import measure
from bench import tables_of

EVENT = "raw_syscalls:sys_enter"
BEFORE, AFTER = 1.0, 1.0  # seconds that a session is longer than its load, on either side
ENV = dict(os.environ, LC_ALL="C", PERF_CONFIG="/dev/null")


def default_sigint():
    # A shell's background jobs ignore SIGINT, and dd keeps to that: it must hear ours.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def child_of(pid):
    found = subprocess.run(["pgrep", "-x", "-P", str(pid), "dd"], capture_output=True, text=True,
                           check=False).stdout.split()
    return int(found[0]) if found else None


def load(seconds, folder):
    """Runs both dd for `seconds`: counted system calls, rate in calls a second, their pids."""
    jobs, pids = [], []
    for number in (1, 2):
        counted = os.path.join(folder, f"stat{number}")
        command = ["perf", "stat", "-x", ",", "-o", counted, "-e", EVENT,
                   "dd", "if=/dev/zero", "of=/dev/null", "bs=1"]
        job = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, env=ENV,
                               preexec_fn=default_sigint)
        jobs.append((job, counted))
    time.sleep(seconds)
    for job, _ in jobs:
        pid = child_of(job.pid)
        if pid is None:
            raise RuntimeError("dd did not start: " + job.communicate()[1])
        os.kill(pid, signal.SIGINT)
        pids.append(pid)
    calls, rate = 0, 0.0
    for job, counted in jobs:
        said = job.communicate()[1]
        copied = re.search(r"(\d+) bytes .*copied, ([\d.e+]+) s", said)
        rate += 2 * int(copied.group(1)) / float(copied.group(2))  # a read and a write per byte
        with open(counted, encoding="utf-8") as text:
            calls += sum(int(line.split(",")[0]) for line in text if EVENT in line)
    return calls, rate, pids


def collect_nothing(_root, seconds, folder):
    calls, rate, _ = load(seconds, folder)
    return {"counted": calls, "rate": rate}


def collect_oc(root, seconds, folder):
    session = BEFORE + seconds + AFTER
    said = os.path.join(folder, "oc.out")
    with open(said, "wb") as out, open(said + ".err", "wb") as err:
        command = [os.path.join(root, "build/oc"), "script",
                   os.path.join(root, "tests/bench/storm.lua"), "-d", f"{session:g}s"]
        job = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        time.sleep(BEFORE)
        calls, rate, pids = load(seconds, folder)
        status = job.wait()
    with open(said, encoding="utf-8") as out:
        text = out.read()
    if status != 0:
        with open(said + ".err", encoding="utf-8") as err:
            raise RuntimeError(f"oc ended with status {status}: {err.read().strip()[-300:]}")
    lost = int(re.search(r"^lost\t(\d+)", text, re.M).group(1))
    rows = tables_of("\n".join(line for line in text.splitlines() if line.startswith("calls\t")))
    ours = tuple(f"dd {pid} " for pid in pids)  # others may run a dd of their own
    seen = sum(n for key, n in rows["calls"].items() if key.startswith(ours))
    return {"counted": calls, "rate": rate, "seen": seen, "lost": lost}


def collect_perf(root, seconds, folder):
    session = BEFORE + seconds + AFTER
    data = os.path.join(folder, "storm.data")
    with open(os.path.join(folder, "perf.out"), "w", encoding="utf-8") as out:
        job = subprocess.Popen(["perf", "record", "-a", "-e", EVENT, "-o", data,
                                "--", "sleep", str(session)],
                               stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=ENV)
        time.sleep(BEFORE)
        calls, rate, pids = load(seconds, folder)
        job.wait()
    report = measure.run(["perf", "report", "--stdio", "-i", data, "--sort", "pid,comm", "-g", "none",
                          "-F", "sample,pid,comm"], keep_output=True).output
    rows = re.finditer(r"^\s*(\d+)\s+(\d+):\S+\s+dd\s*$", report, re.M)
    seen = sum(int(row.group(1)) for row in rows if int(row.group(2)) in pids)
    walk = measure.run([os.path.join(root, "build/tests/bench/bare_pass"), data], keep_output=True)
    lost = re.search(r"lost (\d+)", walk.output)
    os.unlink(data)
    return {"counted": calls, "rate": rate, "seen": seen,
            "lost": int(lost.group(1)) if lost else None}


def show(name, result):
    counted, seen, lost = result["counted"], result.get("seen"), result.get("lost")
    line = f"{name:<8}{result['rate'] / 1e6:>9.2f} M/s{counted:>14}"
    if seen is not None:
        missing = counted - seen
        line += f"{seen:>14}{lost if lost is not None else '?':>12}{missing:>12}"
        line += f"{100 * missing / counted:>8.2f} %"
    print(line, flush=True)


def verdict(results):
    """Ratios of the medians; true when oc's numbers add up."""
    rates = {name: statistics.median(r["rate"] for r in runs)
             for name, runs in results.items() if runs}
    if "none" in rates:
        for name in ("oc", "perf"):
            if name in rates:
                print(f"under {name} the load is {rates['none'] / rates[name]:.2f} times slower")
    adds_up = True
    for result in results["oc"]:
        # A loss is counted for every process, ours and others', so it may exceed what dd lacks.
        missing = result["counted"] - result["seen"]
        adds_up = adds_up and 0 <= missing <= result["lost"]
    if results["oc"]:
        print("oc: seen + lost " + ("is" if adds_up else "IS NOT") + " what the counting event says")
    return adds_up and bool(results["oc"])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("root")
    options.add_argument("--seconds", type=float, default=5)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json")
    opt = options.parse_args()
    collectors = {"none": collect_nothing, "oc": collect_oc, "perf": collect_perf}
    if not os.access(os.path.join(opt.root, "build/oc"), os.X_OK):
        print("no build/oc: only the others are measured")
        del collectors["oc"]
    results = {"none": [], "oc": [], "perf": []}
    print(f"{'under':<8}{'dd rate':>13}{'counted':>14}{'seen':>14}{'lost':>12}{'missing':>12}")
    with tempfile.TemporaryDirectory(dir=os.path.join(opt.root, "build")) as folder:
        for _ in range(opt.rounds):
            for name, collect in collectors.items():
                try:
                    results[name].append(collect(opt.root, opt.seconds, folder))
                    show(name, results[name][-1])
                except (RuntimeError, AttributeError, KeyError, ValueError) as error:
                    print(f"{name:<8}not measured: {error}", flush=True)
    good = verdict(results)
    if opt.json:
        with open(opt.json, "w", encoding="utf-8") as out:
            json.dump(results, out, indent=1)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
