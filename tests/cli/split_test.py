"""Lines and inlined calls out of .dwo and .dwp files, held against the same program built whole, and out of relocatable
files (.o, .ko), held against addr2line; damaged ones."""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

from program import Suite, problems_of, run

FILES = {
    "h.h": """int other(int);
inline __attribute__((always_inline)) int deep(int a) { volatile int b = a * 7; return b + 1; }
inline __attribute__((always_inline)) int middle(int a) { int s = 0; for (int i = 0; i < a; ++i) { s += deep(i); } return s; }
""",
    "m.cc": '#include "h.h"\nint main(int c, char**) { return other(c) + middle(c * 3); }\n',
    "o.cc": """#include "h.h"
__attribute__((cold, noinline)) static int rare(int x) { return deep(x) + 2; }
int other(int x) { if (x > 100) return rare(x); return middle(x + 2) * 2; }
""",
}


def call(folder, *command):
    """None when it worked, else why not."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    except (FileNotFoundError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return None if done.returncode == 0 else f"{command[0]}: status {done.returncode} {done.stderr.strip()[:200]}"


def build(folder, compiler, version, name, *more):
    """One object each, so that each has a .dwo of its own."""
    for source in ("m", "o"):
        why = call(folder, compiler, "-O2", "-g", f"-gdwarf-{version}", *more, "-fno-ident", "-c", source + ".cc",
                   "-o", f"{name}-{source}.o")
        if why:
            return why
    return call(folder, compiler, f"{name}-m.o", f"{name}-o.o", "-o", name)


def addresses(folder, name):
    text = subprocess.run(["nm", "-S", os.path.join(folder, name)], capture_output=True, text=True, check=True).stdout
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) == 4 and re.search("main$|other|rare", words[3]):
            found += range(int(words[0], 16), int(words[0], 16) + int(words[1], 16))
    return "".join(f"{address:#x}\n" for address in found)


def look(folder, name, given, **options):
    return run(["symbols", os.path.join(folder, name), "-"], stdin=given, **options)


def same(suite, what, folder, split, whole):
    given = addresses(folder, whole)
    if given != addresses(folder, split):
        suite.skip(what, "the compiler placed the functions otherwise")
        return
    wanted, ended = look(folder, whole, given), look(folder, split, given)
    problems = problems_of(ended, 0, r"deep\(int\) \(inlined\).*\n +middle\(int\) \(inlined\)", None)
    if ended.out != wanted.out:
        other = [pair for pair in zip(ended.out.splitlines(), wanted.out.splitlines()) if pair[0] != pair[1]]
        problems.append(f"other than whole: {other[:2]}")
    suite.check(what, problems, ended if problems else None)


def damaged(suite, what, folder, path, name):
    """Whatever a half holds, the program's own lines are told."""
    with open(path, "rb") as file:
        whole = file.read()
    given, chance = addresses(folder, name), random.Random(7)
    for turn in range(12):
        data = bytearray(whole)
        if turn < 4:
            data = data[:len(data) * turn // 4]
        else:
            for _ in range(1 << chance.randrange(8)):
                data[chance.randrange(len(data))] = chance.choice((0, 0xff, 0x80, chance.randrange(256)))
        with open(path, "wb") as file:
            file.write(data)
        ended = look(folder, name, given)
        problems = problems_of(ended, 0, r"main\+0x0", "^(oc: .*)?$")
        if problems:
            suite.check(f"{what}, damaged, variant {turn}", problems, ended)
            break
    else:
        suite.check(f"{what}, damaged", [])
    with open(path, "wb") as file:
        file.write(whole)


def facts(suite, what, folder, name, wanted):
    ended = run(["symbols", os.path.join(folder, name)])
    suite.check(what, problems_of(ended, 0, r"^split units +2" + wanted, None), ended)


def packages(suite, folder, key, whole, moved):
    """The same out of a .dwp, while the .dwo files are away."""
    for tool in ("dwp", "llvm-dwp"):
        what = f"{key}, packed by {tool}"
        if tool == "llvm-dwp" and key == "g++ 5":
            suite.skip(what, "llvm-dwp 14 does not end on what gcc writes")
            continue
        for name in moved:
            os.rename(os.path.join(folder, "away", name), os.path.join(folder, name))
        why = call(folder, tool, "-e", "split", "-o", "split.dwp")
        for name in moved:
            os.rename(os.path.join(folder, name), os.path.join(folder, "away", name))
        if why:
            suite.skip(what, why)
        else:
            facts(suite, f"{what}: the package is told", folder, "split", r", in \S+split\.dwp$")
            same(suite, what, folder, "split", whole)
            damaged(suite, what, folder, os.path.join(folder, "split.dwp"), "split")
        if os.path.exists(os.path.join(folder, "split.dwp")):
            os.remove(os.path.join(folder, "split.dwp"))


def one(suite, folder, compiler, version):
    key = f"{compiler} {version}"
    os.makedirs(os.path.join(folder, "away"))
    for name, text in FILES.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    why = build(folder, compiler, version, "whole") or build(folder, compiler, version, "split", "-gsplit-dwarf")
    if why:
        suite.skip(key, why)
        return
    same(suite, f"{key}, .dwo files", folder, "split", "whole")
    halves = [name for name in os.listdir(folder) if name.endswith(".dwo")]
    facts(suite, f"{key}: the .dwo file is told", folder, "split", r", in \S+\.dwo$")
    damaged(suite, f"{key}, a .dwo file", folder, os.path.join(folder, sorted(halves)[0]), "split")
    for name in halves:
        os.rename(os.path.join(folder, name), os.path.join(folder, "away", name))
    facts(suite, f"{key}: no .dwo file", folder, "split", r": without inlined calls: .*No such file")
    given = addresses(folder, "split")
    ended = look(folder, "split", given)
    suite.check(f"{key}: lines without .dwo files", problems_of(ended, 0, r"h\.h:2", None)
                + (["inlined"] if "inlined" in ended.out else []), ended)
    shutil.copy(os.path.join(folder, "away", sorted(halves)[0]), os.path.join(folder, sorted(halves)[1]))
    ended = look(folder, "split", given)
    suite.check(f"{key}: a .dwo file of another unit", problems_of(ended, 0, r"h\.h:2", None), ended)
    os.remove(os.path.join(folder, sorted(halves)[1]))
    packages(suite, folder, key, "whole", halves)


def code_sections(path):
    """(name, offset in the file, size) of each."""
    text = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"\] (\S+) +PROGBITS +\w+ (\w+) (\w+) \w+ +AX", text)
    return [(name, int(offset, 16), int(size, 16)) for name, offset, size in found if int(size, 16)]


def calls_of_addr2line(path, section, size):
    given = "".join(f"{address:#x}\n" for address in range(size))
    text = subprocess.run(["addr2line", "-aifC", "-j", section, "-e", path], input=given, capture_output=True, text=True,
                          check=True).stdout
    found = []
    for line in text.splitlines():
        if line.startswith("0x"):
            found.append([])
        elif len(found[-1]) and len(found[-1][-1]) == 1:
            found[-1][-1].append(re.sub(r" \(discriminator.*", "", line).rsplit("/", 1)[-1])
        else:
            found[-1].append([line.split("(")[0]])
    return found


def calls_of_oc(path, offset, size, **options):
    given = "".join(f"{offset + address:#x}\n" for address in range(size))
    ended = run(["symbols", "--json", path, "-"], stdin=given, **options)
    told = [json.loads(line)["calls"] for line in ended.out.splitlines()]
    return [[[call["function"].split("(")[0], f"{call['file'].rsplit('/', 1)[-1]}:{call['line'] or '?'}"] for call in calls]
            for calls in told], ended


def relocatable(suite, folder):
    for name, text in FILES.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    path = os.path.join(folder, "o.o")
    for flags in (["-gdwarf-4"], ["-gdwarf-5"], ["-gdwarf-5", "-ffunction-sections", "-gz"]):
        why = call(folder, "g++", "-O2", "-g", *flags, "-c", "o.cc", "-o", "o.o")
        if why:
            suite.skip("relocatable files", why)
            return
        problems = []
        for section, offset, size in code_sections(path):
            wanted, (got, _) = calls_of_addr2line(path, section, size), calls_of_oc(path, offset, size)
            problems += [f"{section}+{i:#x}: {a}, addr2line {b}" for i, (a, b) in enumerate(zip(got, wanted)) if a != b]
            problems += ["other numbers of addresses"] if len(got) != len(wanted) else []
        suite.check(f"relocatable, {' '.join(flags)}", problems[:3])
    _, offset, size = code_sections(path)[0]
    whole, _ = calls_of_oc(path, offset, size)
    for tool, ending in (("xz", ".xz"), ("zstd", ".zst")):
        packed = os.path.join(folder, "o.ko" + ending)
        with open(packed, "wb") as out:
            why = subprocess.run([tool, "-q", "-c", path], stdout=out, check=False).returncode if shutil.which(tool) else 1
        if why:
            suite.skip(f"a kernel module packed by {tool}", "it is not here")
            continue
        got, ended = calls_of_oc(packed, offset, size)
        suite.check(f"a kernel module packed by {tool}", problems_of(ended, 0, "", None)
                    + (["other calls"] if got != whole else []), ended if got != whole else None)
        os.truncate(packed, os.path.getsize(packed) // 2)
        ended = run(["symbols", packed])
        suite.check(f"one packed by {tool} and cut off", problems_of(ended, 1, None, "cannot unpack|is no ELF file"), ended)
    damaged_relocatable(suite, path, offset, size)


def damaged_relocatable(suite, path, offset, size):
    with open(path, "rb") as file:
        whole = file.read()
    chance = random.Random(11)
    for turn in range(20):
        data = bytearray(whole)
        for _ in range(1 << chance.randrange(7)):
            data[chance.randrange(64, len(data))] = chance.choice((0, 0xff, 0x80, chance.randrange(256)))
        with open(path, "wb") as file:
            file.write(data)
        ended = run(["symbols", path, f"{offset + turn % size:#x}"])
        if ended.status not in (0, 1) or problems_of(ended, ended.status, "", ""):
            suite.check(f"damaged relocatable file, variant {turn}", problems_of(ended, 0, "", ""), ended)
            return
    suite.check("damaged relocatable files", [])


def main():
    suite = Suite("split")
    with tempfile.TemporaryDirectory() as folder:
        for compiler in ("g++", "clang++"):
            for version in (4, 5):
                own = os.path.join(folder, f"{compiler}-{version}")
                os.makedirs(own)
                suite.later(one, suite, own, compiler, version)
        own = os.path.join(folder, "relocatable")
        os.makedirs(own)
        suite.later(relocatable, suite, own)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
