#!/usr/bin/python3
"""`oc types`: every annotation is read by a parser of LuaCATS of our own, since lua-language-server is not packaged;
classes that are named exist, parameters are those of the function, fields are those that `oc list` tells."""
import json
import os
import resource
import re
import sys
import tempfile

from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
DEMO = os.path.join(ROOT, "examples/traces/demo.data")
TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([A-Za-z_][\w.]*\*?)|(\d+)|(\.\.\.|.))')
BUILT_IN = {"any", "false", "true", "nil", "boolean", "string", "number", "integer", "function", "table", "thread", "userdata",
            "ffi.cdata*", "ffi.ctype*"}


class Types:
    """A recursive descent over one line: type = part {"|" part}; what it names is kept."""

    def __init__(self, text):
        self.tokens, at = [], 0
        while at < len(text.rstrip()):
            found = TOKEN.match(text, at)
            self.tokens.append(found.group(0).strip())
            at = found.end()
        self.at, self.names = 0, set()

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def take(self, wanted=None):
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise ValueError(f"wanted {wanted or 'more'}, got {token!r} at {self.at} of {self.tokens}")
        self.at += 1
        return token

    def type(self):
        self.part()
        while self.peek() == "|":
            self.take()
            self.part()

    def part(self):
        token = self.take()
        if token == "(":
            self.type()
            self.take(")")
        elif token == "{":
            self.fields()
        elif token == "fun":
            self.function()
        elif token == "table" and self.peek() == "<":
            self.take("<")
            self.type()
            self.take(",")
            self.type()
            self.take(">")
        elif not re.match(r'"|[A-Za-z_]', token):
            raise ValueError(f"{token!r} begins no type")
        elif token[0] != '"':
            self.names.add(token)
        while self.peek() in ("?", "["):
            if self.take() == "[":
                self.take("]")

    def fields(self):
        while self.peek() != "}":
            if self.peek() == "[":
                self.take()
                self.take()
                self.take("]")
            else:
                self.take()
            if self.peek() == "?":
                self.take()
            self.take(":")
            self.type()
            if self.peek() == ",":
                self.take()
        self.take("}")

    def function(self):
        self.take("(")
        while self.peek() != ")":
            self.take()
            if self.peek() == "?":
                self.take()
            self.take(":")
            self.type()
            if self.peek() == ",":
                self.take()
        self.take(")")
        if self.peek() == ":":
            self.take()
            self.type()
            while self.peek() == ",":
                self.take()
                self.type()


class File:
    """The whole file, a line at a time: raises, or has classes, fields and what types name."""

    def __init__(self, text):
        self.classes, self.names, self.fields, self.on = {}, set(), {}, {}
        parameters, self.current = [], None
        for number, line in enumerate(text.splitlines(), 1):
            try:
                if line.startswith("---@"):
                    self.annotation(line[4:], parameters)
                elif line.startswith("function "):
                    found = re.fullmatch(r"function [\w]+[.:]\w+\((.*)\) end", line)
                    given = found.group(1).split(", ") if found.group(1) else []
                    if given != parameters:
                        raise ValueError(f"parameters {parameters}")
                    parameters = []
                elif not re.match(r"---|-- |local \w+ = \{\}$|return oc$|$", line):
                    raise ValueError("no annotation")
            except (ValueError, AttributeError) as problem:
                raise ValueError(f"line {number}: {line[:120]}: {problem}") from problem

    def type(self, text, ends=False):
        types = Types(text)
        types.type()
        if ends and types.peek():
            raise ValueError(f"{types.tokens[types.at:]} behind the type")
        self.names |= types.names
        return types

    def annotation(self, text, parameters):
        word, _, rest = text.partition(" ")
        if word == "class":
            name, _, parent = rest.partition(": ")
            if name in self.classes:
                raise ValueError("a class twice")
            self.classes[name], self.current = parent or None, name
            self.fields[name] = {}
            if parent:
                self.names.add(parent)
        elif word == "field":
            found = re.match(r"(\w+|\[string\]) (.*)", rest)
            types = self.type(found.group(2))
            if found.group(1) == "on":
                name = re.search(r'name: ("[^"]*"|[\w.]+)', rest).group(1)
                self.on[name] = re.search(r"fun\(e: ([\w.]+)\)", rest).group(1)
            else:
                if found.group(1) in self.fields[self.current]:
                    raise ValueError("a field twice")
                self.fields[self.current][found.group(1)] = " ".join(types.tokens[:types.at])
        elif word == "param":
            found = re.match(r"(\.\.\.|\w+)(\??) (.*)", rest)
            parameters.append(found.group(1))
            self.type(found.group(3), ends=True)
        elif word in ("return", "overload"):
            self.type(rest, ends=True)
        elif word == "alias":
            self.classes[rest.split()[0]] = None
        elif word == "operator":
            if not re.fullmatch(r"\w+(\([\w.]+\))?: [\w.]+", rest):
                raise ValueError("no operator")
        elif word != "meta":
            raise ValueError("unknown annotation")

    def problems(self):
        missing = self.names - set(self.classes) - BUILT_IN
        return [f"{name} is named and not declared" for name in sorted(missing)]


def check_demo(suite):
    ended = run(["types", "-i", DEMO])
    problems = problems_of(ended, out=r"\A---@meta oc\n.*return oc\n\Z")
    try:
        file = File(ended.out)
        problems += file.problems()
    except ValueError as problem:
        return suite.check("each annotation can be read", [str(problem)])
    suite.check("each annotation can be read", problems)
    switch = file.on.get('"sched:sched_switch"')
    fields = file.fields.get(switch, {})
    listed = json.loads(run(["list", "events", "sched:sched_switch", "--json", "-i", DEMO]).out)
    wanted = {field["name"] for field in listed["fields"] if not field["name"].startswith("common_")}
    problems = [] if set(fields) == wanted else [f"{set(fields) ^ wanted}"]
    if (fields.get("next_pid"), fields.get("next_comm")) != ("integer", "string"):
        problems.append(str(fields))
    suite.check("an event's fields are those of the list", problems)
    seen = {file.fields.get(file.on.get('"cswitch"'), {}).get("preempted"), file.on.get("oc.EventName")}
    suite.check("canonical and unknown events", [] if seen == {"boolean", "oc.AnyEvent"} else [str(seen)])
    args = file.fields["oc.Event.raw_syscalls.sys_enter"]["args"]
    suite.check("what a common name hides is in args", [] if "args : oc.addr [ ]" in args else [args])
    loaded = run(["eval", "assert(loadstring(io.read('*a')))() print('loads')"], stdin=ended.out)
    suite.check("it is Lua", problems_of(loaded, out=r"\Aloads\n\Z"), loaded)


def check_typed_values(suite):
    """The types of fields are those of the values: every event of the demo trace, every field."""
    file = File(run(["types", "-i", DEMO]).out)
    code = """local seen = {}
      on("*", function(e) if not seen[e.event] then seen[e.event] = true
        for k, v in pairs(e:table()) do print(e.event, k, type(v) == "cdata" and "oc.addr" or type(v)) end end end)"""
    ended = run(["eval", code, "-q", "-i", DEMO])
    problems = problems_of(ended, out="next_pid")
    kinds = {"integer": "number", "number": "number", "oc.addr [ ]": "table", "integer [ ]": "table"}
    compared = 0
    for line in ended.out.splitlines():
        event, name, kind = line.split("\t")
        wanted = file.fields.get(file.on.get(f'"{event}"'), {}).get(name)
        if wanted and name != "args":
            compared += 1
            if kinds.get(wanted, wanted) != kind:
                problems.append(f"{event}.{name} is a {kind}, not {wanted}")
    if compared < 8:
        problems.append(f"only {compared} fields compared")
    suite.check("values have the types of their fields", problems, ended)


def check_files(suite):
    with tempfile.TemporaryDirectory() as folder:
        here = {"cwd": folder}
        ended = run(["types", "-i", DEMO, "-o", "oc-types.lua", "--luarc", "sched:*"], **here)
        problems = problems_of(ended)
        written = open(os.path.join(folder, "oc-types.lua"), encoding="utf-8").read()
        luarc = json.load(open(os.path.join(folder, ".luarc.json"), encoding="utf-8"))
        if {name for name in File(written).on if ":" in name} != {'"sched:sched_switch"'}:
            problems.append("the glob chose other events")
        if luarc["workspace.library"] != ["oc-types.lua"] or luarc["runtime.version"] != "LuaJIT":
            problems.append(str(luarc))
        suite.check("a file, and what tells the editor of it", problems, ended)
        ended = run(["types", "-i", DEMO, "-o", "oc-types.lua", "--luarc"], **here)
        suite.check("what is there is kept", problems_of(ended, 2, err=r"\.luarc\.json is there already.*--force"), ended)
        ended = run(["types", "-i", DEMO, "-o", "oc-types.lua"], **here)
        suite.check("the types, too", problems_of(ended, 2, err=r"oc-types\.lua is there already.*--force"), ended)
        ended = run(["types", "-i", DEMO, "-o", "other.lua", "--luarc"], **here)
        suite.check("also what tells the editor", problems_of(ended, 2, err=r"\.luarc\.json is there already.*--force")
                    + (["other.lua was written"] if os.path.exists(os.path.join(folder, "other.lua")) else []), ended)
        ended = run(["types", "-i", DEMO, "-o", "oc-types.lua", "--luarc", "--force"], **here)
        again = open(os.path.join(folder, "oc-types.lua"), encoding="utf-8").read()
        suite.check("--force replaces both", problems_of(ended) + ([] if len(again) > len(written) else ["the old file"]), ended)
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # as a full disk: SIGXFSZ is ignored
        ended = run(["types", "-i", DEMO, "-o", "oc-types.lua", "--force"], preexec_fn=limit, **here)
        left = sorted(os.listdir(folder))
        same = again == open(os.path.join(folder, "oc-types.lua"), encoding="utf-8").read()
        suite.check("a disk that is full leaves what was there", ([] if ended.status != 0 else ["it said that it wrote"])
                    + ([] if same and left == [".luarc.json", "oc-types.lua"] else [f"left: {left}, the same: {same}"]), ended)
        ended = run(["types", "--luarc"], **here)
        suite.check("--luarc alone", problems_of(ended, 2, err=r"--luarc wants.*-o FILE"), ended)
        ended = run(["types", "-i", DEMO, "-o", "none/types.lua"], **here)
        suite.check("a folder that is not there", problems_of(ended, 2, err=r"none/types\.lua: there is no folder none/.*mkdir -p"), ended)
        ended = run(["types", "-i", "nothing.data"], **here)
        suite.check("a trace that is not there", problems_of(ended, 1, err=r"nothing\.data"), ended)
        ended = run(["types", "a", "b"], **here)
        suite.check("a word too many", problems_of(ended, 2, err=r"'b' is one argument too many"), ended)


def check_live(suite):
    ended = run(["types"])
    file = File(ended.out)
    count = sum(name.startswith("oc.Event.") for name in file.classes)
    problems = problems_of(ended, out="return oc", err=".*" if ended.err else None) + file.problems()
    if count < 20:
        return suite.skip("this machine's events", f"only {count} can be seen here")
    if len(ended.out) > 4000 * count:
        problems.append(f"{len(ended.out)} bytes for {count} events")
    suite.check("this machine's events", problems)


def main():
    suite = Suite("types")
    for check in (check_demo, check_typed_values, check_files, check_live):
        suite.later(check, suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
