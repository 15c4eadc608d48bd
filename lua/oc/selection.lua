--- Which samples of a machine: filters as a table, told to the C face.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local frames = require "oc.frames"
local kinds = require "oc.kinds"
local machine_stacks = require "oc.machine_stacks"
local members = require "oc.members"
local nearest = require "oc.nearest"
local scenario = require "oc.scenario"
local time_window = require "oc.time_window"
local units = require "oc.units"
local view = require "oc.view"

local M = {}

---@class oc.SampleFilter texts may be globs, and lists of them
---@field kind? string|string[] an event, or a group such as "cpu"
---@field comm? string|string[] name of the thread itself
---@field task? string|string[] name of the thread, or of its process at that moment
---@field pid? number|number[]
---@field tid? number|number[]
---@field cpu? number|number[]
---@field symbol? string|string[] one of the frames is of such a function
---@field module? string|string[] one of the frames is of such a module
---@field cgroup? string|string[]
---@field attribute? table<string, string|number> all of these
---@field time? string|{ [1]: string|number?, [2]: string|number? } from, until: since the beginning
---@field where? fun(s: oc.SampleView): boolean

--- The keys of a filter; what else is in a table of options belongs to somebody else.
M.keys = { kind = true, comm = true, task = true, pid = true, tid = true, cpu = true, symbol = true,
  module = true, cgroup = true, attribute = true, time = true, where = true }
local listed = { "kind", "comm", "task", "pid", "tid", "cpu", "symbol", "module", "cgroup" }
local numeric = { pid = true, tid = true, cpu = true }

--- One value of a list: numbers may be texts, but texts are no numbers.
local function check_value(name, value)
  local its = type(value)
  if its == "string" or its == "number" and numeric[name] then return end
  errors.misuse(("samples: %s wants a %s, not a %s"):format(name,
    numeric[name] and "number" or "text", its), { token = name,
    hint = its == "function" and "a test of one's own is where = function(s) … end"
      or "as in " .. (numeric[name] and "{ pid = 12 }" or '{ comm = "sh" }') .. ", or a list" })
end

--- Raises what can choose nothing, whatever the samples are.
local function check_values(filter)
  for _, name in ipairs(listed) do
    local value = filter[name]
    if type(value) == "table" then
      if #value == 0 then
        errors.misuse(("samples: the list of %s has nothing in it"):format(name), { token = name,
          hint = "without it all are chosen; a list is { \"a\", \"b\" }" })
      end
      for _, one in ipairs(value) do check_value(name, one) end
    elseif value ~= nil then
      check_value(name, value)
    end
  end
  if filter.where ~= nil and type(filter.where) ~= "function" then
    errors.misuse(("samples: where wants a function of a sample, not a %s"):format(
      type(filter.where)), { token = "where",
        hint = "as in where = function(s) return s.cpu == 0 end" })
  end
end

--- Raises what is no key of a filter.
---@param filter oc.SampleFilter
---@param known? table<string, boolean> keys that are somebody else's
function M.check(filter, known)
  errors.want_table(filter, "samples", 'as in samples { comm = "bash" }')
  errors.want_table(filter.attribute, "attribute", 'as in attribute = { name = "value" }')
  for name in pairs(filter) do
    if not M.keys[name] and not (known and known[name]) then
      local names = {}
      for key in pairs(M.keys) do names[#names + 1] = key end
      for key in pairs(known or {}) do names[#names + 1] = key end
      table.sort(names)
      errors.misuse(("samples cannot be chosen by '%s'"):format(tostring(name)),
        { token = tostring(name), hint = nearest.hint(tostring(name), names)
          or "there are: " .. table.concat(names, ", ") })
    end
  end
  check_values(filter)
end

local function moment(value, otherwise)
  if value == nil then return otherwise end
  local ns = type(value) == "string" and units.parse_duration(value) or value
  if type(ns) ~= "number" then
    errors.misuse(("'%s' is no time"):format(tostring(value)),
      { token = tostring(value), hint = 'as in { "1s", "3s" }, since the trace began' })
  end
  return ns
end

--- From when to when: "1s,3s" as --time has it, or { from, to }.
local function stretch(machine, time)
  local from, to
  if type(time) == "string" then
    local window, problem = time_window.parse(time)
    local stats = window and machine:stats()
    if window then
      from, to = time_window.among_samples(window, stats.first or 0, stats.last or 0)
      problem = not from and ("'%s': %s"):format(time, to)
    end
    if problem then errors.misuse("samples: time: " .. problem, { token = "time" }) end
    return from, to + 1  -- both ends belong to it
  elseif type(time) ~= "table" then
    errors.misuse(("samples: time wants two times, not a %s"):format(type(time)),
      { token = "time", hint = 'as in "1s,3s", or { "1s", "3s" }' })
  end
  from, to = moment(time[1], -math.huge), moment(time[2], math.huge)
  if from > to then
    errors.misuse("samples: time ends before it begins", { token = "time",
      hint = 'from, until, as in { "1s", "3s" }' })
  end
  return from, to
end

local function choose(machine, raw, what, value)
  if C.oc_selection_choose(raw, what, tostring(value)) ~= 0 then machine._raise(machine) end
end

--- A scenario whose samples are events is a name of these, where no kind is called so.
local function choose_kind(machine, raw, name)
  local events = scenario.events_of(name)
  for _, kind in ipairs(events and machine:kinds() or {}) do
    if kind.name == name or kind.group == name then events = nil break end
  end
  for _, one in ipairs(events or { name }) do choose(machine, raw, "kind", one) end
end

--- The payload of the sample at hand; nil where it has none.
local function record_of(s)
  local machine = s._machine
  local trace = machine._owner
  local how = trace and trace._options and trace._options.machine
  if type(how) ~= "table" or not how.records then
    errors.misuse("samples have no records: nobody asked for them",
      { token = "record", hint = "as in oc.open { machine = { records = true } }" })
  end
  if C.oc_machine_record(machine._raw, s._raw.number, s._payload) == 0 then return nil end
  local number = s._payload.event
  local read = s._readers[number]
  if not read then
    read = view.payload_reader(kinds.read(trace._session, number), trace._runtime)
    s._readers[number] = read
  end
  return read(s._payload)
end

--- Names what samples lie in at once, when the first of them is asked.
local function name_places(s)
  if s._has_places then return end
  s._has_places = true
  machine_stacks.name_places(s._selection)
end

local function place_of(s)
  name_places(s)
  return machine_stacks.place(s._machine, s._raw)
end

---@class oc.SampleView a sample, as functions in queries get it; lent for the call
---@field time number
---@field value number
---@field kind string
---@field comm string
---@field pid integer
---@field tid integer
---@field cpu integer -1: not known
---@field process integer id of its process, as m:processes() has it; 0: not known
---@field stack oc.Stack? nil: it has none
---@field symbol string? the function of the stack's innermost frame, as by("symbol") has it
---@field module string? the file or other module of that
---@field ip oc.addr? where that frame lay in memory, if anybody knows
---@field cgroup string? path of the control group
---@field number number
---@field record table? the fields of the payload that was kept with it; lent for the call
local view_fields = {
  comm = function(s) return ffi.string(s._raw.comm.text, s._raw.comm.size_bytes) end,
  kind = function(s) return s._kinds[s._raw.kind] and s._kinds[s._raw.kind].name or "" end,
  attributes = function(s)
    return require("oc.machine").attributes(s._machine, s._raw.attributes) or {}
  end,
  time = function(s) return s._raw.time end,
  value = function(s) return s._raw.value end,
  pid = function(s) return s._raw.pid end,
  tid = function(s) return s._raw.tid end,
  cpu = function(s) return s._raw.cpu end,
  process = function(s) return s._raw.process end,
  number = function(s) return s._raw.number end,
  record = function(s) return record_of(s) end,
  stack = function(s) return machine_stacks.stack(s._machine, s._raw) end,
  symbol = function(s) return (place_of(s)) end,
  module = function(s) return (select(2, place_of(s))) end,
  ip = function(s)
    name_places(s)
    return machine_stacks.ip(s._machine, s._raw)
  end,
  cgroup = function(s) return machine_stacks.cgroup(s._machine, s._raw) end,
}

local view_type = { __index = function(s, name)
  local field = view_fields[name]
  if field then return field(s) end
  members.missing("a sample has", name, view_fields)
end }

--- Calls `fn(view)` for each sample of a finished selection.
---@param machine oc.Machine
---@param raw ffi.cdata*
---@param fn fun(s: oc.SampleView)
function M.each(machine, raw, fn)
  local CAPACITY = 16384  -- as oc_selection_next wants it
  local batch, cursor = ffi.new("oc_sample[?]", CAPACITY), ffi.new("double[1]")
  local stats = machine:stats()
  local finish = stats.dropped + stats.samples  -- what `fn` adds is not visited
  local sample = setmetatable({ _machine = machine, _selection = raw, _has_places = false,
    _kinds = machine:kinds(), _readers = {},
    _payload = ffi.new("oc_event") }, view_type)
  while true do
    local count = C.oc_selection_next(raw, cursor, finish, batch)
    if count == 0 then return end
    for i = 0, count - 1 do
      sample._raw = batch[i]
      fn(sample)
    end
  end
end

--- Of a test written in Lua: a byte for each sample of the machine.
local function keep(machine, raw, where)
  local stats = machine:stats()
  local bytes = ffi.new("uint8_t[?]", math.max(stats.samples, 1))
  M.each(machine, raw, function(s)
    local index = s.number - stats.dropped
    if where(s) and index >= 0 and index < stats.samples then bytes[index] = 1 end
  end)
  C.oc_selection_keep(raw, bytes, stats.samples)
end

--- The kinds of the samples of a finished selection, those with the most first.
---@param machine oc.Machine
---@param raw ffi.cdata*
---@return string[]
function M.kinds(machine, raw)
  if #machine:kinds() < 2 then return {} end
  local names, query = {}, ffi.gc(C.oc_query_new(raw), C.oc_query_close)
  if C.oc_query_by(query, "kind", 0) ~= 0 then machine._raise(machine) end
  local count, size = C.oc_query_run(query, 1), ffi.new("size_t[1]")
  for row = 0, count - 1 do
    local words = C.oc_query_text(query, row, 0, size)
    names[row + 1] = ffi.string(words, size[0])
  end
  return names
end

--- A filter that lets one kind through.
---@param filter oc.SampleFilter
---@param kind string
function M.of_kind(filter, kind)
  local copy = {}
  for name, value in pairs(filter or {}) do copy[name] = value end
  copy.kind = kind
  return copy
end

local told = setmetatable({}, { __mode = "k" })

--- Says once of a machine that values of several kinds are added.
---@param machine oc.Machine
---@param names string[]
function M.tell_mixed(machine, names)
  if told[machine] then return end
  told[machine] = true
  local how = "choose one by kind = …, or :by(\"kind\")"
  io.stderr:write(("oc: samples of %d kinds are added: %s; %s\n"):format(#names,
    table.concat(names, ", "), how))
end

--- Before anything asks for the names of functions: a script may have some.
---@param machine oc.Machine
function M.tell_names(machine)
  local trace = machine._owner
  local session = trace and trace._session
  if session then frames.tell_names(session) end
end

local function finish(machine, raw)
  if C.oc_selection_finish(raw) ~= 0 then machine._raise(machine) end
end

--- A finished selection; the machine is kept as long as it is.
---@param machine oc.Machine
---@param filter? oc.SampleFilter
---@param known? table<string, boolean> keys that are somebody else's
---@return ffi.cdata*
function M.make(machine, filter, known)
  filter = filter or {}
  M.check(filter, known)
  M.tell_names(machine)
  local raw = ffi.gc(C.oc_selection_new(machine._raw), C.oc_selection_close)
  for _, what in ipairs(listed) do
    local value = filter[what]
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      if what == "kind" then choose_kind(machine, raw, one) else choose(machine, raw, what, one) end
    end
  end
  for name, value in pairs(filter.attribute or {}) do
    choose(machine, raw, "attribute", name .. "=" .. tostring(value))
  end
  if filter.time ~= nil then C.oc_selection_time(raw, stretch(machine, filter.time)) end
  finish(machine, raw)
  if filter.where then
    keep(machine, raw, filter.where)
    finish(machine, raw)
  end
  return raw
end

return M
