--- A log as a trace: each line of a CSV file becomes an event, and the script below is any script.
---
--- The log's columns are time (seconds), cpu, pid, comm, bytes and file.
---
--- Example: oc script examples/replay_csv.lua
--- Example: oc script examples/replay_csv.lua --log examples/traces/reads.csv --slow 2KiB

local oc = require "oc"

local opt = oc.args {
  log = oc.file("examples/traces/reads.csv", "the log to read"),
  slow = oc.size("4KiB", "reads of at least so much are large"),
}

local lines = assert(io.open(opt.log)):lines()
lines()  -- the header

local source = oc.source {
  events = { ["log:read"] = { { "bytes", "u64" }, { "file", "string" } } },
  window = "1s",  -- the lines are in order by CPU only
  next = function(out)
    local line = lines()
    if not line then return false end
    local time, cpu, pid, comm, bytes, file =
      line:match("^([%d.]+),(%d+),(%d+),([^,]*),(%d+),(.*)$")
    if not time then error("this line of the log cannot be read: " .. line) end
    out:emit { event = "log:read", time = tonumber(time) * 1e9, cpu = tonumber(cpu),
      pid = tonumber(pid), comm = comm, bytes = tonumber(bytes), file = file }
    return true
  end,
}

local trace = oc.open { source = source }
local sizes = oc.sum("comm", "file", { unit = "bytes" })
local large = trace:proxy("large_read", { { "bytes", "u64" }, { "file", "string" } })

trace:on("log:read", function(e)
  sizes:add(e.bytes, e.comm, e.file)
  if e.bytes >= opt.slow then large:emit { bytes = e.bytes, file = e.file } end
end)
trace:on("large_read", print)
trace:at_end(function() sizes:print() end)
trace:run()
