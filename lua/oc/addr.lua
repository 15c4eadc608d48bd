--- Addresses: 64 bits that compare, sort and print as addresses, and never lose bits.
--
-- A Lua number is exact to 2^53 only, and a plain 64-bit cdata as a key of a table never matches
-- again. So fields that hold addresses, pointers and hashes are `oc.addr` values:
--
--     if e.ip >= oc.addr "0xffffffff81000000" then … end
--     seen[oc.key(e.ip)] = true               -- equal addresses give equal keys
--     local size = e.stop - e.start           -- a number
--     local page = e.addr - e.addr % 4096     -- an address

require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"

local addr_type = ffi.typeof("oc_addr")
local int64_type = ffi.typeof("int64_t")
local uint64_type = ffi.typeof("uint64_t")
local EXACT = 2 ^ 53

---@class oc.addr : ffi.cdata*
---@field v integer all 64 bits (uint64_t)
---@operator add(number): oc.addr
---@operator sub(number): oc.addr
---@operator sub(oc.addr): number
---@operator mod(number): number

local M = {}

--- The 64 bits of a number, 64-bit integer or address; nil for anything else.
local function bits_of(value)
  if ffi.istype(addr_type, value) then return value.v end
  if type(value) == "number" then
    return value < 0 and ffi.cast(uint64_type, ffi.cast(int64_type, value))
      or ffi.cast(uint64_type, value)
  end
  if ffi.istype(uint64_type, value) then return value end
  if ffi.istype(int64_type, value) then return ffi.cast(uint64_type, value) end
  return nil
end

local function must_bits(value, what)
  local bits = bits_of(value)
  if bits == nil then
    errors.misuse("an address and " .. type(value) .. " cannot be " .. what)
  end
  return bits
end

local function to_hex(bits)
  local high = tonumber(bit.rshift(bits, 32))
  local low = tonumber(bit.band(bits, 0xffffffffULL))
  return high == 0 and string.format("0x%x", low) or string.format("0x%x%08x", high, low)
end

--- What an address is divided by: a whole number of at least 1.
local function must_divisor(value)
  local is_number = type(value) == "number"
  local bits = (not is_number or (value >= 1 and value % 1 == 0)) and must_bits(value, "divided")
  if not bits or bits == 0ULL then
    errors.misuse(("an address cannot be divided by %s"):format(tostring(value)),
      { token = "%", hint = "as in e.addr % 4096" })
  end
  return bits
end

local methods = {}
M.methods = methods

--- The address as a Lua number: exact below 2^53, rounded above.
---@return number
function methods:number() return tonumber(self.v) end

ffi.metatype(addr_type, {
  __index = methods,
  __eq = function(a, b)
    local x, y = bits_of(a), bits_of(b)
    return x ~= nil and y ~= nil and x == y
  end,
  __lt = function(a, b) return must_bits(a, "compared") < must_bits(b, "compared") end,
  __le = function(a, b) return must_bits(a, "compared") <= must_bits(b, "compared") end,
  __add = function(a, b) return addr_type(must_bits(a, "added") + must_bits(b, "added")) end,
  __sub = function(a, b)
    local difference = must_bits(a, "subtracted") - must_bits(b, "subtracted")
    if ffi.istype(addr_type, b) then return tonumber(ffi.cast(int64_type, difference)) end
    return addr_type(difference)
  end,
  __mod = function(a, b) return tonumber(must_bits(a, "divided") % must_divisor(b)) end,
  __tostring = function(self) return to_hex(self.v) end,
  __concat = function(a, b) return tostring(a) .. tostring(b) end,
})

---@param text string
local function parse(text)
  local digits = text:match("^%s*0[xX](%x+)%s*$")
  if not digits or #digits > 16 then return nil end
  local bits = 0ULL
  for i = 1, #digits do bits = bits * 16 + tonumber(digits:sub(i, i), 16) end
  return bits
end

--- An address from a number, a 64-bit integer, a key made by `oc.key`, or text like "0xffff".
---@param value number|string|ffi.cdata*
---@return oc.addr
function M.make(value)
  local bits
  if type(value) == "string" then bits = parse(value) else bits = bits_of(value) end
  if bits == nil then
    local shown = type(value) == "string" and string.format("%q", value) or type(value)
    errors.misuse(shown .. " is not an address", {
      hint = 'write a number, a 64-bit integer, or hexadecimal text as in "0xffffffff81000000"',
    })
  end
  return addr_type(bits)
end

--- A plain Lua value that is equal for equal `value`s, to be a key of a Lua table.
---
--- Addresses in user space and in the kernel's top 2^53 bytes become numbers (the latter negative,
--- as signed 64-bit numbers are), hashes text; `oc.addr(key)` is the address again. Never collides
--- with another address; does not tell an address from a number of the same value.
---@param value any
---@return any
function M.key(value)
  if type(value) ~= "cdata" then return value end
  if ffi.istype(addr_type, value) then
    local number = tonumber(ffi.cast(int64_type, value.v))
    if number < EXACT and number > -EXACT then return number end
    return to_hex(value.v)
  end
  if ffi.istype(uint64_type, value) then
    if value < 9007199254740992ULL then return tonumber(value) end
    return (tostring(value):gsub("ULL$", ""))
  end
  if ffi.istype(int64_type, value) then
    if value < 9007199254740992LL and value > -9007199254740992LL then return tonumber(value) end
    return (tostring(value):gsub("LL$", ""))
  end
  return value
end

---@param value any
---@return boolean
function M.is(value) return ffi.istype(addr_type, value) end

return setmetatable(M, { __call = function(_, value) return M.make(value) end })
