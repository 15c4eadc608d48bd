--- Values and aggregates as bytes: what a worker leaves for the first process.
--
--     value       as LuaJIT's string.buffer has it
--     aggregate   a value: rows and strings of the key tables, the values, as they lie in memory
--
-- Both ends are the same program on the same machine. Still nothing is read beyond the end: a
-- worker may have been killed while it wrote.

local C = require "oc.abi"
local addr = require "oc.addr"
local buffer = require "string.buffer"
local ffi = require "ffi"
local stacks = require "oc.jobs.stacks"
local stack_of = require "oc.stack"

local M = {}

local ROW_BYTES = ffi.sizeof("oc_table_row")

---@param value any numbers, texts, booleans, 64-bit integers and tables of these
---@return string
M.encode = buffer.encode
--- Raises when it is cut off.
---@param text string
---@return any
M.decode = buffer.decode

-- Aggregates -------------------------------------------------------------------------------------

local function rows_of(t) return ffi.string(t.rows, t.count * ROW_BYTES) end

local function keys_of(keys)
  local inner = {}
  for i, t in ipairs(keys.inner) do inner[i] = rows_of(t) end
  local strings = {}
  for i = 1, keys.string_count do strings[i] = keys.strings[i] end
  return { rows = rows_of(keys.t), inner = inner, strings = strings, refused = keys:refused() }
end

--- Puts the same rows into an empty table: in their order, so they get the same numbers.
local function load_rows(t, text)
  local rows = ffi.cast("const oc_table_row *", text)
  for i = 1, #text / ROW_BYTES - 1 do
    t.key.a.u, t.key.b.u = rows[i].a.u, rows[i].b.u
    if C.oc_table_find_or_add(t, rows[i].kinds) ~= i then
      error("no memory for what a worker found", 0)
    end
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

local encoded = { number = true, string = true, boolean = true }

local function plain_value(value)
  if encoded[type(value)] then return value end
  if addr.is(value) then return { address = value.v } end
  if stack_of.is(value) then return { stack = stack_of.number(value) } end
  if ffi.istype("uint64_t", value) or ffi.istype("int64_t", value) then return value end
  error(("a %s in a row of oc.table cannot be handed from a worker to the first process"):format(
    type(value)), 0)
end

--- Rows of an oc.table as what can be encoded.
local function plain_rows(rows)
  local out = {}
  for i, row in ipairs(rows) do
    out[i] = {}
    for name, value in pairs(row) do out[i][name] = plain_value(value) end
  end
  return out
end

local function rows_again(plain, renamed)
  for _, row in ipairs(plain) do
    for name, value in pairs(row) do
      if type(value) == "table" then
        row[name] = value.stack and renamed[value.stack] or addr.make(value.address)
      end
    end
  end
  return plain
end

local function dump_one(aggregate)
  if aggregate._rows then return { rows = plain_rows(aggregate._rows) } end
  local size = ffi.sizeof(aggregate._kind.element) * aggregate._stride
  local out = { keys = keys_of(aggregate._keys),
    values = ffi.string(aggregate._values, aggregate._keys.t.count * size) }
  if aggregate._counts then  -- of quantiles
    out.buckets = keys_of(aggregate._buckets)
    out.counts = ffi.string(aggregate._counts, aggregate._buckets.t.count * 8)
  end
  return out
end

--- What aggregates hold, as a value to encode.
---@param aggregates oc.Aggregate[]
---@return { list: table[], stacks: oc.jobs.Stacks }
function M.dump(aggregates)
  local list = {}
  for i, aggregate in ipairs(aggregates) do list[i] = dump_one(aggregate) end
  return { list = list, stacks = stacks.dump(stacks.of(aggregates)) }
end

--- An aggregate as `like`, empty, with what was dumped of another.
local function load_one(like, dumped, renamed)
  local made = like:fresh()
  if dumped.rows then
    made._rows = rows_again(dumped.rows, renamed)
    return made
  end
  made._keys:forget()
  load_keys(made._keys, dumped.keys)
  made._keys.renamed = renamed
  ffi.copy(made._values, dumped.values, #dumped.values)
  if dumped.buckets then
    load_keys(made._buckets, dumped.buckets)
    ffi.copy(made._counts, dumped.counts, #dumped.counts)
  end
  return made
end

--- Adds what was dumped of aggregates like these.
---@param aggregates oc.Aggregate[]
---@param dumped { list: table[], stacks: oc.jobs.Stacks }
---@param told oc.jobs.Told where the stacks go
function M.merge(aggregates, dumped, told)
  local renamed = told:load(dumped.stacks)
  for i, aggregate in ipairs(aggregates) do
    aggregate:merge(load_one(aggregate, dumped.list[i], renamed))
  end
end

return M
