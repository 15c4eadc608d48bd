--- Events as scripts see them: one reused cdata per kind, whose fields are loads at constant offsets.
--
--     e.next_pid  ->  __index  ->  accessor of "next_pid"  ->  *(int32_t *)(d.payload + 56)
--
-- Accessors are generated source, one function prototype each, made when a script first names the field:
-- the JIT then sees constant names and constant offsets, and what is left of a field read is one load.
-- Fixed fields need no check here: the decoder delivers no payload that is shorter than they need.
-- The view is lent for the callback; `e:copy()` owns its bytes.

local C = require "oc.abi"
require "oc.addr"
local errors = require "oc.errors"
local ffi = require "ffi"
local kinds = require "oc.kinds"
local nearest = require "oc.nearest"

local M = {}

ffi.cdef [[ size_t strnlen(const char *s, size_t maxlen); ]]

--- Common fields: a payload field with such a name is in `e.args`.
M.COMMON = { "time", "cpu", "pid", "tid", "comm", "ip", "period", "event", "stack", "args" }
--- Further fields of samples, where the payload has none of the name.
M.SAMPLE = { "thread", "addr", "id", "stream_id", "weight", "data_src", "transaction", "phys_addr", "cgroup",
  "data_page_size", "code_page_size", "callchain" }

local function set(names)
  local out = {}
  for _, name in ipairs(names) do out[name] = true end
  return out
end
local is_common, is_sample = set(M.COMMON), set(M.SAMPLE)

-- Generated code -----------------------------------------------------------------------------------

local integer_types = {
  [1] = { "uint8_t", "int8_t" }, [2] = { "uint16_t", "int16_t" }, [4] = { "uint32_t", "int32_t" },
  [8] = { "uint64_t", "int64_t" },
}

local prelude = [[
local ffi, C, kind, runtime = ...
local cast, string, tonumber, strnlen = ffi.cast, ffi.string, tonumber, C.strnlen
local text, array, address = runtime.text, runtime.array, runtime.address
]]

--- Compiles `body` into a function; `what` names it in traces.
local function compile(body, what, kind, runtime)
  local chunk = assert(loadstring(prelude .. body, errors.own_chunk("view:" .. what)))
  return chunk(ffi, C, kind, runtime)
end

local function load_expression(base, offset, size, is_signed)
  local types = integer_types[size]
  local c_type = types and types[is_signed and 2 or 1] or nil
  return c_type and ("cast(T, %s + %d)[0]"):format(base, offset), c_type
end

local function integer_source(base, offset, size, is_signed, is_address)
  local load, c_type = load_expression(base, offset, size, is_signed)
  local head = ('local T = ffi.typeof("const %s *")\n'):format(c_type)
  if is_address then return head .. ("return function(d) return address(%s) end"):format(load) end
  if size == 8 then load = ("tonumber(%s)"):format(load) end
  return head .. ("return function(d) return %s end"):format(load)
end

--- Where dynamic data lies: the u32 at `offset` holds (length << 16) | place. Out of bounds: nothing.
local function dynamic_source(field, result)
  local base = field.relative and field.offset + 4 or 0
  return ([[
local T = ffi.typeof("const uint32_t *")
return function(d)
  local word = cast(T, d.payload + %d)[0]
  local at, size = bit.band(word, 0xffff) + %d, bit.rshift(word, 16)
  if at + size > d.payload_size then size = 0 at = 0 end
  local p = d.payload + at
  %s
end]]):format(field.offset, base, result)
end

local function array_call(field, pointer, count)
  local types = integer_types[field.element_size]
  if not types then return ("return string(%s, %s)"):format(pointer, count .. " * " .. field.element_size) end
  return ("return array(%s, %s, \"const %s *\", %s)"):format(pointer, count, types[field.signed and 2 or 1],
    tostring(field.hex))
end

--- Text from its offset to its NUL or the payload's end.
local function cstring_source(f)
  return ([[
local T = ffi.typeof("const char *")
return function(d)
  local p = cast(T, d.payload + %d)
  return string(p, strnlen(p, d.payload_size - %d))
end]]):format(f.offset, f.offset)
end

local sources = {
  [kinds.INTEGER] = function(f)
    return integer_source("d.payload", f.offset, f.size, f.signed, f.hex)
  end,
  [kinds.POINTER] = function(f) return integer_source("d.payload", f.offset, f.size, false, true) end,
  [kinds.BOOL] = function(f)
    return ('local T = ffi.typeof("const uint8_t *")\n'
      .. "return function(d) return cast(T, d.payload + %d)[0] ~= 0 end"):format(f.offset)
  end,
  [kinds.FLOAT] = function(f)
    return ('local T = ffi.typeof("const %s *")\nreturn function(d) return tonumber(cast(T, d.payload + %d)[0]) end')
      :format(f.size == 4 and "float" or "double", f.offset)
  end,
  [kinds.CHARS] = function(f)
    if f.size == 0 then return cstring_source(f) end
    return ([[
local T = ffi.typeof("const char *")
return function(d)
  local p = cast(T, d.payload + %d)
  return string(p, strnlen(p, %d))
end]]):format(f.offset, f.size)
  end,
  [kinds.BYTES] = function(f)
    local size = f.size == 0 and "d.payload_size - " .. f.offset or f.size
    return ("return function(d) return string(d.payload + %d, %s) end"):format(f.offset, size)
  end,
  [kinds.ARRAY] = function(f)
    local rest = ("math.floor((d.payload_size - %d) / %d)"):format(f.offset, math.max(f.element_size, 1))
    local count = f.size == 0 and rest or f.count
    return ("return function(d) %s end"):format(array_call(f, "d.payload + " .. f.offset, count))
  end,
  [kinds.DYNAMIC_CHARS] = function(f)
    return dynamic_source(f, "local s = cast(\"const char *\", p)\n  return string(s, strnlen(s, size))")
  end,
  [kinds.DYNAMIC_ARRAY] = function(f)
    local size = math.max(f.element_size, 1)
    return dynamic_source(f, array_call(f, "p", ("(size - size %% %d) / %d"):format(size, size)))
  end,
  [kinds.DYNAMIC_BYTES] = function(f) return dynamic_source(f, "return string(p, size)") end,
}

local common_sources = {
  time = "return function(d) return d.time end",
  cpu = "return function(d) return d.cpu end",
  pid = "return function(d) return d.pid end",
  tid = "return function(d) return d.tid end",
  thread = "return function(d) return d.thread end",
  comm = [[
local names, load_name = runtime.names, runtime.load_name
return function(d)
  return names[d.comm] or load_name(d.comm)
end]],
  event = "local name = kind.name\nreturn function() return name end",
}

local tail_fields = { weight = false, data_src = false, transaction = false, phys_addr = true,
  cgroup = false, data_page_size = false, code_page_size = false }

local function common_source(kind, name)
  if kind.aliases and kind.aliases[name] then return kind.aliases[name] end
  if common_sources[name] then return common_sources[name] end
  local place = kind.places[name]
  if place then
    return integer_source("d.record", place, 8, false, name == "ip" or name == "addr")
  end
  if tail_fields[name] ~= nil then
    return ("local tail = runtime.tail\nreturn function(d) return tail(d, %q, %s, kind) end"):format(name,
      tostring(tail_fields[name]))
  end
  if name == "callchain" then
    return "local callchain = runtime.callchain\nreturn function(d) return callchain(d) end"
  end
  return nil
end

-- What a view of one kind needs ---------------------------------------------------------------------

local function names_of(kind)
  local names = {}
  for _, list in ipairs { M.COMMON, M.SAMPLE } do
    for _, name in ipairs(list) do
      if common_source(kind, name) then names[#names + 1] = name end
    end
  end
  for name in pairs(kind.aliases or {}) do names[#names + 1] = name end
  for _, field in ipairs(kind.fields) do names[#names + 1] = field.name end
  return names
end

local function no_field(kind, name)
  if name == "stack" then
    errors.misuse("'" .. kind.name .. "' has no stack here: this version of oc does not collect stacks", {
      token = "stack", hint = "e.callchain has the addresses that a recorded trace holds" })
  end
  if is_common[name] or is_sample[name] then
    errors.misuse(("the samples of '%s' do not have '%s'"):format(kind.name, name), { token = name,
      hint = "whoever recorded the trace did not ask the kernel for it" })
  end
  errors.misuse(("event '%s' has no field '%s'"):format(kind.name, tostring(name)), {
    token = tostring(name), hint = nearest.hint(tostring(name), names_of(kind)) })
end

--- The accessor function(d) of a payload field; nil when there is none of this name.
local function payload_accessor(kind, name, runtime)
  local field = kind.by_name[name]
  if not field then return nil end
  local make = sources[field.kind]
  if field.kind == kinds.INTEGER and not integer_types[field.size] then make = sources[kinds.BYTES] end
  return compile(make(field), kind.name .. "." .. name, kind, runtime)
end

local function accessor(kind, name, runtime)
  local source = common_source(kind, name)
  if is_sample[name] and kind.by_name[name] then source = nil end
  if source then return compile(source, kind.name .. "." .. name, kind, runtime) end
  return payload_accessor(kind, name, runtime)
end

---@class oc.Event
---@field time number ns since the session began
---@field cpu integer
---@field pid integer
---@field tid integer
---@field comm string the thread's name as it was then
---@field event string
---@field args table the payload's fields, where a common name hides one
local methods = {}

local function field_or_error(kind, name)
  return kind.by_name[name] or no_field(kind, name)
end

--- The exact 64 bits of an integer field, as a cdata.
---@param name string
---@return ffi.cdata*
function methods.u64(kind, self, name)
  local place = kind.places[name]
  if place then return ffi.cast("const uint64_t *", self._d.record + place)[0] end
  local field = field_or_error(kind, name)
  local types = integer_types[field.size]
  if not types or field.kind == kinds.DYNAMIC_CHARS then
    errors.misuse(("field '%s' is not an integer but %s"):format(name, field.type), { token = name })
  end
  local c_type = types[field.signed and 2 or 1]
  return ffi.cast("uint64_t", ffi.cast("const " .. c_type .. " *", self._d.payload + field.offset)[0])
end

--- Pointer and length of a field's bytes, lent as the event is.
---@param name string
---@return ffi.cdata*, integer
function methods.raw(kind, self, name)
  local field = field_or_error(kind, name)
  local d = self._d
  if field.kind >= kinds.DYNAMIC_CHARS then
    local word = ffi.cast("const uint32_t *", d.payload + field.offset)[0]
    local at = bit.band(word, 0xffff) + (field.relative and field.offset + 4 or 0)
    local size = bit.rshift(word, 16)
    if at + size > d.payload_size then return d.payload, 0 end
    return d.payload + at, size
  end
  return d.payload + field.offset, field.size == 0 and d.payload_size - field.offset or field.size
end

--- A view whose every `e` has the fields of `kind`. `names` caches strings by id.
---@param kind oc.Kind
---@param runtime table what generated code needs: names, load_name, text, array, address, tail, callchain, event_text
function M.new(kind, runtime)
  local get, get_args = {}, {}
  local view_type = ffi.typeof("struct { const oc_event *_d; oc_event _own; uint8_t _bytes[?]; }")
  local args_type = ffi.typeof("struct { const oc_event *_d; }")
  local args = ffi.new(args_type)

  ffi.metatype(args_type, {
    __index = function(self, name)
      local f = get_args[name]
      if f == nil then
        f = payload_accessor(kind, name, runtime) or no_field(kind, name)
        get_args[name] = f
      end
      return f(self._d)
    end,
  })

  get.args = function(d)
    args._d = d
    return args
  end
  local function method(name, call) get[name] = function() return call end end
  for name, call in pairs(methods) do
    method(name, function(self, field) return call(kind, self, field) end)
  end
  method("get", function(self, name)
    if tail_fields[name] ~= nil and not kind.by_name[name] then return runtime.tail(self._d, name, tail_fields[name]) end
    local exists = kind.by_name[name] or common_source(kind, name)
    return exists and self[name] or nil
  end)
  method("text", function(self) return runtime.event_text(self._d) end)
  method("copy", function(self)
    local size = ffi.cast("const uint16_t *", self._d.record + 6)[0]
    local copy = ffi.new(view_type, size)
    ffi.copy(copy._bytes, self._d.record, size)
    copy._own = self._d[0]
    copy._own.payload = copy._bytes + (self._d.payload - self._d.record)
    copy._own.record = copy._bytes
    copy._d = copy._own
    return copy
  end)

  ffi.metatype(view_type, {
    __index = function(self, name)
      local f = get[name]
      if f == nil then
        f = accessor(kind, name, runtime) or no_field(kind, name)
        get[name] = f
      end
      return f(self._d)
    end,
    __tostring = function(self) return runtime.event_text(self._d) end,
    __newindex = function(_, name)
      errors.misuse("events are read only: '" .. tostring(name) .. "' cannot be set", { token = name })
    end,
  })
  return ffi.new(view_type, 0)
end

--- A function(e) that reads one field; a wrong name is an error now, not at the first event.
function M.field_reference(kind, name)
  local exists = kind.by_name[name] or common_source(kind, name)
  if not exists then no_field(kind, name) end
  local source = ("return function(e) return e[%q] end"):format(name)
  return assert(loadstring(source, errors.own_chunk("field:" .. name)))()
end

-- The runtime of generated code ---------------------------------------------------------------------

--- What the accessors of one session share.
---@param session ffi.cdata*
function M.runtime(session)
  local names = {}
  local size = ffi.new("size_t[1]")
  local value = ffi.new("uint64_t[1]")
  local words = ffi.new("const uint8_t *[1]")
  local runtime = { names = names, address = ffi.typeof("oc_addr") }

  function runtime.load_name(id)
    local text = C.oc_session_text(session, id, size)
    local name = text == nil and "" or ffi.string(text, size[0])
    names[id] = name
    return name
  end

  function runtime.event_text(d)
    local text = C.oc_session_event_text(session, d, size)
    return ffi.string(text, size[0])
  end

  function runtime.array(p, count, c_type, is_hex)
    local elements, out = ffi.cast(c_type, p), {}
    for i = 0, count - 1 do
      out[i + 1] = is_hex and runtime.address(elements[i]) or tonumber(elements[i])
    end
    return out
  end

  function runtime.tail(d, name, is_address, kind)
    if C.oc_session_tail_value(session, d, name, value) == 0 then
      return kind and no_field(kind, name)
    end
    return is_address and runtime.address(value[0]) or tonumber(value[0])
  end

  function runtime.callchain(d)
    local count = C.oc_session_callchain(session, d, words)
    return runtime.array(words[0], count, "const uint64_t *", true)
  end

  return runtime
end

return M
