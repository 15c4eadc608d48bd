--- What `trace:on` registers: kinds found by name, a call for each, and the handle that changes it.

local C = require "oc.abi"
local ask = require "oc.ask"
local canonical = require "oc.canonical"
local changes = require "oc.changes"
local errors = require "oc.errors"
local filter = require "oc.filter"
local handles = require "oc.handle"
local foreign = require "oc.foreign"
local kinds = require "oc.kinds"
local nearest = require "oc.nearest"
local proxies = require "oc.proxy"
local sessions = require "oc.session"
local settings = require "oc.settings"
local view = require "oc.view"

local NOT_FOUND = 1  -- oc_error.code

local M = {}

--- True when the kernel is asked for what some processes or threads do: the command, -p, -t.
local function is_of_tasks(self)
  if self._path or self._source then return false end
  local asked, command = self._asked, settings.run.command
  return asked.pid or asked.tid or not asked.all and command and #command > 0
end

function M.check_tasks(self, tasks)
  if tasks == nil then return end
  if tasks ~= "all" then
    errors.misuse(("trace:on: tasks cannot be '%s'"):format(tasks), { token = tasks,
      hint = 'it is "all", or left out: those that -p, -t, --comm and the command choose' })
  elseif self._loop then
    errors.misuse("callbacks of all tasks are registered before the trace starts",
      { token = "tasks" })
  end
end

--- Live, of chosen processes, the kernel then has to give the events of everybody.
local function take_all_tasks(self, handler)
  handler.takes_all = true
  C.oc_session_want_of_everyone(self._session, handler.number)
  if is_of_tasks(self) then C.oc_session_target(self._session, "here", "") end
  if not self._path and not self._source then ask.say_unseen(self._asked, true) end
end

--- The kinds that `name` means, with the canonical event's name when it adds fields of its own.
local function find_kinds(self, name, is_optional)
  local proxy = self._proxies[name]
  if proxy then return proxies.kinds(proxy, function(from) return M.kinds_of(self, from) end) end
  local frequency, period = self._asked.frequency, self._asked.period
  if canonical.is(name) then
    return canonical.resolve(self._session, name, {
      live = self._path == nil, path = self._path, frequency = frequency, period = period,
      optional = is_optional,
    }), name
  end
  local found = {}
  local wanted = { frequency = frequency, optional = is_optional }
  for i, number in ipairs(kinds.resolve(self._session, name, wanted)) do
    found[i] = kinds.read(self._session, number)
  end
  return found, ""
end

--- Events of this machine, as far as this user may see them; empty where it is not known.
local function events_here()
  local ok, names = pcall(function() return sessions.event_names(sessions.new(), "*") end)
  return ok and names or {}
end

--- What to say of a name that nothing has, here or anywhere: how to record it would be no advice.
--- Nil: it may be an event of another machine, or one that is written otherwise (cpu/event=0x3c/).
local function hint_of_unknown(self, name)
  local plain = name:gsub(":[ukhGHIpPSDWe]+$", "")
  if canonical.is(plain) or not plain:find("^[%a_][%w_-]*:?[%w_-]*$") or plain:find("^r%x+$") then
    return nil
  end
  local known, full, here = {}, {}, events_here()
  for _, list in ipairs { self._path and sessions.event_names(self._session, "*") or {}, here } do
    for _, each in ipairs(list) do
      if each == plain then return nil end
      local part = not plain:find(":", 1, true) and each:match(":([^:]+)$") or each
      if not full[part] then known[#known + 1] = part end
      full[part] = full[part] or each
    end
  end
  local near = nearest.find(plain, canonical.names)
  for _, part in ipairs(#near == 0 and nearest.find(plain, known) or {}) do
    near[#near + 1] = full[part]
  end
  -- Tracepoints of another machine have a group; what has none and is not known here is no event.
  local is_nothing = self._path and #here > 0 and not plain:find(":", 1, true)
  return foreign.event(name) or nearest.ask(near)
    or is_nothing and "nothing is called so: oc list events shows what can be asked for" or nil
end

--- How to record what a trace lacks is told as this run wants it: for a scenario, with stacks.
local function with_needs(self, name, ok, ...)
  if ok then return ... end
  local err = ...
  local hint = type(err) == "table" and err.hint
  local is_unknown = name and type(err) == "table" and err.code == NOT_FOUND
    and not (hint and hint:find("^did you mean"))
  local better = is_unknown and hint_of_unknown(self, name)
  if better then
    err.hint, hint = better, nil
  end
  if hint and hint:find("^record it with: oc record ") then
    local stacks = self._asked.stacks
    if self._scenario then
      err.hint = ("record it with: oc record -a --scenario %s -o FILE"):format(self._scenario)
    elseif stacks and stacks ~= "none" then
      err.hint = hint:gsub("oc record ", stacks == "dwarf" and "oc record --call-graph dwarf "
        or "oc record -g ", 1)
    end
  end
  error(err, 0)
end

--- Whether a name means something here.
---@param name string
---@return boolean
function M.has(self, name)
  local ok, found = pcall(find_kinds, self, name)
  return ok and #found > 0
end

--- The kinds that a name means here, and the canonical name, if it is one.
function M.kinds_of(self, name, is_optional)
  return with_needs(self, not is_optional and name, pcall(find_kinds, self, name, is_optional))
end

local function view_of(self, kind, name)
  local key = kind.number .. ":" .. kind.name .. ":" .. (kind.aliases and name or "")
  if not self._views[key] then self._views[key] = view.new(kind, self._runtime) end
  return self._views[key]
end

local function handler_of(self, kind)
  local number = kind.number
  local handler = self._by_kind[number]
  if not handler then
    handler = { number = number, name = kind.name, calls = {}, all = {} }
    self._by_kind[number] = handler
    local list = proxies.is_proxied(handler) and self._proxied or self._handlers
    list[#list + 1] = handler
  end
  return handler
end

---@class oc.Registered what trace:on was called with, and what came of it
---@field name string
---@field fn fun(e: oc.Event)
---@field options table
---@field is_on boolean
---@field bound { handler: oc.Handler, call: oc.Call }[]

--- An event may be wanted under several names (`cswitch` and `sched:*`): one handler a kind; each
--- callback gets the view of the name that it asked for, and each event once.
local function bind(self, entry)
  local fn, options = entry.fn, entry.options
  local found, canonical_name = M.kinds_of(self, entry.name, options.optional)
  local where = proxies.where(self._proxies, entry.name)
  local bound = {}
  for _, choice in ipairs(filter.bind(self, found, entry.name, options.filter)) do
    local kind = choice.kind
    local handler, takes_all = handler_of(self, kind), options.tasks == "all" and not kind.proxy
    bound[#bound + 1] = { handler = handler, call = {
      fn = fn, given = fn, where = where, view = view_of(self, kind, canonical_name),
      filter = choice.filter, is_on = entry.is_on, handler = handler, takes_all = takes_all } }
    if takes_all then take_all_tasks(self, handler) end
    local info = debug.getinfo(fn, "S")
    local declared = errors.file_of(info.source) .. ":" .. info.linedefined
    if not kind.proxy then C.oc_session_describe(self._session, kind.number, declared) end
  end
  return bound
end

--- Puts the calls of an entry where those were that it had before, and tells whom it concerns.
local function place(self, entry, bound)
  local before, concerned, is_listed = {}, {}, {}
  local function concern(handler)
    if not is_listed[handler] then concerned[#concerned + 1] = handler end
    is_listed[handler] = true
  end
  for _, old in ipairs(entry.bound or {}) do before[old.handler] = old.call end
  for _, new in ipairs(bound) do
    local all, at = new.handler.all, #new.handler.all + 1
    for i, call in ipairs(all) do
      if call == before[new.handler] then at = i end
    end
    all[at], before[new.handler] = new.call, nil
    concern(new.handler)
  end
  for handler, call in pairs(before) do
    for i = #handler.all, 1, -1 do
      if handler.all[i] == call then table.remove(handler.all, i) end
    end
    concern(handler)
  end
  entry.bound = bound
  changes.tell(self, concerned)
end

--- Registers an entry; when the kernel refuses what a running trace is to add, nothing has changed.
function M.register(self, entry)
  local ok, err = pcall(place, self, entry, bind(self, entry))
  if ok then return end
  pcall(place, self, entry, {})
  error(err, 0)
end

function M.check_not_over(self, what)
  if self._is_over then errors.misuse("the run is over", { token = what }) end
end

--- What a handle does: switches its callback, or gives it another filter.
function M.handle(self, entry)
  local data = { name = entry.name, text = entry.options.filter, is_on = true }
  function data.switch(is_on)
    if is_on == data.is_on then return end
    if is_on then M.check_not_over(self, "on") end
    local handlers = {}
    for i, each in ipairs(entry.bound) do
      handlers[i], each.call.is_on = each.handler, is_on
    end
    data.is_on, entry.is_on = is_on, is_on
    changes.tell(self, handlers)
  end
  function data.refilter(text)
    M.check_not_over(self, "filter")
    local before = entry.options
    entry.options = {}
    for key, value in pairs(before) do entry.options[key] = value end
    entry.options.filter = text
    local ok, err = pcall(function() place(self, entry, bind(self, entry)) end)
    if not ok then
      entry.options = before
      error(err, 0)
    end
    data.text = text
  end
  return handles.of_event(data)
end

return M
