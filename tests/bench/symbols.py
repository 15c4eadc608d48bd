#!/usr/bin/python3
"""What names, lines and inlined calls cost: oc against addr2line and llvm-symbolizer.

symbols.py ROOT [FILE…]: started by `./dev bench symbols`. 10,000 random addresses of each file; whole processes, CPU time.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "verify"))
import addr2line  # noqa: E402

FILES = ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
         "/usr/lib/llvm-14/lib/libLLVM-14.so.1"]
COUNT = 10000


def segments(path):
    for line in subprocess.run(["readelf", "-lW", path], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        words = line.split()
        if words[:1] == ["LOAD"]:
            yield int(words[2], 16), int(words[1], 16), int(words[4], 16)


def cpu_of(command, given, environment=None):
    """CPU seconds of a process that reads the text `given`; None when there is no such program."""
    with tempfile.TemporaryFile("w+") as stdin:
        stdin.write(given)
        stdin.seek(0)
        try:
            job = subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=dict(os.environ, **(environment or {})))
        except FileNotFoundError:
            return None
        usage = os.wait4(job.pid, 0)[2]
        job.returncode = 0
    return usage.ru_utime + usage.ru_stime


def best(*arguments, rounds=3, **options):
    found = [cpu_of(*arguments, **options) for _ in range(rounds)]
    return None if None in found else min(found)


def show(what, seconds, base=None):
    if seconds is None:
        print(f"  {what:<34} not here")
        return
    ratio = f"{seconds / base:8.1f} ×" if base else ""
    print(f"  {what:<34}{seconds:9.3f} s{seconds * 1e6 / COUNT:10.1f} us each{ratio}")


def measure(root, path):
    frame_names = os.path.join(root, "build/tests/verify/frame_names")
    addresses = addr2line.pick(addr2line.code_ranges(path), COUNT)
    loads = list(segments(path))
    offsets = [a - start + offset for a in addresses for start, offset, size in loads if start <= a < start + size]
    asked = "".join(f"file {path} {o:x}\n" for o in offsets)
    given = "".join(f"{a:#x}\n" for a in addresses)
    print(f"{path}: {len(addresses)} addresses")
    ours = best([frame_names], asked)
    show("oc: names, lines, inlined calls", ours)
    show("oc: names alone", best([frame_names], asked, environment={"OC_NAMES_ONLY": "1"}))
    show("addr2line -a -f -i -C", best([*addr2line.ADDR2LINE, path], given, rounds=1), ours)
    show("llvm-symbolizer", best([*addr2line.LLVM, path], given, rounds=1), ours)


def main():
    root, files = sys.argv[1], sys.argv[2:]
    files = files or [os.path.join(root, "build/oc")] + [f for f in FILES if os.path.exists(f)]
    tables = os.path.join(root, "build/tests/bench/symbol_tables")
    sys.stdout.flush()
    subprocess.run([tables, "kernel", *files], check=True)
    for path in files:
        measure(root, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
