--- What makes an aggregate of a short verb the handle of its callbacks, too.
--
--     c = count("sched:sched_switch", "comm")
--     c.filter = "prev_pid != 0"     c:off()     c:on()

local errors = require "oc.errors"
local nearest = require "oc.nearest"

local M = {}

--- Takes one filter for all callbacks, or leaves all as they were.
local function refilter(callbacks, text)
  local before = {}
  for i, each in ipairs(callbacks) do
    before[i] = each.filter
    local ok, err = pcall(function() each.filter = text end)
    if not ok then
      for k = 1, i - 1 do callbacks[k].filter = before[k] end
      error(err, 0)
    end
  end
end

local function refuse(aggregate, name)
  name = tostring(name)
  errors.misuse(("'%s' of a %s cannot be set"):format(name, aggregate._kind.name), { token = name,
    hint = nearest.hint(name, { "filter" })
      or "c.filter can be set, c:off() and c:on() switch it" })
end

--- An object's own class: its kind's, and a filter to be read and set.
local function class_of(aggregate, callbacks)
  local kind_class = getmetatable(aggregate)
  local class = { class = kind_class }
  for name, value in next, kind_class do class[name] = value end
  class.__index = function(_, name)
    if name == "filter" then return callbacks[1] and callbacks[1].filter end
    return kind_class[name]
  end
  class.__newindex = function(self, name, value)
    if name == "filter" then return refilter(callbacks, value) end
    if type(name) == "string" and name:find("^_") then return rawset(self, name, value) end
    refuse(self, name)
  end
  return class
end

--- `c:off()` and `c:on()`: no event reaches the aggregate any more, and again they do.
---@param aggregate oc.Aggregate
---@param callbacks oc.Handle[]
function M.add(aggregate, callbacks)
  for _, way in ipairs { "off", "on" } do
    rawset(aggregate, way, function(self)
      if self ~= aggregate then
        errors.misuse(("call it with a colon, as in c:%s()"):format(way), { token = way })
      end
      for _, each in ipairs(callbacks) do each[way](each) end
      return aggregate
    end)
  end
  setmetatable(aggregate, class_of(aggregate, callbacks))
end

return M
