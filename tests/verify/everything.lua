--- Prints all that a trace holds, event by event and field by field.

local oc = require "oc"

local trace = oc.open {}

local function text_of(value)
  if type(value) == "string" then
    return (value:gsub("[^%w%p ]", function(c) return ("\\x%02x"):format(c:byte()) end))
  end
  if type(value) ~= "table" then return tostring(value) end
  local parts, is_listed = {}, {}
  for i, one in ipairs(value) do
    parts[i], is_listed[i] = text_of(one), true
  end
  local names = {}
  for name in pairs(value) do
    if not is_listed[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = name .. "=" .. text_of(value[name]) end
  return "{" .. table.concat(parts, " ") .. "}"
end

local parts = { "ip", "addr", "id", "stream_id", "period", "weight", "ins_lat", "retire_lat",
  "data_src", "transaction", "phys_addr", "cgroup", "data_page_size", "code_page_size",
  "callchain", "reads", "branches", "user_regs", "intr_regs", "user_stack", "aux" }

trace:on("*", function(e)
  io.write(tostring(e))
  for _, name in ipairs(parts) do
    local value = e:get(name)
    if value ~= nil then io.write(" ", name, "=", text_of(value)) end
  end
  io.write "\n"
end)

for _, name in ipairs { "comm", "exec", "fork", "exit", "mmap", "mmap2", "lost", "lost_samples",
  "switch_out", "switch_in", "switch_out_wide", "switch_in_wide", "throttle", "unthrottle",
  "cgroup", "namespaces", "ksymbol", "bpf_event", "text_poke", "aux", "itrace_start",
  "aux_output_hw_id", "read" } do
  trace:on(name, function(e)
    io.write(tostring(e), name == "mmap2" and " build=" .. e.build_id or "", "\n")
  end)
end

trace:run()
for _, build in ipairs(trace:build_ids()) do io.write("build ", text_of(build), "\n") end
