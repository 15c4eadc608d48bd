--- How long system calls take: count, mean, extremes and a histogram, by call.
---
--- Pairs the entry and the exit of each call on its thread. A call that was under way when the
--- trace began has no entry and is left out; one that never returned is counted as unfinished, and
--- so are those that were under way when records were lost.
---
--- A trace must hold raw_syscalls:sys_enter and sys_exit: `oc record --syscalls all`. What
--- `--syscalls NAME` records are other events, for scripts about that call.
---
--- Example: oc script syscall_latency -d 10s
--- Example: oc script syscall_latency --by comm --top 5 -- make
--- Example: oc script syscall_latency -i perf.data --histogram

local oc = require "oc"

local opt = oc.args {
  top = oc.number(20, "rows to print", { min = 1 }),
  by = oc.choice({ "call", "comm" }, "call", "what to group by"),
  min = oc.duration("0s", "leave out calls that took less"),
  histogram = oc.flag(false, "also draw a histogram of all latencies"),
}

local trace = oc.open {}
local latency = oc.stats(opt.by, { unit = "ns" })
local all = oc.histogram { unit = "ns", title = "latency of all calls" }
local names = trace:syscalls()
local began, call, unmatched, unfinished = {}, {}, 0, 0
local min, by_call, draws = opt.min, opt.by == "call", opt.histogram

trace:on("raw_syscalls:sys_enter", function(e)
  local tid = e.tid
  began[tid] = e.time
  call[tid] = e.id
end)

trace:on("raw_syscalls:sys_exit", function(e)
  local tid, id = e.tid, e.id
  local start = began[tid]
  if start and call[tid] == id then
    began[tid] = nil
    local took = e.time - start
    if took >= min then
      latency:add(took, by_call and (names[id] or id) or e.comm)
      if draws then all:add(took) end
    end
  else
    unmatched = unmatched + 1
  end
end)

--- Whatever is under way: nobody will see how it ends.
local function give_up()
  for tid in pairs(began) do
    began[tid], call[tid], unfinished = nil, nil, unfinished + 1
  end
end

trace:on("lost", give_up)
trace:on("exit", function(e)
  local tid = e.args.tid
  if began[tid] then
    began[tid], unfinished = nil, unfinished + 1
  end
  call[tid] = nil
end)

trace:at_end(function()
  give_up()
  if #latency:rows() > 0 then
    latency:print { top = opt.top, sort = "sum" }
    if draws then all:print() end
  else
    io.stderr:write("syscall_latency: no system calls were seen\n")
  end
  if unmatched + unfinished > 0 then
    local text = "syscall_latency: %d exits without an entry, %d entries without an exit\n"
    io.stderr:write(text:format(unmatched, unfinished))
  end
end)

trace:run()
