-- What the built-in scenarios make of calls and switches, and what they cannot pair: that is told.

local check = require "check"
local oc = require "oc"

--- Runs a scenario over what a source of ours emits: its samples' values in order, and the notes.
local function run(scenario, events, feed)
  local at = 0
  local trace = oc.open { source = oc.source { events = events, next = function(out)
    at = at + 1
    if not feed[at] then return false end
    out:emit(feed[at])
    return true
  end } }
  trace:use(scenario)
  local m, values = trace:run():machine(), {}
  m:samples { kind = scenario }:each(function(s)
    values[#values + 1] = ("%s %d"):format(s.comm, s.value)
  end)
  return values, m:notes()
end

local function call(which, tid, id)
  return { event = "raw_syscalls:sys_" .. which, pid = 5, tid = tid, comm = "t" .. tid, id = id }
end

local function calls(scenario, feed)
  for i, event in ipairs(feed) do event.time = i * 10 end
  local fields = { { "id", "i64" } }
  return run(scenario, { ["raw_syscalls:sys_enter"] = fields, ["raw_syscalls:sys_exit"] = fields },
    feed)
end

-- The program's own list is made when it is built.
package.loaded["oc.syscalls"] = { [0] = "read", [1] = "write", [15] = "rt_sigreturn",
  [56] = "clone", [202] = "futex", [231] = "exit_group" }

local values, notes = calls("syscalls", {
  call("exit", 1, 0),                                            -- began before the trace
  call("enter", 1, 0), call("exit", 1, 0),
  call("enter", 2, 1),                                           -- waits still
  call("enter", 3, 0), call("exit", 3, 1),                       -- halves of two
  call("enter", 4, 202), call("enter", 4, 202), call("exit", 4, 202),
  -- What has one half only by its nature is not missed.
  call("enter", 5, 231), call("enter", 6, 15), call("exit", 6, -1), call("exit", 7, 56),
})
check.equal(values, { "t1 10", "t4 10" })
check.equal(notes, {
  "syscalls: 1 still open when the trace ended, 2 without an end, 2 without a beginning, "
    .. "2 that do not return (exit, rt_sigreturn), 1 returns from handlers of signals, "
    .. "1 returns of clone and fork in the new thread" })
values, notes = calls("syscalls", { call("enter", 1, 0), call("exit", 1, 0) })
check.equal({ values, notes }, { { "t1 10" }, {} })

values, notes = calls("locks", {
  call("exit", 1, 202), call("enter", 1, 202), call("exit", 1, 202),
  call("enter", 2, 202), call("enter", 3, 0), call("exit", 3, 0),
  call("enter", 4, 202), call("enter", 4, 202), call("exit", 4, 202),
})
check.equal(values, { "t1 10", "t4 10" })
check.equal(notes, {
  "locks: 1 still open when the trace ended, 1 without an end, 1 without a beginning" })

local SLEEPS, RUNS, DEAD = 1, 0, 16

--- { prev, its state, next } is a switch, a number a wake-up of that thread by the idle task,
--- "lost" what the kernel had no room for.
local function scheduled(one, time)
  if one == "lost" then return { event = "lost", time = time, lost = 3, cpu = 0 } end
  if type(one) == "number" then
    return { event = "sched:sched_wakeup", time = time, pid = 0, tid = 0, args = { pid = one } }
  end
  local prev, state, next_tid = unpack(one)
  return { event = "sched:sched_switch", time = time, pid = prev, tid = prev, comm = "t" .. prev,
    prev_pid = prev, prev_state = state, next_pid = next_tid, next_comm = "t" .. next_tid }
end

local function switches(scenario, feed)
  local list = {}
  for i, one in ipairs(feed) do list[i] = scheduled(one, i * 10) end
  return run(scenario, { ["sched:sched_wakeup"] = { { "pid", "i32" } },
    ["sched:sched_switch"] = { { "prev_pid", "i32" }, { "prev_state", "i64" },
      { "next_comm", "char[16]" }, { "next_pid", "i32" } } }, list)
end

local feed = {
  { 1, SLEEPS, 2 },  -- 2 and 3 are seen for the first time when they run: they may have waited
  { 2, RUNS, 3 }, { 3, SLEEPS, 1 }, { 1, SLEEPS, 0 },
  { 0, RUNS, 2 },    -- it was preempted: that is no wait
  { 2, DEAD, 0 }, { 0, RUNS, 4 }, { 4, RUNS, 1 },
}
values, notes = switches("off_cpu", feed)
check.equal(values, { "t1 20", "t1 40" })
check.equal(notes, { "off_cpu: 1 still open when the trace ended, 3 without a beginning" })

values, notes = switches("run_queue", feed)
check.equal(values, { "t2 30" })
check.equal(notes, { "run_queue: 1 still open when the trace ended, 5 without a beginning" })

-- Lost records: what is open may have ended and begun again meanwhile.
values, notes = switches("off_cpu", {
  { 1, SLEEPS, 2 }, { 2, SLEEPS, 1 }, { 1, SLEEPS, 0 }, "lost",  -- 1 and 2 wait, or waited
  { 0, RUNS, 1 }, { 1, SLEEPS, 2 }, { 2, SLEEPS, 1 },
})
check.equal(values, { "t1 10", "t1 10" })
check.equal(notes[2], "off_cpu: 1 still open when the trace ended, 1 without a beginning, "
  .. "2 cut off by lost records")

values, notes = switches("run_queue", {
  { 1, SLEEPS, 0 }, 1, "lost", { 0, RUNS, 1 }, { 1, SLEEPS, 0 }, 1, { 0, RUNS, 1 },
})
check.equal(values, { "t1 10" })
check.equal(notes[2], "run_queue: 1 cut off by lost records")

-- Of two wake-ups the last counts, and none of who waits already as it was preempted.
values = switches("run_queue", {
  { 1, SLEEPS, 0 }, 1, 1, { 0, RUNS, 1 }, { 1, RUNS, 2 }, 1, { 2, SLEEPS, 1 },
})
check.equal(values, { "t1 10", "t1 20" })

values, notes = calls("locks", { call("enter", 1, 202), { event = "lost", lost = 7 },
  call("exit", 1, 202), call("enter", 1, 202), call("exit", 1, 202) })
check.equal(values, { "t1 10" })
check.equal(notes[2], "locks: 1 cut off by lost records")
values, notes = calls("syscalls", { call("enter", 1, 0), { event = "lost", lost = 7 },
  call("exit", 1, 0), call("enter", 1, 0), call("exit", 1, 0) })
check.equal(values, { "t1 10" })
check.equal(notes[2], "syscalls: 1 cut off by lost records")

-- What is kept of threads ends with them.
local function entries(value, seen)
  local count = 0
  for _, each in pairs(value) do
    count = count + 1
    if type(each) == "table" and not seen[each] then
      seen[each] = true
      count = count + entries(each, seen)
    end
  end
  return count
end

--- How much the callbacks of a scenario hold after `threads` of them came and went.
local function held(scenario, has_returns, threads)
  local callbacks = {}
  local trace = { has = function(_, name) return has_returns or name ~= "cswitch_in" end,
    is_recorded = function() return true end, at_end = function() end,
    on = function(_, name, given, fn) callbacks[name] = fn or given end }
  local function nothing() end
  require("oc.scenarios." .. scenario).setup(trace, nothing, nothing)
  local function yes() return true end
  local function happens(name, e)
    e.is_target, e.other_is_target, e.cpu_is_target, e.get = yes, yes, yes, nothing
    if callbacks[name] then callbacks[name](e) end
  end
  local function switch(prev, state, next_tid)
    happens(scenario == "off_cpu" and "cswitch" or "sched:sched_switch", { tid = prev,
      prev_pid = prev, prev_state = state, next_pid = next_tid, next_tid = next_tid, time = 1,
      exited = state == DEAD, preempted = state == RUNS, next_comm = "t" })
    happens("cswitch_in", { tid = next_tid, time = 1 })
  end
  for tid = 1, threads do
    happens("fork", { args = { tid = tid } })
    for _, state in ipairs { SLEEPS, RUNS, DEAD } do
      happens("sched:sched_waking", { comm = "w", args = { pid = tid } })
      happens("sched:sched_wakeup", { time = 1, args = { pid = tid } })
      switch(0, RUNS, tid)
      if state == DEAD then
        happens("sched:sched_waking", { comm = "w", args = { pid = tid } })
        happens("exit", { args = { tid = tid } })
      end
      switch(tid, state, 0)
    end
  end
  local kept, seen = 0, {}
  for _, callback in pairs(callbacks) do
    for i = 1, 60 do
      local name, value = debug.getupvalue(callback, i)
      if not name then break end
      if type(value) == "table" and not seen[value] then
        seen[value] = true
        kept = kept + entries(value, seen)
      end
    end
  end
  return kept
end
for _, scenario in ipairs { "off_cpu", "run_queue" } do
  for _, has_returns in ipairs { true, false } do
    check.equal(held(scenario, has_returns, 1000), held(scenario, has_returns, 10))
  end
end
