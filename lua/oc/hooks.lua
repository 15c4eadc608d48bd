--- What scripts do on the way of `oc report`, `oc export` and `oc diff` (`--script FILE`).
--
--     settings(options)  →  built(trace)  →  the trace is read  →  parsed(machine, trace)
--                        →  export(machine, path, options) for each file  →  finished(machine)

local errors = require "oc.errors"
local nearest = require "oc.nearest"

local M = {}

local STAGES = { "settings", "built", "parsed", "export", "finished" }
local registered = {}
for _, stage in ipairs(STAGES) do registered[stage] = {} end

--- Registers functions by stage; those of one stage are called in the order of their registration.
---@param hooks table<string, function>
function M.add(hooks)
  if type(hooks) ~= "table" then
    errors.misuse("oc.hooks wants a table of functions", { token = "hooks" })
  end
  for stage, fn in pairs(hooks) do
    if not registered[stage] then
      errors.misuse(("there is no hook '%s'"):format(tostring(stage)), { token = tostring(stage),
        hint = nearest.hint(tostring(stage), STAGES)
          or "there are: " .. table.concat(STAGES, ", ") })
    elseif type(fn) ~= "function" then
      errors.misuse(("hook '%s' wants a function"):format(stage), { token = stage })
    end
  end
  for _, stage in ipairs(STAGES) do
    if hooks[stage] then table.insert(registered[stage], hooks[stage]) end
  end
end

--- Whether somebody registered a function for a stage.
---@return boolean
function M.has(stage) return #registered[stage] > 0 end

--- Calls the functions of `settings`, each followed by a look at what it did.
---@param options table
---@param look fun(before: table, hook: function) before: the options as they were
function M.settle(options, look)
  for _, fn in ipairs(registered.settings) do
    local before = {}
    for key, value in pairs(options) do before[key] = value end
    local ok, result = pcall(fn, options)
    if not ok then error(errors.make(result), 0) end
    look(before, fn)
    if result == false then return end
  end
end

--- Calls all functions of a stage. False when one of them returned false: what follows is left out.
---@return boolean goes_on
function M.call(stage, ...)
  for _, fn in ipairs(registered[stage]) do
    local ok, result = pcall(fn, ...)
    if not ok then error(errors.make(result), 0) end  -- the script's, with its line
    if result == false then return false end
  end
  return true
end

return M
