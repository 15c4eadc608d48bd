--- A trace whose events a Lua function makes: test doubles, logs that are replayed.
--
--     local source = oc.source {
--       events = { ["disk:read"] = { { "bytes", "u64" }, { "name", "string" } } },
--       next = function(out)
--         out:emit { event = "disk:read", time = 1000, cpu = 0, pid = 7, comm = "dd",
--           bytes = 512, name = "sda" }
--         return true                       -- there may be more; nil or false: that was the end
--       end,
--     }
--     local trace = oc.open { source = source }
--
-- The records become bytes as the kernel writes them (src/source/fed_source.h): order, names of
-- processes, timers, filters and losses are those of any trace. `next` is called from the run loop,
-- so nothing is read before it is needed.

local C = require "oc.abi"
local addr = require "oc.addr"
local canonical = require "oc.canonical"
local errors = require "oc.errors"
local ffi = require "ffi"
local format = require "oc.format"
local kinds = require "oc.kinds"
local nearest = require "oc.nearest"
local session_of = require "oc.session"
local units = require "oc.units"

local M = {}

local DEFAULT_START = 1e9  -- absolute; 0 would mean a record without a time
local MOST_TIME = 2 ^ 53
local CALLS_AT_ONCE, NS_AT_ONCE = 256, 5e6
local HAS_IP, HAS_ADDR = 1, 2

--- Kernel records that a script may make, by name: the number is that of the kernel's record.
local records = { comm = 0, exec = 1, fork = 2, exit = 3, mmap = 4, mmap2 = 4, lost = 6 }

local options_known = { next = "function", events = "table", name = "string",
  window = "number or string", start_ns = "number", start_wall_ns = "number" }

-- Declaring --------------------------------------------------------------------------------------

local function misuse(problem, token, hint)
  errors.misuse("oc.source: " .. problem, { token = token, hint = hint })
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  return keys
end

local function check_options(options)
  if type(options) ~= "table" then misuse("wants a table of options", "source") end
  for name, value in pairs(options) do
    local wanted = options_known[name]
    if not wanted then
      misuse(("has no option '%s'"):format(tostring(name)), tostring(name),
        nearest.hint(tostring(name), sorted_keys(options_known)))
    elseif not wanted:find(type(value), 1, true) then
      misuse(("'%s' wants a %s, not a %s"):format(name, wanted, type(value)), name)
    end
  end
  for _, name in ipairs { "next", "events" } do
    if options[name] == nil then
      misuse(("needs '%s'"):format(name), "source",
        name == "next" and "next = function(out) … end makes the records"
          or 'as in events = { ["disk:read"] = { { "bytes", "u64" } } }')
    end
  end
end

local function check_name(name)
  local is_text = type(name) == "string"
  if not is_text or not (name:find("^[%w_%-]+$") or name:find("^[%w_%-]+:[%w_%-]+$")) then
    misuse(("'%s' cannot be an event's name"):format(tostring(name)), tostring(name),
      'letters, digits, _ and -, as in "disk:read" or "tick"')
  elseif records[name] or canonical.is(name) then
    misuse(("'%s' has a meaning of its own"):format(name), name, records[name]
      and "records of that name can be emitted without declaring them"
      or "declare the event that satisfies it, such as cpu-clock or sched:sched_switch")
  end
end

--- The events in order of their names, so that a run does not depend on the order of a table.
local function read_events(declared)
  local events = {}
  for name, fields in pairs(declared) do
    check_name(name)
    if type(fields) ~= "table" then
      misuse(("the event '%s' wants a list of fields"):format(name), name)
    end
    local is_format = fields.pack ~= nil
    local list = fields
    if not is_format then
      list = {}
      for i, field in ipairs(fields) do list[i] = field end
    end
    events[#events + 1] = { name = name, format = format.make(list),
      ip = not is_format and fields.ip and true, addr = not is_format and fields.addr and true }
  end
  if #events == 0 then
    misuse("has no events", "events", 'as in events = { ["disk:read"] = { { "bytes", "u64" } } }')
  end
  table.sort(events, function(a, b) return a.name < b.name end)
  return events
end

local function nanoseconds(value)
  local ns = type(value) == "string" and units.parse_duration(value) or value
  if type(ns) ~= "number" or not (ns >= 0 and ns < MOST_TIME) then
    misuse(("'%s' is not a duration"):format(tostring(value)), "window", 'as in window = "10ms"')
  end
  return ns
end

local function check_clock(options, name)
  local value = options[name]
  if value and not (value >= 1 and value < 2 ^ 62) then
    misuse(("%s must be a number of nanoseconds above 0"):format(name), name)
  end
end

---@class oc.Source
local Source = {}
Source.__index = Source

---@param options { next: fun(out: oc.SourceOut): boolean?, events: table, name?: string,
---  window?: number|string, start_ns?: number, start_wall_ns?: number }
---@return oc.Source
function M.make(options)
  check_options(options)
  check_clock(options, "start_ns")
  check_clock(options, "start_wall_ns")
  local info = debug.getinfo(2, "Sl")
  local where = errors.file_of(info.source) .. ":" .. info.currentline
  return setmetatable({
    name = options.name or "the source at " .. where, next = options.next,
    events = read_events(options.events), window_ns = nanoseconds(options.window or 0),
    start_ns = options.start_ns or DEFAULT_START, wall_ns = options.start_wall_ns or 0,
  }, Source)
end

function M.is(value) return getmetatable(value) == Source end

-- Emitting ---------------------------------------------------------------------------------------

local feed_type = ffi.typeof("oc_feed")
local buffer_type = ffi.typeof("uint8_t[65536]")

local function refuse(record, name, wanted)
  local value = record[name]
  errors.misuse(("a record of '%s' wants %s as '%s'%s"):format(tostring(record.event), wanted, name,
    value == nil and ", and has none" or ", not " .. (type(value) == "string"
      and ("%q"):format(value) or tostring(value))), { token = name })
end

local function int32(record, name, default)
  local value = record[name]
  if value == nil then return default end
  if type(value) ~= "number" or value % 1 ~= 0 or value < -1 or value >= 2 ^ 31 then
    refuse(record, name, "a whole number")
  end
  return value
end

--- 64 bits of a number, an address or hexadecimal text.
local function word(record, name, default)
  local value = record[name]
  if value == nil then return default end
  if type(value) == "number" and value >= 0 and value < MOST_TIME and value % 1 == 0 then
    return value
  end
  local ok, made = pcall(addr.make, value)
  if not ok or (type(value) == "number" and not (value >= 0 and value % 1 == 0)) then
    refuse(record, name, "a whole number or an address")
  end
  return made.v
end

--- What every record says.
local function set_origin(feed, record)
  local time, comm = record.time, record.comm
  if type(time) ~= "number" or not (time >= 0 and time < MOST_TIME) then
    refuse(record, "time", "nanoseconds since the session began")
  end
  if comm ~= nil and type(comm) ~= "string" then refuse(record, "comm", "a text") end
  feed.time = math.floor(time)
  feed.cpu = int32(record, "cpu", -1)
  local pid = int32(record, "pid", -1)
  feed.pid, feed.tid = pid, int32(record, "tid", pid)
  feed.comm, feed.comm_bytes = comm or "", comm and #comm or 0
end

local function add(self)
  if C.oc_session_feed_add(self._session, self._feed) == 0 then return end
  local failure = C.oc_session_error(self._session)
  local hint = ffi.string(failure.hint)
  errors.misuse(ffi.string(failure.what), { token = "emit", hint = hint ~= "" and hint or nil })
end

local function sample_emitter(self, event, number)
  local feed, buffer, pack = self._feed, self._buffer, event.format.pack
  local NO_WORD = 0
  return function(record)
    set_origin(feed, record)
    feed.event = number
    feed.payload_bytes = pack(record, buffer)
    feed.payload = buffer
    feed.ip = event.ip and word(record, "ip", NO_WORD) or NO_WORD
    feed.addr = event.addr and word(record, "addr", NO_WORD) or NO_WORD
    feed.period = word(record, "period", 1)
    add(self)
  end
end

--- A kernel record: what it is about stands in `args` where a view of it has it there.
local function record_emitter(self, name)
  local feed = self._feed
  return function(record)
    local args = record.args or record
    if type(args) ~= "table" then refuse(record, "args", "a table") end
    set_origin(feed, record)
    feed.event = records[name]
    if name == "fork" then
      feed.ppid, feed.ptid = feed.pid, feed.tid
      if args == record then refuse(record, "args", "pid and tid of the child") end
      feed.pid = int32(args, "pid", -1)
      feed.tid = int32(args, "tid", feed.pid)
    elseif name == "exit" then
      feed.ppid, feed.ptid = int32(args, "ppid", -1), int32(args, "ptid", -1)
    elseif name == "mmap" or name == "mmap2" then
      local file = args.filename
      if type(file) ~= "string" then refuse(args, "filename", "a text") end
      feed.comm, feed.comm_bytes = file, #file
      feed.addr, feed.len = word(args, "addr", 0), word(args, "len", 0)
      feed.pgoff = word(args, "pgoff", 0)
    elseif name == "lost" then
      feed.lost = word(args, "lost", 0)
      feed.lost_event = record.of and (self._numbers[record.of]
        or refuse(record, "of", "the name of an event")) or -1
    elseif feed.comm_bytes == 0 then
      refuse(record, "comm", "the new name")
    end
    add(self)
  end
end

---@class oc.SourceOut what `next` gets
local Out = {}
Out.__index = Out
M.out_class = Out

--- Adds one record: a table as `e:table()` makes it. `event`, `time` (ns since the session began)
--- and the fields of the event's format must be there; cpu, pid, tid, comm, ip, addr, period may.
---@param record table
function Out:emit(record)
  if type(record) ~= "table" then
    errors.misuse(("out:emit wants a table, not a %s"):format(type(record)), { token = "emit" })
  end
  local emitter = self._emitters[record.event]
  if not emitter then
    local name = tostring(record.event)
    errors.misuse(("the source has no event '%s'"):format(name), { token = name,
      hint = nearest.hint(name, sorted_keys(self._emitters))
        or "it has: " .. table.concat(sorted_keys(self._emitters), ", ") })
  end
  emitter(record)
end

-- Running ----------------------------------------------------------------------------------------

--- Makes a session one that this source feeds.
---@param session ffi.cdata*
function Source:open(session)
  if C.oc_session_feed_open(session, self.name, self.start_ns, self.window_ns,
    self.wall_ns) ~= 0 then
    session_of.raise(session)
  end
  local out = setmetatable({ _session = session, _feed = feed_type(), _buffer = buffer_type(),
    _emitters = {}, _numbers = {} }, Out)
  for _, event in ipairs(self.events) do
    local fields, count = format.c_fields(event.format)
    local system, name = event.name:match("^(.*):(.*)$")
    local number = C.oc_session_feed_kind(session, system or "", name or event.name, fields, count,
      (event.ip and HAS_IP or 0) + (event.addr and HAS_ADDR or 0))
    if number < kinds.KERNEL_RECORDS then session_of.raise(session) end
    out._numbers[event.name] = number
    out._emitters[event.name] = sample_emitter(out, event, number)
  end
  for name in pairs(records) do out._emitters[name] = record_emitter(out, name) end
  return out
end

--- Asks for records, some calls at once, until the source ends. `call(fn, …)` runs the script's
--- function; returns whether it worked, its result, and whether the run is over: after an error it
--- is asked again.
---@param out oc.SourceOut
---@param call fun(fn: function, ...): boolean, any
---@return boolean is_over
function Source:feed(out, call)
  local until_ns = C.oc_now() + NS_AT_ONCE
  for _ = 1, CALLS_AT_ONCE do
    local ok, more, is_over = call(self.next, out)
    local is_end = (ok and not more) or is_over
    C.oc_session_feed_round(out._session, is_end and 1 or 0)
    if is_end then return true end
    if C.oc_now() > until_ns then break end
  end
  return false
end

return M
