--- Units of what a query shows: durations and sizes by the kind of the samples.

local units = require "oc.units"

local M = {}

local of_types = { duration = "ns", bytes = "bytes" }

local MODIFIERS = ":[ukhIGHpPSDWeb]+$"  -- "cpu-clock:ppp" is cpu-clock, as for the filter

--- The unit of these kinds' values; nil where they are counts, or not all of one unit.
---@param machine oc.Machine
---@param wanted? string|string[] names or groups; all when absent
---@return string?
function M.of(machine, wanted)
  local names, unit, seen = {}, nil, false
  for _, name in ipairs(type(wanted) == "table" and wanted or { wanted }) do names[name] = true end
  for _, kind in ipairs(machine:kinds()) do
    local is_one = wanted == nil or names[kind.name] or names[kind.group or false]
      or names[(kind.name:gsub(MODIFIERS, ""))]
    if is_one then
      local its = of_types[kind.type]
      if seen and its ~= unit then return nil end
      unit, seen = its, true
    end
  end
  return unit
end

--- A number of a query's table: whole ones whole, others with three digits, never as 3e+03.
---@param value number
---@return string
local function plain(value)
  if value ~= value or math.abs(value) == math.huge then return tostring(value) end
  if value == math.floor(value) or math.abs(value) >= 100 then return ("%.0f"):format(value) end
  return ("%.3g"):format(value)
end

M.plain = plain

--- The formatter of values of this unit.
---@param unit? string
---@return fun(value: number): string
function M.formatter(unit) return unit and units.formatter(unit) or plain end

return M
