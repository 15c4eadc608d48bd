#!/usr/bin/python3
"""A program that is built anew under its path while it is traced: rebuilt_test.py

Two builds, one after the other at one path, written over in place or removed and copied again (ext4 then uses the inode
again). The samples of each process have its own build's names, or none where its bytes are gone; never the other's.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import perf_text
from perf_text import OC

SOURCE = r"""
#include <time.h>
volatile unsigned long sink;
PADDING
__attribute__((noinline)) void inner_NAME(unsigned long n) { for (unsigned long i = 0; i < n; ++i) sink += i; }
__attribute__((noinline)) void outer_NAME(void) { MORE inner_NAME(200000); sink++; }
int main(void) {
  while ((double)clock() / CLOCKS_PER_SEC < 0.05) outer_NAME();
  return 0;
}
"""
# Other addresses, and other unwind rules at the same ones.
BUILDS = {
    "first": {"PADDING": "", "MORE": ""},
    "second": {"PADDING": "void pad_second(volatile char *p) { p[1] = 2; p[2] = 3; }",
               "MORE": "volatile char room[264]; room[1] = 1; sink += (unsigned long)room[1];"},
}
CHANGES = {"in place": 'cat "$2" > "$3"', "removed": 'rm "$3"; cp "$2" "$3"', "renamed": 'cp "$2" "$3.new"; mv "$3.new" "$3"'}
SCRIPT = os.path.join(perf_text.ROOT, "tests", "verify", "rebuilt.lua")


def build(folder, name, flags):
    source, program = os.path.join(folder, name + ".c"), os.path.join(folder, name)
    text = SOURCE
    for word, with_what in BUILDS[name].items():
        text = text.replace(word, with_what)
    with open(source, "w", encoding="utf-8") as file:
        file.write(text.replace("NAME", name))
    subprocess.run(["gcc", "-O1", "-g0", *flags, "-o", program, source], check=True)
    return program


def archive(folder, program):
    """As perf lays out its cache: DIR/.build-id/xx/yyy/elf."""
    notes = subprocess.run(["readelf", "-n", program], capture_output=True, text=True, check=True).stdout
    build_id = re.search(r"Build ID: (\w+)", notes).group(1)
    place = os.path.join(folder, "oc", ".build-id", build_id[:2], build_id[2:])
    os.makedirs(place)
    shutil.copy(program, os.path.join(place, "elf"))


def names_of(text):
    """Of each process, in order: samples by name."""
    found = {}
    for line in text.splitlines():
        pid, name, count = line.split("\t")
        found.setdefault(pid, {})[name] = int(count)
    return list(found.values())


def judge(found, needs_first, is_unwound):
    """`found` of the two processes that ran the program. By frame pointers a leaf's caller is not seen."""
    if len(found) != 2:
        yield f"{len(found)} processes: {found}"
        return
    for names, own, other in zip(found, ("first", "second"), ("second", "first")):
        wrong = [name for name in names if name.endswith("_" + other)]
        if wrong:
            yield f"the {own} process has names of the other build: {names}"
        if not needs_first and own == "first":
            continue
        inner, outer = names.get("inner_" + own, 0), names.get("outer_" + own, 0)
        if inner < 10 or (is_unwound and outer * 10 < inner * 9) or names.get("main", 0) * 10 < inner * 9:
            yield f"the {own} process: {names}"


class Case:
    """One way to change the program, and one to have stacks."""

    def __init__(self, folder, change, graph, flags):
        self.folder = os.path.join(folder, re.sub(r"\W", "_", f"{change} {graph} {' '.join(flags)}"))
        os.makedirs(self.folder)
        self.builds = [build(self.folder, name, flags) for name in BUILDS]
        self.change = f'cp "$1" "$3"; sleep $4; "$3"; sleep $5; {CHANGES[change]}; "$3"; :'
        self.graph = graph
        self.has_ids = "-Wl,--build-id=none" not in flags
        self.keeps = change != "in place"

    def run(self, *args, archive_too=False):
        home = os.path.join(self.folder, "archive" if archive_too else "no-archive")
        done = subprocess.run([OC, *args], capture_output=True, text=True, check=False,
                              env={**os.environ, "XDG_CACHE_HOME": home, "HOME": self.folder})
        if done.returncode != 0:
            raise RuntimeError(f"{args}: {done.returncode}: {done.stderr}")
        return done.stdout

    def names(self, program, *args, **options):
        return names_of(self.run("script", "-q", SCRIPT, "--module", program, *args, **options))

    def command(self, program, *pauses):
        return ["sh", "-c", self.change, "sh", *self.builds, program, *pauses]

    def live(self):
        program = os.path.join(self.folder, "live")
        found = self.names(program, "-F", "997", "--call-graph", self.graph, "--", *self.command(program, "0.1", "0.25"))
        yield from judge(found, self.keeps, self.graph == "dwarf")

    def recorded(self, pause):
        """Without a pause nobody can look at the first one before it is the second. Of an inode that was written over, a trace
        tells nothing but the build id."""
        if not self.has_ids and not self.keeps:
            return
        program = os.path.join(self.folder, "recorded" + pause)
        trace = program + ".data"
        self.run("record", "-q", "-F", "997", "-e", "cpu-clock", "--call-graph", self.graph, "-o", trace, "--",
                 *self.command(program, pause, pause))
        yield from judge(self.names(program, "-i", trace), False, self.graph == "dwarf")
        if self.has_ids and pause != "0":
            home = os.path.join(self.folder, "archive")
            for build_of in self.builds:
                archive(home, build_of)
            yield from judge(self.names(program, "-i", trace, archive_too=True), True, self.graph == "dwarf")


def cases():
    with_ids = ["-Wl,--build-id=sha1"]
    yield "in place", "fp", ["-fno-omit-frame-pointer", *with_ids]
    yield "removed", "fp", ["-fno-omit-frame-pointer", *with_ids]
    for change in CHANGES:
        yield change, "dwarf", ["-fomit-frame-pointer", *with_ids]
    yield "in place", "dwarf", ["-fomit-frame-pointer", "-Wl,--build-id=none"]
    yield "removed", "dwarf", ["-fomit-frame-pointer", "-Wl,--build-id=none"]


def main():
    if os.getuid() != 0:
        perf_text.skip("only root sees the files that other processes have mapped")
    if not all(map(shutil.which, ("gcc", "readelf"))):
        perf_text.skip("there is no gcc or no readelf here")
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for change, graph, flags in cases():
            case = Case(folder, change, graph, flags)
            what = f"{change}, {graph}, {flags[-1]}"
            jobs += [(what + ", live", case.live)]
            if change != "renamed":
                jobs += [(what + ", recorded", case.recorded, "0.25")]
            if change == "in place":
                jobs += [(what + ", recorded at once", case.recorded, "0")]
        return perf_text.run_checks(jobs, "rebuilt programs", at_once=8)


if __name__ == "__main__":
    sys.exit(main())
