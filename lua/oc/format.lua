--- What an event's payload looks like, written by hand: for sources and proxies.
--
--     local format = oc.format { { "bytes", "u64" }, { "name", "string" }, { "tags", "u8[4]" } }
--
--     type                      takes                               a script reads
--     u8 u16 u32 u64            whole numbers; 64 bits also cdata,  a number
--     i8 i16 i32 i64            and addr also text "0xff…"          (addr: an oc.addr)
--     addr
--     float double              numbers                             a number
--     bool                      true, false                         true, false
--     char[16]                  text, cut at 16 bytes               text
--     string                    text of any length                  text
--     bytes                     a Lua string of any length          a Lua string
--     u16[8]  i32[]             tables of numbers; with a length:   a table of numbers
--                               at most so many, the rest is 0
--
-- A third element of a field is its value where a record names none.
--
--     payload: | fixed fields, each at a multiple of its size | strings, arrays without length |
--              (a u32 in the fixed part says where each of these lies: __data_loc, event_format.h)

local addr = require "oc.addr"
local errors = require "oc.errors"
local ffi = require "ffi"
local kinds = require "oc.kinds"
local nearest = require "oc.nearest"

local M = {}

--- No payload that is packed becomes longer (oc::source::FedSource::kMaxPayload).
M.MOST_BYTES = 65000
local MOST_ARRAY = 4096

local integers = {
  u8 = { size = 1, c = "uint8_t", min = 0, max = 0xff },
  u16 = { size = 2, c = "uint16_t", min = 0, max = 0xffff },
  u32 = { size = 4, c = "uint32_t", min = 0, max = 0xffffffff },
  u64 = { size = 8, c = "uint64_t", min = 0, max = 2 ^ 64 },
  i8 = { size = 1, c = "int8_t", min = -0x80, max = 0x7f },
  i16 = { size = 2, c = "int16_t", min = -0x8000, max = 0x7fff },
  i32 = { size = 4, c = "int32_t", min = -2 ^ 31, max = 2 ^ 31 - 1 },
  i64 = { size = 8, c = "int64_t", min = -2 ^ 63, max = 2 ^ 63 },
}

local type_names = { "addr", "bool", "bytes", "char[16]", "double", "float", "string", "u8[16]" }
for name in pairs(integers) do type_names[#type_names + 1] = name end
table.sort(type_names)

-- Types ------------------------------------------------------------------------------------------

local function integer_field(name)
  local known = integers[name]
  return known and { kind = kinds.INTEGER, size = known.size, element_size = known.size,
    signed = known.min < 0, integer = known }
end

local simple = {
  addr = { kind = kinds.POINTER, size = 8, element_size = 8, hex = true, integer = integers.u64 },
  bool = { kind = kinds.BOOL, size = 1, element_size = 1 },
  float = { kind = kinds.FLOAT, size = 4, element_size = 4, signed = true },
  double = { kind = kinds.FLOAT, size = 8, element_size = 8, signed = true },
  string = { kind = kinds.DYNAMIC_CHARS, size = 4, element_size = 1, c_type = "char[]" },
  bytes = { kind = kinds.DYNAMIC_BYTES, size = 4, element_size = 1, c_type = "u8[]" },
}

--- A field's kind, size and so on from its type's text; nil when that is no type.
local function parse_type(text)
  local out = {}
  local element, count = text:match("^(%w+)%[(%d*)%]$")
  if not element then
    for key, value in pairs(simple[text] or integer_field(text) or {}) do out[key] = value end
    out.c_type = out.c_type or text
    return out.kind and out or nil
  end
  count = tonumber(count)
  if count and (count < 1 or count > MOST_ARRAY) then return nil end
  if element == "char" then
    if not count then return nil end
    return { kind = kinds.CHARS, size = count, element_size = 1, c_type = text }
  end
  local known = integers[element]
  if not known then return nil end
  return { kind = count and kinds.ARRAY or kinds.DYNAMIC_ARRAY, c_type = text,
    size = count and count * known.size or 4, element_size = known.size, count = count,
    signed = known.min < 0, integer = known }
end

--- Where the next field begins: dynamic ones have a u32 there.
local function align(at, field)
  local size = field.kind >= kinds.DYNAMIC_CHARS and 4 or field.element_size
  return math.ceil(at / size) * size
end

local function check_field(declared, i)
  if type(declared) ~= "table" or type(declared[1]) ~= "string"
    or type(declared[2]) ~= "string" then
    errors.misuse(("oc.format: field %d is not written as { \"name\", \"type\" }"):format(i),
      { token = "format", hint = 'as in oc.format { { "bytes", "u64" }, { "name", "string" } }' })
  end
  local name, type_name = declared[1], declared[2]
  if not name:find("^[%a_][%w_]*$") then
    errors.misuse(("oc.format: '%s' cannot be a field's name"):format(name),
      { token = name, hint = "letters, digits and _, and no digit first" })
  end
  local field = parse_type(type_name)
  if not field then
    errors.misuse(("oc.format: field '%s' has the type '%s', which does not exist"):format(name,
      type_name), { token = type_name, hint = nearest.hint(type_name, type_names)
        or "types are " .. table.concat(type_names, ", ") })
  end
  field.name, field.type = name, field.c_type
  field.default = declared[3]
  return field
end

-- Packing ----------------------------------------------------------------------------------------

local function refuse(field, problem, hint)
  errors.misuse(("field '%s' %s"):format(field.name, problem), { token = field.name, hint = hint })
end

local uint64_type, int64_type = ffi.typeof("uint64_t"), ffi.typeof("int64_t")

--- Checks what is no plain whole number in bounds: 64-bit cdata, addresses, hexadecimal text.
local function wide(field, value)
  if type(value) == "cdata" and field.integer.size == 8 then
    if addr.is(value) then return value.v end
    if ffi.istype(uint64_type, value) or ffi.istype(int64_type, value) then return value end
  end
  if field.hex and type(value) == "string" and value:find("^0[xX]%x+$") and #value <= 18 then
    return addr(value).v
  end
  if type(value) ~= "number" then
    refuse(field, ("wants a whole number, not %s"):format(type(value) == "string"
      and ("%q"):format(value) or "a " .. type(value)))
  end
  refuse(field, ("is %s and cannot hold %.17g"):format(field.type, value))
end

local function missing(field, record)
  if field.default ~= nil then return field.default end
  local names = {}
  for key in pairs(record) do names[#names + 1] = tostring(key) end
  refuse(field, "is missing from the record", nearest.hint(field.name, names))
end

local function wants(field, what, value)
  refuse(field, ("wants %s, not a %s"):format(what, type(value)))
end

local uint32_pointer = ffi.typeof("uint32_t *")

--- Appends what has no fixed size behind the fixed part; returns the new end.
local function append(field, buffer, at, bytes, size)
  if at + size > M.MOST_BYTES then
    refuse(field, ("makes the payload longer than %d bytes"):format(M.MOST_BYTES))
  end
  ffi.copy(buffer + at, bytes, size)
  ffi.cast(uint32_pointer, buffer + field.offset)[0] = at + size * 65536
  return at + size
end

local function whole(field, value)
  local known = field.integer
  if type(value) == "number" and value >= known.min and value <= known.max and value % 1 == 0
    and (known.size < 8 or value < known.max) then
    return value
  end
  return wide(field, value)
end

--- The elements of an array as C memory, and how many bytes they are.
local function elements_of(field, value)
  if type(value) ~= "table" then wants(field, "a table of whole numbers", value) end
  local count = #value
  if field.count and count > field.count then
    refuse(field, ("has room for %d elements, not for %d"):format(field.count, count))
  end
  if count * field.element_size > M.MOST_BYTES then
    refuse(field, ("makes the payload longer than %d bytes"):format(M.MOST_BYTES))
  end
  local elements = ffi.new(field.integer.c .. "[?]", count)
  for i = 1, count do elements[i - 1] = whole(field, value[i]) end
  return elements, count * field.element_size
end

--- What packs one field: `function(field, value, buffer, at)`, where `at` is the payload's end so
--- far; returns the new one. What is called for every record reads and writes at constant places.
local packers = {
  [kinds.BOOL] = function(field, value, buffer, at)
    if type(value) ~= "boolean" then wants(field, "true or false", value) end
    buffer[field.offset] = value and 1 or 0
    return at
  end,
  [kinds.CHARS] = function(field, value, buffer, at)
    if type(value) ~= "string" then wants(field, "a text", value) end
    local size = math.min(#value, field.size)
    ffi.fill(buffer + field.offset, field.size)
    ffi.copy(buffer + field.offset, value, size)
    return at
  end,
  [kinds.ARRAY] = function(field, value, buffer, at)
    local elements, size = elements_of(field, value)
    ffi.fill(buffer + field.offset, field.size)
    ffi.copy(buffer + field.offset, elements, size)
    return at
  end,
  [kinds.DYNAMIC_CHARS] = function(field, value, buffer, at)
    if type(value) ~= "string" then wants(field, "a text", value) end
    return append(field, buffer, at, value, #value + 1)  -- with its NUL, as the kernel does
  end,
  [kinds.DYNAMIC_BYTES] = function(field, value, buffer, at)
    if type(value) ~= "string" then wants(field, "a Lua string of bytes", value) end
    return append(field, buffer, at, value, #value)
  end,
  [kinds.DYNAMIC_ARRAY] = function(field, value, buffer, at)
    return append(field, buffer, at, elements_of(field, value))
  end,
}

local function scalar_packer(c_type, check)
  local pointer = ffi.typeof(c_type .. " *")
  return function(field, value, buffer, at)
    ffi.cast(pointer, buffer + field.offset)[0] = check(field, value)
    return at
  end
end

local function real(field, value)
  if type(value) ~= "number" then wants(field, "a number", value) end
  return value
end

for _, field in ipairs { { "float", 4 }, { "double", 8 } } do
  packers[field[1]] = scalar_packer(field[1], real)
end
for _, known in pairs(integers) do packers[known.c] = scalar_packer(known.c, whole) end

local function packer_of(field)
  if field.kind == kinds.FLOAT then return packers[field.size == 4 and "float" or "double"] end
  if field.kind == kinds.INTEGER or field.kind == kinds.POINTER then
    return packers[field.integer.c]
  end
  return packers[field.kind]
end

--- The function that packs a record into bytes, generated for the format: constant names and
--- places, so that it compiles into a callback that emits. Names that are common to all events are
--- looked for in `record.args` first.
local function make_pack(format, is_hidden)
  local lines = { "local fields, packers, missing, fill = ...",
    "return function(record, buffer)", "  local args = record.args or record", "  local at, v = "
      .. format.fixed_size, ("  fill(buffer, %d)"):format(format.fixed_size) }
  local functions = {}
  for i, field in ipairs(format.fields) do
    functions[i] = packer_of(field)
    lines[#lines + 1] = ("  v = %s.%s"):format(is_hidden[field.name] and "args" or "record",
      field.name)
    lines[#lines + 1] = ("  if v == nil then v = args.%s end"):format(field.name)
    lines[#lines + 1] = ("  if v == nil then v = missing(fields[%d], record) end"):format(i)
    lines[#lines + 1] = ("  at = packers[%d](fields[%d], v, buffer, at)"):format(i, i)
  end
  lines[#lines + 1] = "  return at\nend"
  local chunk = assert(loadstring(table.concat(lines, "\n"), errors.own_chunk("pack")))
  return chunk(format.fields, functions, missing, ffi.fill)
end

-- Formats ----------------------------------------------------------------------------------------

---@class oc.Format
---@field fields oc.Field[]
---@field fixed_size integer bytes of the part that every payload has
---@field pack fun(record: table, buffer: ffi.cdata*): integer writes a payload, returns its bytes
local Format = {}
Format.__index = Format

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch("%a+") do keywords[word] = true end

--- What is common to all events hides a payload's field of the name: `e.args.pid`.
local hidden = {}
for _, name in ipairs { "time", "cpu", "pid", "tid", "comm", "ip", "addr", "period", "event",
  "args" } do
  hidden[name] = true
end

--- A format from fields `{ "name", "type", default }`.
---@param declared table[]
---@return oc.Format
function M.make(declared)
  if getmetatable(declared) == Format then return declared end
  if type(declared) ~= "table" then
    errors.misuse(("oc.format wants a table of fields, not a %s"):format(type(declared)),
      { token = "format", hint = 'as in oc.format { { "bytes", "u64" } }' })
  end
  local self = setmetatable({ fields = {} }, Format)
  local at, seen = 0, {}
  for i, entry in ipairs(declared) do
    local field = check_field(entry, i)
    if seen[field.name] or keywords[field.name] or field.name == "args" then
      errors.misuse(("oc.format: '%s' %s"):format(field.name, seen[field.name] and "is there twice"
        or "cannot be a field's name: it is a word of the language"), { token = field.name })
    end
    seen[field.name] = true
    field.offset = align(at, field)
    at = field.offset + field.size
    self.fields[i] = field
  end
  if #declared == 0 and next(declared) ~= nil then
    errors.misuse("oc.format wants a list of fields", { token = "format",
      hint = 'as in oc.format { { "bytes", "u64" } }' })
  end
  if at > M.MOST_BYTES then
    errors.misuse(("oc.format: the fields take %d bytes, at most %d are possible"):format(at,
      M.MOST_BYTES), { token = "format" })
  end
  self.fixed_size = at
  self.pack = make_pack(self, hidden)
  return self
end

--- A record as the bytes of a payload.
---@param record table
---@return string
function Format:write(record) return require("oc.format_read").write(self, record, M.MOST_BYTES) end

--- The fields of bytes that are laid out so; nil and why when they are too few.
---@param bytes string|ffi.cdata*
---@param size? integer of what is no string
---@return table? record
---@return string? problem
function Format:read(bytes, size) return require("oc.format_read").read(self, bytes, size) end

M.class = Format

--- The fields as the C face wants them; `keep` holds the texts that it points to.
---@param format oc.Format
---@return ffi.cdata* fields, integer count
function M.c_fields(format)
  local raw = ffi.new("oc_field[?]", math.max(#format.fields, 1))
  for i, field in ipairs(format.fields) do
    local out = raw[i - 1]
    out.name, out.type, out.kind = field.name, field.type, field.kind
    out.offset, out.size, out.element_size = field.offset, field.size, field.element_size
    out.count = field.count or 0
    out.is_signed, out.is_hex = field.signed and 1 or 0, field.hex and 1 or 0
  end
  return raw, #format.fields
end

return M
