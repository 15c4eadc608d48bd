--- The options of `oc.open`: checked, and as a run takes them.

local ask = require "oc.ask"
local errors = require "oc.errors"
local nearest = require "oc.nearest"
local settings = require "oc.settings"
local sources = require "oc.source"
local time_window = require "oc.time_window"
local units = require "oc.units"

local M = {}

local known_options = { input = "string", source = "table", cpu = "table",
  buffer = "number or string", spool = "number or string", time = "table or string",
  cgroups = "boolean",
  pushdown = "boolean", paused = "boolean", machine = "boolean or table",
  max_overhead = "number or string" }
for name, kind in pairs(ask.open_options) do known_options[name] = kind end
local machine_options = { records = "boolean" }
local cpu_options = { frequency = "number" }

-- As of the command line's options (options.lua).
local MOST_HZ, LEAST_BUFFER, MOST_BUFFER, LEAST_SPOOL = 1e9, 4096, 2 ^ 40, 2 ^ 21

--- Checks a table of options against their types.
function M.check(options, known, what)
  if type(options) ~= "table" then
    errors.misuse(("%s wants a table of options, not a %s"):format(what, type(options)))
  end
  local names = {}
  for name in pairs(known) do names[#names + 1] = name end
  table.sort(names)
  for name, value in pairs(options) do
    local token = tostring(name)
    if not known[name] then
      local all = #names == 0 and "it has none" or "it has: " .. table.concat(names, ", ")
      errors.misuse(("%s has no option '%s'"):format(what, token),
        { token = token, hint = nearest.hint(token, names) or all })
    elseif not known[name]:find(type(value), 1, true) then
      errors.misuse(("%s: '%s' wants a %s, not a %s"):format(what, token, known[name],
        type(value)), { token = token })
    end
  end
end

--- Bytes of a size that may be text.
local function size_of(name, size, least)
  local bytes = size
  if type(size) == "string" then
    bytes = units.parse_size(size)
      or errors.misuse(("oc.open: '%s' is not a size"):format(size),
        { token = name, hint = "as in \"8MiB\"" })
  end
  if bytes and not (bytes >= least and bytes <= MOST_BUFFER) then
    errors.misuse(("oc.open: %s must be from %s to %s, not %s"):format(name,
      units.write_size(least), units.write_size(MOST_BUFFER), tostring(size)),
      { token = name, hint = "as in \"8MiB\"" })
  end
  return bytes
end

local function check_frequency(hz)
  if hz and not (hz >= 1 and hz <= MOST_HZ) then
    errors.misuse(("oc.open: frequency must be from 1 Hz to %.0f Hz, not %s"):format(MOST_HZ,
      tostring(hz)), { token = "frequency", hint = "as in { cpu = { frequency = 99 } }" })
  end
end

--- Percent of the machine's CPU time.
local function most_overhead(value)
  local percent = type(value) == "string" and units.parse_percent(value) or value
  if percent ~= nil and not (type(percent) == "number" and percent > 0 and percent <= 100) then
    errors.misuse(("oc.open: max_overhead must be above 0 and at most 100%%, not %s"):format(
      tostring(value)), { token = "max_overhead", hint = 'as in "2%"' })
  end
  return percent
end

--- A source makes the events: nothing else can.
local function check_source(source)
  if not sources.is(source) then
    errors.misuse("oc.open: 'source' wants what oc.source returns", { token = "source" })
  elseif settings.run.input or settings.run.command then
    errors.wrong_usage("this script makes its events itself: it takes neither -i nor a command")
  end
end

---@class oc.OpenOptions
---@field input? string a recorded trace
---@field source? oc.Source
---@field time? string|table the part of a recorded trace
---@field cgroups? boolean samples carry the cgroup
---@field pushdown? boolean false: filters run here, not in the kernel
---@field paused? boolean begin with a pause
---@field machine? boolean|{ records: boolean } samples of all its events go into an ExportMachine;
---  stacks as `stacks` says; without it "any" where the trace is recorded, live the place alone;
---  records: with their payloads
---@field max_overhead? number|string percent of the machine's CPU time
---@field cpu? { frequency: number }
---@field buffer? number|string
---@field spool? number|string live: empties the rings into memory, at most so much, meanwhile
---@field pid? number|string|table whom to trace; what these mean is in docs/guide/targets.md
---@field tid? number|string|table
---@field comm? string|table
---@field cgroup? string|table
---@field container? string|table
---@field cpus? number|string|table
---@field events? string|table for `trace.events`
---@field period? number
---@field stacks? "fp"|"dwarf"|"any"|"none"
---@field symbols? boolean for e.symbol and e.module
---@field stack_size? number|string
---@field max_stack? number
---@field samples? string[] what samples carry: "addr", "weight", "cgroup", …

---@class oc.Opening
---@field path? string of a recorded trace
---@field buffer_bytes? number
---@field spool_bytes? number
---@field window? table the part of a recorded trace that is wanted
---@field max_overhead? number percent
---@field paused boolean

--- Checks the options; what the command line says goes first.
---@param options oc.OpenOptions
---@return oc.Opening
function M.read(options)
  M.check(options, known_options, "oc.open")
  local cpu = options.cpu
  M.check(cpu or {}, cpu_options, "oc.open: cpu")
  if type(options.machine) == "table" then
    M.check(options.machine, machine_options, "oc.open: machine")
  end
  check_frequency(cpu and cpu.frequency)
  settings.before_open()
  if options.source then check_source(options.source) end
  local path = options.input or settings.run.input
  return {
    path = path, buffer_bytes = size_of("buffer", options.buffer, LEAST_BUFFER),
    spool_bytes = size_of("spool", options.spool, LEAST_SPOOL),
    window = time_window.choose(options.time, path),
    max_overhead = most_overhead(options.max_overhead),
    paused = options.paused or settings.run.paused or false,
  }
end

return M
