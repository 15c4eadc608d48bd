--- Events as scripts see them: one reused cdata per kind, its fields loads at constant places.
--
--     e.next_pid  ->  __index  ->  accessor of "next_pid"  ->  *(int32_t *)(d.payload + 56)
--
-- Accessors are made (see view_source.lua) when a script first names the field.
-- The view is lent for the callback; `e:copy()` owns its bytes.
--
-- one thing: what an event shows, of which a copy and a payload alone are other shapes.

local C = require "oc.abi"
require "oc.addr"
local errors = require "oc.errors"
local ffi = require "ffi"
local fields = require "oc.view_fields"
local json = require "oc.json"
local kinds = require "oc.kinds"
local lease = require "oc.lease"
local process_facts = require "oc.process_facts"
local sample = require "oc.sample"
local session_of = require "oc.session"
local settings = require "oc.settings"
local source = require "oc.view_source"
local stack = require "oc.stack"
local view_table = require "oc.view_table"

local M = {}

local nothing = lease.nothing

ffi.cdef [[ size_t strnlen(const char *s, size_t maxlen); ]]

--- Compiles an accessor's source; `what` names it in traces.
local function compile(text, what, kind, runtime)
  local chunk = assert(loadstring(source.prelude .. text, errors.own_chunk("view:" .. what)))
  return chunk(ffi, C, kind, runtime)
end

local no_field, names_of, payload_names = fields.missing, fields.names, fields.payload_names

local payload_source, source_of = fields.payload_source, fields.source

local function payload_accessor(kind, name, runtime)
  local text = payload_source(kind, name) or no_field(kind, name, payload_names(kind))
  return compile(text, kind.name .. "." .. name, kind, runtime)
end

local function accessor(kind, name, runtime)
  local text = source_of(kind, name) or no_field(kind, name)
  return compile(text, kind.name .. "." .. name, kind, runtime)
end

local function u64_accessor(kind, name, runtime)
  local field, place = kind.by_name[name], kind.places[name]
  local text
  if place and (source.is_common[name] or not field) then
    text = source.u64_at("d.record", place, 8, false)
  elseif field and not source.is_common[name] then
    text = source.u64(field)
  end
  if text then return compile(text, kind.name .. ":u64." .. name, kind, runtime) end
  if not source_of(kind, name) then no_field(kind, name) end
  errors.misuse(("field '%s' is not an integer%s"):format(name,
    field and " but " .. field.type or " of the event's own"), { token = name })
end

-- The view ---------------------------------------------------------------------------------------

---@class oc.Event
---@field time number ns since the session began
---@field cpu integer -1: not known
---@field pid integer -1: not known
---@field tid integer -1: not known
---@field comm string the thread's name as it was then
---@field event string
---@field ip oc.addr
---@field period number
---@field stack oc.Stack how the code got there; see oc.open { stacks = … }
---@field symbol string the function at `ip`; "[module]" where nobody knows
---@field module string what the code at `ip` belongs to: a file, "[kernel.kallsyms]", …
---@field thread integer which life of the tid: dense from 1
---@field addr oc.addr
---@field cgroup string path of the process's control group
---@field container string its container's short id or name; "" outside of one
---@field ns_pid integer its id in its own pid namespace; 0: not known
---@field cgroup_id number as the kernel numbers them
---@field callchain oc.addr[] leaf first, the kernel's context markers included
---@field reads table[] the counter's value, or those of its group (oc.sample)
---@field branches table[] the branches taken before, the newest first
---@field user_regs table<string, oc.addr>? registers of the user's part; nil where there is none
---@field intr_regs table<string, oc.addr>? registers at the sample
---@field user_stack string bytes of the user's stack, from the stack pointer on
---@field aux string bytes of the AUX area
---@field args table the payload's fields, where a common name hides one
---@field u64 fun(self: oc.Event, name: string): ffi.cdata* the exact 64 bits of an integer field
---@field raw fun(self: oc.Event, name?: string): ffi.cdata*, integer bytes, lent: of a field, or of
---  the whole payload
---@field get fun(self: oc.Event, name: string): any the field; nil where the event has none
---@field text fun(self: oc.Event): string the payload as "name=value …"
---@field table fun(self: oc.Event): table all fields by name
---@field json fun(self: oc.Event): string the same as JSON
---@field copy fun(self: oc.Event): oc.Event an event that outlives the callback
---@field [string] any

local view_struct = [[
struct { const oc_event *_d; oc_event _own; int32_t _is_copy, _lender; uint8_t _bytes[?]; }]]

local function raw_bytes(d, field)
  if field.kind >= kinds.DYNAMIC_CHARS then
    local word = ffi.cast("const uint32_t *", d.payload + field.offset)[0]
    local at = bit.band(word, 0xffff) + (field.relative and field.offset + 4 or 0)
    local size = bit.rshift(word, 16)
    if at + size > d.payload_size then return d.payload, 0 end
    return d.payload + at, size
  end
  local size = field.size == 0 and d.payload_size - field.offset or field.size
  return d.payload + field.offset, size
end

local function read_only(_, name)
  name = tostring(name)
  errors.misuse("events are read only: '" .. name .. "' cannot be set", { token = name })
end

--- The function that makes or reuses the `e.args` of an event, and the one that is reused.
local function make_args(kind, runtime)
  local get = {}
  local copies = setmetatable({}, { __mode = "k" })  -- keeps a copied event alive with its args
  local args_type = ffi.metatype("struct { const oc_event *_d; }", {
    __index = function(self, name)
      if self._d == nothing then lease.raise_gone(name) end
      if settings.checked then lease.check(copies[self], name) end
      local f = get[name]
      if f == nil then
        f = payload_accessor(kind, name, runtime)
        get[name] = f
      end
      return f(self._d)
    end,
    __newindex = read_only,
  })
  local shared = args_type()
  return function(d, event)
    if event._is_copy == 0 and not settings.checked then
      shared._d = d
      return shared
    end
    local own = args_type(d)
    copies[own] = event
    return own
  end, shared
end

--- Names come from foreign processes; written as in the payload's text.
local function printable(text)
  return (text:gsub("[%z\1-\31\127]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

local function describe(d, kind, runtime)
  local text = runtime.event_text(d)
  local comm = printable(runtime.names[d.comm] or runtime.load_name(d.comm))
  return ("%.9f %s/%d [%03d] %s%s"):format(d.time / 1e9, comm, d.tid, d.cpu,
    printable(kind.name), text ~= "" and ": " .. text or "")
end

--- The methods of one kind's events.
local function make_methods(kind, view_type, runtime)
  local methods, u64s = {}, {}

  function methods.u64(self, name)
    local f = u64s[name]
    if f == nil then
      f = u64_accessor(kind, name, runtime)
      u64s[name] = f
    end
    return f(self._d)
  end

  function methods.raw(self, name)
    if name == nil then return self._d.payload, self._d.payload_size end
    local field = kind.by_name[name] or no_field(kind, name, payload_names(kind))
    return raw_bytes(self._d, field)
  end

  local exists = {}
  function methods.get(self, name)
    local known = exists[name]
    if known == nil then
      known = name == "args" or source_of(kind, name) ~= nil
      exists[name] = known
    end
    if not known then return nil end
    if methods[name] then return self.args[name] end  -- a field that a method hides
    return self[name]
  end

  function methods.text(self) return runtime.event_text(self._d) end

  local is_own = kind.proxy ~= nil
  function methods.is_target(self) return is_own or bit.band(self._d.reserved, 1) == 0 end
  function methods.other_is_target(self) return is_own or bit.band(self._d.reserved, 2) == 0 end
  function methods.cpu_is_target(self) return is_own or bit.band(self._d.reserved, 4) == 0 end

  local to_table
  function methods.table(self)
    to_table = to_table or loadstring(view_table.source(kind, names_of(kind),
      function(name) return source.is_common[name] end), errors.own_chunk("view:table"))()
    return to_table(self)
  end

  function methods.json(self) return (json.encode(methods.table(self))) end

  function methods.copy(self)
    local d = self._d
    local size = ffi.cast("const uint16_t *", d.record + 6)[0]
    local copy = view_type(size)
    ffi.copy(copy._bytes, d.record, size)
    copy._own = d[0]
    copy._own.payload = copy._bytes + (d.payload - d.record)
    copy._own.record = copy._bytes
    copy._d, copy._is_copy = copy._own, 1
    runtime.keep_for(copy)
    return copy
  end

  return methods
end

--- A view whose every `e` has the fields of `kind`.
---@param kind oc.Kind
---@param runtime oc.view.Runtime
function M.new(kind, runtime)
  local args, shared_args = make_args(kind, runtime)
  local get = { args = args }
  local view_type = ffi.typeof(view_struct)
  for name, call in pairs(make_methods(kind, view_type, runtime)) do
    get[name] = function() return call end
  end
  local function index(self, name)
    if self._d == nothing then lease.raise_gone(name, self._lender) end
    local f = get[name]
    if f == nil then
      f = accessor(kind, name, runtime)
      get[name] = f
    end
    return f(self._d, self)
  end
  local function text(self)
    lease.check(self)
    return describe(self._d, kind, runtime)
  end
  ffi.metatype(view_type, {
    __index = index,
    __tostring = text,
    __newindex = read_only,
  })
  local lent = view_type(0)
  lease.shares_args(lent, shared_args)
  return lent
end

--- A function that shows a payload without its record, a descriptor that has only that, as a table
--- of its fields. Lent: until it is called again.
---@param kind oc.Kind
---@param runtime oc.view.Runtime
---@return fun(d: ffi.cdata*): table
function M.payload_reader(kind, runtime)
  local args, lent = make_args(kind, runtime), { _is_copy = 0 }
  return function(d) return args(d, lent) end
end

--- A function(e) that reads one field; a wrong name is an error now, not at the first event.
---@param kind oc.Kind
---@param name string
---@return fun(e: oc.Event): any
function M.field_reference(kind, name)
  if type(name) ~= "string" then errors.misuse("field wants the name of a field") end
  if name ~= "args" and not source_of(kind, name) then no_field(kind, name) end
  local text = ("return function(e) return e[%q] end"):format(name)
  return assert(loadstring(text, errors.own_chunk("field:" .. name)))()
end

-- The runtime of generated code ------------------------------------------------------------------

---@class oc.view.Runtime what the accessors of one session share
---@field names table<integer, string> texts by id, as far as they were asked for
---@field load_name fun(id: integer): string
---@field event_text fun(d: ffi.cdata*): string
---@field array fun(p: ffi.cdata*, count: integer, c_type: string, is_address: boolean): table
---@field tail fun(d: ffi.cdata*, name: string, is_address: boolean): any
---@field callchain fun(d: ffi.cdata*): oc.addr[]
---@field weights fun(d: ffi.cdata*, shift: integer, mask: integer): number
---@field sample table<string, fun(d: ffi.cdata*, kind: oc.Kind): any>
---@field address ffi.ctype*
---@field stacks table of oc.stack: what makes stacks and names of this session
---@field group_of fun(d: ffi.cdata*): oc.ProcessFacts by the cgroup that the sample names
---@field process_of fun(d: ffi.cdata*): oc.ProcessFacts as /proc told when it was first asked
---@field keep_for fun(copy: ffi.cdata*) the session lives as long as this copy of an event

-- LuaJIT keeps metatypes for ever, and with them all that their functions stand on: these hold the
-- session weakly. The trace holds it, and so does each copy of an event.
local session_of_copy = setmetatable({}, { __mode = "k" })

---@param session ffi.cdata*
---@return oc.view.Runtime
function M.runtime(session)
  local names = {}
  local held = setmetatable({ session }, { __mode = "v" })
  local size = ffi.new("size_t[1]")
  local value = ffi.new("uint64_t[1]")
  local words = ffi.new("const uint8_t *[1]")
  local runtime = { names = names, address = ffi.typeof("oc_addr") }

  function runtime.load_name(id)
    if not held[1] then return "" end
    local text = C.oc_session_text(held[1], id, size)
    local name = text == nil and "" or ffi.string(text, size[0])
    names[id] = name
    return name
  end

  function runtime.event_text(d)
    if not held[1] then return "" end
    local text = C.oc_session_event_text(held[1], d, size)
    return ffi.string(text, size[0])
  end

  function runtime.array(p, count, c_type, is_address)
    local elements, out = ffi.cast(c_type, p), {}
    for i = 0, count - 1 do
      out[i + 1] = is_address and runtime.address(elements[i]) or tonumber(elements[i])
    end
    return out
  end

  --- 0 when this sample has none although its event promises it: damaged.
  function runtime.tail(d, name, is_address)
    if not held[1] or C.oc_session_tail_value(held[1], d, name, value) == 0 then value[0] = 0 end
    return is_address and runtime.address(value[0]) or tonumber(value[0])
  end

  function runtime.callchain(d)
    if not held[1] then return {} end
    local count = C.oc_session_callchain(held[1], d, words)
    return runtime.array(words[0], count, "const uint64_t *", true)
  end

  local group_of, process_of = process_facts.make(held, runtime)
  runtime.group_of, runtime.process_of = group_of, process_of
  --- A part of the word that PERF_SAMPLE_WEIGHT_STRUCT packs.
  function runtime.weights(d, shift, mask)
    if not held[1] or C.oc_session_tail_value(held[1], d, "weight", value) == 0 then return 0 end
    return tonumber(bit.band(bit.rshift(value[0], shift), mask))
  end

  runtime.sample = sample.readers(held, session_of.fact)
  runtime.stacks = stack.readers(held, session)

  function runtime.keep_for(copy) session_of_copy[copy] = held[1] end

  return runtime
end

return M
