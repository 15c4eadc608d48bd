--- Scenarios: a name for the events that answer a question, and how they become samples and spans.
--
--     oc.scenario { name = "block_io", summary = "How long block requests take",
--       events = { "block:block_rq_issue", "block:block_rq_complete" },
--       span = { from = "block:block_rq_issue", to = "block:block_rq_complete",
--                key = { "dev", "sector" }, min = "100us" } }
--     trace:use "block_io"

local errors = require "oc.errors"
local nearest = require "oc.nearest"
local timeline = require "oc.timeline"
local units = require "oc.units"

local M = {}

local declared = {}
local places = {}  -- by scenario: where a script declared it, as debug.getinfo says
local made = {}  -- by scenario: the kinds of the samples that it added, in the run at hand
local BUILT_IN = { "block_io", "cpu", "locks", "off_cpu", "page_faults", "run_queue", "syscalls" }

local known = { name = "string", summary = "string", events = "table", stacks = "string",
  by = "string",
  span = "table", setup = "function", optional = "table", makes_spans = "boolean",
  returns = "boolean", everyone = "boolean" }
local known_span = { from = "string or table", to = "string or table", middle = "table",
  key = "table", min = "string or number", name = "string or function", limit = "number" }
local known_end = { event = "string", key = "table", where = "function", name = "function" }
local MOST_KEYS = 4

---@class oc.Scenario
---@field name string
---@field summary? string
---@field events string[] what `oc record --scenario` records
---@field optional? string[] of these, those that are used where they can be had
---@field stacks? string "fp": its samples want stacks
---@field returns? boolean oc record records when threads run again, too: SWITCH records
---@field everyone? boolean and of chosen processes who wakes their threads: all have to be traced
---@field by? string how oc report groups them unless told otherwise
---@field span? table from, to, key, middle, min, name, limit
---@field makes_spans? boolean `setup` does, so that a format without spans is told beforehand
---@field setup? fun(trace: oc.Trace, add: fun(sample: table), span: fun(span: table)): oc.Timeline?
---  what its timeline could not pair is told at the end

local function check(given, allowed, what)
  local names = {}
  for name in pairs(allowed) do names[#names + 1] = name end
  table.sort(names)
  for name, value in pairs(given) do
    local wanted = allowed[name]
    if not wanted then
      errors.misuse(("%s has no '%s'"):format(what, tostring(name)), { token = tostring(name),
        hint = nearest.hint(tostring(name), names) or "there are: " .. table.concat(names, ", ") })
    elseif not wanted:find(type(value), 1, true) then
      errors.misuse(("%s: '%s' wants a %s"):format(what, name, wanted), { token = tostring(name) })
    end
  end
end

local function check_key(key, what)
  if #key < 1 or #key > MOST_KEYS then
    errors.misuse(("%s: a key has one to %d fields"):format(what, MOST_KEYS), { token = "key" })
  end
end

--- One end of a span as a table; its key is the span's, unless it says its own.
local function end_of(span, which, what)
  local given = span[which]
  if given == nil then
    errors.misuse(("%s: a span wants from and to"):format(what), { token = "span" })
  end
  local at = type(given) == "string" and { event = given } or given
  check(at, known_end, what .. ": span." .. which)
  local key = at.key or span.key or { "tid" }
  check_key(key, what)
  return { event = at.event, key = key, where = at.where, name = at.name }
end

local function check_middles(span, what)
  for i, middle in ipairs(span.middle or {}) do
    local at = type(middle) == "string" and { event = middle } or middle
    if type(at) ~= "table" or type(at.event) ~= "string" then
      errors.misuse(("%s: span.middle[%d] wants an event"):format(what, i), { token = "middle",
        hint = 'as in middle = { "block:block_rq_issue" }, or { { event = … } }' })
    end
    check(at, known_end, ("%s: span.middle[%d]"):format(what, i))
    if at.key then check_key(at.key, what) end
  end
end

local function file_of(place) return place and place.source:match("^@(.*)") end

--- Two of one name would be told apart by nobody. A file, or a line, that is run again says it
--- anew.
local function check_new(name, place)
  for _, built_in in ipairs(BUILT_IN) do
    if built_in == name then
      errors.misuse(("there is a scenario '%s' already: it is built in"):format(name),
        { token = name })
    end
  end
  local other, file = file_of(places[name]), file_of(place)
  if other and file and other ~= file then
    errors.misuse(("there is a scenario '%s' already: %s:%d declares it"):format(name, other,
      places[name].currentline), { token = name })
  end
end

local function enter(given)
  if type(given) ~= "table" or type(given.name) ~= "string" then
    errors.misuse("oc.scenario wants { name = …, events = { … } }", { token = "scenario" })
  end
  local what = ("scenario '%s'"):format(given.name)
  check(given, known, what)
  if not given.events or #given.events == 0 then
    errors.misuse(what .. " has no events", { token = given.name })
  end
  if given.span then
    check(given.span, known_span, what)
    end_of(given.span, "from", what)
    end_of(given.span, "to", what)
    check_middles(given.span, what)
  end
  declared[given.name] = given
end

--- Declares a scenario: `trace:use`, `oc record --scenario` and `oc list scenarios` know it then.
---@param given oc.Scenario
function M.declare(given)
  local place = errors.script_line()
  if type(given) == "table" and type(given.name) == "string" then check_new(given.name, place) end
  enter(given)
  places[given.name] = place
end

local function load_built_in(name)
  for _, built_in in ipairs(BUILT_IN) do
    if built_in == name and not declared[name] then
      enter(require("oc.scenarios." .. name))
    end
  end
end

--- All of them, by name.
---@return oc.Scenario[]
function M.all()
  for _, name in ipairs(BUILT_IN) do load_built_in(name) end
  local list = {}
  for _, scenario in pairs(declared) do list[#list + 1] = scenario end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

--- The scenario of this name; nil and a hint when there is none.
---@return oc.Scenario?
---@return string? hint
function M.find(name)
  load_built_in(name)
  if declared[name] then return declared[name] end
  local names = {}
  for i, scenario in ipairs(M.all()) do names[i] = scenario.name end
  return nil, nearest.hint(name, names) or "there are: " .. table.concat(names, ", ")
end

--- What the samples of a scenario are called: as it called them when it was used, else by its name;
--- of one that makes none they are its events.
---@param name string of one that there is
---@return string[]
function M.kinds(name)
  local events, kinds = M.events_of(name), made[name]
  if events then return { unpack(events) } end
  return kinds and kinds[1] and { unpack(kinds) } or { name }
end

--- The events of a scenario whose samples they are; nil of others, and where there is none.
---@param name any
---@return string[]?
function M.events_of(name)
  if type(name) ~= "string" then return nil end
  load_built_in(name)
  local scenario = declared[name]
  local is_plain = scenario and not scenario.span and not scenario.setup
  return is_plain and scenario.events or nil
end

-- Using one ------------------------------------------------------------------------------------

local OF_PAYLOAD = "^args%.(.+)$"  -- a field that a common name hides, as in e.args.pid

--- A function that makes the key of an event: fields by their names, of the payload or common.
local function key_reader(fields)
  local a, b, c, d = fields[1], fields[2], fields[3], fields[4]
  local key = timeline.key
  local function value(e, name)
    local own = name:match(OF_PAYLOAD)
    local found
    if own then found = e.args[own] else found = e:get(name) end
    if found == nil then found = e[name] end  -- raises, with the nearest names
    if type(found) == "cdata" then return tostring(found) end
    return found
  end
  if not b then return function(e) return value(e, a) end end
  return function(e)
    return key(value(e, a), value(e, b), c and value(e, c), d and value(e, d))
  end
end

--- A key that an event does not have is told before the first event, where the scenario was
--- declared.
local function check_fields(trace, scenario, at)
  local view_fields = require "oc.view_fields"
  for _, kind in ipairs((require("oc.registering").kinds_of(trace, at.event))) do
    for _, field in ipairs(at.key) do
      local own = field:match(OF_PAYLOAD)
      if not view_fields.has(kind, own or field, own ~= nil) then
        local _, err = pcall(view_fields.missing, kind, own or field)
        local message = ("scenario '%s': key: %s"):format(scenario.name, errors.make(err).message)
        local options = { token = field, hint = errors.make(err).hint }
        if places[scenario.name] then errors.raise_at(places[scenario.name], message, options) end
        errors.misuse(message, options)
      end
    end
  end
end

local function least_of(span, what)
  local min = span.min
  local ns = type(min) == "string" and units.parse_duration(min) or min or 0
  if type(ns) ~= "number" then
    errors.misuse(("%s: '%s' is no duration"):format(what, tostring(min)), { token = "min" })
  end
  return ns
end

--- Children: from each middle event to the next one, or to the end.
local function add_children(add_span, parent, middles, finish, whose)
  for i, middle in ipairs(middles or {}) do
    local next_one = middles[i + 1]
    add_span { kind = whose.kind, name = middle.name, start = middle.time,
      finish = next_one and next_one.time or finish, parent = parent, pid = whose.pid,
      tid = whose.tid, comm = whose.comm }
  end
end

local function use_span(trace, scenario, add, add_span)
  local what = ("scenario '%s'"):format(scenario.name)
  local span, line = scenario.span, timeline.new(scenario.span.limit)
  local function on(at, fn)
    trace:on(at.event, fn)
    check_fields(trace, scenario, at)
  end
  local from, to = end_of(span, "from", what), end_of(span, "to", what)
  local from_key, to_key = key_reader(from.key), key_reader(to.key)
  local least = least_of(span, what)
  local name_of = from.name or (type(span.name) == "function" and span.name)
  local fixed = type(span.name) == "string" and span.name or scenario.name
  on(from, function(e)
    if from.where and not from.where(e) then return end
    line:start(from_key(e), e.time, { pid = e.pid, tid = e.tid, comm = e.comm, cpu = e.cpu,
      name = name_of and name_of(e) or fixed, stack = e:get "stack" })
  end)
  for _, given in ipairs(span.middle or {}) do
    local middle = type(given) == "string" and { event = given } or given
    local at = { event = middle.event, key = middle.key or from.key }
    local key = key_reader(at.key)
    on(at, function(e)
      if middle.where and not middle.where(e) then return end
      line:middle(key(e), e.time, middle.name and middle.name(e) or e.event)
    end)
  end
  on(to, function(e)
    if to.where and not to.where(e) then return end
    local began, start, middles = line:finish(to_key(e))
    if not began or e.time - began < least then return end
    local took = e.time - began
    add { kind = scenario.name, type = "duration", time = e.time, value = took, pid = start.pid,
      tid = start.tid, comm = start.comm, cpu = start.cpu, stack = start.stack,
      attributes = name_of and { name = start.name } or nil }
    local id = add_span { kind = scenario.name, name = start.name, start = began, finish = e.time,
      pid = start.pid, tid = start.tid, comm = start.comm, cpu = start.cpu, stack = start.stack }
    start.kind = scenario.name
    add_children(add_span, id, middles, e.time, start)
  end)
  return line
end

--- What pairing could not use is told, once, at the end. Where records were lost, that is all that
--- was open: else the end of one would be paired with the beginning of another.
local function watch(trace, scenario, line)
  trace:on("lost", function() line:lose() end)
  trace:at_end(function()
    local words = line:unmatched()
    if words then trace:machine():note(("%s: %s"):format(scenario.name, words)) end
  end)
end

--- Those of `...` that are not in `used` yet, and puts them there. Unknown ones are an error.
---@param used table<string, boolean>
---@return string[]
function M.choose(used, ...)
  local names = {}
  for i = 1, select("#", ...) do
    local name = select(i, ...)
    local found, hint = M.find(name)
    if not found then
      errors.misuse(("there is no scenario '%s'"):format(tostring(name)),
        { token = tostring(name), hint = hint })
    end
    if not used[name] then names[#names + 1] = name end
    used[name] = true
  end
  return names
end

--- The stacks that one of them wants; nil: none does.
---@param names string[]
---@return string?
function M.stacks_of(names)
  for _, name in ipairs(names) do
    if M.find(name).stacks then return M.find(name).stacks end
  end
  return nil
end

--- Asks for events that are samples themselves: of the optional ones those that there are.
local function want_events(trace, scenario)
  local optional = {}
  for _, event in ipairs(scenario.optional or {}) do optional[event] = true end
  for _, event in ipairs(scenario.events) do
    trace:on(event, { optional = optional[event] }, function() end)
  end
end

--- Registers what a scenario needs; its samples and spans go into the trace's machine.
---@param trace oc.Trace
---@param name string
---@return oc.Scenario
function M.use(trace, name)
  local scenario, machine, kinds = M.find(name), nil, {}
  made[name] = kinds
  local function target()
    machine = machine or trace:machine()
    return machine
  end
  local function add(sample)
    target():add_sample(sample)
    if not kinds[sample.kind] then kinds[#kinds + 1], kinds[sample.kind] = sample.kind, true end
  end
  local function add_span(span) return target():add_span(span) end
  if scenario.span then
    watch(trace, scenario, use_span(trace, scenario, add, add_span))
  end
  if scenario.setup then
    local line = scenario.setup(trace, add, add_span)
    if line then watch(trace, scenario, line) end
  end
  if M.events_of(name) then want_events(trace, scenario) end
  return scenario
end

return M
