--- Lua source of field accessors: `function(d)` over an oc_event, with constant offsets.
--
--     sched_switch.next_pid   local T = ffi.typeof("const int32_t *")
--                             return function(d) return cast(T, d.payload + 56)[0] end
--
-- One prototype a field, so the JIT sees constants, and what is left of a field read is one load.
-- Fixed fields need no check here: the decoder delivers no payload that is shorter than they need.

local kinds = require "oc.kinds"

local M = {}

--- Common fields. A payload field with such a name is in `e.args`, whatever the samples have.
M.COMMON = { "time", "cpu", "pid", "tid", "comm", "ip", "period", "event", "stack", "args" }
--- Further fields of samples, where the payload has none of the name.
M.SAMPLE = { "thread", "addr", "id", "stream_id", "weight", "data_src", "transaction", "phys_addr",
  "cgroup", "cgroup_id", "container", "ns_pid", "data_page_size", "code_page_size", "callchain",
  "ins_lat", "retire_lat", "reads", "branches", "user_regs", "intr_regs", "user_stack", "aux",
  "symbol", "module" }
--- Those of them that oc.sample makes.
local made = { reads = true, branches = true, user_regs = true, intr_regs = true,
  user_stack = true, aux = true }
-- Of PERF_SAMPLE_WEIGHT_STRUCT: u32 weight, u16 ins_lat, u16 retire_lat, in one word.
local weight_parts = {
  weight = { 0, 0xffffffff }, ins_lat = { 32, 0xffff }, retire_lat = { 48, 0xffff },
}

--- What the sources may use.
M.prelude = [[
local ffi, C, kind, runtime = ...
local cast, string, tonumber, strnlen = ffi.cast, ffi.string, tonumber, C.strnlen
local array, address = runtime.array, runtime.address
]]

local function set(names)
  local out = {}
  for _, name in ipairs(names) do out[name] = true end
  return out
end
M.is_common, M.is_sample = set(M.COMMON), set(M.SAMPLE)

local integer_types = {
  [1] = { "uint8_t", "int8_t" }, [2] = { "uint16_t", "int16_t" }, [4] = { "uint32_t", "int32_t" },
  [8] = { "uint64_t", "int64_t" },
}

-- Arguments of system calls: the kernel calls each 8 bytes and unsigned, whatever its C type.
local narrowed = { int = 4, pid_t = 4, key_t = 4, clockid_t = 4, timer_t = 4, long = 8, off_t = 8,
  loff_t = 8, ssize_t = 8 }
for _, name in ipairs { "pid_t", "off_t", "loff_t", "clockid_t", "timer_t" } do
  narrowed["__kernel_" .. name] = narrowed[name]
end
local is_little_endian = require("ffi").abi("le")

--- Size and signedness by which an integer field is read. The traced machine's byte order is ours.
local function width_of(field)
  local size = narrowed[field.type]
  if field.size == 8 and not field.signed and not field.hex and size and is_little_endian then
    return size, true
  end
  return field.size, field.signed and not field.hex
end

local function integer_source(base, offset, size, is_signed, is_address)
  local load = ("cast(T, %s + %d)[0]"):format(base, offset)
  if is_address then
    load = ("address(%s)"):format(load)
  elseif size == 8 then
    load = ("tonumber(%s)"):format(load)
  end
  return ('local T = ffi.typeof("const %s *")\nreturn function(d) return %s end'):format(
    integer_types[size][is_signed and 2 or 1], load)
end

--- Text of at most `size` bytes, or to the payload's end (size 0).
local function chars_source(offset, size)
  local limit = size == 0 and "d.payload_size - " .. offset or tostring(size)
  return ([[
local T = ffi.typeof("const char *")
return function(d)
  local p = cast(T, d.payload + %d)
  return string(p, strnlen(p, %s))
end]]):format(offset, limit)
end

--- Dynamic data: the u32 at `offset` holds (length << 16) | place. Out of bounds: nothing.
local function dynamic_source(field, result)
  local base = field.relative and field.offset + 4 or 0
  return ([[
local T, chars = ffi.typeof("const uint32_t *"), ffi.typeof("const char *")
return function(d)
  local word = cast(T, d.payload + %d)[0]
  local at, size = bit.band(word, 0xffff) + %d, bit.rshift(word, 16)
  if at + size > d.payload_size then at, size = 0, 0 end
  local p = cast(chars, d.payload + at)
  %s
end]]):format(field.offset, base, result)
end

--- The call that makes a table of `count` elements at `pointer`.
local function array_call(field, pointer, count)
  local types = integer_types[field.element_size]
  return ("return array(%s, %s, \"const %s *\", %s)"):format(pointer, count,
    types[field.signed and not field.hex and 2 or 1], tostring(field.hex))
end

local sources = {
  [kinds.INTEGER] = function(f)
    local size, is_signed = width_of(f)
    return integer_source("d.payload", f.offset, size, is_signed, f.hex)
  end,
  [kinds.POINTER] = function(f)
    return integer_source("d.payload", f.offset, f.size, false, true)
  end,
  [kinds.BOOL] = function(f)
    return ('local T = ffi.typeof("const uint8_t *")\n'
      .. "return function(d) return cast(T, d.payload + %d)[0] ~= 0 end"):format(f.offset)
  end,
  [kinds.FLOAT] = function(f)
    return ('local T = ffi.typeof("const %s *")\n'
      .. "return function(d) return tonumber(cast(T, d.payload + %d)[0]) end"):format(
      f.size == 4 and "float" or "double", f.offset)
  end,
  [kinds.CHARS] = function(f) return chars_source(f.offset, f.size) end,
  [kinds.BYTES] = function(f)
    local size = f.size == 0 and "d.payload_size - " .. f.offset or f.size
    return ("return function(d) return string(d.payload + %d, %s) end"):format(f.offset, size)
  end,
  [kinds.ARRAY] = function(f)
    local rest = ("math.floor((d.payload_size - %d) / %d)"):format(f.offset, f.element_size)
    local count = f.size == 0 and rest or f.count
    return ("return function(d) %s end"):format(array_call(f, "d.payload + " .. f.offset, count))
  end,
  [kinds.DYNAMIC_CHARS] = function(f)
    return dynamic_source(f, "return string(p, strnlen(p, size))")
  end,
  [kinds.DYNAMIC_ARRAY] = function(f)
    local count = ("math.floor(size / %d)"):format(f.element_size)
    return dynamic_source(f, array_call(f, "p", count))
  end,
  [kinds.DYNAMIC_BYTES] = function(f) return dynamic_source(f, "return string(p, size)") end,
}

--- The source of a payload field's accessor.
---@param field oc.Field
---@return string
function M.payload(field) return sources[field.kind](field) end

local commons = {
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

local callchain_source = [[
local callchain = runtime.callchain
return function(d) return callchain(d) end]]

local stack_source = [[
local make, number = runtime.stacks.type, runtime.stacks.number
return function(d) return make(d.stack, number) end]]

--- What is at the sample's ip, by the frame's id.
local place_names = { symbol = true, module = true }
local function place_source(name)
  return ([[
local known, load = runtime.stacks.%ss, runtime.stacks.load_%s
return function(d) return known[d.frame] or load(d.frame) end]]):format(name, name)
end

--- Of the process: by the cgroup that the sample names, otherwise, live, as /proc tells.
local process_names = { cgroup = true, container = true, ns_pid = true }
local function process_source(kind, name)
  if kind.parts.cgroup and name ~= "ns_pid" then
    return ([[
local group_of = runtime.group_of
return function(d) return group_of(d).%s end]]):format(name)
  end
  return kind.live and ([[
local process_of = runtime.process_of
return function(d) return process_of(d).%s end]]):format(name) or nil
end

--- The source of the accessor of a name that is not the payload's; nil when the kind has none.
---@param kind oc.Kind
---@param name string
---@return string?
function M.common(kind, name)
  if kind.aliases and kind.aliases[name] then return kind.aliases[name] end
  if kind.places[name] then
    local is_address = name == "ip" or name == "addr"
    return integer_source("d.record", kind.places[name], 8, false, is_address)
  end
  if name == "callchain" then return kind.parts.callchain and callchain_source end
  if name == "stack" then return kind.has_stacks and stack_source or nil end
  if place_names[name] then
    return kind.has_places and kind.places.ip and place_source(name) or nil
  end
  if process_names[name] then return process_source(kind, name) end
  if name == "cgroup_id" then
    return kind.parts.cgroup and 'local tail = runtime.tail\n'
      .. 'return function(d) return tail(d, "cgroup", false) end' or nil
  end
  if made[name] then
    return kind.parts[name]
      and ("local read = runtime.sample.%s\n"):format(name)
        .. "return function(d) return read(d, kind) end"
  end
  if weight_parts[name] and kind.parts.ins_lat then
    return ([[
local weights = runtime.weights
return function(d) return weights(d, %d, %d) end]]):format(unpack(weight_parts[name]))
  end
  if kind.parts[name] then
    return ("local tail = runtime.tail\nreturn function(d) return tail(d, %q, %s) end"):format(
      name, tostring(name == "phys_addr"))
  end
  return commons[name]
end

local is_number = { [kinds.INTEGER] = true, [kinds.POINTER] = true, [kinds.BOOL] = true }

--- The source of an accessor of a payload field's exact 64 bits; nil when it is no integer.
---@param field oc.Field
---@return string?
function M.u64(field)
  if not is_number[field.kind] then return nil end
  return M.u64_at("d.payload", field.offset, field.size, field.signed)
end

--- The same of an integer at some offset of the record or payload.
---@return string
function M.u64_at(base, offset, size, is_signed)
  return ([[
local T, V, U = ffi.typeof("const %s *"), ffi.typeof("%s"), ffi.typeof("uint64_t")
return function(d) return cast(U, cast(V, cast(T, %s + %d)[0])) end]]):format(
    integer_types[size][is_signed and 2 or 1], is_signed and "int64_t" or "uint64_t", base, offset)
end

return M
