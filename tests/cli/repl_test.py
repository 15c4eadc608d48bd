"""The REPL: piped lines, breakpoints, the guide's lines, on small traces of our own."""
import fcntl
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from program import LONGEST_S, OC, Ended, Suite, problems_of, run, start

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
SCHED = os.path.join(ROOT, "tests/fixtures/sched.data")
STACKS = os.path.join(ROOT, "tests/fixtures/stacks.data")

EVENT = "sched:sched_switch"
COUNT = f'count("{EVENT}", "comm")'


def lines_of(*lines):
    return "".join(line + "\n" for line in lines)


# Piped --------------------------------------------------------------------------------------------

def piped(suite, name, lines, out=None, err=None, status=0, trace=SCHED, args=(), **more):
    text = lines if isinstance(lines, (str, bytes)) else lines_of(*lines)
    ended = run(["repl", *([trace] if trace else []), *args], stdin=text)
    suite.check(name, problems_of(ended, status, out, err, **more), ended)
    return ended


def values(suite):
    piped(suite, "values, one a line", ["1 + 1", "x = 3", 'x * 2, "hi"', "nil", "= x"],
          r"\A2\n6\nhi\nnil\n3\n\Z")
    piped(suite, "tables, nested and of records",
          ["{ 1, 2, { a = 1 } }", "{ { n = 1, s = 'a' }, { n = 20, s = 'b' } }", "{}"],
          r"\A\{ 1, 2, \{ a = 1 \} \}\n n  s\n 1  a\n20  b\n\{\}\n\Z")
    piped(suite, "tables that hold themselves, deep and wide ones are cut",
          ["t = {} t.t = t", "t", "w = {} for i = 1, 200 do w[i] = i end", "w", "d = {{{{{{{}}}}}}}", "d"],
          r"\{ t = \{… itself\} \}.*… 100 more.*\{…\}")
    piped(suite, "addresses, 64-bit numbers, functions",
          ["oc.addr(4096)", "2^53", "9007199254740993ULL", "print", "function f() end", "f"],
          r"\A0x1000\n9007199254740992\n9007199254740993\nfunction print, help\(print\)\nfunction stdin:5\n\Z")
    piped(suite, "control characters are shown, not obeyed", [r'"a\27[31mb"', "'ü €'"],
          r"\Aa\\x1b\[31mb\nü €\n\Z")
    piped(suite, "_ is the last value", ["21", "_ * 2"], r"\A21\n42\n\Z")
    piped(suite, "several lines make one input",
          ["for i = 1, 2 do", "  print(i)", "end", "f = function(x)", "return x", "end", "f(", "7)"],
          r"\A1\n2\n7\n\Z")


def questions(suite):
    counted = run(["eval", f'count("{EVENT}", "comm")', "-i", SCHED]).out
    ended = piped(suite, "a count is a table", [COUNT], r"^comm +count\n")
    if ended.out != counted:
        suite.check("a count is that of oc eval", [f"{ended.out!r} is not {counted!r}"])
    piped(suite, "the verbs of a line run in one pass, and its values stay",
          [f'c, n = {COUNT}, 0 on("{EVENT}", function(e) n = n + 1 end)', "n == c:total()", "c:total() > 0"],
          r"\Atrue\ntrue\n\Z")
    piped(suite, "trace is a fresh one each time",
          [f'trace:on("{EVENT}", function(e) k = (k or 0) + 1 end) trace:run()', "a = k",
           f'trace:on("{EVENT}", function(e) k = k + 1 end)', "k == 2 * a"], r"\Atrue\n\Z")
    piped(suite, "the machine is built once", ["m == m", "samples():total() > 0", "processes()"],
          r"\Atrue\ntrue\n +pid  comm", trace=STACKS)
    piped(suite, "stacks and symbols need not be asked for first",
          ['count("page-faults", "symbol", { top = 1 })', 'count("page-faults", "stack", { top = 1 })', "on('page-faults', function(e) s = e.stack end)", "s"],
          r"\Asymbol +count\n\S+ +\d+\n… .* more\ncount\n +\d+\n    \S+ .*… .* more\n(\S[^\n;]*\n){2}", trace=STACKS)
    piped(suite, "a histogram of a query is drawn", ['samples { kind = "page-faults" }:by("comm"):count():histogram()'],
          r"\A +% +count +comm\n[\d. ]+ +154 +sh\n\[1, 2\)  154  \|@{52}\|\n", trace=STACKS)
    piped(suite, "queries and graphs are run and shown",
          ['samples():by("comm"):count()', "graph()"], r"% +count +comm", trace=STACKS)
    piped(suite, "a histogram is drawn", [f'hist("{EVENT}", "prev_prio")'], r"[@#█▏|]")


def what_lines_share(suite):
    top = COUNT[:-1] + ", { top = 1, percent = true })"
    table = r"comm +count +percent\n\S+ +\d+ +[\d.]+%\n… \d+ more\n"
    piped(suite, "top and percent of a verb hold wherever its table is shown", [top, "c = " + top, "c", "c:print()"],
          r"\A(" + table + r"){3}\Z")
    piped(suite, "what an error left does not come with the next line",
          [COUNT + ':print(); error("x")', f'count("{EVENT}", "cpu")'], r"\Acpu +count\n( +\d+ +\d+\n)+\Z", r":1: x", status=1)
    piped(suite, "our objects are shown on a line", ["trace", "m", "samples", "string.rep", "{ m }", "t = oc.open {} t:on('exec', function() end) t:run()", "t"],
          r"\Atrace \S+stacks\.data: [^\n]*not run yet\nmachine: \d+ samples[^\n]*\n"
          r"function samples, help\(samples\)\nfunction string\.rep\n\{ machine[^\n]*\}\n", trace=STACKS)
    piped(suite, "help by value", ["help(count)", "help(samples)", "help(m.samples)"],
          r"\Acount\(event(.|\n)*^samples\((.|\n)*machine:samples\(", trace=STACKS)
    demo = os.path.join(ROOT, "examples/traces/demo.data")
    piped(suite, "a scenario is of the machine from its line on",
          ["m:stats().spans", 'use "syscalls" calls = samples { kind = "syscalls" }', "calls:total() > 0, m:stats().spans > 0",
           'use "syscals"', 'samples { kind = "syscalls" }:total() == calls:total()'],
          r"\A0\ntrue\ntrue\ntrue\n\Z", r"no scenario 'syscals'.*did you mean 'syscalls'", status=1, trace=demo)
    piped(suite, "values of several kinds are not added: a table for each",
          ['samples():by("comm"):top(1)', "graph { depth_of = 1 }", 'samples():by("comm"):rows()[1].count > 0'],
          r"\Araw_syscalls:sys_enter\n +% +count +sum +comm\n[^\n]*\n… \d+ more\n\n(.|\n)*^cpu-clock\n +%(.|\n)*\ntrue\n\Z",
          r"graph.*|samples of 4 kinds are added: .*choose one by kind", status=1, trace=demo, most_err_lines=8)


def errors_of_lines(suite):
    piped(suite, "an error names its line of the input, and the session goes on",
          ["1", "", "error('no')", "2"], r"\A1\n2\n\Z", r"\Astdin:3: no\n", status=1)
    piped(suite, "an error in a function names the line where it was typed",
          ["function f()", "  local x = nil", "  return x.y", "end", "f()"], None,
          r"\Astdin:3: attempt to index local 'x'.*return x\.y", status=1)
    for name, line, err in (
            ("a typo in a verb", "cout('x')", r"did you mean 'count'"),
            ("a typo in an event", 'count("sched:sched_swich")', r"sched:sched_switch"),
            ("a typo in a field", f'count("{EVENT}", "next_pdi")', r"next_pid"),
            ("a typo in a field of a function", f'on("{EVENT}", function(e) return e.next_pdi end)', r"next_pid"),
            ("a typo in a method", "trace:onn('x')", r"a trace has no 'onn'.*'on'"),
            ("an event without quotes", f"count({EVENT})", f'names of events are texts: "{EVENT}"'),
            ("a missing quote", f'count("{EVENT})', r'a " is missing'),
            ("a call without brackets", "count 5", r"count\(…\)"),
            ("SQL", "SELECT comm FROM samples", r"not SQL"),
            ("bpftrace", "tracepoint:sched:sched_switch { @[comm] = count(); }", r"bpftrace"),
            ("!=", "if 1 != 2 then end", r"~="),
            ("+=", "x += 1", r"no \+="),
            ("an unknown command", ".evnts", r"there is no command \.evnts.*'events'"),
            ("a command without its argument", ".fields", r"\.fields sched"),
            ("an unfinished block", "for i = 1, 2 do", r"'end' expected"),
            ("an error that is no text", "error({})", r"error object"),
            ("bytecode", b"\x1bLJ\x02\n", r"bytecode"),
            ("binary junk", bytes(range(1, 10)) + b"\xff\xfe\x00\x80", r"stdin:1"),
            ("a file that is not there", ".load /nowhere/x.lua", r"cannot read /nowhere/x\.lua"),
            ("a pipe to nothing", "1 |", r"a command is missing")):
        piped(suite, "at the prompt: " + name, line if isinstance(line, bytes) else [line], None, err,
              status=1)
    piped(suite, "a line of 100 kB", ["x = '" + "é" * 50000 + "'", "#x"], r"\A100000\n\Z")
    piped(suite, "a bare name that means nothing", ["coutn"], r"\Anil\n\Z", r"did you mean 'count'")
    for word in ("quit", "exit", ".quit", ".exit"):
        piped(suite, f"'{word}' ends it", ["1", word, "2"], r"\A1\n\Z")
    piped(suite, "the last line needs no end", "1\n2", r"\A1\n2\n\Z")
    piped(suite, "a deep recursion ends its line", ["function f() return 1 + f() end", "f()", "2"],
          r"\A2\n\Z", r"stack overflow", status=1)


def commands(suite, folder):
    piped(suite, ".events and .fields", [".events sched:sched_sw*", f".fields {EVENT}"],
          r"\Asched:sched_switch\nfield .*next_pid ", None)
    piped(suite, ".scripts and .run", [".scripts", ".run cswitch_top --top 2"],
          r"cpu_top.*\n.*comm")
    piped(suite, "a pipe to the shell", ["'b\\na' | sort", f"{COUNT} | head -1", "!echo shell", ".events | wc -l"],
          r"\Aa\nb\ncomm +count\nshell\n\d+\n\Z")
    piped(suite, "a reader of a pipe that goes away", ["('x\\n'):rep(1e6) | head -1", "1"], r"\Ax\n1\n\Z")
    piped(suite, "help", [".help", "?count", "help('trace:on')", "help(oc.open)"], r"count\(EVENT.*\.events")
    loaded = os.path.join(folder, "loaded.lua")
    with open(loaded, "w", encoding="utf-8") as file:
        file.write("#!/usr/bin/oc\nseven = 7\nfunction fails()\n  error('inside')\nend\n")
    piped(suite, ".load", [f".load {loaded}", "seven", "fails()"], r"\A7\n\Z",
          r"loaded\.lua:4: inside\n.*error\('inside'\)", status=1)
    exported = os.path.join(folder, "out.folded")
    piped(suite, ".export", [f".export {exported}"], r"out\.folded: ", trace=STACKS)
    suite.check(".export wrote it", [] if os.path.getsize(exported) else ["it is empty"])
    saved = os.path.join(folder, "saved.lua")
    first = piped(suite, ".save", [f"c = {COUNT} -- all of them", "typo(", ")", "c -- a comment", COUNT, "return 7", "if c then return end", "if c then return ... end",
                                   "function f(x) return x * 2 end", "f(21)", "= 1 + 1;", f".load {loaded}", "seven", "'end -- of'", f".save {saved}"],
                  r"7\n42\n2\n7\nend -- of\n.*saved\.lua: oc script", r"typo", status=1)
    ended = run(["script", saved], cwd="/")  # wherever it is
    wanted = first.out[:first.out.index(saved)]
    suite.check("oc script runs what was saved", problems_of(ended, 0, "^" + re.escape(wanted) + "$"), ended)
    events, part = os.path.join(folder, "out.events.csv"), os.path.join(folder, "part.data")
    piped(suite, ".export of events, and over what is there",
          [f".export {exported}", f".export {exported} --force", f'.export "{events}"', f".export {events}", f".export {part}"],
          r"out\.folded: .*out\.events\.csv: written\n.*part\.data: written", r"out\.folded is there already.*--force.*out\.events\.csv is there",
          status=1, trace=STACKS)
    with open(events, encoding="utf-8") as file:
        suite.check(".export wrote the events", [] if len(file.readlines()) > 400 else ["too few"])
    piped(suite, ".export wrote a trace", [COUNT], r"count", trace=part)
    piped(suite, ".time tells and sets", [".time", ".time off", ".time", ".time perhaps"], r"\Atimes are on\ntimes are off\ntimes are off\n\Z",
          r"on or off", status=1)
    piped(suite, ".time on tells times in a pipe, too", [COUNT, ".time on", COUNT], r"count", r"\A\d+ records in [\d.]+ s, [\d.]+ million/s\n\Z")
    last = os.path.join(folder, "last.lua")
    piped(suite, ".save leaves out what was nothing", [f"c = {COUNT}", "clear", "c", "_:total() > 0", f".save {last}"], r"true\n.*last\.lua", r"Ctrl-L")
    ended = run(["script", last])
    suite.check("oc script runs what needs the last value", problems_of(ended, 0, r"^comm(.|\n)*\ntrue\n\Z"), ended)
    piped(suite, ".save does not overwrite", [f".save {saved}"], None, r"is there already", status=1)


def edges(suite, folder):
    ended = run([SCHED], stdin=COUNT + "\n")
    suite.check("a trace alone is shown", problems_of(ended, 0, r"^comm +count"), ended)
    script = os.path.join(folder, "my.lua")
    with open(script, "w", encoding="utf-8") as file:
        file.write("print 'ran'\n")
    ended = run([script])
    suite.check("a .lua file alone is run", problems_of(ended, 0, r"\Aran\n\Z"), ended)
    ended = run(["repl", "/nowhere/x.data"])
    suite.check("a trace that is not there", problems_of(ended, 2, None, r"cannot read /nowhere/x\.data"), ended)
    ended = run(["repl", script], stdin="1\n")
    suite.check("a trace that is none", problems_of(ended, 1, None, r"my\.lua"), ended)
    ended = run(["repl", SCHED, "--nosuch"])
    suite.check("an option that there is not, behind a trace", problems_of(ended, 2, None, r"unknown option --nosuch\n  hint: --help shows"), ended)
    ended = run(["repl", SCHED, SCHED])
    suite.check("two traces", problems_of(ended, 2, None, r"one argument too many"), ended)
    ended = run(["-c", 'exec "$0" repl "$1" <&-', OC, SCHED], program="/bin/sh")
    suite.check("closed stdin", problems_of(ended, 0), ended)
    cut = os.path.join(folder, "cut.data")
    with open(SCHED, "rb") as whole, open(cut, "wb") as file:
        file.write(whole.read()[:-5000])
    piped(suite, "a truncated trace", [COUNT], r"comm", r"truncated|cut|ends", trace=cut)
    shrinking = os.path.join(folder, "shrinking.data")
    shutil.copy(STACKS, shrinking)
    faults = 'count("page-faults")'
    piped(suite, "a trace that is cut while it is open",
          [faults, "trace", f"!truncate -s 20000 {shrinking}", faults, "trace", f"!truncate -s 0 {shrinking}", faults, "'still here'"],
          r"still here", r"nothing is left of the file at offset 0x[1-9a-f]\w*", trace=shrinking, most_err_lines=30)
    ended = run(["-c", 'exec "$0" repl "$1" < /tmp', OC, SCHED], program="/bin/sh")
    suite.check("a folder as stdin", problems_of(ended, 1, None, "cannot read standard input: Is a directory"), ended)
    for name, redirected, status, err in (("closed stdout", ">&-", 1, "cannot write the results"), ("a full disk", ">/dev/full", 1, "No space left"),
                                          ("closed stderr", "2>&-", 0, None)):
        ended = run(["-c", f'echo "1 + 1" | "$0" repl "$1" {redirected}', OC, SCHED], program="/bin/sh")
        suite.check(name, problems_of(ended, status, None if status else r"\A2\n\Z", err), ended)
    piped(suite, "ends of lines as DOS has them, and its mark of UTF-8", b"\xef\xbb\xbf1 + 1\r\nfor i = 1, 2 do\r\nprint(i)\r\nend\r\n'a' | cat\r\nquit\r\n",
          r"\A2\n1\n2\na\n\Z")
    piped(suite, "zero bytes", b"2\x002\n'a\x00b'\n", r"\Aa\\x00b\n\Z", r"2\\x002", status=1)


BREAKS = f"""local oc = require 'oc'
local limit, unused = 1, nil
global_one = 'g'
local function inner(depth)
  local mine = depth * 10 * limit
  oc.repl()
  return mine
end
print('inner gave ' .. inner(4))
local trace = oc.open {{}}
local seen = 0
trace:on('{EVENT}', function(e)
  seen = seen + 1
  if seen == limit then oc.repl() end
end)
trace:run()
print('limit ' .. limit .. ' seen ' .. tostring(seen > limit))
"""


INTERPRETED = r"oc: the script is interpreted, not compiled, as it calls oc\.repl\(\)\n"
COMPILED = """local trace, seen = require 'oc'.open {}, 0
trace:on('raw_syscalls:sys_enter', function(e)
  seen = seen + 1
  local double = seen * 2
  if seen == 900 then oc.repl() end
end)
oc = require 'oc'
trace:run()
"""


def interpreted(suite, folder):
    """Only code that stops is left uncompiled, and says so."""
    run_it = f"local trace, n = require 'oc'.open {{}}, 0 trace:on('{EVENT}', function() n = n + 1 end) trace:run() print(n > 0)\n"
    for name, code, stops in (("a comment", "-- put oc.repl() here\n", False), ("a long comment", "--[==[ oc.repl()\n]] oc.repl() ]==]\n", False),
                              ("texts", "local _ = 'oc.repl()' .. \"a\\\"oc.repl()\" .. [[oc.repl()]]\n", False),
                              ("a field of its own", "local t = {} t.repl = 1\n", False), ("another word", "local t = {} t.replace = print t.replace()\n", False),
                              ("kept", "local stop = require'oc'.repl; stop()\n", True), ("as a key", "require'oc'['repl']()\n", True),
                              ("behind a text", "local _ = '--' require 'oc' . repl ()\n", True)):
        path = os.path.join(folder, "compiled.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(code + run_it)
        if name == "kept":  # also where the script feeds the trace itself, and each time once
            with open(path, "a", encoding="utf-8") as file:
                file.write("trace = require 'oc'.open {} trace:on('%s', function() n = n + 1 end) trace:start() while trace:feed() do end print(true)\n" % EVENT)
        for quiet in (False, True) if name in ("kept", "a comment") else (False,):
            ended = run(["script", path, "-i", SCHED, *(["-q"] if quiet else [])])
            told = r"\A" + INTERPRETED + r"\Z" if stops and not quiet else None
            suite.check(f"oc.repl() in {name}{', -q' if quiet else ''}", problems_of(ended, 0, r"true\n\Z", told), ended)
    ours = [os.path.join(at, name) for top in ("scripts", "examples") for at, _, names in os.walk(os.path.join(ROOT, top)) for name in names if name.endswith(".lua")]
    ended = run(["eval", "local stops = require('oc.chunk').has_stops for path in io.lines() do local text = io.open(path):read('*a')"
                 " if stops(text) then print(path) end end print(stops('oc.repl()'))"], stdin="".join(path + "\n" for path in ours))
    suite.check(f"none of our {len(ours)} scripts is interpreted", problems_of(ended, 0, r"\Atrue\n\Z") + ([] if len(ours) >= 20 else ["they were not found"]), ended)


def breakpoints(suite, folder):
    hot = os.path.join(folder, "hot.lua")
    with open(hot, "w", encoding="utf-8") as file:
        file.write(COMPILED)
    ended = run(["script", hot, "-i", os.path.join(ROOT, "examples/traces/demo.data")], stdin="double\ne.pid > 0\n")
    suite.check("oc.repl(): variables that are not used any more, in a callback that is hot", problems_of(ended, 0, r"\A1800\ntrue\n\Z", r"\A" + INTERPRETED + r"\Z"), ended)
    interpreted(suite, folder)
    path = os.path.join(folder, "breaks.lua")
    with open(path, "w", encoding="utf-8") as file:
        file.write(BREAKS)

    def stops(name, lines, out, err=r"\A" + INTERPRETED + r"\Z", status=0):
        ended = run(["script", path, "-i", SCHED], stdin=lines_of(*lines))
        suite.check("oc.repl(): " + name, problems_of(ended, status, out, err), ended)

    stops("locals, upvalues and globals are read", ["mine, depth", "limit, global_one", "type(print)"],
          r"\A40\n4\n1\ng\nfunction\ninner gave 40\nlimit 1 seen true\n\Z")
    stops("locals and upvalues are set", ["mine = mine + 2", "limit = 3", "new = 'own'", "new, mine", ".continue", "seen, limit"],
          r"\Aown\n42\ninner gave 42\n3\n3\nlimit 3 seen true\n\Z", r"\Aoc: the script has no variable 'new' here: this one is of these lines alone\n" + INTERPRETED + r"\Z")
    stops("a new variable near to one of the script's", ["limt = 3"], r"limit 1", r"no variable 'limt' here.*; did you mean 'limit'\?")
    stops("an event at hand", [".continue", "e.next_comm ~= nil, e.cpu >= 0"],
          r"\Ainner gave 40\ntrue\ntrue\nlimit 1")
    stops("where", ["where", ".where"], r"\Abreaks|breaks\.lua:6 in inner\n.*breaks\.lua:9 in its body")
    stops("a function of a line sees and sets them", ["function f() mine = 7 return mine end", "f()", "mine"],
          r"\A7\n7\ninner gave 7\n")
    stops("errors do not end the script", ["mine.x.y", "nonsense(", ")", "coroutine.wrap(function() return mine end)()"],
          r"\Ainner gave 40", r"attempt to index.*coroutine")
    stops(".quit ends it", [".quit"], r"\A\Z", r"stopped at .*breaks\.lua:6", status=130)
    stops(".stop in a callback ends the run, at any stop", [".continue", "limit = 3", ".continue", ".help", "help(limit)", ".stop"],
          r"\Ainner gave 40\n +\.continue .*\n +\.stop .*limit 3 seen false\n\Z", r"no help on a number.*stopped at oc\.repl\(\): .* first [\d.]+ms")
    stops("a callback is known by its event, and the trace by its names", [".continue", "where", f".fields {EVENT}", "e.next_com", "sched_switch", "nope()"],
          rf"breaks\.lua:14 in the callback of {EVENT}\n.*next_prio", r"did you mean 'next_comm'.*names of events are texts.*nothing is called 'nope'")
    ended = run(["script", "-", "-i", SCHED], stdin="local oc = require 'oc' oc.repl() print 'on'")
    suite.check("oc.repl(): a script from stdin is not stopped",
                problems_of(ended, 0, r"\Aon\n\Z", r"standard input is the script"), ended)


# The guide ----------------------------------------------------------------------------------------

def guide(suite):
    """What docs/guide/repl.md shows is what comes: each block's lines in order, in one session."""
    with open(os.path.join(ROOT, "docs/guide/repl.md"), encoding="utf-8") as file:
        blocks = file.read().split("```")[1::2]
    lines, wanted = [], []
    for line in "".join(block for block in blocks if "oc> " in block).splitlines():
        if line.startswith(("oc> ", "..> ")):
            lines.append(line[4:])
        elif line.strip() and "…" not in line:
            wanted.append(line)
        elif "…" in line:
            wanted.append(re.compile(".*".join(re.escape(part.strip()) for part in line.split("…"))))
    demo = os.path.join(ROOT, "examples/traces/demo.data")
    ended = run(["repl", demo], stdin=lines_of(*lines))
    problems = problems_of(ended, 0, r".", None)
    for line in wanted:
        if isinstance(line, str) and line not in ended.out.splitlines():
            problems.append(f"{line!r} does not come")
        elif not isinstance(line, str) and not line.search(ended.out):
            problems.append(f"{line.pattern!r} does not come")
    suite.check("the guide's lines give what it shows", problems, ended)


def interrupted_often(suite):
    """Single signals at any moment, most of them near the end of some line: each ends a line at most."""
    job = start(["repl", "--batch", SCHED], stdin=subprocess.PIPE)
    fcntl.fcntl(job.stdin, fcntl.F_SETPIPE_SZ, 4096)  # few lines wait when the signals end
    job.stdin.write("print 'ready'\n")
    job.stdin.flush()
    first = job.stdout.readline()
    until = time.monotonic() + 2

    def write():
        try:
            while time.monotonic() < until:
                job.stdin.write("for i=1,100 do local x=tostring(i) end\n" * 20)
                job.stdin.flush()
            job.stdin.write("print('al' .. 'ive')\n")
            job.stdin.close()
        except OSError:
            pass  # it has ended

    def drain(stream, into):
        into.append(stream.read())

    texts = [], []
    threads = [threading.Thread(target=write)] + [threading.Thread(target=drain, args=pair) for pair in zip((job.stdout, job.stderr), texts)]
    for thread in threads:
        thread.start()
    while time.monotonic() < until - 0.2 and job.poll() is None:
        job.send_signal(signal.SIGINT)
        time.sleep(random.uniform(0.004, 0.015))
    try:
        status = job.wait(LONGEST_S)
    except subprocess.TimeoutExpired:
        job.kill()
        status = None
    for thread in threads:
        thread.join()
    ended = Ended(status, first + texts[0][0], texts[1][0], 2)
    suite.check("Ctrl-C at any moment", problems_of(ended, 1, r"\Aready\nalive\n\Z", "interrupted", 1000), ended)


def main():
    suite = Suite("repl")
    with tempfile.TemporaryDirectory() as folder:
        for case in (values, questions, what_lines_share, errors_of_lines, guide, interrupted_often):
            suite.later(case, suite)
        for case in (commands, edges, breakpoints):
            suite.later(case, suite, folder)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
