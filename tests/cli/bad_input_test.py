"""Everything that a user can get wrong: one clear message, the right exit status, nothing of our inside.

A case: arguments (with {files} made below), what stands on stdin, and what has to come out. A result that
was gathered before the failure has to be on stdout. ONLY=regex runs the cases whose name matches.
"""
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field

import perf_data
from program import OC, Suite, problems_of, run

ANY = r"\A.*\Z"


@dataclass
class Case:
    name: str
    args: list
    status: int = 0
    out: str = None       # a regular expression; None: nothing may come out
    err: str = None
    stdin: object = None
    env: dict = field(default_factory=dict)
    needs: str = None     # "live": perf_event and tracefs; "perf": nothing but perf_event
    within: float = 10
    lines: int = 12
    inside: bool = False  # a look at our inside was asked for


COUNT = "local t = oc.open {} local n = 0 t:on('cpu', function(e) n = n + 1 {body} end) " \
        "t:at_end(function() print('seen', n) end) t:run()"
FAILS = """local oc = require "oc"
local t = oc.open {}
local n, good = 0, 0
t:on("cpu", function(e)
  n = n + 1
  if n % 100 == 0 then local x = e.no_such_field end
end)
t:on("cpu", function(e) good = good + 1 end)
t:at_end(function() print("good", good) end)
t:run()
"""
TIMER = """local oc = require "oc"
local t = oc.open {}
local n = 0
t:on("cpu", function(e) n = n + 1 end)
t:every("100ms", function() local none = nil; none.field = 1 end)
t:at_end(function() print("seen", n) end)
t:at_end(function() local nothing; nothing() end)
t:at_end(function() print("last") end)
t:run()
"""


def files(folder):
    """Writes the inputs; their paths by name."""
    whole = perf_data.trace(1000)
    texts = {
        "trace": whole, "truncated": whole[:-4000 + 20], "header_only": whole[:60],
        "cut_attr": whole[:150], "empty": b"", "text": b"just some words\n" * 50,
        "garbage": b"PERFILE2" + bytes(range(256)) * 8,
        "syntax.lua": b"local oc = require 'oc'\nlocal x = = 1\n",
        "fails.lua": FAILS.encode(), "timer.lua": TIMER.encode(),
        "binary.lua": b"\x7fELF" + bytes(range(256)) * 64,
        "nul.lua": b"print('one')\0print('two')\nprint('three')\n",
        "bytecode.lua": b"\x1bLJ\x02\x0a" + b"\xff" * 64,
        "empty.lua": b"", "huge.lua": b"local x = 1\n" + b"x = x + 1\n" * 300_000 + b"print(x)\n",
        "many_locals.lua": b"".join(b"local a%d = 1\n" % i for i in range(300)),
        "crlf.lua": b"#!/usr/bin/env oc\r\nprint('crlf')\r\n",
        "unrun.lua": b"local oc = require 'oc'\nlocal t = oc.open {}\nt:on('cpu', print)\n",
        "prints.lua": b"for i = 1, 200000 do print(i) end\n",
        "old.gz": b"\x1f\x8b" + b"\0" * 100,
    }
    paths = {"missing": os.path.join(folder, "missing"), "folder": folder}
    for name, data in texts.items():
        paths[name] = os.path.join(folder, name)
        with open(paths[name], "wb") as out:
            out.write(data)
        os.chmod(paths[name], 0o644)
    return paths


WRONG_USAGE = [
    Case("no verb of that name", ["evla"], 2, err=r"no verb 'evla'.*did you mean 'eval'"),
    Case("a verb without what it needs", ["script"], 2, err=r"which script"),
    Case("eval without code", ["eval"], 2, err=r"eval wants a line of Lua"),
    Case("no such script", ["script", "cpu_topp"], 2, err=r"no script 'cpu_topp'.*did you mean 'cpu_top'"),
    Case("no such script file", ["script", "./missing.lua"], 2, err=r"cannot read .*missing.lua: No such file"),
    Case("a folder as script", ["script", "{folder}"], 2, err=r"(is a folder|Is a directory)"),
    Case("an option that neither knows", ["script", "cpu_top", "--tpo", "5"], 2, err=r"unknown option --tpo.*did you mean --top"),
    Case("an option that neither knows, no oc.args", ["eval", "print(1)", "--jsno"], 2, err=r"unknown option --jsno.*--json"),
    Case("a command without --", ["script", "cpu_top", "make", "-k"], 2,
         err=r"unknown option -k\n.*a command to run comes after --, as in: oc script cpu_top -- make -k"),
    Case("an argument that was not declared", ["eval", "local o = oc.args { top = oc.number(5) } print(o.tpo)"], 1,
         err=r"\Aeval:1: there is no argument 'tpo'.*did you mean 'top'"),
    Case("an option before the script's name", ["script", "--bogus", "cpu_top"], 2, err=r"unknown option --bogus"),
    Case("a value of the wrong kind", ["script", "cpu_top", "-d", "soon"], 2, err=r"-d: 'soon' is not a duration"),
    Case("a value below the least", ["script", "cpu_top", "--top", "0"], 2, err=r"--top must be"),
    Case("no time at all", ["script", "cpu_top", "-d", "0"], 2, err=r"-d must be at least 1ns"),
    Case("less time than a nanosecond", ["script", "cpu_top", "-d", "0.0000000001"], 2, err=r"-d must be at least 1ns"),
    Case("a time in scientific notation", ["script", "cpu_top", "-d", "1e-10"], 2, err=r"'1e-10' is not a duration"),
    Case("a time beyond all clocks", ["script", "cpu_top", "-d", "99999999999999999999"], 2, err=r"is not a duration"),
    Case("no time for a callback", ["script", "cpu_top", "--timeout", "0"], 2, err=r"--timeout must be at least 1ns"),
    Case("more events than can be counted", ["script", "cpu_top", "-n", "1e30"], 2, err=r"-n must be at most 9007199254740992"),
    Case("a frequency beyond all clocks", ["script", "cpu_top", "-F", "1e30"], 2, err=r"-F must be at most 1000000000"),
    Case("a buffer beyond all memory", ["script", "cpu_top", "--buffer", "2TiB"], 2, err=r"--buffer must be at most 1TiB"),
    Case("a choice that is none", ["script", "cpu_top", "--by", "color"], 2, err=r"--by.*comm"),
    Case("an option without its value", ["script", "cpu_top", "--top"], 2, err=r"--top needs a value"),
    Case("a word too many", ["eval", "print(1)", "extra", "words"], 2, err=r"extra"),
    Case("-- without a command", ["eval", COUNT, "--"], 2, err=r"command"),
    Case("-i and a command", ["eval", COUNT, "-i", "{trace}", "--", "true"], 2, err=r"-i|input|command"),
    Case("help costs nothing", ["script", "cpu_top", "--help"], 0, out=r"--frequency.*--duration"),
]

LISTS = [
    Case("list: the events of a trace", ["list", "-i", "{trace}", "-q"], 0, out=r"\Acpu-clock\S*\n\Z"),
    Case("list: a glob alone is one of events", ["list", "cpu-*", "-i", "{trace}"], 0, out=r"\Acpu-clock\S*\n\Z"),
    Case("list: a glob without a match", ["list", "sched:*", "-i", "{trace}"], 1, err=r"no event matches 'sched:\*'"),
    Case("list: a mistyped list", ["list", "event"], 2, err=r"cannot list 'event'.*did you mean 'events'"),
    Case("list: a file whose name begins with -, behind --", ["report", "--", "-no.data"], 1, err=r"-no\.data: No such file"),
    Case("a scenario is no script", ["script", "locks"], 2, err=r"'locks' is a scenario, and no script\n.*oc report --scenario locks"),
    Case("a format by what its files are called", ["export", "{trace}", "-o", "/nowhere/x", "--format", "svg"], 2, err=r"no format 'svg'(.|\n)*did you mean 'flamegraph'\?"),
    Case("list: its usage", ["list", "--help"], 0, out=r"^Usage: oc list \[events\|scripts\|scenarios\|formats\] \[GLOB\] \[options\]$"),
]

WRONG_FILES = [
    Case("no such file", ["script", "cpu_top", "-i", "{missing}"], 1, err=r"cannot open .*missing: No such file"),
    Case("an empty file", ["script", "cpu_top", "-i", "{empty}"], 1, err=r"empty is empty"),
    Case("a text file", ["script", "cpu_top", "-i", "{text}"], 1, err=r"is not a perf.data file"),
    Case("a folder", ["script", "cpu_top", "-i", "{folder}"], 1, err=r"is a folder"),
    Case("a device", ["script", "cpu_top", "-i", "/dev/null"], 1, err=r"/dev/null is empty"),
    Case("a compressed file", ["script", "cpu_top", "-i", "{old.gz}"], 1, err=r"gzip.*gunzip"),
    Case("a header that is cut off", ["script", "cpu_top", "-i", "{header_only}"], 1, err=r"header is cut off at byte 60"),
    Case("attrs that are cut off", ["script", "cpu_top", "-i", "{cut_attr}"], 1, err=r"attr"),
    Case("a header of nonsense", ["script", "cpu_top", "-i", "{garbage}"], 1, err=r"garbage"),
    Case("a part of a live run", ["eval", COUNT, "--time", "1s,2s"], 2, err=r"--time is for a recorded trace.*\n.*-d"),
    Case("a part that ends before it begins", ["eval", COUNT, "--time", "2s,1s"], 2, err=r"'2s,1s' ends before it begins"),
    Case("no part", ["eval", COUNT, "--time", "1s"], 2, err=r"'1s' is not a stretch of time.*FROM,TO"),
    Case("a truncated trace is delivered as far as it goes", ["eval", COUNT, "-i", "{truncated}"], 0,
         out=r"^seen\t9\d\d$", err=r"(cut off|truncated|ends).*\d"),
    Case("a truncated trace under --strict", ["eval", COUNT, "-i", "{truncated}", "--strict"], 3, out=r"^seen\t9\d\d$", err=ANY),
    Case("an event that the trace lacks", ["eval", "oc.open{}:on('sched:sched_switch', print)", "-i", "{trace}"], 1,
         err=r"has no event 'sched:sched_switch'.*holds: cpu-clock"),
    Case("a canonical event that the trace lacks", ["script", "cswitch_top", "-i", "{trace}"], 1,
         err=r"cswitch.*holds: cpu-clock.*oc record"),
    Case("a trace as script", ["script", "{trace}"], 2,
         err=r"\Aoc: \S*trace is a recorded trace, not a script\n.*oc script -i \S*trace cpu_top"),
    Case("a trace as script on stdin", ["script", "-"], 2, stdin="PERFILE2 and more", err=r"standard input is a recorded trace"),
    Case("a line of code without end", ["eval", "local a = '" + "x" * 5000 + "' local n = nil; n.x = 1"], 1,
         err=r"\Aeval:1: [^\n]*'n'[^\n]*\n   1 \| [^\n]{150,162}\n"),
]

WRONG_SCRIPTS = [
    Case("a syntax error", ["script", "{syntax.lua}"], 1, err=r"syntax.lua:2: .*near '='.*   2 \| local x = = 1"),
    Case("a syntax error on stdin", ["script", "-"], 1, stdin="local = 1\n", err=r"stdin:1: .*local = 1"),
    Case("nothing on stdin", ["script", "-"], 0, stdin=""),
    Case("an empty script", ["script", "{empty.lua}"], 0),
    Case("a binary as script", ["script", "{binary.lua}"], 1, err=r"binary.lua", lines=3),
    Case("byte code as script", ["script", "{bytecode.lua}"], 1, err=r"bytecode.lua", lines=3),
    Case("a script with NUL", ["script", "{nul.lua}"], 1, err=r"nul.lua:1: "),
    Case("a huge script", ["script", "{huge.lua}"], 0, out=r"^300001$"),
    Case("more locals than Lua has", ["script", "{many_locals.lua}"], 1, err=r"many_locals.lua:201: .*200 local"),
    Case("a script with a shebang and CR LF", ["script", "{crlf.lua}"], 0, out="crlf"),
    Case("an error in the body", ["eval", "print('before') local x = nil; x.y = 1"], 1, out="^before$",
         err=r"eval:1: attempt to index local 'x'.*\| print"),
    Case("an error that is a table", ["eval", "error({ code = 1 })"], 1, err=r"error"),
    Case("an error that is nil", ["eval", "error()"], 1, err=r"error|nil"),
    Case("a stack overflow", ["eval", "local function f() return 1 + f() end f()"], 1, err=r"stack overflow", lines=5),
    Case("a module that is not there", ["eval", "require 'nothing.here'"], 1, err=r"module 'nothing.here' not found", lines=20),
    Case("a trace that is never run", ["script", "{unrun.lua}"], 1, err=r"unrun.lua:2: .*never run.*oc.open"),
    Case("an option that oc.open lacks", ["eval", "oc.open { inptu = 'x' }"], 1, err=r"no option 'inptu'.*did you mean 'input'"),
    Case("a method that a trace lacks", ["eval", "oc.open{}:onn('cpu', print)"], 1, err=r"no 'onn'.*did you mean 'on'"),
    Case("no callback", ["eval", "oc.open{}:on('cpu')", "-i", "{trace}"], 1, err=r"wants a function"),
    Case("an error in a callback: once, with a count, the others go on",
         ["script", "{fails.lua}", "-i", "{trace}"], 1, out=r"^good\t1000$",
         err=r"\A[^\n]*fails.lua:6: .*no_such_field'[^\n]*\n   6 \|   if n % 100[^\n]*\n     \| +\^.*fails.lua:6: 10 times in all"),
    Case("--max-errors ends the run with results", ["script", "{fails.lua}", "-i", "{trace}", "--max-errors", "3"], 1,
         out=r"^good\t300$", err=r"fails.lua:6: .*3 times in all.*stopped after 3 errors"),
    Case("errors in a timer and in an end hook: the others go on", ["script", "{timer.lua}", "-i", "{trace}"], 1,
         out=r"^seen\t1000\nlast$",
         err=r"timer.lua:5: attempt to index local 'none'.*timer.lua:7: .*'nothing'.*timer.lua:5: \d+ times"),
    Case("--traceback shows the calls", ["script", "{fails.lua}", "-i", "{trace}", "--traceback"], 1, out="good",
         err=r"in function", lines=60, inside=True),
    Case("os.exit ends with its status", ["eval", "print('x') os.exit(7)"], 7, out="x"),
]

LIVE = [
    Case("an event that the user typed", ["script", "event_top", "-i", "{trace}", "sched:sched_swich"], 1,
         err=r"^oc: EVENTS: .* has no event 'sched:sched_swich'(?!.*event_top\.lua:)"),
    Case("a field that the user typed", ["script", "event_top", "-i", "{trace}", "cpu-clock", "--by", "perod"], 1,
         err=r"^oc: --by: event 'cpu-clock:HG' has no field 'perod'(?!.*event_top\.lua:)"),
    Case("no such event", ["eval", "oc.open{}:on('sched:sched_swich', print)"], 1, needs="live",
         err=r"eval:1: .*sched_swich.*did you mean '?sched:sched_switch"),
    Case("no such software event", ["eval", "oc.open{}:on('page-fualts', print)"], 1, needs="live",
         err=r"page-fualts.*did you mean '?page-faults"),
    Case("a glob that matches nothing", ["eval", "oc.open{}:on('schedd:*', print)"], 1, needs="live", err=r"schedd:\*"),
    Case("no such field", ["eval", "local t = oc.open{} t:on('sched:sched_switch', function(e) local x = e.next_pdi end) t:run()",
                           "-d", "200ms"], 1, needs="live",
         err=r"eval:1: .*no field 'next_pdi'.*did you mean '?next_p.*times in all"),
    Case("no such field reference", ["eval", "oc.open{}:event('sched:sched_switch'):field 'next_pdi'"], 1, needs="live",
         err=r"eval:1: .*no field 'next_pdi'.*did you mean '?next_p"),
    Case("an event of hardware that is not there", ["eval", COUNT.replace("'cpu'", "'cycles'"), "-d", "100ms"],
         1, needs="no pmu", err=r"cannot open event 'cycles'.*no hardware counters.*cpu-clock"),
    Case("an event that perf cannot open", ["eval", COUNT.replace("'cpu'", "'ftrace:function'"), "-d", "100ms"], 1,
         needs="live", err=r"cannot open event 'ftrace:function'.*does not let perf record this tracepoint"),
    Case("rings larger than memory", ["eval", COUNT, "-d", "100ms", "--buffer", "4GiB"], 1, needs="live",
         err=r"cannot map rings of .* CPUs.*smaller buffer"),
    Case("a frequency that the kernel refuses", ["script", "cpu_top", "-F", "10000000", "-d", "100ms"], 1, needs="live",
         err=r"10000000 Hz: the kernel allows.*sysctl"),
    Case("a command that does not exist", ["script", "cpu_top", "--", "oc-no-such"], 1, needs="live",
         err=r"\Aoc: cannot run 'oc-no-such': No such file or directory\n\Z"),
    Case("a command that may not be executed", ["script", "cpu_top", "--", "{text}"], 1, needs="live",
         err=r"\Aoc: cannot run '.*text': Permission denied\n\Z"),
    Case("a command that is a folder", ["script", "cpu_top", "--", "/tmp"], 1, needs="live", err=r"cannot run '/tmp'"),
    Case("a command that dies", ["eval", COUNT, "--", "sh", "-c", "kill -SEGV $$"], 0, needs="live", out="^seen",
         err=r"\Aoc: the command was ended by signal 11"),
    Case("a command that fails", ["eval", COUNT, "--", "sh", "-c", "exit 3"], 0, needs="live", out="^seen",
         err=r"\Aoc: the command ended with status 3"),
    Case("--exit-status passes a failure on", ["eval", COUNT, "--exit-status", "--", "sh", "-c", "exit 3"], 3, needs="live",
         out="^seen", err=r"status 3"),
    Case("--exit-status passes a signal on", ["eval", COUNT, "--exit-status", "--", "sh", "-c", "kill -9 $$"], 137,
         needs="live", out="^seen", err=r"signal 9"),
    Case("a command with a closed stdin", ["eval", COUNT, "--", "cat"], 0, needs="live", out="^seen"),
    Case("the time is over before the command is", ["eval", COUNT, "-d", "200ms", "--", "sleep", "60"], 0, needs="live",
         out="^seen", err=r"\Aoc: the run ended before the command did: .* SIGTERM\noc: the command was ended by signal 15\n\Z",
         within=3),
    Case("enough events before the command ends", ["eval", COUNT, "-n", "1", "--", "sh", "-c", "while :; do :; done"], 0,
         needs="live", out="^seen\t1$", err=r"SIGTERM", within=3),
    Case("a script stops before the command ends", ["eval", COUNT.replace("{body}", "t:stop()"), "--", "sh", "-c", "while :; do :; done"],
         0, needs="live", out="^seen\t1$", err=r"SIGTERM", within=3),
    Case("a command that ignores SIGTERM", ["eval", COUNT, "-d", "200ms", "--", "sh", "-c", "trap '' TERM; timeout -s KILL 4 sleep 3"], 0,
         needs="live", out="^seen", err=r"SIGTERM\noc: the command has not ended: process \d+ goes on\n\Z", within=6),
]


def fill(text, paths):
    """Puts the paths of inputs into an argument: "{trace}"."""
    return re.sub(r"\{([\w.]+)\}", lambda found: paths.get(found.group(1), ""), text)


def may_trace():
    """Why this machine cannot trace live, or ""."""
    ended = run(["eval", COUNT.replace("{body}", ""), "-d", "10ms"])
    if ended.status != 0:
        return ended.err.splitlines()[0] if ended.err else "it cannot sample"
    return "" if os.path.isdir("/sys/kernel/tracing/events/sched") else "no tracefs"


def has_pmu():
    return os.path.isdir("/sys/bus/event_source/devices/cpu")


def missing_need(case, cannot_trace):
    if case.needs is None:
        return ""
    if case.needs == "no pmu" and has_pmu():
        return "this machine has hardware counters"
    return cannot_trace


def run_case(suite, case, paths):
    args = [fill(word.replace("{body}", ""), paths) for word in case.args]
    ended = run(args, stdin=case.stdin, env=case.env)
    problems = problems_of(ended, case.status, case.out, case.err, case.lines, case.within, case.inside)
    suite.check(case.name, problems, ended)


def run_cases(suite, cases, paths):
    cannot_trace = may_trace()
    for case in cases:
        if not suite.wants(case.name):
            continue
        reason = missing_need(case, cannot_trace)
        if reason:
            suite.skip(case.name, reason)
        else:
            suite.later(run_case, suite, case, paths)
    suite.wait()


def becomes_shorter(suite, folder):
    """What is wrong from there on is told, whoever noticed: the scan, or a callback's look at a record."""
    text = """local t, done, c = oc.open {}, false, oc.sum("event")
t:on("raw_syscalls:*", function(e) c:add(e.id, e.event) if not done then done = true os.execute("truncate -s 8192 %s") end end)
t:run() print(c:total() > 0, t:is_damaged())"""
    name = "a trace that becomes shorter while a callback runs"
    if suite.wants(name):
        trace = os.path.join(folder, "shrinks.data")
        shutil.copyfile(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/syscalls.data"), trace)
        ended = run(["eval", "-i", trace, text % trace])
        suite.check(name, problems_of(ended, 0, r"^true\ttrue$", "it became shorter, or could not be read"), ended)


def main():
    suite = Suite("bad input")
    with tempfile.TemporaryDirectory(prefix="oc-cli.") as folder:
        becomes_shorter(suite, folder)
        run_cases(suite, WRONG_USAGE + LISTS + WRONG_FILES + WRONG_SCRIPTS + LIVE, files(folder))
    return suite.finish()


if __name__ == "__main__":
    assert os.access(OC, os.X_OK), OC
    sys.exit(main())
