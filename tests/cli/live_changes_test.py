"""What changes while a live trace runs: events that come and go, filters, timers; the spool of trace:start.

The judge is a load that makes a known number of numbered system calls, and the kernel's own count of each event.
"""
import json
import os
import sys

import program

N = 60000
FIRST = 1 << 42  # no other program seeks there
OTHER = 1 << 43
# Seeks to FIRST, FIRST + 1, … in lots of a hundredth, so that a run that changes meanwhile takes a while.
LOAD = f"""
import os, sys, time
fd = os.open("/dev/null", os.O_RDONLY)
for lot in range(100):
    for i in range({N // 100}):
        os.lseek(fd, {FIRST} + lot * {N // 100} + i, 0)
    time.sleep(0.004)
"""

SEEN = f"""
local seen, twice, n = {{}}, 0, 0
local function see(e)
  local number = e.offset
  if seen[number] then twice = twice + 1 end
  seen[number], n = true, n + 1
end
local function tell(trace, more)
  local stats, counted = trace:stats(), 0
  for _, count in pairs(trace:counted()) do counted = counted + count end
  local told = {{ n = n, twice = twice, lost = stats.lost, events = stats.events, own = stats.own,
    filtered = stats.filtered, counted = counted, spool = stats.spool, late = stats.late }}
  for key, value in pairs(more or {{}}) do told[key] = value end
  print((require("oc.json").encode(told)))
end
"""


FIRSTS = iter(range(FIRST, OTHER, N))  # each case has its own: they run side by side


def eval_lua(code, *words, load=LOAD, everything=True):
    options, first = ["-a"] if everything else [], next(FIRSTS)
    load = load.replace(str(FIRST), str(first))
    code = SEEN + (code.replace("\"offset >= FIRST", f"\"offset >= {first} && offset < {first + N}")
                   .replace("FIRST", str(first)).replace("OTHER", str(OTHER)))
    return program.run(["eval", *options, *words, code, "--", sys.executable, "-c", load])


def told(ended):
    """(what the script told, problems of the run)"""
    problems = []
    if ended.status != 0:
        problems.append(f"status {ended.status}")
    try:
        return json.loads(ended.out.strip().splitlines()[-1]), problems
    except (ValueError, IndexError):
        return None, problems + ["the script told nothing"]


def check(suite, name, ended, judge):
    result, problems = told(ended)
    if result is not None:
        problems += [text for text in judge(result) if text]
    suite.check(name, problems, ended)


def adds_up(r):
    sum_ = r["events"] + r["filtered"] + r["lost"] + r["own"]
    return f"{sum_} were told of, the kernel counted {r['counted']}" if sum_ != r["counted"] else ""


def filters(suite):
    """Each filter lets all of the load's calls through: however often it changes, each comes once."""
    ended = eval_lua("""
local trace = oc.open {}
local h = trace:on("syscalls:sys_enter_lseek", { filter = "offset >= FIRST" }, see)
local texts = { "offset >= FIRST && whence == 0", "offset >= FIRST && fd >= 0",
  "offset >= FIRST" }
local turn = 0
trace:every("10ms", function()
  turn = turn + 1
  h.filter = texts[turn % 3 + 1]
end)
trace:at_end(function() tell(trace, { turns = turn }) end)
trace:run()
""")
    check(suite, "filters", ended, lambda r: [
        r["n"] + r["lost"] < N and f"{r['n']} of {N} came, {r['lost']} lost",
        r["n"] > N and f"{r['n']} came of {N}",
        r["twice"] and f"{r['twice']} came twice",
        r["turns"] < 5 and "the filter did not change"])


def later(suite):
    """Events that nobody asked for at the start: a tracepoint, samples, execs, mappings; off again, and on."""
    load = LOAD.replace("    time.sleep(0.004)", "    time.sleep(1 if lot == 98 else 0.004)")
    ended = eval_lua("""
local trace = oc.open {}
local got = { cpu = 0, exec = 0, mmap = 0, cswitch = 0 }
local handles, off_at = {}, nil
trace:every("10ms", function(time)
  if not handles.seek then
    handles.seek = trace:on("syscalls:sys_enter_lseek", { filter = "offset >= FIRST" }, see)
    for name in pairs(got) do
      handles[name] = trace:on(name, function() got[name] = got[name] + 1 end)
    end
    os.execute("true")
  elseif not off_at then
    if n < 20000 or got.cpu * got.exec * got.mmap * got.cswitch == 0 then return end
    for _, h in pairs(handles) do h:off() end
    got.at_off, off_at = n, time
    got.of_others = got.cpu + got.exec + got.mmap + got.cswitch
  elseif time > off_at + 5e7 and not got.after_off then
    got.after_off = n
    handles.seek:on()
  end
end)
trace:at_end(function() tell(trace, got) end)
trace:run()
""", "-F", "997", load=load)
    check(suite, "later", ended, lambda r: [
        *(not r[name] and f"no {name} came" for name in ("cpu", "exec", "mmap", "cswitch")),
        "after_off" not in r and "it was not on again",
        r.get("after_off") != r.get("at_off") and "some came while it was off",
        r.get("of_others") != sum(r[name] for name in ("cpu", "exec", "mmap", "cswitch")) and "others came, too",
        r["n"] <= r.get("after_off", 0) and "none came after it was on again",
        r["twice"] and f"{r['twice']} came twice",
        not r["counted"] and "the kernel counted nothing"])


def chosen(suite):
    """Of a command, a later event is of the command and what it starts, too: not of everybody."""
    other = program.subprocess.Popen([sys.executable, "-c", LOAD.replace(str(FIRST), str(OTHER)) * 3])
    # What seeks is a child that runs already when the event is asked for.
    load = LOAD.replace("fd =", "if os.fork(): os.wait(); sys.exit()\ntime.sleep(1)\nfd =")
    ended = eval_lua("""
local trace = oc.open {}
local foreign = 0
trace:on("exec", function() end)
local h
local timer
timer = trace:every("50ms", function()
  timer:off()
  h = trace:on("syscalls:sys_enter_lseek", { filter = "offset >= 4398046511104" }, function(e)
    if e.offset < FIRST or e.offset >= FIRST + 60000 then foreign = foreign + 1 else see(e) end
  end)
end)
trace:at_end(function() tell(trace, { foreign = foreign }) end)
trace:run()
""", load=load, everything=False)
    other.kill()
    other.wait()
    check(suite, "chosen", ended, lambda r: [
        r["foreign"] and f"{r['foreign']} of another process came",
        r["n"] + r["lost"] < N and f"{r['n']} of {N} came", r["n"] > N and f"{r['n']} came",
        r["twice"] and f"{r['twice']} came twice"])


BUSY = """
local trace = oc.open {}
trace:on("syscalls:sys_enter_lseek", { filter = "offset >= FIRST" }, see)
trace:at_end(function() tell(trace) end)
trace:start()
os.execute("sleep 1.5")
while trace:feed(100) do end
trace:finish()
"""


def spool(suite):
    """While the script does something else, far more is kept than tiny rings hold; what is lost is counted."""
    ended = eval_lua(BUSY, "--buffer", "64KiB")
    check(suite, "spool", ended, lambda r: [
        adds_up(r), r["n"] > N and f"{r['n']} came",
        r["n"] + r["lost"] < N and f"{r['n']} of {N} came, {r['lost']} lost",
        not r["spool"] and "there was no spool",
        r["spool"]["times_full"] and "it was full", r["twice"] and "some came twice",
        r["n"] < 5000 and f"{r['n']} came: no more than the rings hold"])


def full(suite):
    """What does not fit is the kernel's loss, and counted."""
    ended = eval_lua(BUSY, "--buffer", "64KiB", "--spool", "3MiB")
    check(suite, "full", ended, lambda r: [
        adds_up(r), r["n"] > N and f"{r['n']} came",
        r["n"] + r["lost"] < N and f"{r['n']} of {N} came, {r['lost']} lost",
        not r["lost"] and "nothing was lost", not r["spool"]["times_full"] and "it was never full",
        r["spool"]["most_bytes"] > 8 << 20 and f"it held {r['spool']['most_bytes']} bytes"])


def main():
    suite = program.Suite("live_changes")
    probe = program.run(["eval", 'local t = oc.open {} t:on("syscalls:sys_enter_lseek", print) '
                         't:every("10ms", function() t:stop() end) t:run()'])
    if probe.status != 0:
        suite.skip("all", "tracepoints cannot be traced here: " + probe.err.strip().splitlines()[0])
        return suite.finish()
    for case in (filters, later, chosen, spool, full):
        if suite.wants(case.__name__):
            suite.later(case, suite)
    suite.wait()
    return suite.finish()


sys.exit(main())
