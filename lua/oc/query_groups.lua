--- What samples can be grouped by, told before anything is read.
--
--     groups.read "tid"          --> "thread"
--     groups.read "time:10ms"    --> "time:10ms"
--     groups.read "simbol"       --> nil, "samples cannot be grouped by 'simbol'", "did you mean …"

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local nearest = require "oc.nearest"
local units = require "oc.units"

local M = {}

--- Numbers may be used again: processes and threads are told apart by their lives, and have names.
local OTHER_NAMES = { pid = "process", tid = "thread" }

local names

local function all()
  if names then return names end
  names = { "attribute:NAME" }
  local name = C.oc_group_name(0)
  while name ~= nil do
    names[#names + 1] = ffi.string(name)
    name = C.oc_group_name(#names - 1)
  end
  return names
end

--- A group by the name that it goes under; nil, what is wrong, and a hint.
---@param group string
---@return string? name
---@return string? problem
---@return string? hint
function M.read(group)
  group = OTHER_NAMES[group] or group
  if group:find("^attribute:.") then return group end
  local width = group:match("^time:(.*)$")
  if group == "time" or width then
    local ns = width and units.parse_duration(width)
    if ns and ns >= 1 then return group end
    return nil, ("'%s' is no stretch of time"):format(group), 'as in "time:10ms"'
  end
  for _, name in ipairs(all()) do if name == group then return group end end
  return nil, ("samples cannot be grouped by '%s'"):format(group),
    nearest.hint(group, all()) or "there are: " .. table.concat(all(), ", ")
end

--- The groups of --by. Wrong usage when there are none, or one is none.
---@param text string
---@return string[]
function M.of_option(text)
  local groups = {}
  for word in text:gmatch("[^,]+") do
    local group, problem, hint = M.read(word)
    if not group then errors.wrong_usage("--by: " .. problem, hint) end
    groups[#groups + 1] = group
  end
  if #groups == 0 then
    errors.wrong_usage("--by wants names of groups", "as in --by comm,symbol")
  end
  return groups
end

return M
