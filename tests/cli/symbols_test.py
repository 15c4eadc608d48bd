"""`oc symbols`: its facts, addresses, names, JSON, and what it says of files that are none."""
import json
import os
import sys
import tempfile

from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
FILES = os.path.join(ROOT, "tests", "fuzz", "corpus")
INLINED = "0x2c0"
LIBRARY = os.path.join(FILES, "dwarf", "gcc5.so")


def facts(suite):
    ended = run(["symbols", LIBRARY])
    problems = problems_of(ended, 0, r"^build id +77a172d8e6e9e37300d48c0077a37af51461fce0$", None)
    for wanted in ("  from .symtab  2", "  from PLT      1", "of 1 unit", "tried "):
        if wanted not in ended.out:
            problems.append(f"no '{wanted}'")
    suite.check("a file's facts are shown", problems, ended)
    ended = run(["symbols", "--json", LIBRARY])
    told = json.loads(ended.out)
    problems = problems_of(ended, 0, "build_id", None)
    if told.get("symbols") != 3 or told.get("from_PLT") != 1 or not told.get("tried"):
        problems.append(f"told {told}")
    suite.check("facts as JSON", problems, ended)
    ended = run(["symbols", os.path.join(FILES, "dwarf", "split.so")])
    suite.check("split units are told of", problems_of(ended, 0, r"split units +1: .*\.dwo", None), ended)
    ended = run(["symbols", os.path.join(FILES, "elf_symbols", "mini.so"), "tiny::work"])
    suite.check("names from .gnu_debugdata", problems_of(ended, 0, r"tiny::work\(int\)  \(\.gnu_debugdata\)", None),
                ended)


def addresses(suite):
    ended = run(["symbols", LIBRARY, INLINED, "0x2a3"])
    problems = problems_of(ended, 0, r"^0x2a3  tiny::work\(int\)@plt\+0x3$", None)
    lines = ended.out.splitlines()
    if "(inlined)  /src/tiny.cc:4" not in ended.out or "/src/tiny.cc:5\n0x2a3" not in ended.out:
        problems.append("no inlined call, or no line")
    if not lines or not lines[0].startswith(INLINED + "  "):
        problems.append("the first line has no address")
    suite.check("an address has its function, its line and inlined calls", problems, ended)
    ended = run(["symbols", LIBRARY, "0xffffffffffffffff"])
    suite.check("an address of nothing", problems_of(
        ended, 1, r"^0xffffffffffffffff  \[unknown\]$", r"nothing is known of 0xf+: its code is from 0x0 to 0x3a4"), ended)
    ended = run(["symbols", LIBRARY, "0x10"])
    suite.check("an address before all functions", problems_of(
        ended, 1, r"^0x10  \[unknown\]$", r"nothing is known of 0x10: before \S+ at 0x2\w\w$"), ended)
    for word in ("0x", "0xzz", "0x11112222333344445"):
        ended = run(["symbols", LIBRARY, word])
        suite.check(f"{word} as an address", problems_of(ended, 2, None, f"'{word}' is no address"), ended)
    ended = run(["symbols", "--json", LIBRARY, "0x2e4"])
    told = json.loads(ended.out)
    wanted = {"address": "0x2e4", "symbol": "entry", "offset": 4, "source": ".symtab",
              "calls": [{"function": "entry", "file": "/src/tiny.cc", "line": 7}]}
    suite.check("an address as JSON", [] if told == wanted else [f"told {told}"], ended)
    ended = run(["symbols", LIBRARY, "-"], prefix=("sh", "-c", 'printf "2e4\\n\\n0x2b0\\n" | "$@"', "sh"))
    suite.check("addresses from standard input",
                problems_of(ended, 0, r"^0x2e4  entry\+0x4  /src/tiny.cc:7\n0x2b0  ", None), ended)


def names(suite):
    ended = run(["symbols", LIBRARY, "tiny::work"])
    suite.check("a name as it was written",
                problems_of(ended, 0, r"^0x2b0 +45  tiny::work\(int\)  \(\.symtab\)$", None), ended)
    for pattern in ("_ZN4tiny4workEi", "tiny::*(int)", "ent*"):
        ended = run(["symbols", LIBRARY, pattern])
        suite.check(f"the name {pattern}", problems_of(ended, 0, r"^0x2[be]0 ", None), ended)
    ended = run(["symbols", LIBRARY, "no_such_name"])
    suite.check("a name that is not there", problems_of(
        ended, 1, None, r"gcc5\.so: no symbol is called 'no_such_name'\n$"), ended)
    for word, hint in (("wrok", "did you mean work"), ("entyr", "did you mean entry"), ("ny::w", "did you mean tiny::work"),
                       ("2e4", "an address begins with 0x: 0x2e4")):
        ended = run(["symbols", LIBRARY, word])
        suite.check(f"the hint for {word}", problems_of(ended, 1, None, hint), ended)
    ended = run(["symbols", LIBRARY, "entry", "no_such_name"])
    suite.check("one name of two", problems_of(ended, 1, r"^0x2e0 ", "no_such_name"), ended)


def traces(suite):
    trace = os.path.join(ROOT, "tests", "fixtures", "stacks.data")
    ended = run(["symbols", trace])
    suite.check("modules of a trace", problems_of(
        ended, 0, r"^/usr/[^\n]*\n    samples   \d+ \([\d.]+ %\), in \d+ stacks.*\n    names .*\n    lines ", None), ended)
    ended = run(["symbols", "--json", trace])
    told = [json.loads(line) for line in ended.out.splitlines()]
    problems = problems_of(ended, 0, "", None)
    counted = run(["eval", "-q", "-i", trace, 'local t, n = oc.open { stacks = "any" }, 0 '
                   't:on("*", function(e) if e.stack.id ~= 0 or e.symbol then n = n + 1 end end) t:run() print(n)'])
    if counted.status == 0 and sum(one["samples"] for one in told) != int(counted.out):
        problems.append(f"{sum(one['samples'] for one in told)} samples, {counted.out.strip()} in the trace")
    for one in told:
        if not one.get("names_from") and not one.get("reason") or not one["lines"] and not one.get("no_lines"):
            problems.append(f"{one['path']}: no names or lines, and no reason")
        if one["samples"] > one["in_stacks"]:
            problems.append(f"{one['path']}: more samples than stacks")
    suite.check("modules of a trace as JSON", problems, ended)
    more = run(["symbols", "--json", "--all-modules", trace])
    suite.check("all modules", [] if len(more.out.splitlines()) >= len(told) else ["fewer"], more)
    ended = run(["symbols", trace, "libc*"])
    suite.check("a module by glob", problems_of(ended, 0, r"^/[^\n]*libc", None)
                + (["others too"] if "dash" in ended.out else []), ended)
    ended = run(["symbols", trace, "libc.so.7"])
    suite.check("a module that is not there", problems_of(ended, 1, None, r"called 'libc\.so\.7'; did you mean"), ended)
    ended = run(["symbols", trace, "--symfs", "/tmp"])
    suite.check("--symfs of a trace", problems_of(ended, 2, None, "is for programs"), ended)
    ended = run(["symbols", LIBRARY, "--all-modules"])
    suite.check("--all-modules of a program", problems_of(ended, 2, None, "is for traces"), ended)
    ended = run(["symbols", LIBRARY, "--", "ls"])
    suite.check("a command", problems_of(ended, 2, None, "runs no command"), ended)


def elsewhere(suite):
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "usr", "lib"))
        with open(LIBRARY, "rb") as file, open(os.path.join(folder, "usr", "lib", "it.so"), "wb") as copy:
            copy.write(file.read())
        ended = run(["symbols", "--symfs", folder, "/usr/lib/it.so", "entry"])
        suite.check("below --symfs", problems_of(ended, 0, r"^0x2e0 .*entry", None), ended)
        ended = run(["symbols", os.path.join(folder, "none")])
        suite.check("a file that is not there", problems_of(ended, 1, None, "No such file"), ended)
        ended = run(["symbols", os.path.join(ROOT, "README.md")])
        suite.check("a file that is no program", problems_of(ended, 1, None, "is no ELF file"), ended)
        ended = run(["symbols", folder])
        suite.check("a folder", problems_of(ended, 1, None, "is a folder"), ended)
    suite.check("no file", problems_of(ended := run(["symbols"]), 2, None, "needs a file"), ended)
    ended = run(["symbols", "--help"])
    suite.check("help", problems_of(ended, 0, r"--symfs DIR", None), ended)


def main():
    suite = Suite("symbols")
    facts(suite)
    addresses(suite)
    names(suite)
    traces(suite)
    elsewhere(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
