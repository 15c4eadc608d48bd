-- Whole runs over a trace that the real perf records here (and traces of the corpus).

local check = require "check"
local ffi = require "ffi"
local errors = require "oc.errors"
local oc = require "oc"
local quietly = require "quietly"
local settings = require "oc.settings"

local function skip(why) io.stderr:write("\n*** SKIPPED: ", why, "\n\n") end

local finished = {}
settings.finished = function(trace) finished[#finished + 1] = trace:stats() end
settings.errors.max = 1e9

local function fresh_errors(max) settings.errors = errors.Collector.new { max = max or 1e9 } end

-- Misuse, without any trace ----------------------------------------------------------------------

check.error("oc%.open has no option 'inptu'.*did you mean 'input'",
  function() oc.open { inptu = "x" } end)
check.error("'cpu' wants a table, not a number", function() oc.open { cpu = 99 } end)
check.error("cpu has no option 'freq'.*frequency", function() oc.open { cpu = { freq = 1 } } end)
check.error("'huge' is not a size", function() oc.open { buffer = "huge" } end)
for _, hz in ipairs { 0, 0.5, -1, 0 / 0, 1e30, math.huge } do
  check.error("frequency must be from 1 Hz", function() oc.open { cpu = { frequency = hz } } end)
end
for _, size in ipairs { -1, 0, 0 / 0, 1e30, math.huge, "1B", "8000TiB" } do
  check.error("buffer must be from 4KiB to 1TiB", function() oc.open { buffer = size } end)
end
check.error("wants a table of options, not a string", function() oc.open "x" end)
check.error("'time' wants a table or string, not a number", function() oc.open { time = 5 } end)
check.error("oc%.open: 'soon,1s' has 'soon', which is no time",
  function() oc.open { input = "x", time = { "soon", "1s" } } end)
check.error("time is for a recorded trace.*%-d 10s", function() oc.open { time = "1s," } end)

do -- a part of a trace: the same as filtering by time; timers count from its beginning
  local fixture = (os.getenv("OC_SOURCE_ROOT") or ".") .. "/tests/fixtures/sched.data"
  local function times_of(time)
    local trace, times, fired = oc.open { input = fixture, time = time }, {}, {}
    trace:on("*", function(e) times[#times + 1] = e.time end)
    trace:every("10ms", function(at) fired[#fired + 1] = at end)
    trace:run()
    return times, fired, trace:stats()
  end
  local all, inside = times_of(nil), {}
  for _, time in ipairs(all) do
    if time >= 5e6 and time <= 45e6 then inside[#inside + 1] = time end
  end
  local part, fired, stats = times_of { "5ms", 45e6 }
  check(#inside > 5 and #inside < #all, "a real part")
  check.equal(part, inside)
  check.equal(fired, { 15e6, 25e6, 35e6, 45e6 })
  check.equal(stats.span_ns, 40e6)
  settings.run.time = require("oc.time_window").parse "1s,2s"  -- the command line wins
  check.equal(#times_of { "5ms" }, 0)
  settings.run.time = nil
end
check.error("nothing%-here", function() oc.open { input = "/nothing-here" } end)

local directory = os.tmpname()
os.remove(directory)
os.execute("mkdir -p " .. directory)
local path = directory .. "/perf.data"
local recorded = os.execute("perf record -q -a -c 1 -e sched:sched_switch "
  .. "-e raw_syscalls:sys_enter "
  .. "-e syscalls:sys_enter_openat -e sched:sched_process_exec -o " .. path
  .. " -- sh -c 'ls / >/dev/null; cat /etc/hostname; sleep 0.1' >/dev/null 2>&1") == 0

local function lines_of(command)
  local pipe = io.popen(command)
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

local function test_reading()
  local trace = oc.open { input = path }
  check.equal(trace.start_ns, 0)
  check.equal(trace:stats().events, 0)
  check.equal(trace:is_recorded(), true)
  local switches, in_order, last, dfds, files = 0, true, 0, {}, {}
  local text
  trace:on("sched:sched_switch", function(e)
    switches = switches + 1
    in_order = in_order and e.time >= last
    last = e.time
    text = text or e:text()
  end)
  trace:on("syscalls:sys_enter_openat", function(e)
    dfds[e.dfd] = true
    files[#files + 1] = e.filename
  end)
  check(trace:run() == trace, "run returns the trace")
  local expected = lines_of("perf script -i " .. path .. " -F event 2>/dev/null")
  local count = 0
  for _, line in ipairs(expected) do
    if line:find("sched:sched_switch:", 1, true) then count = count + 1 end
  end
  check.equal(switches, count)
  check(in_order, "time never goes back")
  check(dfds[-100], "AT_FDCWD reads as -100")
  check(#files > 0 and type(files[1]) == "cdata", "a pointer is an address")
  check(text:find("prev_comm=", 1, true) and text:find("next_pid=", 1, true), text)
  check(trace.start_ns > 0 and trace:stats().events == switches + #files)
  check.equal(finished[#finished].events, switches + #files)
  check.error("has been run already", function() trace:run() end)
  check.error("the run is over", function() trace:on("sched:sched_switch", print) end)
  check.error("the run is over", function() trace:every("1s", print) end)
end

--- The same kind under its own name, a glob and a canonical name.
local function test_names()
  local trace = oc.open { input = path }
  local seen, tids, by_glob = 0, 0, 0
  trace:on("cswitch", function(e)
    tids = tids + (e.next_tid == e.args.next_pid and 1 or 0)
  end)
  trace:on("sched:sched_switch", function(e)
    seen = seen + 1
    check(e:get "next_tid" == nil, "next_tid is cswitch's")
  end)
  trace:on("sched:*", function(e)
    if e.event == "sched:sched_switch" then by_glob = by_glob + 1 end
  end)
  local next_pid, next_tid = trace:event("sched:sched_switch"):field "next_pid",
    trace:event("cswitch"):field "next_tid"
  local same = 0
  trace:on("cswitch", function(e) if next_pid(e) == next_tid(e) then same = same + 1 end end)
  trace:run()
  check(seen > 0)
  check.equal({ tids, by_glob, same }, { seen, seen, seen })
end

local function test_misuse()
  local trace = oc.open { input = path }
  check.error("wants the name of an event first", function() trace:on(print) end)
  check.error("wants a function", function() trace:on "sched:sched_switch" end)
  check.error("has no option 'fliter'", function()
    trace:on("sched:sched_switch", { fliter = "x" }, print)
  end)
  check.error("wants a table of options", function() trace:on("sched:sched_switch", 1, print) end)
  check.error("has no event 'sched:sched_swich'.*did you mean sched:sched_switch",
    function() trace:on("sched:sched_swich", print) end)
  check.error("has nothing that serves as 'cpu'.*oc record",
    function() trace:on("cpu", print) end)
  check.error("did you mean 'next_pid'",
    function() trace:event("sched:sched_switch"):field "next_pdi" end)
  check.error("a trace has no 'runn'.*did you mean 'run'", function() trace:runn() end)
  for _, bad in ipairs { 0, -1, 0.5, "soon", "0s", 0 / 0, math.huge, 1e30, print } do
    check.error("wants a duration", function() trace:every(bad, print) end)
  end
  check.error("wants a function", function() trace:every("1s") end)
  check.error("wants a function", function() trace:at_end() end)
  local format = trace:event("sched:sched_switch").format
  local by_name = {}
  for _, field in ipairs(format) do by_name[field.name] = field end
  check.equal({ by_name.next_pid.size, by_name.next_pid.signed }, { 4, true })
  -- Never run, with a callback: told where it was opened.
  trace:on("sched:sched_switch", print)
  local line = check.error("never run", require("oc.trace").check_all_ran).line
  check.equal(line, debug.getinfo(test_misuse, "S").linedefined + 1)
  trace:stop()
  trace._ran = true
end

local function test_errors()
  fresh_errors()
  local trace = oc.open { input = path }
  local before, after, total, ended = 0, 0, 0, 0
  trace:on("sched:sched_switch", function() before = before + 1 end)
  trace:on("sched:sched_switch", function(e)
    total = total + 1
    if total % 3 == 0 then return e.nothing end
  end)
  trace:on("sched:sched_switch", function() after = after + 1 end)
  trace:at_end(function() error "end one" end)
  trace:at_end(function() ended = ended + 1 end)
  local text = quietly(function() trace:run() end)
  check.equal({ before, after, ended }, { total, total, 1 })
  check.equal(settings.errors.total, math.floor(total / 3) + 1)
  check.equal(select(2, text:gsub("has no field 'nothing'", "")), 1)
  check(text:find("end one", 1, true), text)
  check(settings.errors:summary():find("times in all"), settings.errors:summary())

  fresh_errors(5)  -- the budget
  trace = oc.open { input = path }
  total, ended = 0, 0
  trace:on("sched:sched_switch", function(e)
    total = total + 1
    return e.nothing
  end)
  trace:at_end(function() ended = ended + 1 end)
  quietly(function() trace:run() end)
  check.equal({ total, ended, settings.errors.total }, { 5, 1, 5 })
  check(settings.errors:summary():find("stopped after 5 errors", 1, true) ~= nil)
  fresh_errors()
end

local function test_stop_and_timers()
  local trace = oc.open { input = path }
  local seen, late = 0, 0
  trace:on("sched:sched_switch", function()
    seen = seen + 1
    if seen == 3 then trace:stop() end
  end)
  trace:every("1ns", function() if seen > 3 then late = late + 1 end end)
  trace._timers[1].period, trace._timers[1].due, trace._timers.next_due = 1e6, 1e6, 1e6
  trace:run()
  check.equal({ seen, late }, { 3, 0 })

  fresh_errors()
  trace = oc.open { input = path }
  local times, fired, is_ordered = {}, 0, true
  trace:on("sched:sched_switch", function(e) times[#times + 1] = e.time end)
  trace:every("10ms", function()
    fired = fired + 1
    is_ordered = is_ordered and (times[#times] or 0) <= fired * 1e7
  end)
  trace:every("20ms", function() error "tick" end)
  local text = quietly(function() trace:run() end)
  local last = trace:stats().span_ns
  check(is_ordered, "a timer fires before the events behind it")
  check(math.abs(fired - math.floor(last / 1e7)) <= 1, fired .. " of " .. last / 1e7)
  check.equal(settings.errors.total, math.floor(fired / 2))
  check.equal(select(2, text:gsub("tick", "")), 1)
  fresh_errors()
end

local function test_limits_and_two_traces()
  settings.run = { events = 4 }
  local first = oc.open { input = path }
  local a, b = 0, 0
  first:on("sched:sched_switch", function() a = a + 1 end)
  first:run()
  settings.run = {}
  local second = oc.open { input = path }
  second:on("sched:sched_switch", function() b = b + 1 end)
  second:run()
  check(a == 4 and b > 4, a .. " and " .. b)
  check.equal(first:stats().events, 4)
  local empty = oc.open { input = path }
  empty:run()
  check.equal(empty:stats().events, 0)
  check(empty:stats().records > 0)
end

--- Traces that were run are freed, sessions and all.
local function test_freeing()
  local alive, runs = setmetatable({}, { __mode = "k" }), 20
  local function run_one()
    local trace = oc.open { input = path }
    alive[trace], alive[trace._session] = true, true
    local c = oc.counter "comm"
    trace:on("sched:sched_switch", function(e) c:count(e.comm) end)
    trace:every("10ms", function() c:total() end)
    trace:run()
  end
  local function open_files()
    collectgarbage()
    collectgarbage()
    return #lines_of "ls /proc/$PPID/fd"
  end
  local before = open_files()
  for _ = 1, runs do run_one() end
  local after, left = open_files(), 0
  for _ in pairs(alive) do left = left + 1 end
  check(left <= 2, left .. " traces and sessions of " .. 2 * runs .. " are left")
  check(after <= before + 2, ("%d files were open, now %d"):format(before, after))

  local kept  -- a copy keeps what its fields need
  do
    local trace = oc.open { input = path }
    trace:on("sched:sched_switch", function(e) kept = kept or e:copy() end)
    trace:run()
  end
  collectgarbage()
  collectgarbage()
  check(#kept.comm > 0 and kept:text():find("prev_comm=", 1, true), tostring(kept))
end

local function test_kernel_records()
  local trace = oc.open { input = path }
  local execs, forks, exits, maps = 0, 0, 0, 0
  trace:on("exec", function(e)
    execs = execs + 1
    check(e.comm == e.args.comm and e.args.pid == e.pid, tostring(e))
  end)
  trace:on("fork", function(e)
    forks = forks + 1
    check(e.args.ppid == e.pid and e.event == "fork", tostring(e))
  end)
  trace:on("exit", function(e)
    exits = exits + 1
    check.error("did you mean", function() return e.ppidd end)
  end)
  trace:on("mmap", function(e)
    maps = maps + 1
    check(type(e.filename) == "string" and e.len > 0 and e.addr == e:get "addr", tostring(e))
  end)
  trace:on("lost", function(e) check(e.lost > 0) end)
  local kept
  trace:on("comm", function(e) kept = kept or e:copy() end)
  trace:run()
  check(execs >= 3 and forks >= 3 and exits >= 3 and maps > 0,
    ("%d execs, %d forks, %d exits, %d mmaps"):format(execs, forks, exits, maps))
  collectgarbage()
  check(kept and kept.args.comm == kept.comm, tostring(kept))
end

if recorded then
  for _, test in ipairs { test_reading, test_names, test_misuse, test_errors,
    test_stop_and_timers, test_limits_and_two_traces, test_freeing,
    test_kernel_records } do test() end
else
  skip "perf cannot record tracepoints here: runs on a fresh trace are not tested"
end
os.execute("rm -r " .. directory)

-- The corpus: values of samples, against what perf shows.
local corpus = os.getenv "OC_CORPUS"
local sleep = corpus and corpus .. "/quipper/perf.data.singleprocess-3.8"
local file = sleep and io.open(sleep)
if file then
  file:close()
  local trace = oc.open { input = sleep }
  local seen = {}
  trace:on("*", function(e)
    seen[#seen + 1] = { e.event, e.pid, tostring(e.ip), e.period, e:copy() }
  end)
  trace:run()
  local lines = lines_of("perf script -i " .. sleep .. " -F pid,period 2>/dev/null")
  check.equal(#seen, #lines)
  for i, line in ipairs(lines) do
    local pid, period = line:match("^%s*(%d+)%s+(%d+)")
    check.equal({ seen[i][2], seen[i][4] }, { tonumber(pid), tonumber(period) })
  end
  local last = seen[#seen]
  check(last and last[5].pid == last[2] and last[5].period == last[4], "a copy reads the same")
  check(ffi.istype("oc_addr", last[5].ip))
else
  skip "OC_CORPUS does not name the corpus: its trace is not tested"
end
