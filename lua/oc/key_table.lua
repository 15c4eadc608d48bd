--- Tuples of keys to dense row numbers: what all aggregates stand on.
--
-- Two keys are two 64-bit words in one C table (src/abi/table.h). Strings are numbered per
-- KeyTable (`ids`); one single string is looked up in a plain Lua table (`rows_of`), which the JIT
-- does best. Beyond two, the keys to the left become the row number of a table before:
--
--     (k1, k2, k3, k4):  inner[1]: (k1, k2) -> r1   inner[2]: (r1, k3) -> r2   t: (r2, k4) -> row
--
-- `find` is the hot path: no loop, no closure, no table, no string per call, and one C call only
-- for new keys and collisions. It is a closure per KeyTable: what it stands on is then constant to
-- the JIT, where fields of `self` would be looked up again in every trace that is not a loop of
-- its own. Nothing here depends on Lua's hash being C's: another hash would only make every
-- look-up a C call. Row 0 is "(other)": what came when `limit` keys were there.

local C = require "oc.abi"
local addr = require "oc.addr"
local errors = require "oc.errors"
local clear_table = require "table.clear"
local ffi = require "ffi"
local frames = require "oc.frames"
local stacks = require "oc.stack"

local bor, bxor, rshift = bit.bor, bit.bxor, bit.rshift
local istype, type = ffi.istype, type -- a global would be a look-up in each trace
local addr_type = ffi.typeof("oc_addr")
local stack_type = stacks.type
local int64_type = ffi.typeof("int64_t")
local uint64_type = ffi.typeof("uint64_t")

-- As TupleTable::hash.
local TWO_32 = 0x100000000ULL
local K1, K2 = 0x9e3779b97f4a7c15ULL, 0xd6e8feb86659fd93ULL
local NIL, BOOLEAN, NUMBER, INT64, UINT64, ADDR, STRING, TUPLE, STACK =
  C.OC_KEY_NIL, C.OC_KEY_BOOLEAN, C.OC_KEY_NUMBER, C.OC_KEY_INT64, C.OC_KEY_UINT64, C.OC_KEY_ADDR,
  C.OC_KEY_STRING, C.OC_KEY_TUPLE, C.OC_KEY_STACK

---@class oc.KeyTable
---@field arity integer how many keys a tuple has
---@field limit integer
---@field t ffi.cdata* the last table: its rows are the rows
---@field capacity integer rows that the owner has room for
---@field grow fun(t: ffi.cdata*, rows: integer): integer? makes room, returns the new capacity; nil
---when there is no memory
---@field renamed? table<number, oc.Stack> what stacks are called now, by their numbers as keys
---@field kept? table<number, oc.Stack> what stacks were called that a script may still hold
---@field find fun(...): integer the row of these keys, made if new; not a method
local KeyTable = {}
KeyTable.__index = KeyTable

local function put_cdata(word, key)
  if istype(addr_type, key) then
    word.u = key.v
    return ADDR
  elseif istype(stack_type, key) then
    word.u = key.session * TWO_32 + key.id
    return STACK
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
local function put(self, ids, word, key)
  local kind = type(key)
  if kind == "number" then
    word.d = key
    return NUMBER
  elseif kind == "string" then
    word.d = ids[key] or add_string(self, key)
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
    hint = "keys are numbers, strings, booleans, nil, 64-bit integers, addresses and stacks",
  })
end

--- Finds where there is no room for another row: what is new goes to "(other)".
local function find_in_full(t, kinds)
  local row = C.oc_table_find(t, kinds)
  if row == 0 then t.refused = t.refused + 1 end
  return row
end

local function has_stack(kinds)
  return bit.band(kinds, 15) == STACK or rshift(kinds, 4) == STACK
end

local function hold_session(self, word)
  local number = tonumber(rshift(word.u, 32))
  self.sessions[number] = self.sessions[number] or frames.session_of(number)
end

--- Keeps the sessions of the stacks in `t.key`: names can be asked for as long as the table is.
local function hold_sessions(self, t, kinds)
  if bit.band(kinds, 15) == STACK then hold_session(self, t.key.a) end
  if rshift(kinds, 4) == STACK then hold_session(self, t.key.b) end
end

-- The room is made before the row: `grow` may fail, and a row without room would be written past
-- the end of the owner's array when its key comes again.
local function find_slowly(self, t, kinds)
  if has_stack(kinds) then hold_sessions(self, t, kinds) end
  if t == self.t and t.count >= self.capacity and t.count <= t.limit then
    local capacity = self.grow(t, t.count + 1)
    if not capacity then return find_in_full(t, kinds) end
    self.capacity = capacity
  end
  return C.oc_table_find_or_add(t, kinds)
end

-- What is alive where a trace may end must be few values: with the words, the hash and the row in
-- locals at three comparisons, LuaJIT could not build the side traces ("register coalescing too
-- complex") and each miss went through the interpreter. So both steps are functions of their own.

local function slot_of(t)
  local h = t.key.a.u * K1 + t.key.b.u * K2
  return rshift(bxor(h, rshift(h, 29)) * K2, t.shift)
end

--- 0 when the row has this key.
local function difference(entry, t, kinds)
  return bor(bxor(entry.a.u, t.key.a.u), bxor(entry.b.u, t.key.b.u), bxor(entry.kinds, kinds))
end

local function find_key(self, t, kinds)
  local row = t.slots[slot_of(t)]
  if difference(t.rows[row], t, kinds) == 0 then return row end
  return find_slowly(self, t, kinds)
end

local function find_pair(self, ids, t, k1, k2)
  return find_key(self, t, put(self, ids, t.key.a, k1) + put(self, ids, t.key.b, k2) * 16)
end

--- One step of the chain; what was "(other)" to the left stays so.
local function find_next(self, ids, t, tuple, key)
  if tuple == 0 then
    if t == self.t then t.refused = t.refused + 1 end
    return 0
  end
  t.key.a.d = tuple
  return find_key(self, t, TUPLE + put(self, ids, t.key.b, key) * 16)
end

local finder_makers = {
  [0] = function() return function() return 1 end end, -- row 1 is made by clear()
  [1] = function(self)
    local ids, rows_of, t = self.ids, self.rows_of, self.t
    local function add_row_of(key)
      local kind = put(self, ids, t.key.a, key)
      t.key.b.d = 0
      local row = find_slowly(self, t, kind)
      if row ~= 0 then rows_of[key] = row end
      return row
    end
    return function(key)
      if type(key) == "string" then return rows_of[key] or add_row_of(key) end
      t.key.b.d = 0
      return find_key(self, t, put(self, ids, t.key.a, key))
    end
  end,
  [2] = function(self)
    local ids, t = self.ids, self.t
    return function(k1, k2) return find_pair(self, ids, t, k1, k2) end
  end,
}

--- "k1, k2, k3": the parameters of generated functions.
---@param arity integer
---@return string
function KeyTable.parameters(arity)
  local names = {}
  for i = 1, arity do names[i] = "k" .. i end
  return table.concat(names, ", ")
end

--- Makes `find` for tuples of more than two keys, as straight code:
---
---     local tuple = find_pair(self, ids, t1, k1, k2)
---     tuple = find_next(self, ids, t2, tuple, k3)
---     return find_next(self, ids, t, tuple, k4)
local function generate_finder_maker(arity)
  local tables, steps = {}, {}
  for i = 1, arity - 2 do tables[i] = "t" .. i .. " = self.inner[" .. i .. "]" end
  for i = 3, arity do
    steps[i - 2] = ("%s find_next(self, ids, %s, tuple, k%d)"):format(
      i == arity and "return" or "tuple =", i == arity and "t" or "t" .. i - 1, i)
  end
  local lines = {
    "local find_pair, find_next = ...",
    "return function(self)",
    "local ids, t = self.ids, self.t",
    "local " .. table.concat(tables, "; local "),
    "return function(" .. KeyTable.parameters(arity) .. ")",
    "local tuple = find_pair(self, ids, t1, k1, k2)",
    table.concat(steps, "\n"),
    "end end",
  }
  local chunk = assert(loadstring(table.concat(lines, "\n"), errors.own_chunk("find" .. arity)))
  return chunk(find_pair, find_next)
end

local function make_finder(self)
  local arity = self.arity
  finder_makers[arity] = finder_makers[arity] or generate_finder_maker(arity)
  return finder_makers[arity](self)
end

local function new_table(limit)
  local t = C.oc_table_new(limit)
  if t == nil then error("no memory for a table of keys", 0) end
  return ffi.gc(t, C.oc_table_close)
end

---@param arity integer
---@param limit integer keys taken at most; more go to row 0
---@param grow fun(t: ffi.cdata*, rows: integer): integer?
---@return oc.KeyTable
function KeyTable.new(arity, limit, grow)
  local self = setmetatable({
    arity = arity, limit = limit, grow = grow, capacity = 0,
    t = new_table(limit), inner = {}, ids = {}, strings = {}, rows_of = {}, sessions = {},
  }, KeyTable)
  for i = 1, arity - 2 do self.inner[i] = new_table(limit) end
  self.find = make_finder(self)
  self:clear()
  return self
end

--- Forgets all keys; without keys there is one row, which is made at once by `clear`.
function KeyTable:forget()
  clear_table(self.ids)
  clear_table(self.strings)
  clear_table(self.rows_of)
  clear_table(self.sessions)
  self.string_count = 0
  for _, inner in ipairs(self.inner) do C.oc_table_clear(inner) end
  C.oc_table_clear(self.t)
end

function KeyTable:clear()
  self:forget()
  if self.capacity == 0 then
    self.capacity = self.grow(self.t, 1) or error("no memory for the values of an aggregate", 0)
  end
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
  if kind == UINT64 then return word.u end
  if kind == STACK then
    local stack = stack_type(tonumber(word.u % TWO_32), tonumber(word.u / TWO_32))
    return self.renamed and self.renamed[stacks.number(stack)] or stack
  end
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
  local function now(key)
    return self.kept and stacks.is(key) and self.kept[stacks.number(key)] or key
  end
  if self.arity == 0 then return 1 end
  local first, second = ...
  first, second = now(first), now(second)
  if not has(first) then return nil end
  local t = self.inner[1] or self.t
  local kind = put(self, self.ids, t.key.a, first)
  if self.arity == 1 then
    t.key.b.d = 0
  else
    if not has(second) then return nil end
    kind = kind + put(self, self.ids, t.key.b, second) * 16
  end
  local row = C.oc_table_find(t, kind)
  for i = 3, self.arity do
    local key = now((select(i, ...)))
    if row == 0 or not has(key) then return nil end
    t = self.inner[i - 1] or self.t
    t.key.a.d = row
    row = C.oc_table_find(t, TUPLE + put(self, self.ids, t.key.b, key) * 16)
  end
  return row ~= 0 and row or nil
end

return KeyTable
