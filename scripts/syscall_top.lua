--- Which system calls are made most: how often, how many failed, how long they took.
---
--- Pairs the entry and the exit of each call on its thread; a call whose entry is not in the trace
--- is not counted, and neither is one during which records were lost. A call failed when it
--- returned an error number; one that a signal interrupted, and that the kernel makes again by
--- itself, did not.
---
--- A trace must hold raw_syscalls:sys_enter and sys_exit: `oc record --syscalls all`. What
--- `--syscalls NAME` records are other events, for scripts about that call.
---
--- Example: oc script syscall_top -d 10s
--- Example: oc script syscall_top --by comm --sort calls -- make
--- Example: oc script syscall_top -i perf.data --by pid --top 5
--- Example: oc script syscall_top -i perf.data --failed

local oc = require "oc"

local opt = oc.args {
  by = oc.choice({ "call", "comm", "pid" }, "call", "what to group by"),
  sort = oc.choice({ "time", "calls", "errors", "mean", "max" }, "time", "what comes first"),
  top = oc.number(20, "rows to print", { min = 1 }),
  every = oc.duration("0s", "how often to print; 0: once, at the end"),
  failed = oc.flag(false, "only calls that failed"),
}

local trace = oc.open {}
local names = trace:syscalls()
local began, call, is_seen = {}, {}, false
local MOST_ERRNO = 4095
local FIRST_RESTART, LAST_RESTART = 512, 516  -- include/linux/errno.h: made again after a signal

local function keys() return opt.by == "pid" and { "comm", "pid" } or { opt.by } end
local times, failures = oc.stats(unpack(keys())), oc.counter(unpack(keys()))

--- Adds a call to one of the two; `value` is left out for counters.
local add = {
  call = function(e, took) times:add(took, names[e.id] or e.id) end,
  comm = function(e, took) times:add(took, e.comm) end,
  pid = function(e, took) times:add(took, e.comm, e.pid) end,
}
local fail = {
  call = function(e) failures:count(names[e.id] or e.id) end,
  comm = function(e) failures:count(e.comm) end,
  pid = function(e) failures:count(e.comm, e.pid) end,
}
local add_call, fail_call, failed_only = add[opt.by], fail[opt.by], opt.failed

trace:on("raw_syscalls:sys_enter", function(e)
  local tid = e.tid
  began[tid], call[tid], is_seen = e.time, e.id, true
end)

trace:on("raw_syscalls:sys_exit", function(e)
  local tid = e.tid
  local start = began[tid]
  if start and call[tid] == e.id then
    began[tid] = nil
    local ret = e.ret
    local is_restart = ret <= -FIRST_RESTART and ret >= -LAST_RESTART
    local is_error = ret < 0 and ret >= -MOST_ERRNO and not is_restart
    if is_error then fail_call(e) end
    if is_error or not failed_only then add_call(e, e.time - start) end
  end
end)

trace:on("lost", function()
  for tid in pairs(began) do began[tid] = nil end
end)
trace:on("exit", function(e) began[e.args.tid], call[e.args.tid] = nil, nil end)

--- One table of both, printed and begun anew.
local function show(time)
  local columns = keys()
  columns[#columns + 1] = {
    values = { "calls", "errors", "time", "mean", "max" },
    units = { time = "ns", mean = "ns", max = "ns" },
  }
  local shown, errors = oc.table(unpack(columns)), {}
  local function id(row) return row.call or row.comm .. "\0" .. (row.pid or "") end
  for _, row in ipairs(failures:rows()) do errors[id(row)] = row.count end
  for _, row in ipairs(times:rows()) do
    row.calls, row.time, row.errors = row.count, row.sum, errors[id(row)]
    shown:row(row)
  end
  if #shown:rows() == 0 then return end
  local title = opt.every > 0 and ("%.6g s"):format(time / 1e9) or nil
  shown:print { top = opt.top, sort = opt.sort, title = title }
  times:clear()
  failures:clear()
end

if opt.every > 0 then trace:every(opt.every, show) end
trace:at_end(function()
  show(trace:stats().span_ns)
  if not is_seen then io.stderr:write("syscall_top: no system calls were seen\n") end
end)
trace:run()
