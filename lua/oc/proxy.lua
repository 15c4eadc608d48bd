--- Events that a script feeds itself, and other names for events that there are.
--
--     local slow = trace:proxy("slow_read", { { "ns", "u64" }, { "file", "string" } })
--     trace:on("slow_read", function(e) … e.ns … end)
--     … slow:emit { ns = took, file = name }      -- in a callback, a timer or an end hook
--
--     trace:proxy("big_write", { from = "syscalls:sys_exit_write",
--       where = function(e) return e.ret > 65536 end })
--
-- An emitted event has time, CPU and thread of the event at hand. It is delivered when all
-- callbacks of that one have returned, before the next: first emitted, first delivered. Callbacks
-- are never called within another one, so a callback of "slow_read" may emit too.
--
--     events:  | record, payload, … | record, payload, … |   descriptors as of any event, from 0
--     bytes:   | header, payload | header, payload |         their payloads by offset, until then

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local format = require "oc.format"
local nearest = require "oc.nearest"

local M = {}

local FIRST_EVENTS, FIRST_BYTES, HEADER = 64, 262144, 8
local MOST_AT_ONCE = 100000

ffi.cdef [[
typedef struct oc_queue {
  oc_event *events;
  uint8_t *bytes;
  oc_event of;         /* the event at hand of a timer or hook */
  uint32_t count;      /* emitted for the event at hand */
  uint32_t at;         /* the one that is being delivered */
  uint32_t callback;   /* which of its callbacks, from 1 */
  uint32_t used;       /* of bytes */
  uint32_t capacity, capacity_bytes;
  int32_t state;
} oc_queue;
]]

--- Where the script is: what `emit` takes time and thread from.
local OFF, CALLBACKS, DELIVERING, HOOK = 0, 1, 2, 3

-- The queue --------------------------------------------------------------------------------------

---@class oc.Queue events that wait for the end of the event at hand
---@field c ffi.cdata* oc_queue
---@field loop? ffi.cdata* oc_loop
local Queue = {}
Queue.__index = Queue

function M.new_queue()
  local self = setmetatable({ c = ffi.new("oc_queue"), _kept = {} }, Queue)
  self:_grow_events(FIRST_EVENTS)
  self:_grow_bytes(FIRST_BYTES)
  self.c.callback = 1
  return self
end

--- The memory before stays until the queue was delivered: callbacks may hold events in it.
function Queue:_grow_events(capacity)
  local events = ffi.new("oc_event[?]", capacity)
  if self.c.count > 0 then
    ffi.copy(events, self.c.events, self.c.count * ffi.sizeof("oc_event"))
  end
  self._kept[#self._kept + 1] = events
  self.c.events, self.c.capacity = events, capacity
end

function Queue:_grow_bytes(capacity)
  local bytes = ffi.new("uint8_t[?]", capacity)
  ffi.copy(bytes, self.c.bytes, self.c.used)
  self._kept[#self._kept + 1] = bytes
  self.c.bytes, self.c.capacity_bytes = bytes, capacity
end

--- Frees what growing replaced; when nothing waits.
function Queue:tidy()
  local kept = {}
  for _, memory in ipairs(self._kept) do
    local is_used = ffi.cast("void *", memory) == ffi.cast("void *", self.c.events)
      or ffi.cast("void *", memory) == ffi.cast("void *", self.c.bytes)
    if is_used then kept[#kept + 1] = memory end
  end
  self._kept = kept
end

function Queue:_make_room()
  local c = self.c
  if c.count >= MOST_AT_ONCE then
    errors.misuse(("%d events were emitted for one event"):format(MOST_AT_ONCE),
      { token = "emit", hint = "does a callback emit the event that it is called for?" })
  end
  if c.count == c.capacity then self:_grow_events(c.capacity * 2) end
  if c.used + HEADER + format.MOST_BYTES > c.capacity_bytes then
    self:_grow_bytes(c.capacity_bytes * 2)
  end
end

--- What an emitted event has from the event at hand.
function Queue:_origin()
  local state = self.c.state
  if state == CALLBACKS then return self.loop.events[self.loop.at] end
  if state == DELIVERING then return self.c.events[self.c.at] end
  if state == HOOK then return self.c.of end
  errors.misuse("emit works while trace:run() runs: in callbacks, timers and end hooks",
    { token = "emit" })
end

local uint16_pointer = ffi.typeof("uint16_t *")

--- Appends an event whose payload `pack(values, buffer)` writes.
function Queue:push(number, pack, values)
  local c = self.c
  if c.count == c.capacity or c.used + HEADER + format.MOST_BYTES > c.capacity_bytes
    or c.count >= MOST_AT_ONCE then
    self:_make_room()
  end
  local origin = self:_origin()
  local bytes = c.bytes + c.used
  local size = pack(values, bytes + HEADER)
  local d = c.events + c.count
  d.time, d.pid, d.tid, d.cpu = origin.time, origin.pid, origin.tid, origin.cpu
  d.comm, d.thread = origin.comm, origin.thread
  d.event, d.payload_size = number, size
  d.reserved = c.used
  ffi.cast(uint16_pointer, bytes + 6)[0] = HEADER + size
  c.used = c.used + bit.band(HEADER + size + 7, bit.bnot(7))
  c.count = c.count + 1
end

--- A timer or hook begins: what it emits has this time, and no thread or CPU.
---@param time number ns
function Queue:begin_hook(time)
  local of = self.c.of
  of.time, of.pid, of.tid, of.cpu, of.comm, of.thread = time, -1, -1, -1, 0, 0
  self.c.state = HOOK
end

function Queue:begin_callbacks() self.c.state = CALLBACKS end
function Queue:leave() self.c.state = OFF end
function Queue:is_in_callbacks() return self.c.state == CALLBACKS end

-- Declaring --------------------------------------------------------------------------------------

---@class oc.Proxy
---@field name string
local Proxy = {}
M.class = Proxy

--- Delivers such an event, once the event at hand has reached all its callbacks.
---@param values table by field
function Proxy:emit(values)
  if type(values) ~= "table" then
    errors.misuse(("emit wants a table of fields, not a %s"):format(type(values)),
      { token = "emit", hint = "as in slow:emit { ns = 5 }" })
  end
  self._queue:push(self.kind.number, self._pack, values)
end

local function check_name(trace, name)
  if type(name) ~= "string" or not name:find("^[%a_][%w_:%-]*$") then
    errors.misuse(("'%s' cannot be an event's name"):format(tostring(name)),
      { token = tostring(name), hint = 'letters, digits, _, : and -, as in "slow_read"' })
  elseif require("oc.canonical").is(name) or trace._proxies[name] then
    errors.misuse(("there is an event '%s' already"):format(name), { token = name })
  end
end

local function check_forward(options)
  for key, value in pairs(options) do
    local wanted = ({ from = "string", where = "function" })[key]
    if not wanted then
      errors.misuse(("trace:proxy has no option '%s'"):format(tostring(key)),
        { token = tostring(key), hint = nearest.hint(tostring(key), { "from", "where" }) })
    elseif type(value) ~= wanted then
      errors.misuse(("trace:proxy: '%s' wants a %s"):format(key, wanted), { token = key })
    end
  end
end

local function register(session, name, made)
  local fields, count = format.c_fields(made)
  return C.oc_session_proxy_kind(session, name, fields, count)
end

--- The kind of a proxy, as if it had been read from the session.
local function make_kind(session, name, made)
  local number = register(session, name, made)
  local kind = { number = number, name = name, sample = false, type = -1, config = 0, places = {},
    parts = {}, fields = made.fields, by_name = {}, proxy = true }
  for _, field in ipairs(made.fields) do kind.by_name[field.name] = field end
  return kind
end

--- Raises an error where `name`, from `from`, would be made from itself.
local function check_cycle(trace, name, from)
  local path, at = { name }, from
  while at do
    path[#path + 1] = at
    if at == name then
      errors.misuse(("'%s' cannot be made from itself: %s"):format(name,
        table.concat(path, " from ")), { token = name,
        hint = "'from' names an event of the trace, or a proxy of one" })
    end
    at = trace._proxies[at] and trace._proxies[at].from
  end
end

--- Declares a proxy of a trace: fields (or a format), or `{ from = name, where = function(e) … }`.
---@param trace oc.Trace
---@param name string
---@param declared table
---@return oc.Proxy
function M.declare(trace, name, declared)
  check_name(trace, name)
  if type(declared) ~= "table" then
    errors.misuse("trace:proxy wants the fields of the event, or { from = … }", { token = "proxy" })
  end
  local proxy = setmetatable({ name = name, _queue = trace._queue }, Proxy)
  if declared.from or declared.where then
    check_forward(declared)
    if not declared.from then errors.misuse("trace:proxy needs 'from'", { token = "proxy" }) end
    check_cycle(trace, name, declared.from)
    proxy.from, proxy.where = declared.from, declared.where
  else
    local made = format.make(declared)
    proxy._format, proxy._pack = made, made.pack
    proxy.kind = make_kind(trace._session, name, made)
  end
  trace._proxies[name] = proxy
  trace._proxies[#trace._proxies + 1] = proxy
  return proxy
end

function Proxy.__index(self, key)
  if key == "emit" and rawget(self, "from") then
    errors.misuse(("'%s' is '%s' by another name: nothing can be emitted"):format(self.name,
      self.from), { token = "emit" })
  end
  return Proxy[key]
end

--- The kinds under the proxy's name; `find(name)` gives those of another.
---@param proxy oc.Proxy
---@param find fun(name: string): oc.Kind[], string
function M.kinds(proxy, find)
  if proxy.kind then return { proxy.kind }, "" end
  local found, canonical_name = find(proxy.from)
  local renamed = {}
  for i, kind in ipairs(found) do
    renamed[i] = setmetatable({ name = proxy.name }, { __index = kind })
  end
  return renamed, canonical_name
end

--- Declares all proxies anew on another session: in the same order, so with the same numbers.
function M.reattach(trace)
  for _, proxy in ipairs(trace._proxies) do
    if proxy.kind then register(trace._session, proxy.name, proxy._format) end
  end
end

--- What the proxy of this name, if it is one, wants to hold of an event: its `where`, behind those
--- of what it is made from. nil: nothing.
---@param all table<string, oc.Proxy>
---@return (fun(e: oc.Event): boolean)?
function M.where(all, name)
  local proxy = all[name]
  if not proxy or not proxy.from then return nil end
  local first, second = M.where(all, proxy.from), proxy.where
  if not first or not second then return first or second end
  return function(e) return first(e) and second(e) end
end

--- True of a handler whose events are emitted by the script.
---@param handler oc.Handler
function M.is_proxied(handler) return handler.number >= 65536 end

return M
