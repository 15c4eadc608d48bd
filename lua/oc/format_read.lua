--- Payloads of formats by hand as bytes: written from records, and read again.

local C = require "oc.abi"
local addr = require "oc.addr"
local errors = require "oc.errors"
local ffi = require "ffi"
local source = require "oc.view_source"

local M = {}

ffi.cdef [[ size_t strnlen(const char *s, size_t maxlen); ]]

local runtime = {}

function runtime.array(p, count, c_type, is_address)
  local elements, out = ffi.cast(c_type, p), {}
  for i = 0, count - 1 do
    out[i + 1] = is_address and addr(elements[i]) or tonumber(elements[i])
  end
  return out
end

runtime.address = addr.make

local function compile(field)
  local text = source.prelude .. source.payload(field)
  return assert(loadstring(text, errors.own_chunk("format:" .. field.name)))(ffi, C, nil, runtime)
end

--- The readers of a format's fields, made once.
local function readers_of(format)
  if not format._readers then
    format._readers = {}
    for i, field in ipairs(format.fields) do format._readers[i] = compile(field) end
  end
  return format._readers
end

--- A record as bytes.
---@param format oc.Format
---@param record table
---@param most integer bytes that a payload may have
---@return string
function M.write(format, record, most)
  if type(record) ~= "table" then
    errors.misuse(("format:write wants a table of fields, not a %s"):format(type(record)),
      { token = "write" })
  end
  local buffer = ffi.new("uint8_t[?]", most)
  return ffi.string(buffer, format.pack(record, buffer))
end

--- The fields of bytes; nil and why when there are too few.
---@param format oc.Format
---@param bytes string|ffi.cdata*
---@param size? integer of what is no string
---@return table? record
---@return string? problem
function M.read(format, bytes, size)
  local is_text = type(bytes) == "string"
  if not is_text and (type(bytes) ~= "cdata" or type(size) ~= "number" or size < 0) then
    errors.misuse("format:read wants a string, or bytes and how many they are", { token = "read",
      hint = 'as in format:read(e:raw "data")' })
  end
  size = is_text and #bytes or size
  if size < format.fixed_size then
    return nil, ("the fields take %d bytes, there are %d"):format(format.fixed_size, size)
  end
  local copy = ffi.new("uint8_t[?]", size + 8)  -- aligned, and nobody else's
  ffi.copy(copy, bytes, size)
  local event, record = ffi.new("oc_event"), {}
  event.payload, event.payload_size = copy, size
  for i, read in ipairs(readers_of(format)) do record[format.fields[i].name] = read(event) end
  return record
end

return M
