--- Files of events, written while a trace is read: tables, and a part of a perf.data.
--
--     trace:export("switches.events.csv", { events = { "sched:sched_switch" } })
--     trace:export("part.data", { filter = "comm == 'nginx'" })
--     trace:run()                                   -- the files are there when it returns
--
-- Each is a callback like any other, so what filters them holds: their own filter, --filter, the
-- time. The row is made in C, of the record's bytes.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local machine_events = require "oc.machine_events"
local open_options = require "oc.open_options"
local session_of = require "oc.session"

local M = {}

local function of_table(name, native, what, extensions)
  return { name = name, native = native, summary = what, extensions = extensions,
    holds = { times = true, threads = true, kinds = true, fields = true,
      losses = native == "sqlite" }, is_binary = native == "sqlite", takes_events = true }
end

--- Beside those of machines.
M.FORMATS = {
  of_table("events-csv", "csv", "a table with a row for each event, with its own fields",
    { ".events.csv" }),
  of_table("events-jsonl", "jsonl", "a line of JSON for each event, with its own fields",
    { ".events.jsonl", ".events.ndjson" }),
  of_table("events-sqlite", "sqlite", "a table for each event, with its own fields, for SQL",
    { ".events.db", ".events.sqlite" }),
  { name = "perfdata", native = "perfdata", extensions = { ".data" }, is_binary = true,
    summary = "a part of the trace, for perf and oc: the chosen events, and what they need",
    holds = { stacks = true, times = true, threads = true, process_names = true, lines = true,
      build_ids = true, kinds = true, fields = true, losses = true }, takes_events = true },
}

--- The format of this name, or of such a path; nil: none of these. "events.csv" is one, too.
---@param path string
---@param name? string
---@return table? format
function M.find(path, name)
  for _, format in ipairs(M.FORMATS) do
    if name and format.name == name then return format end
    local plain = format.native == "perfdata" and path or path:gsub("%.gz$", ""):gsub("%.zst$", "")
    local file = "." .. (plain:match("[^/]*$"))
    for _, extension in ipairs(not name and format.extensions or {}) do
      if file:sub(-#extension) == extension then return format end
    end
  end
  return nil
end

local SWITCHES = { "switch_out", "switch_in", "throttle", "unthrottle" }

--- All events of a trace, by name; of the kernel's own records those that are of a moment, where
--- they are kept as they are.
local function all_events(trace, format)
  local names = machine_events.names(trace)
  for _, name in ipairs(format.native == "perfdata" and SWITCHES or {}) do
    names[#names + 1] = name
  end
  return names
end

--- Kinds whose events reach this callback.
local function kinds_of(trace, fn)
  local numbers = {}
  for number, handler in pairs(trace._by_kind) do
    for _, call in ipairs(handler.calls) do
      if call.fn == fn then
        numbers[#numbers + 1] = number
        break
      end
    end
  end
  table.sort(numbers)
  return numbers
end

local known = { events = "table", filter = "string", format = "string", force = "boolean" }

---@class oc.EventFile
local File = {}
File.__index = File

--- Completes it, after the run; raises what went wrong.
---@return number bytes before compression
function File:finish()
  local raw = self._raw
  self._raw = nil
  local bytes = C.oc_event_file_finish(raw)
  if bytes < 0 then session_of.raise(self._session) end
  return bytes
end

--- Leaves nothing behind.
function File:abandon()
  if self._raw then C.oc_event_file_abandon(self._raw) end
  self._raw = nil
end

--- Begins a file of a trace that was not run yet. Whoever asked for it finishes it.
---@param trace oc.Trace
---@param path string
---@param options { events?: string[], filter?: string, format?: string, force?: boolean }
---@return oc.EventFile
function M.open(trace, path, options)
  open_options.check(options, known, "trace:export")
  local format = M.find(path, options.format)
  if not format then
    errors.misuse(("%s: no format of events has this extension"):format(path), { token = path,
      hint = "there are: .events.csv, .events.jsonl, .events.db, .data; files of samples are "
        .. "written by machine:export" })
  end
  local file, raw = setmetatable({ path = path, format = format }, File), nil
  local function add(e) C.oc_event_file_add(raw, e._d) end
  for _, name in ipairs(options.events or all_events(trace, format)) do
    trace:on(name, { filter = options.filter, optional = not options.events or nil }, add)
  end
  local numbers = kinds_of(trace, add)
  local list = ffi.new("uint32_t[?]", math.max(1, #numbers), numbers)
  raw = C.oc_event_file_open(trace._session, path, format.native, list, #numbers,
    options.force and 1 or 0)
  if raw == nil then session_of.raise(trace._session) end
  file._raw, file._session = raw, trace._session
  return file
end

--- The same; complete when the run has ended.
function M.export(trace, path, options)
  if type(path) ~= "string" then
    errors.misuse("trace:export wants a path first", { token = "export" })
  end
  local file = M.open(trace, path, options or {})
  trace:at_end(function() file:finish() end)
end

return M
