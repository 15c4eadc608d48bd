--- All that a recording holds, for the comparison with quipper's parse of it: one line an event,
--- "KIND<TAB>name=value<TAB>…", numbers and addresses exact, times absolute, bytes in hex; then the
--- build ids and the facts.

local oc = require "oc"
local hex = require("oc.sample").hex

local ffi = require "ffi"

local trace = oc.open {}

local parts = { "ip", "addr", "id", "stream_id", "weight", "data_src", "transaction", "phys_addr",
  "cgroup_id", "data_page_size", "code_page_size" }
local branch_parts = { "from", "to", "mispredicted", "predicted", "in_tx", "abort", "cycles",
  "type" }

local function escaped(c) return ("\\x%02x"):format(c:byte()) end

local function plain(value)
  if type(value) == "number" then return ("%.0f"):format(value) end
  return (tostring(value):gsub("[%c\\\128-\255]", escaped))
end

local function line(kind, e, words)
  table.insert(words, 1, ("%s\ttime=%.0f\tpid=%d\ttid=%d\tcpu=%d"):format(kind,
    trace.start_ns + e.time, e.pid, e.tid, e.cpu))
  io.write(table.concat(words, "\t"), "\n")
end

local function branch(b)
  local words = {}
  for i, name in ipairs(branch_parts) do words[i] = plain(b[name]) end
  return table.concat(words, ",")
end

local function list(items, show)
  local words = {}
  for i, item in ipairs(items) do words[i] = show(item) end
  return table.concat(words, " ")
end

trace:on("*", function(e)
  local words = { "event=" .. e.event }
  for _, name in ipairs(parts) do
    local value = e:get(name)
    if value ~= nil then words[#words + 1] = name .. "=" .. plain(value) end
  end
  local period = e:get "period"
  if period then words[#words + 1] = "period=" .. plain(e:u64 "period"):gsub("ULL", "") end
  local bytes, size = e:raw()
  if size > 0 then words[#words + 1] = "raw=" .. hex(ffi.string(bytes, size)) end
  local chain, branches = e:get "callchain", e:get "branches"
  if chain then words[#words + 1] = "callchain=" .. list(chain, plain) end
  if branches then words[#words + 1] = "branches=" .. list(branches, branch) end
  line("sample", e, words)
end)

for _, name in ipairs { "comm", "fork", "exit", "mmap", "lost", "lost_samples", "switch_out",
  "switch_in", "switch_out_wide", "switch_in_wide", "throttle", "unthrottle", "namespaces", "aux",
  "itrace_start" } do
  local formats = {}
  trace:on(name, function(e)
    formats[e.event] = formats[e.event] or trace:event(e.event).format
    local words = {}
    for _, field in ipairs(formats[e.event]) do
      local value = e.args[field.name]
      if field.name == "len" then value = (tostring(e:u64 "len"):gsub("ULL", "")) end
      words[#words + 1] = "args." .. field.name .. "=" .. plain(value)
    end
    line(e.event, e, words)
  end)
end
trace:run()

for _, build in ipairs(trace:build_ids()) do
  print(("build_id\tid=%s\tpath=%s\tpid=%d\tkernel=%s"):format(build.build_id, plain(build.path),
    build.pid or -1, tostring(build.kernel)))
end
for name, value in pairs(trace.host) do print(("fact\t%s=%s"):format(name, plain(value))) end
