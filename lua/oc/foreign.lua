--- Words that people know from other tools (bpftrace, perf): what they are called here.
--
--     foreign.event "tracepoint:sched:sched_switch"  --> "write sched:sched_switch"
--     foreign.field "execname"                       --> "comm"

local M = {}

local prefixes = { tracepoint = true, t = true, rawtracepoint = true, rt = true }
local counters = { software = true, s = true, hardware = true, h = true }

--- What to write instead of a name of an event; nil: nobody else calls it so.
---@param name string
---@return string?
function M.event(name)
  local prefix, rest = name:match("^(%l+):(.+)$")
  if not prefix then return name:find("^BEGIN$") and "code before the first event just stands there"
    or name:find("^END$") and "at_end(fn) is called at the end" or nil end
  if prefixes[prefix] and rest:find(":", 1, true) then return "write " .. rest end
  if counters[prefix] then
    local event, period = rest:match("^([%w_-]+):?(%d*)$")
    return event and "write " .. event .. (period and period ~= ""
      and (", with --period %s for every %s of them"):format(period, period) or "")
  end
  local unit, count = rest:match("^(%a+):(%d+)$")
  if prefix == "profile" or prefix == "p" then
    return unit == "hz" and ("write cpu, with -F %s on the command line"):format(count)
      or "write cpu, with -F HZ on the command line"
  elseif prefix == "interval" or prefix == "i" then
    if unit == "hz" then return ('every("%dus", fn) calls fn so often'):format(1e6 / count) end
    return unit and ('every("%s%s", fn) calls fn so often'):format(count, unit)
      or 'every("1s", fn) calls fn every second'
  elseif (prefix == "syscall" or prefix == "tracepoint") and rest:find("^sys_") then
    return "write syscalls:" .. rest
  end
end

local fields = {}
for known, names in pairs {
  stack = "kstack ustack callstack backtrace stacktrace stack_trace",
  comm = "execname process process_name procname pcomm command cmd",
  time = "nsecs ts timestamp ktime elapsed",
  tid = "thread_id lwp", pid = "process_id tgid", cpu = "cpuid cpu_id", event = "probe probefunc",
  ret = "retval",
} do
  for name in names:gmatch("%S+") do fields[name] = known end
end

--- What a field of this name is called.
---@param name string
---@return string?
function M.field(name) return fields[name] end

local functions = {
  lhist = "hist(EVENT, FIELD, { linear = { min = 0, max = 100, step = 5 } })",
  printf = "print(…) or io.write((…):format(…))", avg = "stats(EVENT, FIELD, KEY…)",
  kstack = "e.stack", ustack = "e.stack", nsecs = "e.time", execname = "e.comm",
  tracepoint = "on(EVENT, fn)",
  None = "nil", null = "nil", NULL = "nil", nullptr = "nil", undefined = "nil",
  True = "true", TRUE = "true", False = "false", FALSE = "false",
  len = "#x", str = "tostring(x)", int = "math.floor(x) or tonumber(text)", float = "tonumber(x)",
  println = "print(…)", console = "print(…)", puts = "print(…)",
}

--- What a word that nothing is called stands for, in `oc eval` and the REPL.
---@param name string
---@return string?
function M.word(name) return functions[name] and "that is " .. functions[name] .. " here" end

local verbs = {
  top = "oc script cpu_top", stat = [[oc eval 'count("EVENT", "comm")']],
  trace = "oc script syscall_latency, or oc eval 'on(\"EVENT\", fn)'",
  strace = "oc script syscall_latency", evlist = "oc list events -i FILE",
  annotate = "oc report FILE --by symbol,line", sched = "oc script run_queue_latency",
  lock = "oc record --scenario locks",
  probe = "oc list events: there are no probes in programs yet",
}

--- The command that does what a verb of perf does.
---@param name string
---@return string?
function M.verb(name) return verbs[name] end

return M
