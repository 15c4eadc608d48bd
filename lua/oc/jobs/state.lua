--- What callbacks keep from event to event beside aggregates: found, and compared.
--
--     callbacks ── upvalues ── functions, tables, … ── aggregates (these are merged: no state)
--
-- A part of a run is what it is in any order only when it leaves all this as it was: then whatever
-- comes before it could as well have been left out. So the values are noted before the part and
-- compared behind it; nothing is guessed from the script's text. State that ends as it began (a
-- depth that is counted up and down again) is no obstacle.

local errors = require "oc.errors"
local own = require "oc.jobs.own"

local M = {}

---@class oc.jobs.Place
---@field name string of the upvalue or global, as the script calls it
---@field callback function through which it was found
---@field is_global boolean

---@class oc.jobs.Node something that can change: a table, the upvalues of a function, memory
---@field object table|function|ffi.cdata*
---@field place oc.jobs.Place
---@field before table|string
---@field members? fun(object: table): table of a table: what is compared

--- Tables of Lua's and of oc's own, and what is compared by itself.
local function library_tables()
  local found = { [_G] = true }
  for name, value in next, package.loaded do
    if own.is_module(name) and type(value) == "table" then found[value] = true end
  end
  return found
end

local State = {}
State.__index = State

local function refuse(place, message, hint)
  local info = debug.getinfo(place.callback, "S")
  errors.raise_at({ source = info.source, currentline = info.linedefined },
    ("'%s' %s"):format(place.name, message), { hint = hint, token = place.name })
end

local HIDDEN = ", whose state cannot be compared: with --jobs it cannot be divided"
local KEEP = "keep what it counts in aggregates"

-- What differs in each process, or is shared by all in a way that cannot be merged.
function State:_refuse_foreign(value, kind, place)
  if kind == "thread" then
    refuse(place, "is a coroutine that this callback reaches" .. HIDDEN, KEEP)
  elseif io.type(value) then
    if value == io.stdout or value == io.stderr then return end
    refuse(place, "is a file that this callback reaches: with --jobs all workers write to it",
      "print, which is put in order; or write to it behind trace:run()")
  elseif kind == "userdata" then
    refuse(place, "is a userdata that this callback reaches" .. HIDDEN, KEEP)
  elseif value == math.random or value == math.randomseed then
    refuse(place, "gives other numbers in each worker: with --jobs the answer would be another",
      "choose by what the event says, as in e.time % 100")
  elseif kind == "function" and self._refused[value] then
    refuse(place, "tells or changes what only one worker would know: with --jobs it cannot be "
      .. "divided", "leave out --jobs")
  elseif kind == "function" and debug.getinfo(value, "S").what == "C"
      and not self._c_functions[value] then
    refuse(place, "is an iterator or a wrapped coroutine that this callback reaches" .. HIDDEN,
      KEEP)
  end
end

function State:_add(node) self._nodes[#self._nodes + 1] = node end

local function members_of(object)
  local members = {}
  for key, member in next, object do members[key] = member end
  return members
end

--- Fields of an object of oc's that a script may have added: the object's own begin with "_".
local function public_members(object)
  local members = {}
  for key, member in next, object do
    if type(key) ~= "string" or key:sub(1, 1) ~= "_" then members[key] = member end
  end
  return members
end

function State:_visit(value, place)
  local kind = type(value)
  if kind == "nil" or kind == "boolean" or kind == "number" or kind == "string" then return end
  if self._libraries[value] or self._seen[value] then return end
  self:_refuse_foreign(value, kind, place)
  self._seen[value] = true
  if kind == "function" then return self:_visit_function(value, place) end
  if kind == "cdata" then return self:_visit_cdata(value, place) end
  if kind ~= "table" then return end
  if own.is_object(value) or self._aggregates[value] then
    if own.is_trace(value) then self.traces[#self.traces + 1] = value end
    return self:_add { object = value, place = place, before = public_members(value),
      members = public_members }
  end
  self:_visit_table(value, place)
end

function State:_visit_table(value, place)
  local before = members_of(value)
  self:_add { object = value, place = place, before = before, members = members_of }
  for key, member in next, before do
    self:_visit(key, place)
    self:_visit(member, place)
  end
  local meta = debug.getmetatable(value)
  if meta then self:_visit(meta, place) end
end

function State:_visit_cdata(value, place)
  local bytes = own.bytes_of(value)
  if not bytes then
    refuse(place, "is memory outside of Lua that this callback reaches" .. HIDDEN, KEEP)
  elseif bytes ~= "" then
    self:_add { object = value, place = place, before = bytes }
  end
end

local function upvalues_of(fn)
  local values, names, i = {}, {}, 1
  while true do
    local name, value = debug.getupvalue(fn, i)
    if not name then break end
    names[i], values[i] = name, value
    i = i + 1
  end
  values.n = i - 1
  return values, names
end

--- What oc's own functions keep is oc's; what they call of a script's is the script's.
function State:_visit_own(fn, place)
  local values = upvalues_of(fn)
  for i = 1, values.n do
    local value = values[i]
    if type(value) == "function" and debug.getinfo(value, "S").what ~= "C"
        and not own.is_function(value) then
      self:_visit(value, { name = place.name, callback = value })
    end
  end
end

function State:_visit_function(fn, place)
  if debug.getinfo(fn, "S").what == "C" then return end
  if own.is_function(fn) then return self:_visit_own(fn, place) end
  local callback = place.callback
  if own.is_generated(callback) and callback ~= fn then  -- of a short verb: no line of a script's
    callback = fn
    place = { name = place.name, callback = fn }
  end
  local before, names = upvalues_of(fn)
  self:_add { object = fn, place = place, before = before, names = names }
  for at, name in ipairs(names) do
    self:_visit(before[at], { name = name, callback = callback })
  end
  local environment = debug.getfenv(fn)
  if environment ~= _G then self:_visit_globals(environment, callback) end
end

--- Globals that are not Lua's own, or those of a chunk with an environment of its own.
function State:_visit_globals(environment, callback)
  if self._environments[environment] then return end
  self._environments[environment] = true
  local before = members_of(environment)
  self:_add { object = environment, before = before, members = members_of,
    place = { name = "_G", callback = callback, is_global = true } }
  local names = {}
  for name in next, before do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = before[name]
    if value ~= environment then
      self:_visit(value, { name = name, callback = callback, is_global = true })
    end
  end
  local meta = debug.getmetatable(environment)
  if meta then
    self:_visit(meta, { name = "_G", callback = callback, is_global = true })
  end
end

--- What a script added to Lua's libraries, and its own modules.
function State:_visit_libraries(callback)
  for name, library in pairs(own.libraries()) do
    local place = { name = name, callback = callback, is_global = true }
    self:_add { object = library, place = place, before = members_of(library),
      members = members_of }
    for _, member in next, library do
      if type(member) == "function" and debug.getinfo(member, "S").what ~= "C" then
        self:_visit(member, place)
      end
    end
  end
  for name, module in next, package.loaded do
    if not own.is_module(name) then
      self:_visit(module, { name = tostring(name), callback = callback, is_global = true })
    end
  end
end

--- Notes all that these functions reach. Raises where it can already be told that it cannot be
--- divided.
---@param callbacks function[]
---@param refused table<function, true> those that no callback may call (guard.lua)
---@return { aggregates: oc.Aggregate[], traces: oc.Trace[] }
function M.note(callbacks, refused)
  local self = setmetatable({ aggregates = own.aggregates(), traces = {}, _nodes = {}, _seen = {},
    _aggregates = {}, _environments = {}, _refused = refused,
    _c_functions = own.c_functions(),
    _libraries = library_tables() }, State)
  for _, aggregate in ipairs(self.aggregates) do self._aggregates[aggregate] = true end
  for _, fn in ipairs(callbacks) do self:_visit(fn, { name = "?", callback = fn }) end
  if callbacks[1] then
    self:_visit_globals(_G, callbacks[1])
    self:_visit_libraries(callbacks[1])
  end
  return self
end

local function same(a, b)
  if rawequal(a, b) or (a ~= a and b ~= b) then return true end
  if type(a) ~= "cdata" or type(b) ~= "cdata" then return false end
  local ok, is_equal = pcall(function() return a == b end)
  return ok and is_equal
end

--- The key of a table that changed, and whether it did.
local function changed_key(node)
  local before, now = node.before, node.members(node.object)
  for key, value in next, before do
    if not same(now[key], value) then return key, true end
  end
  for key in next, now do
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

--- What it is called that changed in a node; nil: nothing did.
local function changed_name(node)
  local kind = type(node.object)
  if kind == "function" then
    local at = changed_upvalue(node.object, node.before)
    return at and node.names[at]
  elseif kind == "cdata" then
    return own.bytes_of(node.object) ~= node.before and node.place.name or nil
  end
  local key, is_changed = changed_key(node)
  if is_changed then return node.place.name == "_G" and tostring(key) or node.place.name end
end

local SCRATCH = "keep what belongs to one trace in trace:scratch(), what is counted in aggregates"
local CUT = "a slice may begin between the events of a pair; cut by traces instead, as in -i a -i b"

--- The first change there is, as the fields of an error; nil when all is as it was.
---@param scratch table<table, true> tables that belong to one input
---@param is_sliced boolean the parts are slices of one input
---@return { chunk: string, line: integer, message: string, hint: string, token: string }?
function State:change(scratch, is_sliced)
  for _, node in ipairs(self._nodes) do
    local place, is_kept = node.place, not is_sliced and scratch[node.object]
    local name = not is_kept and changed_name(node)
    if name then
      local info = debug.getinfo(place.callback, "S")
      local is_table = type(node.object) == "table" and place.name ~= "_G"
      return { chunk = info.source, line = info.linedefined, token = name,
        message = ("'%s'%s is changed by this callback: with --jobs each worker has its own")
          :format(name, place.is_global and " (a global)" or ""),
        hint = scratch[node.object] and CUT or is_table and SCRATCH
          or "use oc.counter, oc.sum or another aggregate" }
    end
  end
end

return M
