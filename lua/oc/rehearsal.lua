--- What the `built` hooks will ask a trace for, known before that is recorded: they are called with
--- something that takes every call as a trace does, and keeps the events.

local hooks = require "oc.hooks"
local scenario = require "oc.scenario"

local M = {}

local MOST_INSTRUCTIONS = 1e6

-- Whatever is asked of it: itself, and a list of nothing. A generic for calls it with two values,
-- the first of which is nil.
local nothing = {}
local function same() return nothing end
setmetatable(nothing, { __index = same, __concat = same, __add = same, __sub = same, __mul = same,
  __div = same, __mod = same, __unm = same,
  __call = function(_, ...)
    if select("#", ...) == 2 and (...) == nil then return nil end
    return nothing
  end })

--- Calls it interpreted, where a loop that waits for an answer is ended.
---@return boolean ok
---@return any problem
local function call_for_a_while(fn, ...)
  local was_on = jit.status()
  jit.off()
  debug.sethook(function() error("it goes on and on", 0) end, "", MOST_INSTRUCTIONS)
  local ok, problem = pcall(fn, ...)
  debug.sethook()
  if was_on then jit.on() end
  return ok, problem
end

--- Events by name, and whether it may be missing; those behind something that only a real trace can
--- answer are not known.
---@return { name: string, optional: boolean }[]
---@return string? problem why what it asks for may not be all
function M.events()
  local events = {}
  local function want(name, optional)
    if type(name) == "string" then
      events[#events + 1] = { name = name, optional = optional or false }
    end
  end
  local trace = setmetatable({}, { __index = function() return nothing end })
  function trace.on(_, name, options)
    want(name, type(options) == "table" and options.optional)
    return nothing
  end
  function trace.use(_, ...)
    for i = 1, select("#", ...) do
      local found = type((select(i, ...))) == "string" and scenario.find((select(i, ...)))
      for _, name in ipairs(found and found.events or {}) do want(name, true) end
    end
    return trace
  end
  function trace.has() return true end
  function trace.is_recorded() return true end
  local ok, problem = call_for_a_while(hooks.call, "built", trace)
  return events, not ok and tostring(problem) or nil
end

return M
