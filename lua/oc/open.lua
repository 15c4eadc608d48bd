--- The options of `oc.open`: what they are, and whether they make sense.

local errors = require "oc.errors"
local nearest = require "oc.nearest"
local units = require "oc.units"

---@class oc.OpenOptions
---@field input? string a recorded trace
---@field source? oc.Source
---@field time? string|table the part of a recorded trace
---@field cgroups? boolean samples carry the cgroup
---@field pushdown? boolean false: filters run here, not in the kernel
---@field cpu? { frequency: number }
---@field buffer? number|string
---@field pid? number|string|table whom to trace; what these mean is in docs/guide/targets.md
---@field tid? number|string|table
---@field comm? string|table
---@field cgroup? string|table
---@field container? string|table
---@field cpus? number|string|table
---@field events? string|table for `trace.events`
---@field period? number
---@field stacks? "fp"|"dwarf"|"none"
---@field stack_size? number|string
---@field max_stack? number
---@field samples? string[] what samples carry: "addr", "weight", "cgroup", …

local M = {}

-- As of the command line's options (options.lua).
local MOST_HZ, LEAST_BUFFER, MOST_BUFFER = 1e9, 4096, 2 ^ 40

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

--- Bytes of a buffer that is given as a number or as text.
---@return number?
function M.buffer_bytes(buffer)
  local bytes = buffer
  if type(buffer) == "string" then
    bytes = units.parse_size(buffer)
      or errors.misuse(("oc.open: '%s' is not a size"):format(buffer),
        { token = "buffer", hint = "as in \"8MiB\"" })
  end
  if bytes and not (bytes >= LEAST_BUFFER and bytes <= MOST_BUFFER) then
    errors.misuse(("oc.open: buffer must be from %s to %s, not %s"):format(
      units.write_size(LEAST_BUFFER), units.write_size(MOST_BUFFER), tostring(buffer)),
      { token = "buffer", hint = "as in \"8MiB\"" })
  end
  return bytes
end

---@param hz? number
function M.check_frequency(hz)
  if hz and not (hz >= 1 and hz <= MOST_HZ) then
    errors.misuse(("oc.open: frequency must be from 1 Hz to %.0f Hz, not %s"):format(MOST_HZ,
      tostring(hz)), { token = "frequency", hint = "as in { cpu = { frequency = 99 } }" })
  end
end

return M
