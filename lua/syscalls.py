"""Writes lua module text: this machine's system calls by number, as its C headers have them.

syscalls.py OUT COMPILER...
"""
import re
import subprocess
import sys


def main() -> None:
    out, compiler = sys.argv[1], sys.argv[2:]
    text = subprocess.run(
        compiler + ["-E", "-dM", "-x", "c", "-"], input="#include <sys/syscall.h>\n",
        capture_output=True, text=True, check=True).stdout
    calls = {}
    for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", text, re.M):
        calls.setdefault(int(number), name)
    lines = ["  [%d] = %r," % (number, calls[number]) for number in sorted(calls)]
    with open(out, "w") as file:
        file.write("--- System calls of the machine that built oc, by number.\n\nreturn {\n"
                   + "\n".join(lines) + "\n}\n")


main()
