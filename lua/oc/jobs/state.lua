--- What callbacks keep from event to event beside aggregates: found, and compared.
--
--     callbacks ── upvalues ── functions, tables, … ── aggregates (these are merged: no state)
--
-- A part of a run is what it is in any order only when it leaves all this as it was: then whatever comes
-- before it could as well have been left out. So the values are noted before the part and compared
-- behind it; nothing is guessed from the script's text. State that ends as it began (a depth that
-- is counted up and down again) is no obstacle.

local errors = require "oc.errors"

local M = {}

---@class oc.jobs.Place
---@field name string of the upvalue or global, as the script calls it
---@field callback function through which it was found
---@field is_global boolean

---@class oc.jobs.Node something that can change: a table, or the upvalues of a function
---@field object table|function
---@field place oc.jobs.Place?
---@field before table

local own_prefix = debug.getinfo(1, "S").source:gsub("jobs/state%.lua.*$", "")

local function is_own_function(fn)
  local info = debug.getinfo(fn, "S")
  return info.what == "C" or info.source:sub(1, #own_prefix) == own_prefix
end

--- Aggregates, traces and other objects of oc's: their methods are oc's own.
local function is_own_object(value)
  local meta = debug.getmetatable(value)
  if type(meta) ~= "table" then return false end
  for _, from in ipairs { meta, type(meta.__index) == "table" and meta.__index or nil } do
    for _, member in pairs(from) do
      if type(member) == "function" and is_own_function(member) then return true end
    end
  end
  return false
end

local function is_aggregate(value)
  return type(rawget(value, "columns")) == "table" and type(value.merge) == "function"
    and value._kind ~= nil
end

--- Modules of Lua's and oc's, which no script changes.
local function library_tables()
  local found = {}
  for name, value in pairs(package.loaded) do
    local is_library = name:find("^oc%f[.%z]") or name:find("^jit") or name:find("^table%.")
      or name == "string" or name == "table" or name == "math" or name == "io" or name == "os"
      or name == "coroutine" or name == "bit" or name == "debug" or name == "package"
      or name == "ffi" or name == "_G"
    if is_library and type(value) == "table" then found[value] = true end
  end
  found[_G] = true
  return found
end

local State = {}
State.__index = State

local function refuse(place, message, hint)
  errors.raise_at({ source = debug.getinfo(place.callback, "S").source,
    currentline = debug.getinfo(place.callback, "S").linedefined },
    ("'%s' %s"):format(place.name, message), { hint = hint, token = place.name })
end

-- What differs in each process, or is shared by all in a way that cannot be merged.
local function refuse_foreign(value, place)
  if type(value) == "thread" then
    refuse(place, "is a coroutine that this callback reaches: with --jobs it cannot be divided",
      "keep what it counts in aggregates")
  elseif io.type(value) and value ~= io.stdout and value ~= io.stderr then
    refuse(place, "is a file that this callback reaches: with --jobs all workers would write to it",
      "print, which is put in order; or write to it behind trace:run()")
  elseif value == math.random or value == math.randomseed then
    refuse(place, "gives other numbers in each worker: with --jobs the answer would not be the same",
      "choose by what the event says, as in e.time % 100")
  end
end

function State:_visit(value, place)
  local kind = type(value)
  refuse_foreign(value, place)
  if kind ~= "table" and kind ~= "function" or self._seen[value] then return end
  self._seen[value] = true
  if kind == "function" then return self:_visit_function(value, place) end
  if self._libraries[value] then return end
  if is_own_object(value) then
    if is_aggregate(value) then self.aggregates[#self.aggregates + 1] = value end
    return
  end
  local before = {}
  for key, member in pairs(value) do before[key] = member end
  self._nodes[#self._nodes + 1] = { object = value, place = place, before = before }
  -- In an order that is the same in each process: the nodes' tables are, `pairs` of one table is.
  for key, member in pairs(before) do
    self:_visit(key, place)
    self:_visit(member, place)
  end
  local meta = debug.getmetatable(value)
  if meta then self:_visit(meta, place) end
end

function State:_visit_function(fn, place)
  if is_own_function(fn) then return end
  local before, names, i = {}, {}, 1
  while true do
    local name, value = debug.getupvalue(fn, i)
    if not name then break end
    names[i], before[i] = name, value
    i = i + 1
  end
  before.n = i - 1
  self._nodes[#self._nodes + 1] = { object = fn, place = place, before = before, names = names }
  for at, name in ipairs(names) do
    self:_visit(before[at], { name = name, callback = place.callback })
  end
  local environment = debug.getfenv(fn)
  if environment ~= _G then self:_visit(environment, place) end
end

--- Globals that are not Lua's own.
function State:_visit_globals(callback)
  local before = {}
  for name, value in pairs(_G) do before[name] = value end
  self._nodes[#self._nodes + 1] = { object = _G, before = before,
    place = { name = "_G", callback = callback, is_global = true } }
  local names = {}
  for name in pairs(before) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = before[name]
    local is_lua_own = type(value) == "function" and is_own_function(value)
    if not is_lua_own and not self._libraries[value] then
      self:_visit(value, { name = name, callback = callback, is_global = true })
    end
  end
end

--- Notes all that these functions reach. Raises where it can already be told that it cannot be
--- divided.
---@param callbacks function[]
---@return { aggregates: oc.Aggregate[] }
function M.note(callbacks)
  local self = setmetatable({ aggregates = {}, _nodes = {}, _seen = {}, _scratch = {},
    _libraries = library_tables() }, State)
  for _, fn in ipairs(callbacks) do self:_visit(fn, { name = "?", callback = fn }) end
  if callbacks[1] then self:_visit_globals(callbacks[1]) end
  return self
end

local function same(a, b)
  if rawequal(a, b) or (a ~= a and b ~= b) then return true end
  if type(a) ~= "cdata" or type(b) ~= "cdata" then return false end
  local ok, is_equal = pcall(function() return a == b end)
  return ok and is_equal
end

--- The key of a table that changed, and whether it did.
local function changed_key(object, before)
  for key, value in pairs(before) do
    if not same(rawget(object, key), value) then return key, true end
  end
  for key in next, object do
    if before[key] == nil then return key, true end
  end
  return nil, false
end

local function changed_upvalue(fn, before)
  for i = 1, before.n do
    local _, value = debug.getupvalue(fn, i)
    if not same(value, before[i]) then return i end
  end
end

local SCRATCH = "keep what belongs to one trace in trace:scratch(), what is counted in aggregates"
local CUT = "a slice may begin between the events of a pair; cut by traces instead, as in -i a -i b"

--- The first change there is, as the fields of an error; nil when all is as it was.
---@param scratch table<table, true> tables that belong to one input
---@param is_sliced boolean the parts are slices of one input
---@return { chunk: string, line: integer, message: string, hint: string, token: string }?
function State:change(scratch, is_sliced)
  for _, node in ipairs(self._nodes) do
    local place, name = node.place, nil
    if type(node.object) == "function" then
      local at = changed_upvalue(node.object, node.before)
      name = at and node.names[at]
    elseif is_sliced or not scratch[node.object] then
      local key, is_changed = changed_key(node.object, node.before)
      if is_changed then name = place.name == "_G" and tostring(key) or place.name end
    end
    if name then
      local info = debug.getinfo(place.callback, "S")
      local is_table = type(node.object) == "table" and place.name ~= "_G"
      return { chunk = info.source, line = info.linedefined, token = name,
        message = ("'%s'%s is changed by this callback: with --jobs each worker has its own"):format(
          name, place.is_global and " (a global)" or ""),
        hint = scratch[node.object] and CUT or is_table and SCRATCH
          or "use oc.counter, oc.sum or another aggregate" }
    end
  end
end

return M
