"""`oc archive`: the same names and stacks when the programs are gone; what perf makes of it; hostile archives."""
import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

from program import Suite, finish, problems_of, run, start

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
TRACE = os.path.join(ROOT, "tests", "fixtures", "stacks.data")
DEMO = os.path.join(ROOT, "examples", "traces", "demo.data")
SOURCE = """
#include <math.h>
#include <stdlib.h>
__attribute__((noinline)) static double inner(double x) {
  double s = 0;
  for (int i = 0; i < 200; ++i) {
    s += sin(x + i);
    for (int k = 0; k < 40; ++k) s += s * 1e-9 + k;  // half of the samples are in inner itself
  }
  return s;
}
static inline double twice(double x) { return inner(x) + inner(-x); }
__attribute__((noinline)) static int compare(const void* a, const void* b) {
  return twice(*(const double*)a) < twice(*(const double*)b);
}
int main(void) {
  double v[128];
  for (int r = 0; r < 12; ++r) {
    for (int i = 0; i < 128; ++i) v[i] = (i * 7919) % 128;
    qsort(v, 128, sizeof *v, compare);
  }
  return v[3] > 1e9;
}
"""
STACKS = """local t = oc.open { stacks = "any" }
local by = oc.counter("stack")
t:on("*", function(e) by:count(e.stack) end)
t:run()
for _, row in ipairs(by:rows()) do print(row.count) print(row.stack:text()) end"""


def stacks_of(trace, env):
    return run(["eval", "-q", "-i", trace, STACKS], env=env)


def record(folder, flags, name):
    """A program and its recording with registers and stack bytes; None where that cannot be had."""
    source, program = os.path.join(folder, name + ".c"), os.path.join(folder, name)
    with open(source, "w", encoding="utf-8") as text:
        text.write(SOURCE)
    trace = os.path.join(folder, name + ".data")
    for command in (["gcc", "-O1", "-g", "-fomit-frame-pointer", *flags, "-o", program, source, "-lm"],
                    ["perf", "record", "-q", "-F", "499", "--call-graph", "dwarf,4096", "-o", trace, program]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120,
                                  env={**os.environ, "HOME": folder})
        except FileNotFoundError:
            return None, None, f"no {command[0]} here"
        if done.returncode != 0:
            return None, None, done.stderr.strip().splitlines()[-1:]
    return program, trace, None


def survives(suite, folder, name, flags):
    """The names and the unwound stacks of a recording, when its program is no more."""
    program, trace, why = record(folder, flags, name)
    if why:
        suite.skip(f"a recording ({name}) of a program that is gone", why)
        return
    env = {"HOME": folder, "TMPDIR": folder}
    if name == "split":
        try:
            subprocess.run(["dwp", "-e", program, "-o", program + ".dwp"], check=True, capture_output=True, cwd=folder)
        except (FileNotFoundError, subprocess.CalledProcessError) as problem:
            suite.skip("a recording of a program whose units are in two halves", str(problem))
            return
    before = stacks_of(trace, env)
    packed = run(["archive", trace], env=env)
    suite.check(f"a recording ({name}) is archived", problems_of(packed, 0, None, r"\.tar\.zst: .* files of "), packed)
    for one in os.listdir(folder):
        if one == name or one.endswith((".dwo", ".dwp")):
            os.remove(os.path.join(folder, one))
    shutil.rmtree(os.path.join(folder, ".debug"), ignore_errors=True)  # perf's copies
    without, after = stacks_of(trace, env), stacks_of(trace + ".tar.zst", env)
    problems = problems_of(after, 0, r"inner .*compare .*main ", None)
    if after.out != before.out:
        problems.append("other stacks or names than before")
    if "twice (inlined)" not in after.out or f"{name}.c:" not in after.out:
        problems.append("no inlined calls or lines")
    if without.out == before.out:
        problems.append("the program was not needed")
    suite.check(f"names and stacks of a program ({name}) that is gone, from an archive", problems, after)
    left = [one for one in os.listdir(folder) if one.startswith("oc-archive.")]
    suite.check(f"nothing unpacked is left ({name})", left and [f"left {left}"])
    told = run(["symbols", trace + ".tar.zst", name], env=env)
    suite.check(f"symbols of an archive ({name})", problems_of(
        told, 0, r"samples +\d+ .*100\.0 % of them named.*file .*\.tar\.zst:.*lines +yes", None), told)
    if name == "plain":
        perf_reads(suite, folder, trace)


def perf_reads(suite, folder, trace):
    there = os.path.join(folder, "unpacked")
    os.makedirs(there)
    done = subprocess.run(["tar", "xf", trace + ".tar.zst", "-C", there], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        suite.skip("perf reads what was in an archive", done.stderr.strip())
        return
    done = subprocess.run(["perf", "--buildid-dir", there, "script", "-G", "-F", "ip,sym", "--no-inline", "-i",
                           os.path.join(there, os.path.basename(trace))], capture_output=True, text=True,
                          check=False, env={**os.environ, "HOME": os.path.join(folder, "nobody")})
    found = len(re.findall(r"\binner\b|\bcompare\b", done.stdout))
    suite.check("perf finds names in an unpacked archive", [] if found else [done.stdout[:500] + done.stderr[-500:]])


def stored(path):
    """Names, headers and bytes; but what the kernel tells of itself changes while other programs run."""
    with tarfile.open(path) as archive:
        return [(one.get_info(), archive.extractfile(one).read()) for one in archive.getmembers()
                if not one.name.endswith(("kallsyms", "modules"))]


def contents(suite, folder):
    out = os.path.join(folder, "s.tar.gz")
    ended = run(["archive", TRACE, "-o", out, "--json"])
    told = json.loads(ended.out)["archived"]
    names = [one["name"] for one in told["files"] if one.get("name")]
    with tarfile.open(out) as packed:
        inside = packed.getnames()
        first = packed.extractfile(inside[0]).read()
    problems = problems_of(ended, 0, r"^\{", None)
    with open(TRACE, "rb") as file:
        if inside[0] != "stacks.data" or first != file.read():
            problems.append("the trace is not the first file")
    if sorted(names) != sorted(one for one in inside if one != "missing.txt"):
        problems.append(f"told {names}, inside {inside}")
    missing = [one for one in told["files"] if not one.get("name")]
    if any(not one.get("reason") for one in missing):
        problems.append("something is left out without a reason")
    suite.check("what is told is what is inside", problems, ended)
    before = stored(out)
    again = run(["archive", TRACE, "-o", out])
    suite.check("no silent overwrite", problems_of(again, 1, None, "is there already.*--force"), again)
    again = run(["archive", TRACE, "-o", out, "--force", "-q"])
    suite.check("the same files again", problems_of(again, 0, None, r"^(oc: left out[^\n]*\n)*$")
                + ([] if stored(out) == before else ["other bytes"]), again)
    strict = run(["archive", TRACE, "-o", os.path.join(folder, "strict.tar"), "--strict", "-q"])
    suite.check("--strict", problems_of(strict, 3 if missing else 0, None, "left out" if missing else "^$"), strict)
    piped = run(["archive", TRACE, "-o", "-", "-q"], prefix=("sh", "-c", '"$@" | tar -t --zstd', "sh"))
    suite.check("to standard output", problems_of(piped, 0, r"^stacks\.data$", ""), piped)
    whole = run(["archive", TRACE, "-o", os.path.join(folder, "all.tar"), "--all-modules", "--json"])
    more = json.loads(whole.out)["archived"]["files"]
    suite.check("--all-modules has at least as much", [] if len(more) >= len(told["files"]) else ["fewer"], whole)


def listed(suite, folder):
    out = os.path.join(folder, "l.tar.zst")
    run(["archive", DEMO, "-o", out])
    for args in (["script", "-q", "cpu_top"], ["list"], ["list", "-v"]):
        plain, packed = run([*args, "-i", DEMO]), run([*args, "-i", out])
        suite.check(f"{' '.join(args)} of an archive", [] if plain.out == packed.out and packed.status == 0
                    else ["other results"], packed)


def wrong(suite, folder):
    for args, status, text in (
            (["archive"], 2, "needs a trace"), (["archive", TRACE, "x"], 2, "one argument too many"),
            (["archive", "-"], 2, "that is a file"), (["archive", TRACE, "-o", "x.zip"], 2, r"ends with \.tar\.zst"),
            (["archive", os.path.join(folder, "none.data")], 1, "No such file"),
            (["archive", os.path.join(ROOT, "README.md"), "-o", os.path.join(folder, "r.tar")], 1, "README.md"),
            (["archive", TRACE, "-o", os.path.join(folder, "no", "x.tar")], 1, "No such file")):
        ended = run(args)
        suite.check("oc " + " ".join(args[:1] + args[2:]) + f" ({text})", problems_of(ended, status, None, text), ended)
    if os.path.exists("/dev/full"):
        ended = run(["archive", TRACE, "-o", "-", "-q"], prefix=("sh", "-c", 'exec "$@" > /dev/full', "sh"))
        suite.check("a full disk", problems_of(ended, 1, None, "No space left"), ended)
    limited = os.path.join(folder, "limited.tar")
    ended = run(["archive", TRACE, "-o", limited], prefix=("sh", "-c", 'trap "" XFSZ; ulimit -f 64; exec "$@"', "sh"))
    left = [one for one in os.listdir(folder) if one.startswith("limited")]
    suite.check("a file that may not become so large leaves nothing",
                problems_of(ended, 1, None, "File too large") + ([f"left {left}"] if left else []), ended)


def interrupted(suite, folder):
    """Ctrl-C while the archive is written: its reader does not take it."""
    fifo, out = os.path.join(folder, "slow.tar"), os.path.join(folder, "slow")
    os.mkfifo(fifo)
    job = start(["archive", TRACE, "-o", fifo])
    reader = os.open(fifo, os.O_RDONLY)
    os.read(reader, 10)
    time.sleep(0.3)
    job.send_signal(signal.SIGINT)
    time.sleep(0.3)
    while os.read(reader, 1 << 20):
        pass
    ended = finish(job)
    os.close(reader)
    suite.check("Ctrl-C ends it", problems_of(ended, 130, None, "interrupted"), ended)
    suite.check("Ctrl-C leaves nothing", [f"left {out}"] if os.path.exists(out) else [])


def member(name, data=b"x", kind=tarfile.REGTYPE, link="", size=None):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data) if kind == tarfile.REGTYPE else 0
    if size is not None:
        info.size = size
    return info, data if kind == tarfile.REGTYPE else b""


def packed(path, members, with_trace=True, mode="w:gz"):
    with tarfile.open(path, mode) as out:
        if with_trace:
            out.add(TRACE, "t.data")
        for info, data in members:
            if info.size == len(data):
                out.addfile(info, io.BytesIO(data))
            else:
                out.fileobj.write(info.tobuf())


def hostile(suite, folder):
    victim = os.path.join(folder, "victim")
    cases = {
        "a member that climbs": ([member("../victim")], "leads out of the archive"),
        "a member that climbs in the middle": ([member("a/../../victim")], "leads out"),
        "an absolute member": ([member(victim)], "is absolute"),
        "a symbolic link": ([member("root", kind=tarfile.SYMTYPE, link=folder), member("root/victim")], "a link or a dev"),
        "a hard link": ([member("x", kind=tarfile.LNKTYPE, link="/etc/passwd")], "a link or a dev"),
        "a FIFO": ([member("x", kind=tarfile.FIFOTYPE)], "a link or a dev"),
        "a device": ([member("x", kind=tarfile.CHRTYPE)], "a link or a dev"),
        "two of a name": ([member("x"), member("x")], "another one of that name"),
        "a file as a folder": ([member("x"), member("x/y")], "another one of that name"),
        "a member over the trace": ([member("t.data")], "another one of that name"),
        "control characters": ([member("a\x1b[2J\nb")], "control characters"),
        "a huge member": ([member("x", size=1 << 40)], "would be unpacked"),
    }
    for name, (members, text) in cases.items():
        path = os.path.join(folder, "hostile.tar.gz")
        packed(path, members)
        ended = run(["eval", "-q", "-i", path, STACKS], env={"TMPDIR": folder})
        problems = problems_of(ended, 1, None, text)
        left = [one for one in os.listdir(folder) if one.startswith("oc-archive.")]
        if os.path.exists(victim) or left:
            problems.append(f"something was written or left: {left}")
        suite.check(f"refused: {name}", problems, ended)
    with open(TRACE, "rb") as file:
        trace = file.read()
    path = os.path.join(folder, "hostile.bin")
    packed(path, [member("x", b"y" * 100000)])
    with open(path, "rb") as file:
        whole = file.read()
    for name, data, text in (("cut off", whole[:len(whole) - 4000], "cannot read the archive"),
                             ("damaged", whole[:3000] + b"\0" * 64 + whole[3064:], "archive|hostile.bin"),
                             ("a packed trace", gzip.compress(trace), "gzip|unpack|packed|compressed"),
                             ("nothing but a magic", b"\x28\xb5\x2f\xfd" + b"\0" * 64, "hostile.bin")):
        with open(path, "wb") as file:
            file.write(data)
        ended = run(["eval", "-q", "-i", path, STACKS], env={"TMPDIR": folder})
        suite.check(f"refused: {name}", problems_of(ended, 1, None, text), ended)
    packed(path, [member("x")], with_trace=False)
    ended = run(["script", "-i", path, "cpu_top"], env={"TMPDIR": folder})
    suite.check("refused: no trace inside", problems_of(ended, 1, None, "is an archive without a trace"), ended)
    ended = run(["script", "-i", path, "cpu_top"], env={"TMPDIR": os.path.join(folder, "nowhere")})
    suite.check("no folder to unpack in", problems_of(ended, 1, None, "TMPDIR"), ended)


def cut_off(suite, folder):
    """The trace is first, and so it is whole where the rest is cut off."""
    path = os.path.join(folder, "cut.tar.gz")
    packed(path, [member("root/a", b"y" * 100), member("root/b", os.urandom(100000))])
    os.truncate(path, os.path.getsize(path) - 50000)
    wanted = run(["eval", "-q", "-i", TRACE, 'local t = oc.open { stacks = "any" } t:on("*", function() end) t:run() '
                  "print(t:stats().events)"])
    for more, status in ((), 0), (("--strict",), 3):
        ended = run(["eval", *more, "-i", path, 'local t = oc.open { stacks = "any" } t:on("*", function() end) t:run() '
                     "print(t:stats().events)"], env={"TMPDIR": folder})
        suite.check(f"cut off behind the trace {' '.join(more)}", problems_of(
            ended, status, "", "cannot read the archive .*names and stacks are of the files before")
                    + ([] if ended.out == wanted.out else ["other events"]), ended)


def names(suite, folder):
    """Traces of names that no archive may have, and an archive of an archive."""
    for name in ("a\nb.data", ".lock", "missing.txt", "kallsyms", "root"):
        trace, out = os.path.join(folder, name), os.path.join(folder, "n.tar")
        shutil.copy(TRACE, trace)
        ended = run(["archive", trace, "-o", out, "-q", "--force"])
        told = run(["list", "-i", out], env={"TMPDIR": folder})
        suite.check(f"a trace called {name!r}", problems_of(ended, 0, None, "") + problems_of(told, 0, "page-faults", "")
                    + ([] if tarfile.open(out).getnames()[0] == "perf.data" else ["under another name"]), told)
    ended = run(["archive", out, "-o", os.path.join(folder, "twice.tar")])
    suite.check("an archive of an archive", problems_of(ended, 1, None, "is an archive, or packed, already"), ended)


def refuses_others(suite, folder):
    """A file in an archive under a build id that is not its own."""
    good, bad = os.path.join(folder, "good.tar"), os.path.join(folder, "bad.tar")
    run(["archive", TRACE, "-o", good])
    with tarfile.open(good) as old, tarfile.open(bad, "w") as new:
        other = open(os.path.join(ROOT, "tests/fuzz/corpus/dwarf/gcc5.so"), "rb").read()
        for info in old.getmembers():
            data = old.extractfile(info).read()
            if info.name.endswith(("/elf", "/debug")):
                data, info.size = other, len(other)
            new.addfile(info, io.BytesIO(data))
    ended = run(["symbols", bad, "-v"], env={"TMPDIR": folder})
    names = [one for one in tarfile.open(good).getnames() if one.endswith("/elf")]
    if not names:
        suite.skip("files of other build ids in an archive", "the fixture's programs are not on this machine")
        return
    suite.check("files of other build ids in an archive are refused",
                problems_of(ended, 0, "has another build id", None), ended)


def main():
    suite = Suite("archive")
    with tempfile.TemporaryDirectory() as folder:
        for case in (contents, listed, wrong, interrupted, hostile, cut_off, names, refuses_others):
            own = os.path.join(folder, case.__name__)
            os.makedirs(own)
            suite.later(case, suite, own)
        split = ["-Wl,--build-id", "-gsplit-dwarf", "-gdwarf-4"]
        for name, flags in (("plain", split[:1]), ("anonymous", ["-Wl,--build-id=none"]), ("split", split)):
            own = os.path.join(folder, name)
            os.makedirs(own)
            suite.later(survives, suite, own, name, flags)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
