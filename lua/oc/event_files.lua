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
local kinds = require "oc.kinds"
local machine_events = require "oc.machine_events"
local open_options = require "oc.open_options"
local session_of = require "oc.session"
local settings = require "oc.settings"

local M = {}

local IS_FILE = 1  -- oc_path_kind

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
    local plain = path:gsub("%.gz$", ""):gsub("%.zst$", "")
    local file = "." .. (plain:match("[^/]*$"))
    for _, extension in ipairs(not name and format.extensions or {}) do
      if file:sub(-#extension) == extension then return format end
    end
  end
  return nil
end

local function all_extensions()
  local found = {}
  for _, format in ipairs(M.FORMATS) do
    for _, extension in ipairs(format.extensions) do
      found[#found + 1] = ("%s (%s)"):format(extension, format.name)
    end
  end
  return table.concat(found, ", ")
end

--- What is wrong with that path for that format, and what to do; nil: nothing.
---@param path string
---@param name string of the format
---@return string? problem
---@return string? hint
function M.problem(path, name)
  if name ~= "perfdata" or not (path:find("%.gz$") or path:find("%.zst$")) then return nil end
  return ("%s: a part of a trace is not compressed as a whole"):format(path),
    "name it without the extension " .. path:match("%.%a+$")
end

--- Whether the kernel's records of that number say what happened at one moment, and change nothing
--- for later ones.
---@param number integer
---@return boolean
function M.is_of_a_moment(number) return C.oc_kernel_record_is_of_a_moment(number) ~= 0 end

--- All events of a trace, by name; of the kernel's own records those that are of a moment, where
--- they are kept as they are: all others are kept anyway.
local function all_events(trace, format)
  local names = machine_events.names(trace)
  for number = 0, format.native == "perfdata" and kinds.KERNEL_RECORDS - 1 or -1 do
    if M.is_of_a_moment(number) then names[#names + 1] = kinds.read(trace._session, number).name end
  end
  return names
end

--- What to write when nobody says it: of a recorded trace all; live, where an event is collected
--- because somebody asks for it, those of -e.
local function usual_events(trace, format)
  if trace:is_recorded() then return all_events(trace, format) end
  local asked = trace._asked.events
  if format.native ~= "perfdata" and not (asked and asked[1]) then
    errors.misuse("of a live trace, trace:export has to be told which events to write",
      { token = "export", hint = 'as in { events = { "sched:sched_switch" } }, or run it with -e' })
  end
  return asked or {}
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
---@field path string
---@field format table
local File = {}
File.__index = File

--- No event reaches it any more.
local function detach(self)
  local raw = self._raw
  self._raw = nil
  for _, handle in ipairs(self._trace._is_over and {} or self._handles) do handle:off() end
  return raw
end

local function say(text, ...) io.stderr:write("oc: ", text:format(...), "\n") end

--- Completes it, after the run; raises what went wrong.
---@return number bytes before compression
function File:finish()
  local raw = detach(self)
  if not raw then
    errors.misuse(self.path .. " is complete, or was given up, already", { token = "finish" })
  end
  local later = C.oc_session_kind_count(self._session) - self._kind_count
  local count = C.oc_event_file_count(raw)
  local bytes = C.oc_event_file_finish(raw)
  if bytes < 0 then session_of.raise(self._session) end
  if later > 0 and self._has_all then
    say("%s lacks %.0f kinds of events that the trace told of only after its beginning", self.path,
      later)
  end
  if count == 0 and not settings.quiet then
    say("%s holds no event: %s", self.path,
      self._is_choice and "none passed what was asked for" or "the trace has none")
  end
  return bytes
end

--- Leaves nothing behind.
function File:abandon()
  local raw = detach(self)
  if raw then C.oc_event_file_abandon(raw) end
end

--- Completes it if the run came to its end, or was ended by who may; otherwise it is given up.
---@return number? bytes nil: there is no file
function File:conclude()
  if not self._trace._ended_by_error then return self:finish() end
  self:abandon()
  say("%s was not written: the run ended with an error", self.path)
  return nil
end

--- Registers the callbacks; `file._raw` is not there yet.
local function register(file, trace, options)
  local function add(e)
    local raw = file._raw
    if raw then C.oc_event_file_add(raw, e._d) end
  end
  for _, name in ipairs(options.events or usual_events(trace, file.format)) do
    file._handles[#file._handles + 1] = trace:on(name,
      { filter = options.filter, optional = not options.events or nil }, add)
  end
  return kinds_of(trace, add)
end

local function open_raw(file, numbers, options)
  local list = ffi.new("uint32_t[?]", math.max(1, #numbers), numbers)
  local raw = C.oc_event_file_open(file._session, file.path, file.format.native, list, #numbers,
    options.force and 1 or 0)
  if raw == nil then session_of.raise(file._session) end
  return raw
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
      hint = "there are: " .. all_extensions() .. "; files of samples are written by "
        .. "machine:export" })
  end
  local problem, hint = M.problem(path, format.name)
  if problem then errors.misuse(problem, { token = path, hint = hint }) end
  if not options.force and C.oc_path_kind(path) == IS_FILE then
    errors.misuse(path .. " is there already", { token = path, hint = "force = true replaces it" })
  end
  local file = setmetatable({ path = path, format = format, _trace = trace, _handles = {},
    _session = trace._session, _has_all = not options.events,
    _is_choice = (options.events or options.filter or settings.run.filter or trace._asked.comm
      or settings.run.time) ~= nil,
    _kind_count = C.oc_session_kind_count(trace._session) }, File)
  local before = #trace._registered
  local ok, result = pcall(function() return open_raw(file, register(file, trace, options), options)
  end)
  if not ok then
    detach(file)
    for i = #trace._registered, before + 1, -1 do trace._registered[i] = nil end
    error(result, 0)
  end
  file._raw = result
  return file
end

--- The same; complete when the run has ended.
function M.export(trace, path, options)
  if type(path) ~= "string" then
    errors.misuse("trace:export wants a path first", { token = "export" })
  end
  if trace:_has_parts() then
    errors.misuse("trace:export writes the events of one trace, read by one worker",
      { token = "export",
        hint = "give one -i and leave out --jobs; oc export writes each trace's" })
  end
  local file = M.open(trace, path, options or {})
  trace:at_end(function() file:conclude() end)
end

return M
