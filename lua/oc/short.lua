--- The short verbs of `oc eval` and the REPL, over a trace that their owner has at hand.
--
--     local words = short.new { trace = …, machine = …, is_filled = … }
--     setfenv(chunk, words:environment())
--     chunk()                         -- count("sched:sched_switch", "comm")
--     words:show_due(true)            -- once the trace was run
--
-- What a verb registers is generated for its fields, so that the loop is the one that a script
-- written by hand would have:
--
--     sum("syscalls:sys_exit_read", "ret", "comm")
--         local aggregate = ...
--         return function(e) aggregate:add(e.ret, e.comm) end
--
-- An aggregate that is printed before it is full is printed when it is.

local aggregates = require "oc.aggregate"
local is_aggregate = require("oc.aggregate.core").is
local chunks = require "oc.chunk"
local errors = require "oc.errors"
local foreign = require "oc.foreign"
local nearest = require "oc.nearest"
local printing = require "oc.aggregate.show"
local short_handle = require "oc.short_handle"
local short_keys = require "oc.short_keys"
local short_lists = require "oc.short_lists"

local M = {}

--- How an aggregate of a verb is to be printed, and how a verb is called, by the value.
local printing_of = setmetatable({}, { __mode = "k" })
local name_of_verb = setmetatable({}, { __mode = "k" })

---@class oc.short.Owner who has the trace
---@field trace fun(): oc.Trace the trace at hand; callbacks can be added to it
---@field machine fun(): oc.Machine the machine of what the trace holds
---@field is_filled fun(): boolean whether aggregates hold something by now: the trace runs, or did;
---before, what is printed is kept for `show_due`
---@field use? fun(...: string) scenarios that the machine is to have; otherwise the trace's
---@field live? fun(value: any, period: any, options: any) shows a value again and again
---@field show? fun(value: any) shows one value that is no aggregate, with its line's end

---@class oc.short.Words
---@field verbs table<string, function>
local Words = {}
Words.__index = Words

-- Options ----------------------------------------------------------------------------------------

--- Of a verb itself; everything else is the aggregate's.
local verb_options = { filter = "string", names = "table", optional = "boolean" }
--- Of printing: kept until then.
local print_options = { top = true, percent = true, sort = true, stacks = true }

local function check_option(verb, name, value)
  local wanted = verb_options[name]
  if wanted and type(value) ~= wanted then
    errors.misuse(("%s: '%s' wants a %s, not a %s"):format(verb, name, wanted, type(value)),
      { token = name })
  end
  if wanted or print_options[name] then return end
  local known = {}
  for _, list in ipairs { verb_options, print_options } do
    for each in pairs(list) do known[#known + 1] = each end
  end
  local hint = nearest.hint(tostring(name), known)
  if hint then
    errors.misuse(("%s has no option '%s'"):format(verb, tostring(name)),
      { token = tostring(name), hint = hint })
  end
end

--- A verb's arguments apart: what is a table, behind the event, is options, wherever it stands.
---@return { of_verb: table, of_print: table, of_aggregate: table } options, any[] rest
local function take_options(verb, arguments)
  local options = { of_verb = {}, of_print = {}, of_aggregate = {} }
  local rest, count = {}, 0
  for i = 1, arguments.n do
    local value = arguments[i]
    if type(value) == "table" then
      for name, each in pairs(value) do
        check_option(verb, name, each)
        local whose = verb_options[name] and "of_verb" or print_options[name] and "of_print"
          or "of_aggregate"
        options[whose][name] = each
      end
    else
      count = count + 1
      rest[count] = value
    end
  end
  rest.n = count
  return options, rest
end

local function events_of(verb, event)
  local names = type(event) == "table" and event or { event }
  if #names == 0 then
    errors.misuse(("%s wants the name of an event first"):format(verb), { token = verb,
      hint = ('as in %s("sched:sched_switch", "comm")'):format(verb) })
  end
  for _, name in ipairs(names) do
    if type(name) ~= "string" then
      errors.misuse(("%s wants the name of an event first, not a %s"):format(verb, type(name)),
        { token = verb, hint = ('as in %s("sched:sched_switch", "comm")'):format(verb) })
    end
  end
  return names
end

-- Aggregates -------------------------------------------------------------------------------------

local DEFAULT_TOP = 10

--- Which constructor of `oc` a verb stands for, and whether a value, or a number of rows, comes
--- before the keys.
local kinds = {
  count = { make = "counter" },
  sum = { make = "sum", has_value = true },
  stats = { make = "stats", has_value = true },
  hist = { make = "histogram", has_value = true },
  quantiles = { make = "quantiles", has_value = true },
  topk = { make = "topk", has_top = true },
}

--- "hist of ret by comm: syscalls:sys_exit_read", above the table where there are several.
local function title_of(verb, names, value, columns)
  local of = value and " of " .. (type(value) == "string" and value or "a function") or ""
  local by = #columns > 0 and " by " .. table.concat(columns, ", ") or ""
  return verb .. of .. by .. ": " .. table.concat(names, ", ")
end

--- Printing waits until there is something to print.
local function defer_printing(self, made)
  local print_now = made.aggregate.print
  rawset(made.aggregate, "print", function(aggregate, options)
    if self._owner.is_filled() then
      made.is_shown = true
      return print_now(aggregate, options or made.of_print)
    end
    if options then printing.check(aggregate, options) end
    made.due = options or made.of_print
    self._due[#self._due + 1] = made
  end)
end

local function new_aggregate(self, verb, event, ...)
  local kind, names = kinds[verb], events_of(verb, event)
  local options, rest = take_options(verb, { n = select("#", ...), ... })
  local value, first = nil, 1
  if kind.has_value then
    value, first = rest[1], 2
    if value == nil then
      errors.misuse(verb .. " wants a value behind the event: a field's name or a function",
        { token = verb, hint = ('as in %s("syscalls:sys_exit_read", "ret")'):format(verb) })
    end
  end
  local top = options.of_print.top or DEFAULT_TOP
  if kind.has_top and type(rest[1]) == "number" then top, first = rest[1], 2 end
  local trace = self._owner.trace()
  if trace._queue:is_in_callbacks() then
    errors.misuse(verb .. " asks of all events, and a callback is called for each",
      { token = verb, hint = "say it outside of the callback; an aggregate is filled inside" })
  end
  local keys = { unpack(rest, first, rest.n) }
  local plan = short_keys.plan(trace, verb, names, { value = value, keys = keys,
    count = rest.n - first + 1, names = options.of_verb.names })
  local arguments = { unpack(plan.columns) }
  if kind.has_top then table.insert(arguments, 1, top) end
  arguments[#arguments + 1] = options.of_aggregate
  local aggregate = aggregates[kind.make](unpack(arguments))
  printing.check(aggregate, options.of_print)
  local callback = short_keys.compile(plan, aggregate, aggregate._kind.method)
  local of_callbacks = {}
  for _, name in ipairs(names) do
    of_callbacks[#of_callbacks + 1] = trace:on(name,
      { filter = options.of_verb.filter, optional = options.of_verb.optional }, callback)
  end
  short_handle.add(aggregate, of_callbacks)
  local made = { aggregate = aggregate, of_print = options.of_print,
    title = options.of_aggregate.title or title_of(verb, names, value, plan.columns) }
  self._made[#self._made + 1] = made
  printing_of[aggregate] = made.of_print
  defer_printing(self, made)
  return aggregate
end

-- The verbs --------------------------------------------------------------------------------------

local function new_verbs(self)
  local owner, verbs = self._owner, {}

  for verb, kind in pairs(kinds) do
    if aggregates[kind.make] then
      verbs[verb] = function(event, ...) return new_aggregate(self, verb, event, ...) end
    end
  end

  function verbs.on(event, filter, fn)
    local options = filter
    if fn == nil then fn, options = filter, {} end
    if type(options) == "string" then options = { filter = options } end
    local handles = {}
    for i, name in ipairs(events_of("on", event)) do
      handles[i] = owner.trace():on(name, options, fn) or false
    end
    return handles[1] and #handles == 1 and handles[1] or nil
  end

  function verbs.every(period, fn) return owner.trace():every(period, fn) end
  function verbs.at_end(fn) return owner.trace():at_end(fn) end
  function verbs.use(...)
    if owner.use then return owner.use(...) end
    owner.trace():use(...)
  end
  function verbs.live(value, period, options)
    if owner.live then return owner.live(value, period, options) end
    owner.trace():live(value, period, options)
  end

  -- What can be told beforehand is told before the machine is filled: that may take an hour.
  function verbs.samples(filter)
    require("oc.selection").check(filter or {})
    return owner.machine():samples(filter)
  end
  function verbs.graph(options)
    require("oc.selection").check(options or {}, require("oc.graph").keys)
    return owner.machine():graph(options)
  end
  function verbs.processes(filter) return short_lists.processes(owner.machine(), filter) end
  function verbs.spans(filter) return short_lists.spans(owner.machine(), filter) end
  function verbs.export(path, options)
    require("oc.export").check_call(path, options)
    return owner.machine():export(path, options)
  end

  function verbs.print(...) self:print(...) end
  function verbs.help(x) return require("oc.reference").help(x) end
  for verb, fn in pairs(verbs) do name_of_verb[fn] = verb end
  return verbs
end

--- Shows values: an aggregate as its table, once it is full; the others on one line.
function Words:print(...)
  local texts = {}
  for i = 1, select("#", ...) do
    local value = (select(i, ...))
    if is_aggregate(value) then
      value:print()
    elseif self._owner.show and select("#", ...) == 1 then
      return self._owner.show(value)
    else
      texts[#texts + 1] = tostring(value)
    end
  end
  if #texts > 0 or select("#", ...) == 0 then
    io.stdout:write(table.concat(texts, "\t"), "\n")
  end
end

--- What code sees: the verbs, `trace`, all that is global. What it sets stays its own.
---@return table
function Words:environment()
  local environment = {}
  for name, value in pairs(_G) do environment[name] = value end
  for name, verb in pairs(self.verbs) do environment[name] = verb end
  environment._G, environment.oc = environment, require "oc"
  return setmetatable(environment, { __index = function(_, name)
    if name == "trace" then return self._owner.trace() end
    if name == "machine" then return self._owner.machine() end
    local hint = type(name) == "string" and foreign.word(name)
    if hint then errors.misuse(("there is no '%s'"):format(name), { token = name, hint = hint }) end
  end })
end

local function show(made, options, has_title)
  local copy = {}
  for name, value in pairs(options) do copy[name] = value end
  if has_title and copy.title == nil then copy.title = made.title end
  made.aggregate:print(copy)
end

--- Prints what was printed before it was full, in that order; with `all`, then every aggregate
--- that was never shown. For a trace that has been run.
---@param all boolean
function Words:show_due(all)
  local due = self._due
  self._due = {}
  local has_titles = #self._made > 1
  for _, made in ipairs(due) do show(made, made.due, has_titles) end
  for _, made in ipairs(all and self._made or {}) do
    if not made.is_shown then show(made, made.of_print, has_titles) end
  end
end

--- Forgets what was made: a line of the REPL is over. What lines keep prints itself as before.
function Words:forget() self._made, self._due = {}, {} end

--- Whether a verb made this aggregate.
---@return boolean
function Words:has_made(value)
  for _, made in ipairs(self._made) do if made.aggregate == value then return true end end
  return false
end

---@param owner oc.short.Owner
---@return oc.short.Words
function M.new(owner)
  local self = setmetatable({ _owner = owner, _made = {}, _due = {} }, Words)
  self.verbs = new_verbs(self)
  return self
end

--- Loads a line as an expression, or else as statements. An expression is no tail call: its line
--- must be there for errors to point at.
---@param source string
---@param name string of the chunk
---@return function? chunk
---@return string? problem
function M.load(source, name)
  local expression = chunks.load("return " .. source .. "\n, nil", name)
  if expression then return expression end
  return chunks.load(source, name)
end

--- `top`, `percent` and such that a verb was given for its aggregate; nil when none made it.
---@return table?
function M.printing(aggregate) return printing_of[aggregate] end

--- The name of a verb by its function.
---@return string?
function M.name_of(fn) return name_of_verb[fn] end

--- The verbs that need the machine, so that an owner may build it in the same pass.
M.of_machine = { "machine", "samples", "graph", "processes", "spans", "export" }

return M
