#!/usr/bin/python3
"""Compares the symbols of a file: oc symbols FILE '*' with nm, and oc's demangling with c++filt's.

names.py OC FILE: exit status 1 when a function of nm's is missing, or a name is told in another way.
"""
import json
import re
import subprocess
import sys


def run(*command, given=None):
    return subprocess.run(command, capture_output=True, text=True, check=False, input=given,
                          errors="replace").stdout


def code_sections(path):
    """(start, end) of the sections that hold code."""
    for line in run("readelf", "-SW", path).splitlines():
        match = re.match(r"\s*\[\s*\d+\]\s+\S+\s+\S+\s+(\S+)\s+\S+\s+(\S+)\s+\S+\s+AX", line)
        if match:
            yield int(match.group(1), 16), int(match.group(1), 16) + int(match.group(2), 16)


def nm_functions(path):
    """{address: {names}} of functions, as nm demangles them, from the table that oc prefers."""
    sections = list(code_sections(path))
    for options in ([], ["-D"]):
        found = {}
        for line in run("nm", "-C", *options, path).splitlines():
            match = re.match(r"^([0-9a-f]+) ([TtWwi]) (.*)$", line)
            if match and any(a <= int(match.group(1), 16) < b for a, b in sections):
                found.setdefault(int(match.group(1), 16), set()).add(match.group(3))
        if found:
            return found
    return {}


def compare(program, path):
    """(symbols compared, problems as text)."""
    ours = {}
    for line in run(program, "symbols", "--json", path, "*").splitlines():
        entry = json.loads(line)
        if entry["source"] != "PLT":
            ours[int(entry["address"], 16)] = entry["name"]
    problems = []
    theirs = nm_functions(path)
    for address, names in sorted(theirs.items()):
        own = ours.get(address)
        if own is None:
            problems.append(f"{path}: {address:#x} {sorted(names)[0]} is missing")
        elif own not in names and re.sub(r"@.*", "", own) not in {re.sub(r"@.*", "", n) for n in names}:
            problems.append(f"{path}: {address:#x} is {own}, nm says {sorted(names)}")
    return len(theirs), problems


def main():
    total, problems = compare(sys.argv[1], sys.argv[2])
    print(f"{sys.argv[2]}: {total} places with functions, {total - len(problems)} alike")
    for problem in problems[:10]:
        print("  " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
