--- What `trace:on`, `trace:every` and `trace:at_end` return: takes the callback away, or changes
--- it, also while the trace runs.
--
--     local h = trace:on("sched:sched_switch", { filter = "prev_pid != 0" }, fn)
--     h.filter = "next_pid != 0"     h:off()     h:on()     h.is_on

local errors = require "oc.errors"
local nearest = require "oc.nearest"

local M = {}

--- Asked before a callback is switched or filtered otherwise, where that must not be (jobs/guard).
---@type fun(name: string)?
M.before_change = nil

local function change(name)
  if M.before_change then M.before_change(name) end
end

---@class oc.Handle a callback on an event
---@field event string as it was asked for
---@field filter string? which of its events; to be set, nil for all
---@field is_on boolean
---@field off fun(self: oc.Handle): oc.Handle no event reaches the callback any more
---@field on fun(self: oc.Handle): oc.Handle and again they do

---@class oc.TimerHandle of trace:every
---@field period number ns
---@field is_on boolean
---@field off fun(self: oc.TimerHandle): oc.TimerHandle
---@field on fun(self: oc.TimerHandle): oc.TimerHandle

--- Makes a kind of handles: what can be read (functions of the handle's own data), what can be set,
--- what it is called.
---@param readable table<string, fun(data: table): any>
---@param settable table<string, fun(data: table, value: any)>
---@param describe fun(data: table): string
local function class(readable, settable, describe)
  local of = setmetatable({}, { __mode = "k" })  -- a handle's data: nothing else is in it to see
  local names = { "off", "on" }
  for name in pairs(readable) do names[#names + 1] = name end
  local methods = {
    off = function(self)
      change "off"
      of[self].switch(false)
      return self
    end,
    on = function(self)
      change "on"
      of[self].switch(true)
      return self
    end,
  }
  local meta = {
    __index = function(self, name)
      if methods[name] then return methods[name] end
      if readable[name] then return readable[name](of[self]) end
      name = tostring(name)
      errors.misuse(("a handle has no '%s'"):format(name),
        { token = name, hint = nearest.hint(name, names) })
    end,
    __newindex = function(self, name, value)
      if settable[name] then
        change(name)
        return settable[name](of[self], value)
      end
      name = tostring(name)
      local what = (readable[name] or methods[name]) and "'%s' of a handle cannot be set"
        or "a handle has no '%s'"
      errors.misuse(what:format(name), { token = name,
        hint = name == "is_on" and "h:off() and h:on() switch it" or nearest.hint(name, names) })
    end,
    __tostring = function(self) return describe(of[self]) end,
  }
  return function(data)
    local handle = setmetatable({}, meta)
    of[handle] = data
    return handle
  end
end

local function is_on(data) return data.is_on end

--- `data`: name, text (of the filter), is_on, switch(is_on), refilter(text).
---@type fun(data: table): oc.Handle
M.of_event = class({
  event = function(data) return data.name end,
  filter = function(data) return data.text end,
  is_on = is_on,
}, {
  filter = function(data, text)
    if text ~= nil and type(text) ~= "string" then
      errors.misuse(("a filter is a text, not a %s"):format(type(text)),
        { token = "filter", hint = 'as in h.filter = "pid == 1"; nil: every event' })
    end
    data.refilter(text)
  end,
}, function(data)
  return ("callback on %s%s%s"):format(data.name,
    data.text and (" where %s"):format(data.text) or "", data.is_on and "" or ", off")
end)

--- `data`: period, is_on, switch(is_on).
---@type fun(data: table): oc.TimerHandle
M.of_timer = class({
  period = function(data) return data.period end,
  is_on = is_on,
}, {}, function(data)
  return ("timer of %g s%s"):format(data.period / 1e9, data.is_on and "" or ", off")
end)

--- `data`: is_on, switch(is_on).
M.of_end = class({ is_on = is_on }, {}, function(data)
  return "end hook" .. (data.is_on and "" or ", off")
end)

return M
