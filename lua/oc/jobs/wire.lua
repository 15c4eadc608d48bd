--- Values and aggregates as bytes: what a worker leaves for the first process.
--
--     value       N | T | F | n <double> | u <8 bytes> | i <8 bytes> | a <8 bytes>
--                 s <length> <bytes> | t <pairs> (key value)*          lengths are doubles
--     aggregate   a value: the key tables' rows and strings, and the values' array, as they lie in memory
--
-- Both ends are the same program on the same machine. Still nothing is read beyond the end: a worker
-- may have been killed while it wrote.

local C = require "oc.abi"
local addr = require "oc.addr"
local ffi = require "ffi"

local M = {}

local ROW_BYTES = ffi.sizeof("oc_table_row")
local double_box, word_box = ffi.new("double[1]"), ffi.new("uint64_t[1]")

local function double_bytes(value)
  double_box[0] = value
  return ffi.string(double_box, 8)
end

local function word_bytes(value)
  word_box[0] = value
  return ffi.string(word_box, 8)
end

local function append(out, value)
  local kind = type(value)
  if value == nil then out[#out + 1] = "N"
  elseif kind == "boolean" then out[#out + 1] = value and "T" or "F"
  elseif kind == "number" then out[#out + 1] = "n" .. double_bytes(value)
  elseif kind == "string" then
    out[#out + 1] = "s" .. double_bytes(#value)
    out[#out + 1] = value
  elseif kind == "table" then
    local count, at = 0, #out + 1
    out[at] = ""
    for key, member in pairs(value) do
      count = count + 1
      append(out, key)
      append(out, member)
    end
    out[at] = "t" .. double_bytes(count)
  elseif addr.is(value) then out[#out + 1] = "a" .. word_bytes(value.v)
  elseif ffi.istype("uint64_t", value) then out[#out + 1] = "u" .. word_bytes(value)
  elseif ffi.istype("int64_t", value) then
    out[#out + 1] = "i" .. word_bytes(ffi.cast("uint64_t", value))
  else
    error("a " .. kind .. " cannot be handed from a worker to the first process", 0)
  end
end

---@param value any
---@return string
function M.encode(value)
  local out = {}
  append(out, value)
  return table.concat(out)
end

local Reader = {}
Reader.__index = Reader

function Reader:take(count)
  if not (count >= 0 and count <= #self.text - self.at) then
    error("what a worker left is cut off", 0)
  end
  self.at = self.at + count
  return self.text:sub(self.at - count + 1, self.at)
end

function Reader:double()
  ffi.copy(double_box, self:take(8), 8)
  return double_box[0]
end

function Reader:word()
  ffi.copy(word_box, self:take(8), 8)
  return word_box[0]
end

function Reader:value()
  local mark = self:take(1)
  if mark == "N" then return nil end
  if mark == "T" or mark == "F" then return mark == "T" end
  if mark == "n" then return self:double() end
  if mark == "u" then return self:word() + 0ULL end
  if mark == "i" then return ffi.cast("int64_t", self:word()) end
  if mark == "a" then return addr.make(self:word()) end
  if mark == "s" then return self:take(self:double()) end
  if mark ~= "t" then error("what a worker left is no value", 0) end
  local out = {}
  for _ = 1, self:double() do
    local key = self:value()
    if key == nil then error("what a worker left is no value", 0) end
    out[key] = self:value()
  end
  return out
end

---@param text string
---@return any
function M.decode(text) return setmetatable({ text = text, at = 0 }, Reader):value() end

-- Aggregates -------------------------------------------------------------------------------------

local function rows_of(t) return ffi.string(t.rows, t.count * ROW_BYTES) end

local function keys_of(keys)
  local inner = {}
  for i, t in ipairs(keys.inner) do inner[i] = rows_of(t) end
  local strings = {}
  for i = 1, keys.string_count do strings[i] = keys.strings[i] end
  return { rows = rows_of(keys.t), inner = inner, strings = strings, refused = keys:refused(),
    has_stacks = next(keys.sessions) ~= nil }
end

--- Puts the same rows into an empty table: in their order, so they get the same numbers.
local function load_rows(t, text)
  local rows = ffi.cast("const oc_table_row *", text)
  for i = 1, #text / ROW_BYTES - 1 do
    t.key.a.u, t.key.b.u = rows[i].a.u, rows[i].b.u
    if C.oc_table_find_or_add(t, rows[i].kinds) ~= i then error("no memory for what a worker found", 0) end
  end
end

local function load_keys(keys, dumped)
  for i, text in ipairs(dumped.inner) do load_rows(keys.inner[i], text) end
  for i, text in ipairs(dumped.strings) do keys.strings[i], keys.ids[text] = text, i end
  keys.string_count = #dumped.strings
  load_rows(keys.t, dumped.rows)
  if keys.t.count > keys.capacity then
    keys.capacity = keys.grow(keys.t, keys.t.count) or error("no memory for what a worker found", 0)
  end
  keys.t.refused = dumped.refused
end

--- What an aggregate holds, as a value to encode.
---@param aggregate oc.Aggregate
---@return table
function M.dump(aggregate)
  if aggregate._rows then return { rows = aggregate._rows } end
  local size = ffi.sizeof(aggregate._kind.element) * aggregate._stride
  local out = { keys = keys_of(aggregate._keys),
    values = ffi.string(aggregate._values, aggregate._keys.t.count * size) }
  if aggregate._counts then  -- of quantiles
    out.buckets = keys_of(aggregate._buckets)
    out.counts = ffi.string(aggregate._counts, aggregate._buckets.t.count * 8)
  end
  return out
end

--- An aggregate as `like`, empty, with what was dumped of another.
---@param like oc.Aggregate
---@param dumped table
---@return oc.Aggregate
function M.load(like, dumped)
  local made = like:fresh()
  if dumped.rows then
    made._rows = dumped.rows
    return made
  end
  made._keys:forget()
  load_keys(made._keys, dumped.keys)
  ffi.copy(made._values, dumped.values, #dumped.values)
  if dumped.buckets then
    load_keys(made._buckets, dumped.buckets)
    ffi.copy(made._counts, dumped.counts, #dumped.counts)
  end
  return made
end

return M
