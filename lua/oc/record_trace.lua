--- The script verbs of Microsoft's record-trace, so that its scripts can be carried over: what they
--- mean there, over a trace of oc (docs/guide/record_trace.md).
--
--     local _ = require("oc.record_trace").globals()     -- then the script, nearly as it was:
--     local event = event_from_tracefs("sched", "sched_switch")
--     record_event(event)
--
-- The verbs only gather. `oc record --script FILE` asks the kernel for the events; `oc report` and
-- `oc export --script FILE` read them back from a trace and put samples and spans into its machine.
-- `oc script FILE` does both, live or on -i.
--
-- Methods take a dot or a colon: event.without_callstacks() is how it is written there.

local errors = require "oc.errors"
local fields = require "oc.record_trace_fields"
local ffi = require "ffi"
local hooks = require "oc.hooks"
local C = require "oc.abi"
local timelines = require "oc.record_trace_timeline"

local M = {}

--- What scripts asked for, in order: { kind = of samples, names = events, apply = fun(trace) }.
local wanted = {}
local buffer_bytes
local is_hooked, has_run = false, false

--- Machines name record-trace's samples with a slash: with a colon are oc's own, of every event.
local function kind_name(event) return event.system .. "/" .. event.name end

-- Objects whose methods may be called with a dot -------------------------------------------------

--- An object of these methods: each gets the object's state first, with "." and ":" alike.
local function object(state, methods)
  local made = {}
  for name, method in pairs(methods) do
    made[name] = function(first, ...)
      if first == made then return method(state, ...) end
      return method(state, first, ...)
    end
  end
  return setmetatable(made, { state = state, __index = function(_, name)
    errors.misuse(("there is no '%s' here"):format(tostring(name)), { token = tostring(name),
      hint = require("oc.nearest").hint(tostring(name), fields.sorted(methods)) })
  end })
end

local function state_of(value, what, verb)
  local meta = type(value) == "table" and getmetatable(value)
  local state = meta and meta.state
  if not state or state.what ~= what then
    errors.misuse(("%s wants %s"):format(verb, what), { token = verb })
  end
  return state
end

--- The event of an object, which can be used once.
local function take_event(value, verb)
  local event = state_of(value, "an event", verb)
  if event.is_used then
    errors.misuse("Event has already been used.",
      { token = verb, hint = "make it again: event_from_tracefs(…)" })
  end
  event.is_used = true
  return event
end

-- Events -----------------------------------------------------------------------------------------

local event_methods = {}

function event_methods.without_callstacks(event) event.no_stack = true end

function event_methods.append_field(event, name, type_name, size)
  event.appended[#event.appended + 1] = fields.appended(name, type_name, size)
end

--- An event of the kernel's. Whether there is one shows when a trace is at hand.
---@param system string
---@param name string
function M.event_from_tracefs(system, name)
  if type(system) ~= "string" or type(name) ~= "string" then
    errors.misuse("event_from_tracefs wants a system and the name of an event",
      { token = "event_from_tracefs", hint = 'as in event_from_tracefs("sched", "sched_switch")' })
  end
  return object({ what = "an event", system = system, name = name, appended = {},
    place = fields.place_of_script() }, event_methods)
end

local function hook_once()
  if is_hooked then return end
  is_hooked = true
  hooks.add {
    settings = function(options) M.add_to(options) end,
    built = function(trace) M.apply(trace) end,
  }
end

local function want(kind, names, apply)
  hook_once()
  wanted[#wanted + 1] = { kind = kind, names = names, apply = apply }
end

local function sample_of(event, e, value, attributes, type_name)
  return { kind = kind_name(event), type = type_name, value = value, time = e.time, cpu = e.cpu,
    pid = e.pid, tid = e.tid, comm = e.comm, attributes = attributes,
    stack = not event.no_stack and e:get "stack" or {} }
end

--- Every event as a sample that counts 1, with all its fields.
function M.record_event(event)
  local taken = take_event(event, "record_event")
  want(kind_name(taken), { fields.full_name(taken) }, function(trace)
    local kind = fields.kind_of(trace, taken)
    local read_all = fields.all_reader(kind, taken)
    trace:on(fields.full_name(taken), function(e)
      trace:machine():add_sample(sample_of(taken, e, 1, read_all(e), "count"))
    end)
  end)
end

local sample_types = { count = "count", duration = "duration", bytes = "bytes" }

--- A field of every event as a sample's value: "count", "duration" (ns) or "bytes".
function M.sample_event(event, field, sample_type, record_data)
  local taken = take_event(event, "sample_event")
  if not sample_types[sample_type] then
    errors.misuse(('Sample type "%s" cannot be used.'):format(tostring(sample_type)),
      { token = tostring(sample_type), hint = "there are: count, duration, bytes" })
  end
  want(kind_name(taken), { fields.full_name(taken) }, function(trace)
    local kind = fields.kind_of(trace, taken)
    local read = fields.number_reader(kind, taken, field)
    local read_all = record_data and fields.all_reader(kind, taken) or function() end
    trace:on(fields.full_name(taken), function(e)
      local value = read(e)
      if value then
        trace:machine():add_sample(sample_of(taken, e, math.max(0, value), read_all(e),
          sample_type))
      end
    end)
  end)
end

-- Timelines --------------------------------------------------------------------------------------

local flag_methods = {}
function flag_methods.should_start(flags) flags.start = true end
function flag_methods.should_end(flags) flags.finish = true end

function flag_methods.should_record_field(flags, field)
  flags.recorded[#flags.recorded + 1] = field
end

function flag_methods.should_filter_field(flags, field, operation, value)
  fields.check_operation(operation)
  flags.filters[#flags.filters + 1] = { field = field, operation = operation, value = value }
end

function flag_methods.should_filter_record(flags, field, operation, value)
  fields.check_operation(operation)
  flags.record_filters[#flags.record_filters + 1] =
    { field = field, operation = operation, value = value }
end

function flag_methods.clear(flags)
  flags.start, flags.finish = false, false
  flags.recorded, flags.filters, flags.record_filters = {}, {}, {}
end

--- What an event is in a timeline.
function M.new_timeline_event_flags()
  local flags = { what = "flags of new_timeline_event_flags()" }
  flag_methods.clear(flags)
  return object(flags, flag_methods)
end

local timeline_methods = {}

function timeline_methods.with_event(timeline, event, ...)
  local arguments = { ... }
  local flags = state_of(table.remove(arguments), "flags of new_timeline_event_flags()",
    "with_event")
  timelines.track(timeline, take_event(event, "with_event"), arguments, flags)
end

for name, ns in pairs { ns = 1, us = 1e3, ms = 1e6, sec = 1e9 } do
  timeline_methods["with_min_" .. name] = function(timeline, value)
    if type(value) ~= "number" or value < 0 then
      errors.misuse(("with_min_%s wants a number"):format(name), { token = "with_min_" .. name })
    end
    timeline.min_ns = value * ns
  end
end

--- Spans from one event to another, by the fields that say which belong together.
function M.new_timeline(name)
  if type(name) ~= "string" then
    errors.misuse("new_timeline wants a name", { token = "new_timeline" })
  end
  return object({ what = "a timeline", name = name, min_ns = 0, events = {} }, timeline_methods)
end

--- Spans of this timeline are wanted.
function M.use_timeline(timeline)
  local taken = state_of(timeline, "a timeline", "use_timeline")
  timelines.check(taken)
  local names = {}
  for i, tracked in ipairs(taken.events) do names[i] = fields.full_name(tracked.event) end
  want(taken.name, names, function(trace) timelines.apply(taken, trace) end)
end

-- The rest ---------------------------------------------------------------------------------------

--- The size of the ring buffer on each CPU.
function M.with_per_cpu_buffer_bytes(size)
  if type(size) ~= "number" or size < 4096 then
    errors.misuse("with_per_cpu_buffer_bytes wants a size of at least 4096",
      { token = "with_per_cpu_buffer_bytes" })
  end
  buffer_bytes = size
  hook_once()
end

local environment_methods = {}
function environment_methods.os_major(state) return state.os[1] end
function environment_methods.os_minor(state) return state.os[2] end
function environment_methods.engine_major(state) return state.engine[1] end
function environment_methods.engine_minor(state) return state.engine[2] end
function environment_methods.engine_patch(state) return state.engine[3] end
function environment_methods.is_os(_, name) return name == "linux" end

local function numbers_of(text)
  local found = {}
  for number in text:gmatch("%d+") do found[#found + 1] = tonumber(number) end
  return { found[1] or 0, found[2] or 0, found[3] or 0 }
end

--- Versions of the kernel and of oc.
function M.new_environment()
  local file = io.open "/proc/sys/kernel/osrelease"
  local release = file and file:read("*l") or ""
  if file then file:close() end
  return object({ os = numbers_of(release:match("^%d+%.%d+") or ""),
    engine = numbers_of(ffi.string(C.oc_version())) }, environment_methods)
end

-- From the other side ----------------------------------------------------------------------------

--- Adds the events to what `oc record` is asked for, and the buffer's size.
---@param options table of the command line
function M.add_to(options)
  for _, each in ipairs(wanted) do
    for _, name in ipairs(each.names) do
      options.event_of_scripts = options.event_of_scripts or {}
      table.insert(options.event_of_scripts, name)
    end
  end
  options.buffer = options.buffer or buffer_bytes
end

--- Registers all that was asked for on a trace that has a machine.
---@param trace oc.Trace
function M.apply(trace)
  has_run = true
  for _, each in ipairs(wanted) do each.apply(trace) end
end

--- In `oc script`: opens a trace, live or that of -i, and runs it.
---@param options? oc.OpenOptions
---@return oc.Machine
function M.run(options)
  local given = { machine = true, buffer = buffer_bytes }
  for name, value in pairs(options or {}) do given[name] = value end
  local trace = require("oc.trace").open(given)
  M.apply(trace)
  return trace:run():machine()
end

--- What `oc script` does at the end of a script that did not run what it asked for: runs it, and
--- shows whose samples there are.
function M.finish()
  if #wanted == 0 or has_run then return end
  local kinds, seen = {}, {}
  local machine = M.run()
  for _, each in ipairs(wanted) do
    if not seen[each.kind] then kinds[#kinds + 1] = each.kind end
    seen[each.kind] = true
  end
  machine:samples { kind = kinds }:by("kind", "comm"):print()
end

--- Forgets what was asked for.
function M.clear() wanted, buffer_bytes, has_run = {}, nil, false end

local VERBS = { "event_from_tracefs", "record_event", "sample_event", "new_timeline",
  "new_timeline_event_flags", "use_timeline", "with_per_cpu_buffer_bytes", "new_environment" }

--- Makes the verbs global, as they are there; `run` is not one of them.
function M.globals()
  for _, name in ipairs(VERBS) do _G[name] = M[name] end
  return M
end

return M
