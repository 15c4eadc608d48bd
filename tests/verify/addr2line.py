#!/usr/bin/python3
"""Compares oc symbols with addr2line -i on random addresses of one file's code.

addr2line.py OC FILE [COUNT]: prints how many places are told alike and, by kind, what differs; exit status 1 when
more than one in a hundred differs without an explanation. Where addr2line and oc differ, llvm-symbolizer decides, if it
is there: addr2line of binutils 2.40 takes another file of a DWARF 5 line table than is meant (the main one).
"""
import json
import random
import re
import shutil
import subprocess
import sys

VERSION = re.compile(r"@@?[A-Za-z_.0-9]+$")


def code_ranges(path):
    """(start, size) of the functions in the file's symbol tables, by readelf; of sections without any."""
    text = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
    ranges = []
    for line in text.splitlines():
        found = re.match(r"\s*\[\s*\d+\]\s+(\S+)\s+PROGBITS\s+(\S+)\s+\S+\s+(\S+)\s+\S+\s+AX", line)
        if found and found.group(1) == ".text":
            ranges.append((int(found.group(2), 16), int(found.group(3), 16)))
    return ranges


def pick(ranges, count, seed=7):
    chooser = random.Random(seed)
    total = sum(size for _, size in ranges)
    addresses = set()
    while len(addresses) < min(count, total):
        at = chooser.randrange(total)
        for start, size in ranges:
            if at < size:
                addresses.add(start + at)
                break
            at -= size
    return sorted(addresses)


ADDR2LINE = ("addr2line", "-a", "-f", "-i", "-C", "-e")
LLVM = ("llvm-symbolizer", "-a", "-f", "-i", "-C", "--output-style=GNU", "-e")


def by_peer(command, path, addresses):
    """For each address [(function, "file:line"), …]."""
    given = "".join(f"{a:#x}\n" for a in addresses)
    text = subprocess.run([*command, path], input=given,
                          capture_output=True, text=True, check=True).stdout
    found, lines = [], text.splitlines()
    at = 0
    while at < len(lines):
        if re.match(r"^0x[0-9a-f]+$", lines[at]):
            found.append([])
            at += 1
            continue
        if not lines[at]:
            at += 1
            continue
        place = re.sub(r" \(discriminator \d+\)$", "", lines[at + 1])
        found[-1].append((lines[at], place))
        at += 2
    return found


def by_oc(program, path, addresses):
    given = "".join(f"{a:#x}\n" for a in addresses)
    text = subprocess.run([program, "symbols", "--json", path, "-"], input=given,
                          capture_output=True, text=True, check=False).stdout
    return [json.loads(line) for line in text.splitlines()]


def calls_of(entry):
    calls = [(c["function"] or "??", (c["file"] or "??") + ":" + str(c["line"] or "?"))
             for c in entry["calls"]]
    if calls and calls[-1][0] == "??" and entry.get("symbol"):
        calls[-1] = (entry["symbol"], calls[-1][1])
    if not entry.get("symbol"):
        return calls or [("??", "??:?")]
    if not calls:
        calls = [(entry.get("symbol", "??"), "??:?")]
    return calls


def normal_place(place):
    name, _, line = place.rpartition(":")
    parts = []
    for part in name.split("/"):
        if part == ".." and parts and parts[-1] not in ("", ".."):
            parts.pop()
        elif part != ".":
            parts.append(part)
    if line in ("0", "?"):
        line = "?"
    return "/".join(parts) + ":" + line


def same_place(ours, theirs):
    a, b = normal_place(ours), normal_place(theirs)
    if a.endswith(":?") and b.endswith(":?"):
        return True
    return a == b


def classify(ours, theirs, entry):
    """None when both say the same, else the kind of difference."""
    if len(ours) != len(theirs):
        return "number of inlined calls"
    for at, ((our_name, our_place), (their_name, their_place)) in enumerate(zip(ours, theirs)):
        if not same_place(our_place, their_place):
            return "file or line"
        if our_name == their_name:
            continue
        is_last = at == len(ours) - 1
        if at == 0 and entry.get("symbol") and not is_last and their_name == entry["symbol"]:
            continue  # where there is no linkage name, addr2line gives the inlined one that of the whole function
        if is_last and entry.get("symbol") and VERSION.sub("", their_name) in (
                VERSION.sub("", entry["symbol"]), entry["symbol"]):
            continue  # addr2line took the symbol, which oc tells beside
        if is_last and not entry.get("symbol"):
            return "explained: no symbol reaches so far, addr2line takes the one before"
        return "function (the symbol)" if is_last else "function (inlined)"
    return None


def names_by_place(path):
    """The names of each address, by nm: any of them is right."""
    names = {}
    for options in (["-C"], ["-C", "-D"]):
        text = subprocess.run(["nm", *options, path], capture_output=True, text=True, check=False).stdout
        for line in text.splitlines():
            found = re.match(r"^([0-9a-f]+) . (.*)$", line)
            if found:
                names.setdefault(int(found.group(1), 16), set()).add(VERSION.sub("", found.group(2)))
    return names


def sort_out(path, differing):
    """Moves what llvm-symbolizer tells as oc does, and other names of one place, to kinds of their own."""
    llvm = by_peer(LLVM, path, [d[1] for d in differing]) if shutil.which("llvm-symbolizer") else None
    names = names_by_place(path) if differing else {}
    for at, (kind, address, own, their, entry) in enumerate(differing):
        if llvm and [normal_place(p) for _, p in llvm[at]] == [normal_place(p) for _, p in own]:
            kind = "explained: llvm-symbolizer tells what oc tells"
        elif kind == "function (the symbol)":
            here = names.get(address - int(entry["offset"]), set())
            if VERSION.sub("", their[-1][0]) in here:
                kind = "explained: another name of the same place"
        yield kind, (address, own, their, entry.get("symbol"))


def compare(program, path, count):
    addresses = pick(code_ranges(path), count)
    theirs, ours = by_peer(ADDR2LINE, path, addresses), by_oc(program, path, addresses)
    assert len(theirs) == len(addresses) == len(ours), (len(theirs), len(addresses), len(ours))
    differing, with_inlines = [], 0
    for address, their, entry in zip(addresses, theirs, ours):
        own = calls_of(entry)
        with_inlines += len(their) > 1
        kind = classify(own, their, entry)
        if kind:
            differing.append((kind, address, own, their, entry))
    kinds = {}
    for kind, example in sort_out(path, differing):
        kinds.setdefault(kind, []).append(example)
    return len(addresses), with_inlines, kinds


def main():
    program, path = sys.argv[1], sys.argv[2]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 10000
    total, with_inlines, kinds = compare(program, path, count)
    alike = total - sum(len(examples) for examples in kinds.values())
    print(f"{path}: {total} addresses, {with_inlines} with inlined calls, {alike} alike")
    different = 0
    for kind, examples in sorted(kinds.items()):
        print(f"  {len(examples)} {kind}")
        if kind.startswith("explained"):
            continue
        different += len(examples)
        for address, own, their, symbol in examples[:5]:
            print(f"    {address:#x} symbol {symbol}\n      oc        {own}\n      addr2line {their}")
    return 0 if different * 100 <= total else 1


if __name__ == "__main__":
    sys.exit(main())
