--- A module for LuaJIT programs: names of their compiled code, for oc and perf.
---
--- Writes a line for each trace that LuaJIT compiles into /tmp/perf-PID.map: where its machine code
--- lies and which Lua function it begins in. `luajit -l luajit_perf_map program.lua` loads it
--- before a program, or run it with the program as its first argument. A trace is named
--- "Lua:file.lua:12 (trace 3)", a part that leaves another one "(trace 5 of 3)".
---
--- Example: oc script cpu_top --stacks --every 0 --top 3 -- luajit examples/luajit_perf_map.lua

local util = require "jit.util"

local map

local function pid_of_this()
  local stat = io.open("/proc/self/stat", "r")
  local pid = stat and stat:read("*n")
  if stat then stat:close() end
  return pid
end

local begun = {}  -- by number: where a trace begins, and of which it is a part

--- Where a function is, as people write it.
local function place(func, pc)
  local info = util.funcinfo(func, pc)
  if info.loc then return "Lua:" .. info.loc:gsub("%s", "_") end
  return "Lua:builtin " .. tostring(info.ffid or info.addr)
end

jit.attach(function(what, trace, func, pc, parent)
  if what == "start" then
    begun[trace] = { place(func, pc), parent }
  elseif what == "stop" and begun[trace] then
    local code, address = util.tracemc(trace)
    if not code then return end
    local at, from = begun[trace][1], begun[trace][2]
    map:write(("%x %x %s (trace %d%s)\n"):format(address, #code, at, trace,
      type(from) == "number" and from > 0 and " of " .. from or ""))
    map:flush()  -- whoever reads it may come at any time
  end
end, "trace")

local pid = pid_of_this()
map = assert(io.open(("/tmp/perf-%d.map"):format(pid), "w"))

local program = (...) and arg and arg[0] and arg[0]:find("luajit_perf_map") and arg[1]
if program then
  table.remove(arg, 1)
  rawset(arg, 0, program)
  dofile(program)
elseif arg and arg[0] and arg[0]:find("luajit_perf_map") then  -- something to look at
  local sum = 0
  for i = 1, 5e7 do sum = sum + i % 7 end
  print(sum)
end
