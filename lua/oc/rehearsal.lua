--- What the `built` hooks will ask a trace for, known before that is recorded: they are called with
--- something that takes every call as a trace does, and keeps the events.

local hooks = require "oc.hooks"
local scenario = require "oc.scenario"

local M = {}

-- Whatever is asked of it: itself, and a list of nothing.
local nothing = {}
setmetatable(nothing, { __index = function() return nothing end,
  __call = function() return nothing end })

--- Events by name, and whether it may be missing; those behind something that only a real trace can
--- answer are not known.
---@return { name: string, optional: boolean }[]
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
  pcall(hooks.call, "built", trace)  -- what is wrong with one is told when it has its trace
  return events
end

return M
