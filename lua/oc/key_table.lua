--- Tuples of keys to dense row numbers: what all aggregates stand on.
--
-- Two keys are two 64-bit words in one C table (src/abi/table.h). Strings are numbered per KeyTable
-- (`ids`); one single string is looked up in a plain Lua table (`rows_of`), which the JIT does best.
-- Beyond two, the keys to the left become the row number of a table before:
--
--     (k1, k2, k3, k4):   inner[1]: (k1, k2) -> r1    inner[2]: (r1, k3) -> r2    t: (r2, k4) -> row
--
-- `find` is the hot path: no loop, no closure, no table, no string per call, and one C call only for
-- new keys and collisions. Nothing here depends on Lua's hash being C's: another hash would only make
-- every look-up a C call. Row 0 is "(other)": what came when `limit` keys were there.

local C = require "oc.abi"
local addr = require "oc.addr"
local errors = require "oc.errors"
local ffi = require "ffi"

local bxor, rol, rshift = bit.bxor, bit.rol, bit.rshift
local istype = ffi.istype
local addr_type = ffi.typeof("oc_addr")
local int64_type = ffi.typeof("int64_t")
local uint64_type = ffi.typeof("uint64_t")

local MULTIPLIER = 0x9e3779b97f4a7c15ULL
local NIL, BOOLEAN, NUMBER, INT64, UINT64, ADDR, STRING, TUPLE =
  C.OC_KEY_NIL, C.OC_KEY_BOOLEAN, C.OC_KEY_NUMBER, C.OC_KEY_INT64, C.OC_KEY_UINT64, C.OC_KEY_ADDR,
  C.OC_KEY_STRING, C.OC_KEY_TUPLE

---@class oc.KeyTable
---@field arity integer how many keys a tuple has
---@field limit integer
---@field t ffi.cdata* the last table: its rows are the rows
---@field capacity integer rows that the owner has room for
---@field grow fun(rows: integer): integer makes room for so many rows, returns the new capacity
---@field find fun(self: oc.KeyTable, ...): integer the row of these keys, made if new
local KeyTable = {}
KeyTable.__index = KeyTable

local function put_cdata(word, key)
  if istype(addr_type, key) then
    word.u = key.v
    return ADDR
  elseif istype(uint64_type, key) then
    word.u = key
    return UINT64
  elseif istype(int64_type, key) then
    word.u = ffi.cast(uint64_type, key)
    return INT64
  end
  errors.misuse("a value of type " .. tostring(ffi.typeof(key)) .. " cannot be a key")
end

--- Numbers a new string; 0, which is nobody's, when no new key would be taken anyway.
local function add_string(self, text)
  if self.t.count > self.t.limit then return 0 end
  local id = self.string_count + 1
  self.string_count = id
  self.ids[text], self.strings[id] = id, text
  return id
end

--- Writes a key into a word of the table's key; returns its kind.
local function put(self, word, key)
  local kind = type(key)
  if kind == "number" then
    word.d = key
    return NUMBER
  elseif kind == "string" then
    local id = self.ids[key]
    word.d = id or add_string(self, key)
    return STRING
  elseif kind == "cdata" then
    return put_cdata(word, key)
  elseif kind == "nil" then
    word.d = 0
    return NIL
  elseif kind == "boolean" then
    word.d = key and 1 or 0
    return BOOLEAN
  end
  errors.misuse("a " .. kind .. " cannot be a key", {
    hint = "keys are numbers, strings, booleans, nil, 64-bit integers and addresses",
  })
end

local function find_slowly(self, t, kinds)
  local row = C.oc_table_find_or_add(t, kinds)
  if t == self.t and row >= self.capacity then self.capacity = self.grow(row + 1) end
  return row
end

local function find_key(self, t, kinds)
  local a, b = t.key.a.u, t.key.b.u
  local row = t.slots[rshift(bxor(a, rol(b, 32)) * MULTIPLIER, t.shift)]
  local entry = t.rows[row]
  if entry.a.u == a and entry.b.u == b and entry.kinds == kinds then return row end
  return find_slowly(self, t, kinds)
end

local function find_string(self, key)
  local row = self.rows_of[key]
  if row then return row end
  local t = self.t
  local kind = put(self, t.key.a, key)
  t.key.b.d = 0
  row = find_slowly(self, t, kind)
  if row ~= 0 then self.rows_of[key] = row end
  return row
end

local function find_pair(self, t, k1, k2)
  local kind = put(self, t.key.a, k1)
  return find_key(self, t, kind + put(self, t.key.b, k2) * 16)
end

--- One step of the chain; what was "(other)" to the left stays so.
local function find_next(self, t, tuple, key)
  if tuple == 0 then
    if t == self.t then t.refused = t.refused + 1 end
    return 0
  end
  t.key.a.d = tuple
  return find_key(self, t, TUPLE + put(self, t.key.b, key) * 16)
end

local finders = {
  [0] = function() return 1 end, -- made by clear()
  [1] = function(self, key)
    if type(key) == "string" then return find_string(self, key) end
    local t = self.t
    local kind = put(self, t.key.a, key)
    local a = t.key.a.u
    local row = t.slots[rshift(a * MULTIPLIER, t.shift)]
    local entry = t.rows[row]
    if entry.a.u == a and entry.kinds == kind then return row end
    t.key.b.d = 0
    return find_slowly(self, t, kind)
  end,
  [2] = function(self, k1, k2) return find_pair(self, self.t, k1, k2) end,
}

--- "k1, k2, k3": the parameters of generated functions.
---@param arity integer
---@return string
function KeyTable.parameters(arity)
  local names = {}
  for i = 1, arity do names[i] = "k" .. i end
  return table.concat(names, ", ")
end

--- The `find` for tuples of `arity` keys; beyond two it is generated, so that it has no loop.
---@param arity integer
---@return fun(self: oc.KeyTable, ...): integer
function KeyTable.finder(arity)
  if finders[arity] then return finders[arity] end
  local lines = {
    "local find_pair, find_next = ...",
    "return function(self, " .. KeyTable.parameters(arity) .. ")",
    "  local inner = self.inner",
    "  local tuple = find_pair(self, inner[1], k1, k2)",
  }
  for i = 3, arity - 1 do
    lines[#lines + 1] = ("  tuple = find_next(self, inner[%d], tuple, k%d)"):format(i - 1, i)
  end
  lines[#lines + 1] = ("  return find_next(self, self.t, tuple, k%d)"):format(arity)
  lines[#lines + 1] = "end"
  local chunk = assert(loadstring(table.concat(lines, "\n"), errors.own_chunk("find" .. arity)))
  finders[arity] = chunk(find_pair, find_next)
  return finders[arity]
end

local function new_table(limit)
  local t = C.oc_table_new(limit)
  if t == nil then error("no memory for a table of keys", 0) end
  return ffi.gc(t, C.oc_table_close)
end

---@param arity integer
---@param limit integer keys taken at most; more go to row 0
---@param grow fun(rows: integer): integer
---@return oc.KeyTable
function KeyTable.new(arity, limit, grow)
  local self = setmetatable({
    arity = arity, limit = limit, grow = grow, capacity = 0,
    t = new_table(limit), inner = {}, find = KeyTable.finder(arity),
  }, KeyTable)
  for i = 1, arity - 2 do self.inner[i] = new_table(limit) end
  self:clear()
  return self
end

--- Forgets all keys.
function KeyTable:clear()
  self.ids, self.strings, self.string_count, self.rows_of = {}, {}, 0, {}
  for _, inner in ipairs(self.inner) do C.oc_table_clear(inner) end
  C.oc_table_clear(self.t)
  if self.capacity == 0 then self.capacity = self.grow(1) end
  if self.arity == 0 then
    self.t.key.a.d, self.t.key.b.d = 0, 0
    find_slowly(self, self.t, NIL)
  end
end

--- Rows 1 … size() are keys.
---@return integer
function KeyTable:size() return self.t.count - 1 end

--- How many additions went to "(other)".
---@return number
function KeyTable:refused() return self.t.refused end

local function decode(self, word, kind)
  if kind == STRING then return self.strings[tonumber(word.d)] end
  if kind == NUMBER then return tonumber(word.d) end
  if kind == BOOLEAN then return word.d == 1 end
  if kind == ADDR then return addr.make(word.u) end
  if kind == UINT64 then return ffi.new(uint64_type, word.u) end
  if kind == INT64 then return ffi.cast(int64_type, word.u) end
  return nil
end

--- The keys of a row, in order; index `arity` may be nil.
---@param row integer from 1 to size()
---@return any[]
function KeyTable:keys(row)
  local keys = {}
  local t, at = self.t, self.arity
  while at > 0 do
    local entry = t.rows[row]
    local kind_a, kind_b = bit.band(entry.kinds, 15), rshift(entry.kinds, 4)
    if at == 1 then
      keys[1] = decode(self, entry.a, kind_a)
      break
    end
    keys[at] = decode(self, entry.b, kind_b)
    if kind_a ~= TUPLE then
      keys[1] = decode(self, entry.a, kind_a)
      break
    end
    at, row, t = at - 1, tonumber(entry.a.d), self.inner[at - 2]
  end
  return keys
end

--- The row of these keys, or nil; adds nothing.
---@return integer?
function KeyTable:lookup(...)
  local function has(key) return type(key) ~= "string" or self.ids[key] ~= nil end
  if self.arity == 0 then return 1 end
  local first, second = ...
  if not has(first) then return nil end
  local t = self.inner[1] or self.t
  local kind = put(self, t.key.a, first)
  if self.arity == 1 then
    t.key.b.d = 0
  else
    if not has(second) then return nil end
    kind = kind + put(self, t.key.b, second) * 16
  end
  local row = C.oc_table_find(t, kind)
  for i = 3, self.arity do
    local key = (select(i, ...))
    if row == 0 or not has(key) then return nil end
    t = self.inner[i - 1] or self.t
    t.key.a.d = row
    row = C.oc_table_find(t, TUPLE + put(self, t.key.b, key) * 16)
  end
  return row ~= 0 and row or nil
end

return KeyTable
