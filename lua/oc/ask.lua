--- What a run asks the kernel for: whom to trace, what samples carry, which events beside those of
-- callbacks. Scripts (by `oc.open`), the command line and `oc record` come together here.
--
--     oc.open { pid = 1234, stacks = "fp" }     oc script … -p 1234 -g
--              │                                        │
--              └───────── ask.merge(open, run) ─────────┘   the command line wins, field by
--                                │                          field; its target replaces the
--                    { pid = { "1234" }, stacks = "fp" }    script's: a plain table, as a
--                                │                          scenario may fill it
--                    ask.apply(session, asked, …)

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local nearest = require "oc.nearest"
local session_of = require "oc.session"
local settings = require "oc.settings"
local units = require "oc.units"

---@class oc.Asked
---@field pid? string[]
---@field tid? string[]
---@field comm? string[]
---@field cgroup? string[]
---@field container? string[]
---@field cpu? string[]
---@field all? boolean the whole system, also while a command runs
---@field events? string[] beside those of callbacks: names or lists as perf takes them
---@field frequency? number
---@field period? number
---@field stacks? "none"|"fp"|"dwarf"|"any"
---@field symbols? boolean where samples were taken, by name
---@field stack_size? number bytes
---@field max_stack? number frames
---@field samples? string[] what samples carry beside the usual

local M = {}

local USAGE = 5
local LEAST_STACK, MOST_STACK, MOST_FRAMES = 8, 65528, 65535

--- Fields of a target: the C face has them by the same names.
M.targets = { "pid", "tid", "comm", "cgroup", "container", "cpu" }

--- What samples may carry: PERF_SAMPLE_* bits.
M.sample_parts = {
  addr = 0x8, data_src = 0x8000, transaction = 0x20000, phys_addr = 0x80000, cgroup = 0x200000,
  data_page_size = 0x400000, code_page_size = 0x800000, weight = 0x4000,
}
-- "any" is what there is: of a live run frame pointers, which cost least.
local stack_kinds = { none = 0, fp = 1, dwarf = 2, any = 1 }
local ways = { none = 0, fp = 1, dwarf = 2, any = 2 }  -- session::StackMode

local function sorted_names(of)
  local names = {}
  for name in pairs(of) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- Misuse by a script's `oc.open`.
local function misuse(name, problem, hint)
  errors.misuse(("oc.open: %s %s"):format(name, problem), { token = name, hint = hint })
end

--- One value, or a table of them, as texts.
local function texts(name, value)
  if value == nil then return nil end
  local list = {}
  for i, item in ipairs(type(value) == "table" and value or { value }) do
    if type(item) ~= "string" and type(item) ~= "number" then
      misuse(name, ("has a %s in it"):format(type(item)), "it takes texts and numbers")
    end
    list[i] = type(item) == "number" and ("%.0f"):format(item) or item
  end
  if #list == 0 then misuse(name, "is empty", "leave it out to trace all") end
  return list
end

local function stack_size(size)
  if size == nil then return nil end
  local bytes = type(size) == "string" and units.parse_size(size) or size
  if type(bytes) ~= "number" or not (bytes >= LEAST_STACK and bytes <= MOST_STACK) then
    misuse("stack_size", ("must be from %d to %d bytes"):format(LEAST_STACK, MOST_STACK))
  end
  return bytes - bytes % 8
end

local function check_samples(samples)
  for _, name in ipairs(samples or {}) do
    if not M.sample_parts[name] then
      local known = sorted_names(M.sample_parts)
      misuse("samples", ("cannot have '%s'"):format(tostring(name)),
        nearest.hint(tostring(name), known) or "they may have " .. table.concat(known, ", "))
    end
  end
end

local function check_numbers(open)
  if open.period and not (open.period >= 1 and open.period <= 2 ^ 53) then
    misuse("period", "must be at least 1", "as in { period = 100000 }")
  end
  if open.max_stack and not (open.max_stack >= 1 and open.max_stack <= MOST_FRAMES) then
    misuse("max_stack", ("must be from 1 to %d frames"):format(MOST_FRAMES))
  end
end

--- What `oc.open` takes of this, by name, with the types.
M.open_options = {
  pid = "number or string or table", tid = "number or string or table",
  comm = "string or table", cgroup = "string or table", container = "string or table",
  cpus = "number or string or table", events = "string or table", period = "number",
  stacks = "string", symbols = "boolean", stack_size = "number or string", max_stack = "number",
  samples = "table",
}

--- A script's options, checked, as a plain table.
---@param open table as given to oc.open
---@return oc.Asked
function M.of_open(open)
  if open.stacks and not stack_kinds[open.stacks] then
    misuse("stacks", ("cannot be '%s'"):format(open.stacks),
      "it is \"fp\", \"dwarf\", \"any\" or \"none\"")
  end
  check_samples(open.samples)
  check_numbers(open)
  return {
    pid = texts("pid", open.pid), tid = texts("tid", open.tid), comm = texts("comm", open.comm),
    cgroup = texts("cgroup", open.cgroup), container = texts("container", open.container),
    cpu = texts("cpus", open.cpus), events = texts("events", open.events), period = open.period,
    frequency = open.cpu and open.cpu.frequency, stacks = open.stacks,
    symbols = open.symbols,
    stack_size = stack_size(open.stack_size), max_stack = open.max_stack, samples = open.samples,
  }
end

--- The events of a list: commas outside of groups and terms stand between them.
---@return string[]
function M.split(text)
  local items, from, depth, in_terms = {}, 1, 0, false
  for at = 1, #text do
    local c = text:sub(at, at)
    local is_length = text:find("^%s*mem:", from) ~= nil  -- the slash of mem:ADDR/LEN
    if c == "/" and not is_length then
      in_terms = not in_terms
    elseif c == "{" then
      depth = depth + 1
    elseif c == "}" then
      depth = depth - 1
    elseif c == "," and depth == 0 and not in_terms then
      items[#items + 1], from = text:sub(from, at - 1), at + 1
    end
  end
  items[#items + 1] = text:sub(from)
  return items
end

--- "fp", "dwarf", "dwarf,4096", "none": perf's spelling.
local function call_graph(text, asked)
  local kind, size = text:match("^(%a+),?(%w*)$")
  if kind == "no" then kind = "none" end
  if not stack_kinds[kind] or (size ~= "" and kind ~= "dwarf") then
    errors.wrong_usage(("--call-graph: '%s' is no way to walk stacks"):format(text),
      "it is fp, dwarf, dwarf,SIZE, any or none")
  end
  asked.stacks = kind
  if size == "" then return end
  local bytes = units.parse_size(size)
  if not bytes or not (bytes >= LEAST_STACK and bytes <= MOST_STACK) then
    errors.wrong_usage(("--call-graph: a stack of '%s' bytes"):format(size),
      ("from %d to %d can be copied"):format(LEAST_STACK, MOST_STACK))
  end
  asked.stack_size = bytes - bytes % 8
end

-- Options whose names differ from what samples then carry.
local part_names = { data = "addr", phys_data = "phys_addr", all_cgroups = "cgroup" }

--- The command line's options, as a plain table.
---@param options table<string, any> by name, as parsed
---@return oc.Asked
function M.of_options(options)
  local asked = { frequency = options.frequency, period = options.period,
    max_stack = options.max_stack, all = options.all_cpus or nil }
  for _, name in ipairs(M.targets) do asked[name] = options[name] end
  if options.frequency and options.period then
    errors.wrong_usage("-F and -c do not go together", "samples come by frequency or by count")
  end
  if options.frame_pointers then asked.stacks = "fp" end
  if options.call_graph then call_graph(options.call_graph, asked) end
  local samples = {}
  for _, part in ipairs { "data", "phys_data", "weight", "all_cgroups" } do
    if options[part] then
      samples[#samples + 1] = part_names[part] or part
    end
  end
  if #samples > 0 then asked.samples = samples end
  local events = {}
  for _, text in ipairs(options.event or {}) do
    for _, item in ipairs(M.split(text)) do
      if item:match("^%s*$") then errors.wrong_usage("-e: there is an event without a name") end
      errors.add_typed("-e", item)
      events[#events + 1] = item
    end
  end
  for _, text in ipairs(options.syscalls or {}) do
    for name in text:gmatch("[^,]+") do
      events[#events + 1] = "syscall:" .. (name == "all" and "*" or name)
      errors.add_typed("--syscalls", events[#events])
    end
  end
  if options.on_cpu then events[#events + 1] = "cpu" end
  if options.off_cpu then events[#events + 1] = "cswitch" end
  if #events > 0 then asked.events = events end
  return asked
end

--- Both together: the command line wins.
---@param open oc.Asked
---@param run oc.Asked
---@return oc.Asked
function M.merge(open, run)
  local asked, has_target = {}, run.all
  for _, name in ipairs(M.targets) do has_target = has_target or run[name] end
  for name, value in pairs(open) do asked[name] = value end
  if has_target then
    for _, name in ipairs(M.targets) do asked[name] = nil end
  end
  for name, value in pairs(run) do asked[name] = value end
  if run.period then asked.frequency = nil end
  return asked
end

local function raise(session)
  local failure = C.oc_session_error(session)
  if failure.code == USAGE then
    local hint = ffi.string(failure.hint)
    errors.wrong_usage(ffi.string(failure.what), hint ~= "" and hint or nil)
  end
  session_of.raise(session)
end

--- Tells a new session; before any event is asked for.
---@param session ffi.cdata*
---@param asked oc.Asked
---@param has_command boolean
function M.apply(session, asked, has_command)
  local sampling, parts = ffi.new("oc_sampling"), 0
  for _, name in ipairs(asked.samples or {}) do parts = bit.bor(parts, M.sample_parts[name]) end
  sampling.period = asked.period or 0
  sampling.stacks = stack_kinds[asked.stacks or "none"]
  sampling.stack_size = asked.stack_size or 0
  sampling.max_stack = asked.max_stack or 0
  sampling.parts = parts
  C.oc_session_sampling(session, sampling)
  C.oc_session_stacks(session, ways[asked.stacks or "none"], asked.symbols and 1 or 0)
  if asked.all then C.oc_session_target(session, "all", "") end
  for _, kind in ipairs(M.targets) do
    for _, text in ipairs(asked[kind] or {}) do
      if C.oc_session_target(session, kind, text) ~= 0 then raise(session) end
    end
  end
  if C.oc_session_check_target(session, has_command and 1 or 0) ~= 0 then raise(session) end
end

local has_said = false

--- Says once what who pairs events misses: control groups and CPUs are chosen by the kernel, which
--- tells nothing of what others do to their threads, and of what these do on other CPUs.
---@param asked oc.Asked
---@param needs_others boolean also what happens in threads outside of a group
function M.say_unseen(asked, needs_others)
  local group = needs_others and (asked.cgroup and "--cgroup" or asked.container and "--container")
  local words = group and group .. ": what others do to these threads, such as waking them, is not "
      .. "traced, and waits that begin so are left out; trace the whole system, with --comm"
    or asked.cpu and "-C: what threads do on other CPUs is not traced, and waits that begin or end "
      .. "there are left out, or taken for others; record all CPUs, and give -C when reading"
  if not words or has_said or settings.quiet then return end
  has_said = true
  io.stderr:write("oc: ", words, "\n")
end

return M
