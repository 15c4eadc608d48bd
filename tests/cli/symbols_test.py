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
    for wanted in ("  from .symtab  2", "  from PLT      1", "of 1 units", "tried "):
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
    suite.check("an address of nothing", problems_of(ended, 1, r"^0xffffffffffffffff  \[unknown\]$", None), ended)
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
    suite.check("a name that is not there", problems_of(ended, 1, None, None), ended)


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
    elsewhere(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
