#!/usr/bin/python3
"""Unwinding against perf's (libunwind): unwind.py ROOT [--rounds N]

Two recordings of `perf record --call-graph dwarf`, made once into build/bench/: a small C++ program without frame
pointers, and clang++ compiling. perf's unwinding is the CPU time of `perf script -F ip --no-inline` less that of
`-F comm,time`; ours is warm on one thread, and cold as a whole process (reading included) on two.
"""
import os
import re
import resource
import shutil
import subprocess
import sys
import time

HEAVY = "#include <regex>\n#include <map>\n#include <future>\n#include <filesystem>\n" \
        "int main(int n, char** v) { std::regex r(\"a(b|c)*\"); return std::regex_match(v[n - 1], r); }\n"


def measured(command):
    """Least wall and CPU seconds of three runs, and the output."""
    best = (1e9, 1e9)
    for _ in range(3):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = (min(best[0], wall), min(best[1], cpu))
    return best + (done.stdout.decode("utf-8", "replace"),)


def record(data, frequency, command, stacks="dwarf,16384"):
    if os.path.exists(data):
        return
    print(f"recording {data}", file=sys.stderr)
    subprocess.run(["perf", "record", "-q", "-e", "cpu-clock:u", "-F", str(frequency), "--call-graph",
                    stacks, "-o", data + ".partial"] + command, check=True)
    os.rename(data + ".partial", data)


def report(name, data, tool, rounds):
    wall, cpu, _ = measured(["perf", "script", "-i", data, "-F", "ip", "--no-inline"])
    plain_wall, plain_cpu, _ = measured(["perf", "script", "-i", data, "-F", "comm,time"])
    text = subprocess.run([tool, data, str(rounds)], capture_output=True, text=True, check=True).stdout
    rates = {kind: [float(rate) for rate in re.findall(rf"{kind} .* s ([0-9.]+) M", text)] for kind in ("cold", "warm")}
    stacks, frames = re.search(r"cold (\d+) stacks (\d+) frames", text).groups()
    own_wall, own_cpu, _ = measured([tool, data, "both"])
    perf_rate = int(frames) / (cpu - plain_cpu) / 1e6
    warm = max(rates["warm"])
    print(f"{name}: {stacks} stacks, {frames} frames")
    print(f"  perf, unwinding alone    {perf_rate:8.2f} M frames/s of CPU ({cpu:.2f} - {plain_cpu:.2f} s)")
    print(f"  ours, one thread, cold   {rates['cold'][0]:8.2f} M frames/s  {rates['cold'][0] / perf_rate:6.1f} times")
    print(f"  ours, one thread, warm   {warm:8.2f} M frames/s  {warm / perf_rate:6.1f} times")
    print(f"  whole process            perf {wall:.3f} s ({plain_wall:.3f} s without stacks), ours {own_wall:.3f} s on two "
          f"threads ({own_cpu:.3f} s of CPU): {wall / own_wall:.1f} times")


def main(root, rounds="20"):
    folder = os.path.join(root, "build/bench")
    tool = os.path.join(root, "build/tests/bench/unwind_stacks")
    os.makedirs(folder, exist_ok=True)
    small = os.path.join(folder, "stacks_small.data")
    record(small, 4999, [os.path.join(root, "build/tests/unwind/busy_gcc"), "3000"])
    report("small program", small, tool, rounds)
    default = os.path.join(folder, "stacks_small_8k.data")
    record(default, 4999, [os.path.join(root, "build/tests/unwind/busy_gcc"), "3000"], "dwarf")
    report("small program, perf's default of 8 KiB", default, tool, rounds)
    if shutil.which("clang++") is None:
        print("clang++ is not installed: no big program")
        return
    source, big = os.path.join(folder, "heavy.cc"), os.path.join(folder, "stacks_clang.data")
    with open(source, "w", encoding="utf-8") as file:
        file.write(HEAVY)
    compiler = ["clang++", "-O2", "-std=c++20", "-c", source, "-o", "/dev/null"]
    record(big, 999, ["sh", "-c", f"for i in 1 2 3; do {' '.join(compiler)}; done"])
    report("clang++ compiling", big, tool, rounds)


if __name__ == "__main__":
    main(sys.argv[1], *[value for value in sys.argv[2:] if value != "--rounds"])
