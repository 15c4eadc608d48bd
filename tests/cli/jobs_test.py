"""Several traces and --jobs: the same bytes as one worker, what cannot be divided, workers that end badly, Ctrl-C."""
import json
import math
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time

import perf_data
from job_runs import HERE, SCHED, STACKS, SYSCALLS, inputs, same, script
from program import OC, Suite, finish, problems_of, run, start

EXAMPLE = os.path.join(HERE, "../../examples/compare_runs.lua")

EVERYTHING = """local oc = require "oc"
local trace = oc.open {}
local kinds = {
  oc.counter("comm", "event"), oc.sum("comm"), oc.stats("cpu"), oc.histogram("cpu"),
  oc.histogram { linear = { min = 0, max = 1e8, step = 1e6 } }, oc.quantiles("comm", { unit = "ns" }), oc.topk(3, "comm"),
}
local shown = oc.table("comm", { values = { "time" } })
print("before")
local depth, seen = 0, oc.counter()
local function add(e)
  depth = depth + 1
  kinds[1]:count(e.comm, e.event) kinds[2]:add(e.time / 7, e.comm) kinds[3]:add(e.time / 3, e.cpu)
  kinds[4]:add(e.time, e.cpu) kinds[5]:add(e.time) kinds[6]:add(e.time, e.comm) kinds[7]:count(e.comm)
  if e.time % 97 == 0 then shown:row { comm = e.comm, time = e.time } end
  seen:count()
  if e.time % 101 == 0 then print("in", e.time, e.comm, e.pid) end
  depth = depth - 1
end
trace:on("sched:*", add)
trace:at_end(function() print("end", seen:total()) end)
trace:run()
for _, aggregate in ipairs(kinds) do aggregate:print() print(aggregate:json()) end
shown:print { sort = "time" }
print(trace:stats().events, math.floor(trace.start_ns))
"""


def refused(suite, name, body, hint, args=(), head="local total, t, last = 0, {}, nil", alone=0):
    """Told with the line, status 1; alone it runs."""
    if not suite.wants(name):
        return
    text = f"""local oc = require "oc"
local trace = oc.open {{}}
{head}
trace:on("sched:sched_switch", function(e) {body} end)
trace:run()
"""
    ended = script([*inputs(SCHED, SCHED), "--jobs", "2", *args], text)
    problems = problems_of(ended, 1, None, rf"s\.lua:[345]: .*\n(.*\n)*.*{hint}")
    problems += problems_of(script(inputs(SCHED, SCHED), text), alone, r"", r"." if alone else None)
    suite.check(name, problems, ended if problems else None)


def refused_state(suite):
    """State in tables that look like a library's or like oc's, in memory outside of Lua, in C closures."""
    changed, kept = "trace:scratch", "keep what it counts"
    for name, body, hint, head in (
            ("a table with a library as __index", "t.n = (t.n or 0) + 1", changed, "local t = setmetatable({}, { __index = table })"),
            ("a table with a C function as __tostring", "t.n = e.time", changed, "local t = setmetatable({}, { __tostring = tostring })"),
            ("a table with oc as __index", "t.n = e.time", changed, "local t = setmetatable({}, { __index = oc.counter() })"),
            ("a field of an aggregate", "t.seen = e.time", changed, "local t = oc.counter()"),
            ("a field of the trace", "trace.seen = e.time", changed, ""),
            ("a field of a library", "string.seen = e.time", changed, ""),
            ("a metatable's table", "t[1] = e.time", changed, "local t = setmetatable({}, { __newindex = {} })"),
            ("an environment of its own", "seen = e.time", "use oc.counter", "setfenv(1, setmetatable({}, { __index = _G }))"),
            ("a module of the script's", "package.loaded.mine.n = e.time", changed, "package.loaded.mine = {}"),
            ("memory", "m[0] = m[0] + 1", "use oc.counter", 'local m = require("ffi").new("uint64_t[1]")'),
            ("memory behind a pointer", "m[0] = 1", kept, 'local f = require "ffi" local b = f.new("int[1]") local m = f.cast("int *", b)'),
            ("a structure", "m.n = 1", kept, 'local m = require("ffi").new("struct { int n; }")'),
            ("a userdata", "t = u", kept, "local t, u = nil, newproxy(true) t = u"),
            ("a wrapped coroutine", "f()", kept, "local f = coroutine.wrap(function() while true do coroutine.yield() end end)"),
            ("an iterator", "f()", kept, 'local f = ("a b"):gmatch("a")'),
            ("the registry", "debug.getregistry().n = e.time", "leave out", ""),
            ("a kept os.exit", "if e.time < 0 then f() end", "leave out", "local f = os.exit"),
            ("a source of symbols", "local _ = e.comm", "use oc.counter",
             "local n = 0 trace:symbol_source(function() n = n + 1 end) trace:on('sched:*', function() n = n + 1 end)"),
    ):
        refused(suite, name, body, hint, head=head)
    in_a_table = EVERYTHING.replace("local kinds = {", "local kinds = setmetatable({", 1).replace(
        'oc.topk(3, "comm"),\n}', 'oc.topk(3, "comm"),\n}, { __index = table })', 1)
    same(suite, "aggregates in a table that looks like oc's", in_a_table, [SCHED, SCHED], (2,))


def refused_calls(suite):
    """What only the whole run knows, or the other workers would have to know."""
    counter = "local c, q = oc.counter('comm'), oc.quantiles()"
    for name, body, hint, head in (
            ("an aggregate's total", "c:count(e.comm) if c:total() > 40 then q:add(1) end", "at_end", counter),
            ("an aggregate's value", "c:count(e.comm) q:add(c:get(e.comm))", "at_end", counter),
            ("an aggregate's rows", "c:count(e.comm) q:add(#c:rows())", "at_end", counter),
            ("a printed aggregate", "c:count(e.comm) c:print() c:clear()", "at_end", counter),
            ("an aggregate's JSON", "c:count(e.comm) print(c:json())", "at_end", counter),
            ("an aggregate's text", "c:count(e.comm) print(c)", "at_end", counter),
            ("a cleared aggregate, as a tail call", "return c:clear()", "at_end", counter),
            ("a merged aggregate", "c:merge(d)", "at_end", counter + " local d = oc.counter('comm')"),
            ("a kept method", "total(c)", "leave out", counter + " local total = c.total"),
            ("a table that is cleared", "d:row { a = 1, b = 2 } d:clear()", "at_end", "local d = oc.table('a', { values = { 'b' } })"),
            ("a handle switched off", "h:off()", "leave out", "local h = trace:on('sched:*', function() end)"),
            ("a handle's filter", "h.filter = 'pid > 1'", "leave out", "local h = trace:on('sched:*', function() end)"),
            ("numbers of the run", "print(trace:stats().events)", "leave out", ""),
            ("a callback added during the run", "if not pcall(trace.on, trace, 'sched:*', print) then end", "leave out", ""),
            ("pause", "trace:pause()", "leave out", ""),
            ("phases", "trace:phase('a')", "leave out", ""),
            ("random numbers of math", "local _ = math.random()", "leave out", ""),
    ):
        refused(suite, name, body, hint, head=head)
    refused(suite, "too many errors", "if e.time % 2 >= 0 then nothing() end", "raise --max-errors", head="", alone=1)
    refused(suite, "os.exit", "if e.time < 0 then return end os.exit(0)", "leave out", head="")


def many_inputs(suite):
    """More parts than descriptors."""
    name = "more parts than descriptors"
    if not suite.wants(name):
        return
    body = """local oc = require "oc"
local trace = oc.open {}
local c = oc.counter()
trace:on("sched:sched_switch", function(e) c:count() if e.time % 64 == 0 then print(e.time) end end)
trace:run()
print(c:total())
"""
    with tempfile.TemporaryDirectory(prefix="oc-jobs") as folder:
        path = os.path.join(folder, "s.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(body)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
        try:
            ended = run(["script", *inputs(*[SCHED] * 24), "--jobs", "2", path])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    one = script(inputs(SCHED), body)
    total = int(one.out.splitlines()[-1])
    suite.check(name, problems_of(ended, 0, rf"^{24 * total}$", ""), ended)


def stock_scripts(suite):
    """Divided, or one sentence."""
    for name, path, told in (("run_queue_latency", SCHED, None), ("off_cpu", STACKS, "waits are left out")):
        if suite.wants("stock script " + name):
            one, two = (run(["script", *inputs(path, path), *jobs, name]) for jobs in ((), ("--jobs", "2")))
            problems = problems_of(two, 0, r"sh", told)
            if (one.out, one.err) != (two.out, two.err):
                problems.append("--jobs 2 says something else")
            suite.check("stock script " + name, problems, two)
    for name, why in (("syscall_latency", "'unmatched' is changed by this callback: with --jobs each worker has its own"),
                      ("exec_snoop", "trace:every sees what all events before it left")):
        if suite.wants("stock script " + name):
            ended = run(["script", *inputs(SYSCALLS, SYSCALLS), "--jobs", "2", name])
            suite.check("stock script " + name,
                        problems_of(ended, 1, None, rf"\A\S*:? ?the script '{name}' cannot be divided: {why}\n  hint: run it without --jobs\n\Z"), ended)


def short_verbs(suite):
    """oc eval: as one worker says it, or refused with the line."""
    for name, code in (
            ("count", 'count("sched:sched_switch", "comm")'),
            ("several verbs", 'sum("sched:*", "time", "comm") hist("sched:*", "cpu") topk("sched:*", 3, "comm") '
                              'quantiles("sched:*", function(e) return e.time end) stats("sched:*", "cpu")'),
            ("its own aggregate", 'local c = oc.counter("comm") on("sched:*", function(e) c:count(e.comm) end) at_end(function() c:print() end)'),
    ):
        if suite.wants("oc eval: " + name):
            one = run(["eval", *inputs(SCHED, SCHED), code])
            problems = problems_of(one, 0, r"sort|\d{3}")
            for paths, jobs in (((SCHED, SCHED), "2"), ((SCHED, SCHED), "1")):
                many = run(["eval", *inputs(*paths), "--jobs", jobs, code])
                if (many.out, many.err, many.status) != (one.out, one.err, one.status):
                    problems.append(f"--jobs {jobs} says something else: {many.out[:300]!r} {many.err[:300]!r}")
            suite.check("oc eval: " + name, problems, one if problems else None)
    for name, code in (
            ("a global", 'n=0 on("sched:*", function(e) n = n + 1 end) at_end(function() print(n) end)'),
            ("a value's state", 'local n = 0 hist("sched:*", function(e) n = n + 1 return n end)'),
            ("an aggregate that is printed", 'c = count("sched:*", "comm") on("sched:*", function(e) c:print() end)'),
    ):
        if suite.wants("oc eval: " + name):
            ended = run(["eval", *inputs(SCHED, SCHED), "--jobs", "2", code])
            suite.check("oc eval: " + name, problems_of(ended, 1, None, r"eval:1: .*with --jobs each worker"), ended)


def quantiles_are_exact_enough(suite):
    """Against all values, sorted here."""
    name = "quantiles of two workers against all values"
    if not suite.wants(name):
        return
    body = """local oc = require "oc"
local trace = oc.open {}
local q = oc.quantiles("cpu", { quantiles = { 0.01, 0.5, 0.9, 0.999 }, error = 0.02 })
trace:on("sched:*", function(e) q:add(e.time, e.cpu) print("value", e.cpu, e.time) end)
trace:run()
print(q:json())
"""
    ended = script([*inputs(SCHED), "--jobs", "2"], body)
    values = {}
    for cpu, value in re.findall(r"^value\t(\d+)\t([\d.e+]+)$", ended.out, re.M):
        values.setdefault(int(cpu), []).append(float(value))
    document = json.loads(ended.out.splitlines()[-1])
    problems = problems_of(ended, 0, r".")
    if len(document["rows"]) != len(values) or not values or document["error"] > 0.02:
        problems.append("rows or error are wrong")
    for row in document["rows"]:
        ordered = sorted(values[row["cpu"]])
        for field, share in (("p1", 0.01), ("p50", 0.5), ("p90", 0.9), ("p99.9", 0.999)):
            wanted = ordered[max(1, math.ceil(share * len(ordered))) - 1]
            if abs(row[field] - wanted) > 0.02 * wanted:
                problems.append(f"{field} of cpu {row['cpu']} is {row[field]}, not {wanted}")
        if row["max"] != ordered[-1] or row["count"] != len(ordered):
            problems.append(f"max or count of cpu {row['cpu']}")
    suite.check(name, problems, ended if problems else None)


def killed_worker(suite):
    """The other parts are there, and what is missing is told."""
    name = "a worker that is killed"
    if not suite.wants(name):
        return
    with tempfile.TemporaryDirectory(prefix="oc-jobs") as folder:
        second = os.path.join(folder, "second.data")
        shutil.copyfile(SCHED, second)
        ended = script([*inputs(SCHED, second), "--jobs", "2"], """local oc = require "oc"
local trace = oc.open {}
local c = oc.counter("comm")
trace:on("sched:*", function(e)
  c:count(e.comm)
  if trace.host.path:find("second", 1, true) then os.execute("kill -9 $PPID") end
end)
trace:run()
print(c:total() > 0)
""")
    suite.check(name, problems_of(ended, 1, r"^true$", r"the worker for .*second\.data was ended by signal 9.*missing"), ended)


def ends_all(suite):
    """Ctrl-C: one signal, what is there is printed, no worker is left."""
    name = "Ctrl-C with workers"
    if not suite.wants(name):
        return
    with tempfile.TemporaryDirectory(prefix="oc-jobs") as folder:
        path, mark = os.path.join(folder, "s.lua"), os.path.join(folder, "mark")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""local oc = require "oc"
local trace = oc.open {{}}
local c = oc.counter()
trace:on("sched:*", function(e)
  c:count()
  local file = io.open("/proc/self/stat")
  local pid = file:read("*n")
  file:close()
  file = io.open("{mark}", "a")
  file:write(pid, "\\n")
  file:close()
  local until_s = os.clock() + 0.2
  while os.clock() < until_s do end
end)
trace:run()
print("counted", c:total() > 0)
""")
        job = start(["script", *inputs(SCHED, SCHED), "--jobs", "2", path])
        began = time.monotonic()
        while time.monotonic() - began < 60:
            if os.path.exists(mark) and len(set(open(mark, encoding="ascii").read().split())) == 2:
                break
            time.sleep(0.05)
        job.send_signal(signal.SIGINT)
        ended = finish(job)
        problems = problems_of(ended, 0, r"counted\ttrue", r"stopped by a signal")
        for pid in set(open(mark, encoding="ascii").read().split()):
            if os.path.exists(f"/proc/{pid}") and OC in open(f"/proc/{pid}/cmdline", encoding="utf-8").read():
                problems.append(f"worker {pid} is left")
        suite.check(name, problems, ended if problems else None)


LOSSES = """local oc = require "oc"
local trace = oc.open {}
local seen = oc.counter("kind", "cpu", "time")
for _, kind in ipairs { "lost", "lost_samples", "comm" } do
  trace:on(kind, function(e) seen:count(kind, e.cpu, e.time) end)
end
local samples = oc.counter()
trace:on("cpu", function() samples:count() end)
trace:run()
seen:print { top = 100 }
local stats = trace:stats()
print(samples:total(), stats.lost, stats.records, stats.bytes, stats.span_ns)
for _, of in ipairs { stats.lost_by_cpu, stats.lost_by_event } do
  local rows = {}
  for place, count in pairs(of) do rows[#rows + 1] = place .. "=" .. count end
  table.sort(rows)
  print(table.concat(rows, " "))
end
"""


def losses(suite, folder):
    """What was lost is told by the last slice alone, and records without a time are in one slice each."""
    made = perf_data
    rounds = []
    for i in range(40):
        at = made.START_NS + i * 1_000_000
        rounds += [made.comm(at, 10, f"busy{i}")] + [made.sample(at + k * 1000, 10, k % 2) for k in range(900)]
        rounds += [made.lost(at + 950_000, 5 + i, i % 2)] * (i % 3 == 0) + [made.finished_round()]
        if i == 20:
            rounds += [made.comm(0, 11, "timeless")]
    for name, ends, by_cpu, by_event in (
            ("by CPU", [made.lost_in_all(300, 0), made.lost_in_all(400, 1)], "0=300 1=400", "cpu-clock:HG=700"),
            ("of all CPUs", [made.lost_in_all(700)], "-1=357 0=161 1=182", "")):
        if not suite.wants("losses " + name):
            continue
        path = os.path.join(folder, "lost.data")
        with open(path, "wb") as file:
            file.write(made.file_of([made.comm(0, 10, "first"), *rounds, *ends]))
        one = script(["-i", path], LOSSES)
        problems = problems_of(one, 0, rf"(?m)^36000\t700\t\d+\t\d+\t\d+\n{by_cpu}\n{by_event}\n", "LOST 700 records")
        for jobs in ("1", "2", "3", "5"):
            many = script(["-i", path, "--jobs", jobs], LOSSES)
            if (many.out, many.err, many.status) != (one.out, one.err, one.status):
                problems.append(f"--jobs {jobs} says something else: {many.out[-200:]!r} {many.err[-300:]!r}")
        suite.check("losses " + name, problems, one if problems else None)


AT_FORK = """local oc = require "oc"
local ffi = require "ffi"
ffi.cdef "int raise(int signal);"
local trace = oc.open {}
local c = oc.counter()
trace:on("cpu", function() c:count() end)
local forks = 0
debug.sethook(function()
  local info = debug.getinfo(2, "Sn")
  if info.name ~= "start_worker" or not info.source:find("jobs.lua", 1, true) then return end
  forks = forks + 1
  if forks == 2 then
    debug.sethook()
    ffi.C.raise(2)
  end
end, "c")
trace:run()
print("forks", forks, c:total() > 0)
"""


def at_fork(suite, folder):
    """A signal just before a worker is forked reaches it once, and no worker is told twice."""
    path = os.path.join(folder, "long.data")
    with open(path, "wb") as file:
        file.write(perf_data.trace(200000, 1000))
    ended = script(["-i", path, "--jobs", "2"], AT_FORK)
    problems = problems_of(ended, 0, r"forks\t2\t(true|false)", r"stopped by a signal: the results cover")
    problems += [f"told: {word}" for word in ("twice", "ended by signal", "asked for") if word in ended.err]
    suite.check("Ctrl-C between two forks", problems, ended)
    twice = AT_FORK.replace("c:count()", "c:count() if c ~= nil then ffi.C.raise(2) ffi.C.raise(2) end").replace("forks == 2", "false")
    ended = script(["-i", path, "-i", path, "--jobs", "2"], twice)
    problems = problems_of(ended, 0, r"forks\t2\ttrue", r"")
    problems += [f"told: {word}" for word in ("twice", "ended by signal") if word in ended.err]
    suite.check("a worker that is told twice", problems, ended)


def wrong_usage(suite):
    counter = 'local oc = require "oc" local t = oc.open {} t:on("sched:*", function() end) t:run()'
    for name, args, err in (
            ("-n with --jobs", [*inputs(SCHED), "--jobs", "2", "-n", "5"], "workers do not know each other's"),
            ("--time with --jobs on one trace", [*inputs(SCHED), "--jobs", "2", "--time", "0s,1s"], "leave out --jobs or --time"),
            ("standard input with --jobs", ["-i", "-", "--jobs", "2"], "standard input"),
            ("live with --jobs", ["--jobs", "2"], "--jobs is for recorded traces"),
            ("--user with --jobs", [*inputs(SCHED), "--jobs", "2", "--user", "nobody"], "leave out --user or --jobs"),
            ("--jobs 0", [*inputs(SCHED), "--jobs", "0"], "--jobs must be"),
    ):
        if suite.wants(name):
            ended = script(args, counter, stdin=open(SCHED, "rb").read() if "-" in args else None)
            suite.check(name, problems_of(ended, 2, None, err), ended)
    exports = 'local oc = require "oc" local t = oc.open {} t:export("-", { format = "events-csv" }) t:run()'
    for name, args in (("trace:export of two traces", inputs(SCHED, SCHED)), ("trace:export with --jobs", [*inputs(SCHED), "--jobs", "2"])):
        if suite.wants(name):
            ended = script(args, exports)
            suite.check(name, problems_of(ended, 1, r"^$", r"s\.lua:1: .*of one trace, read by one worker"), ended)
    machine = 'local oc = require "oc" local t = oc.open { machine = true } t:run() print(#t:machine():samples():by("comm"):rows())'
    if suite.wants("a machine of two traces"):
        ended = script(inputs(SCHED, SCHED), machine)
        suite.check("a machine of two traces", problems_of(ended, 1, r"^$", r"s\.lua:1: .*is of one trace\n(.*\n)*.*give one -i"), ended)
    if suite.wants("the second trace is missing"):
        ended = script(inputs(SCHED, "/nonexistent.data"), counter)
        suite.check("the second trace is missing", problems_of(ended, 1, None, r"/nonexistent\.data"), ended)


def main():
    suite = Suite("jobs")
    same(suite, "slices of one trace", EVERYTHING, [SCHED], (1, 2, 7))
    same(suite, "three traces", EVERYTHING, [SCHED, SCHED, SCHED], (1, 2, 3, 8))
    same(suite, "pairs in a scratch table", open(EXAMPLE, encoding="utf-8").read(), [SYSCALLS, SYSCALLS], (1, 2))
    same(suite, "errors in callbacks", EVERYTHING.replace("seen:count()", "seen:count() if e.time % 16 == 0 then nothing() end")
         .replace("depth = ", "local _ = "), [SCHED, SCHED], (1, 2), status=1)
    refused(suite, "a changed upvalue", "total = total + 1", "use oc.counter, oc.sum")
    refused(suite, "a changed table", "t[e.tid] = e.time", "trace:scratch")
    refused(suite, "a changed global", "all = (all or 0) + 1", "use oc.counter, oc.sum")
    refused(suite, "a kept event", "last = e:copy()", "use oc.counter, oc.sum")
    refused(suite, "trace:stop", "trace:stop()", "leave out --jobs")
    refused(suite, "random numbers", "total = random(2)", "choose by what the event says", head="local total, random = 0, math.random")
    refused(suite, "a timer", "total = 0", "trace:at_end", head="local total = 0\ntrace:every('1s', function() end)")
    refused(suite, "a coroutine", "t.a = nil", "keep what it counts", head="local t = { b = coroutine.create(function() end) }")
    refused_state(suite)
    refused_calls(suite)
    short_verbs(suite)
    many_inputs(suite)
    stock_scripts(suite)
    quantiles_are_exact_enough(suite)
    killed_worker(suite)
    ends_all(suite)
    with tempfile.TemporaryDirectory(prefix="oc-jobs") as folder:
        losses(suite, folder)
        at_fork(suite, folder)
    wrong_usage(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
