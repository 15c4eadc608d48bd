#!/usr/bin/python3
"""Rooms: who includes whom in src/, how includes are written, how long files are, names that are a room's only one.

  rooms_test.py ROOT               checks the tree, with ROOT/tests/house/rooms.txt as the table
  rooms_test.py ROOT --self-test   proves on made-up trees that each check can fail
"""
import os
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ROOM_FILE = re.compile(r"^([a-z0-9_]+)/[a-z0-9_/]+\.h$")
LONG, TOO_LONG = 400, 600
WHY_LONG = "one thing:"
COUNTED = (".cc", ".h", ".c", ".lua", ".py", ".sh")
COUNTED_FOLDERS = ("src", "lua", "scripts", "examples", "tests")
ROOMS = ("src", "tests")
# What a line that begins a definition names, outside of classes and functions.
NAMED = re.compile(r"(?=[a-zA-Z])(?:(?:struct|class|union|enum(?: class)?) (?P<type>\w+)\b(?!.*;$)|"
                   r"[\w:<>,&* ]*[ *&](?P<value>k[A-Z]\w*)\b(?= =|\{|\[|;)|"
                   r"(?!using|return|namespace|TEST_CASE)[\w:<>,&* ]*[ *&](?P<function>\w+)\((?P<of>[^)]*))")


def read_table(path):
    """The table as {room: set of allowed rooms}, and complaints about the table itself."""
    rooms, problems = {}, []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            room, colon, allowed = line.partition(":")
            if not colon or room in rooms:
                problems.append(f"{path}:{number}: not 'room: rooms', or the room is there twice")
                continue
            for name in allowed.split():
                if name not in rooms:
                    problems.append(f"{path}:{number}: {room} names {name}, which is not above it")
            rooms[room] = set(allowed.split())
    return rooms, problems


def files_below(root, folder, endings):
    for base, folders, names in os.walk(os.path.join(root, folder)):
        folders.sort()
        for name in sorted(names):
            if name.endswith(endings):
                yield os.path.relpath(os.path.join(base, name), root)


def read_lines(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as text:
        return text.read().splitlines()


def include_problem(root, room, bracket, target, rooms):
    """Why this include is wrong, or None."""
    form = ROOM_FILE.match(target)
    if bracket == "<":  # <sys/mman.h> is the system's although there is a room sys
        is_ours = os.path.exists(os.path.join(root, "src", target))
        return f'<{target}> is ours: write "{target}"' if is_ours else None
    if not form:
        return f'"{target}" is not of the form "room/file.h"'
    other = form.group(1)
    if other not in rooms:
        return f'"{target}": no room {other} in rooms.txt'
    if other != room and other not in rooms[room]:
        return f'room {room} may not include room {other} ("{target}")'
    return None


def check_includes(root, rooms):
    problems = []
    for path in files_below(root, "src", (".cc", ".h", ".c")):
        room = path.split(os.sep)[1]
        if room not in rooms:
            problems.append(f"{path}:1: no room {room} in rooms.txt")
            continue
        for number, line in enumerate(read_lines(root, path), 1):
            found = INCLUDE.match(line)
            problem = found and include_problem(root, room, found.group(1), found.group(2), rooms)
            if problem:
                problems.append(f"{path}:{number}: {problem}")
    return problems


def check_lengths(root):
    problems = []
    for folder in COUNTED_FOLDERS:
        for path in files_below(root, folder, COUNTED):
            lines = read_lines(root, path)
            if len(lines) > TOO_LONG:
                problems.append(f"{path}:{TOO_LONG + 1}: {len(lines)} lines (over {TOO_LONG}): "
                                "split it")
            elif len(lines) > LONG and not any(WHY_LONG in line for line in lines[:40]):
                problems.append(f"{path}:1: {len(lines)} lines and no comment on top saying "
                                f"'{WHY_LONG} …' why it is not two files (over {LONG})")
    return problems


def names_of(lines):
    """(number, name) of what an anonymous namespace of the file defines; of functions with their parameters, as
    those may differ."""
    inside = False
    for number, line in enumerate(lines, 1):
        if line == "namespace {":
            inside = True
        elif line.startswith("}  // namespace"):
            inside = False
        found = inside and NAMED.match(line)
        if found and found["function"]:
            types = [re.sub(r"\w+$", "", of.split(" = ")[0]).strip() for of in found["of"].split(",")]
            yield number, f"{found['function']}({', '.join(types)})"
        elif found:
            yield number, found["type"] or found["value"]


def check_names(root):
    """Files of a room are compiled together (meson.build), so what one keeps to itself is in the others' way."""
    problems, seen = [], {}
    for folder in ROOMS:
        headers_first = sorted(files_below(root, folder, (".cc", ".h")), key=lambda path: path.endswith(".cc"))
        for path in headers_first:
            room, lines = os.path.dirname(path), read_lines(root, path)
            if path.endswith(".h"):
                types = (re.match(r"(?:(?:struct|class) (\w+)(?: final)?(?: :.*)? \{|constexpr [\w:<>]+ (k\w+) =)", line) for line in lines)
                named = [(number, name[1] or name[2]) for number, name in enumerate(types, 1) if name]
            else:
                named = names_of(lines)
            for number, name in named:
                first = seen.setdefault((room, name), f"{path}:{number}")
                if not first.startswith(path + ":") and path.endswith(".cc"):
                    problems.append(f"{path}:{number}: {first} has a name {name}, too: share it or tell them apart")
    return problems


def check(root):
    rooms, problems = read_table(os.path.join(root, "tests/house/rooms.txt"))
    return problems + check_includes(root, rooms) + check_lengths(root) + check_names(root)


# What must be found: a tree of files, and a piece of each expected complaint in order.
TABLE = "base:\nevent: base\nsource: base event\n"
MADE_UP = [
    ("a clean tree",
     {"src/event/a.h": '#include <vector>\n#include "base/id.h"\n#include "event/b.h"\n'}, []),
    ("an include against the direction",
     {"src/base/a.h": '\n#include "event/b.h"\n'}, ["src/base/a.h:2: room base may not"]),
    ("an include without its room",
     {"src/base/a.cc": '#include "id.h"\n'}, ['src/base/a.cc:1: "id.h" is not of the form']),
    ("an include that climbs",
     {"src/base/a.cc": '# include "../event/a.h"\n'}, ["src/base/a.cc:1:"]),
    ("our file in angle brackets",
     {"src/event/a.cc": "#include <base/mman.h>\n#include <base/id.h>\n",
      "src/base/id.h": ""}, ["src/event/a.cc:2: <base/id.h> is ours"]),
    ("a room that nobody declared",
     {"src/attic/a.h": "\n"}, ["src/attic/a.h:1: no room attic"]),
    ("a long file without a reason",
     {"src/base/a.cc": "//\n" * 401}, ["src/base/a.cc:1: 401 lines"]),
    ("a long file with its reason",
     {"src/base/a.cc": "// one thing: a table\n" + "//\n" * 420}, []),
    ("a file that is too long even so",
     {"lua/oc/a.lua": "-- one thing: no\n" * 601}, ["lua/oc/a.lua:601: 601 lines"]),
    ("names of two files that are compiled together",
     {"src/base/a.cc": "namespace {\nconstexpr int kMost = 1;\nint of(int a) {}\nclass Image final {\n}  // namespace\n",
      "src/base/b.cc": "namespace {\nconst int kMost = 2;\nint of(char a) {}\nint of(int b) {}\n}  // namespace\n",
      "src/base/c.h": "class Image {\n"},
     ["src/base/a.cc:4: src/base/c.h:1 has a name Image", "src/base/b.cc:2: src/base/a.cc:2 has a name kMost",
      "src/base/b.cc:4: src/base/a.cc:3 has a name of(int)"]),
    ("the same names in other rooms, or in functions",
     {"src/base/a.cc": "namespace {\nint of() {\n  constexpr int kMost = 1;\n}\n}  // namespace\n",
      "src/base/b.cc": "namespace {\nint is() {\n  constexpr int kMost = 1;\n}\n}  // namespace\n",
      "src/event/b.cc": "namespace {\nint of() {}\n}  // namespace\n"}, []),
    ("a table with a cycle",
     {"tests/house/rooms.txt": "base: event\nevent: base\n"}, ["base names event"]),
]


def self_test():
    for name, files, expected in MADE_UP:
        with tempfile.TemporaryDirectory() as root:
            for path, text in {"tests/house/rooms.txt": TABLE, **files}.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as out:
                    out.write(text)
            found = check(root)
        right = len(found) == len(expected) and all(e in f for e, f in zip(expected, found))
        print(f"{'ok' if right else 'NOT OK'}: {name}")
        if not right:
            print(f"  expected {expected}\n  found    {found}")
            return 1
    return 0


def main():
    root = sys.argv[1]
    if "--self-test" in sys.argv[2:]:
        return self_test()
    problems = check(root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
