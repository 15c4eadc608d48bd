--- Which programs are started: by whom, how long they ran, how they ended.
---
--- A row is one program that a process executed; it comes when the process's last thread ended or
--- it executed another. Live, args are the command line while the process is there; a recorded trace
--- knows the file where sched:sched_process_exec was recorded. status is what the program passed to
--- exit_group, where that was recorded: - when a signal ended it, or nobody knows.
---
--- Example: oc script exec_snoop -d 10s
--- Example: oc script exec_snoop --every 0 -- make
--- Example: oc script exec_snoop -i tests/fixtures/sched.data

local oc = require "oc"

local opt = oc.args {
  every = oc.duration("1s", "how often to print; 0: once, at the end"),
  comm = oc.string(nil, "only programs of this name"),
}

local trace = oc.open {}
local programs = oc.table("time", "pid", "comm", "parent", "status", "args", {
  values = { "took" }, units = { took = "ns" },
})
local running, status = {}, {}
local parents, threads = {}, {}  -- of the processes whose beginning is in the trace
local is_live = not trace:is_recorded()

local function is_wanted(program) return not opt.comm or program.comm == opt.comm end

--- The command line of a process that is still there.
local function read_args(pid)
  local file = is_live and io.open("/proc/" .. pid .. "/cmdline")
  local text = file and file:read("*a") or ""
  if file then file:close() end
  return text ~= "" and (text:gsub("%z$", ""):gsub("%z", " ")) or nil
end

--- The program that a process ran is over.
local function finish(pid, time)
  local program = running[pid]
  running[pid] = nil
  if program and is_wanted(program) then
    program.took = time - program.began
    program.status = status[pid]
    programs:row(program)
  end
  status[pid] = nil
end

trace:on("fork", function(e)
  local pid = e.args.pid
  if pid == e.pid then  -- a thread
    if threads[pid] then threads[pid] = threads[pid] + 1 end
    return
  end
  finish(pid, e.time)  -- whose exit was lost: there is another process of that number
  parents[pid], threads[pid] = e.comm .. "/" .. e.pid, 1
end)

trace:on("exec", function(e)
  local pid, time = e.pid, e.time
  finish(pid, time)
  threads[pid] = 1  -- the others were ended; it goes by the number of the first, whichever it was
  running[pid] = { pid = pid, comm = e.comm, parent = parents[pid], args = read_args(pid),
    began = time, time = ("%.6f"):format(time / 1e9) }
end)

if trace:has "sched:sched_process_exec" then
  trace:on("sched:sched_process_exec", function(e)
    local program = running[e.pid]
    if program then program.args = program.args or e.filename end
  end)
end

if trace:has "syscalls:sys_enter_exit_group" then
  trace:on("syscalls:sys_enter_exit_group", function(e)
    if running[e.pid] then status[e.pid] = e.error_code % 256 end
  end)
end

trace:on("exit", function(e)
  local pid = e.pid
  local left = threads[pid]
  if not left then return end
  threads[pid] = left - 1
  if left > 1 then return end  -- a program is over with its last thread; the first may go before
  finish(pid, e.time)
  parents[pid], threads[pid] = nil, nil
end)

local function show()
  if #programs:rows() == 0 then return end
  programs:print { sort = "time" }
  programs:clear()
end

if opt.every > 0 then trace:every(opt.every, show) end
trace:at_end(function()
  show()
  local left = 0
  for _, program in pairs(running) do if is_wanted(program) then left = left + 1 end end
  local text = "exec_snoop: %d programs still ran at the end\n"
  if left > 0 then io.stderr:write(text:format(left)) end
end)
trace:run()
