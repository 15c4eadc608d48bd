--- What all aggregates share: columns, options, keys, rows in order, merging.
--
-- A kind of aggregate (counter, sum, …) is a table of functions given to `core.define`; its
-- values lie in one FFI array, `stride` elements for each row of the KeyTable. The method that
-- scripts call per event is generated for the number of columns, so that a compiled loop holds no
-- loop over keys.

require "oc.abi"
local KeyTable = require "oc.key_table"
local addr = require "oc.addr"
local errors = require "oc.errors"
local nearest = require "oc.nearest"
local show = require "oc.aggregate.show"
local units = require "oc.units"
local ffi = require "ffi"

---@class oc.Aggregate
---@field columns string[] names of the keys
---@field options table
---@field _keys oc.KeyTable
---@field _values ffi.cdata* `stride` elements for each row
local Aggregate = {}
Aggregate.__index = Aggregate

---@class oc.aggregate.Kind
---@field name string
---@field method "count"|"add"
---@field more_methods? string[] further ones of these
---@field limit integer rows taken at most, unless the option says otherwise
---@field element string C type of a value
---@field place "values"|"stats" where oc_table points to them
---@field options table<string, true> accepted beside the common ones
---@field fields string[] what `rows` gives beside the keys; the first is the order of printing
---@field unit_fields table<string, true> fields that carry the unit of the values
---@field prepare? fun(self: oc.Aggregate) checks options; may set `_stride`, `_kind`
---@field make_room? fun(self: oc.Aggregate, ...): integer the row of keys that had no room
---@field update? fun(t: ffi.cdata*, row: integer, value: number) per event
---@field make_update? fun(self: oc.Aggregate): function the same, when it depends on options
---@field read fun(self: oc.Aggregate, row: integer, into: table)
---@field merge fun(self: oc.Aggregate, row: integer, other: oc.Aggregate, other_row: integer)
---@field merge_all? fun(self: oc.Aggregate, other: oc.Aggregate) instead
---@field begin_rows? fun(self: oc.Aggregate) before rows are read
---@field select? fun(self: oc.Aggregate, rows: table[]): table[] which of them there are
---@field cleared? fun(self: oc.Aggregate)
---@field facts? fun(self: oc.Aggregate): table<string, any> of the whole, for JSON
---@field footnote? fun(self: oc.Aggregate): string? a line below the table
---@field total fun(self: oc.Aggregate): number
---@field draw? fun(self: oc.Aggregate, rows: table[]): string instead of a table

local M = {}

--- All that are in use, by when they were made: workers hand over what any of them holds.
---@type table<oc.Aggregate, integer>
M.alive = setmetatable({}, { __mode = "k" })

local made = 0

---@generic T
---@param aggregate T
---@return T
function M.note(aggregate)
  made = made + 1
  M.alive[aggregate] = made
  return aggregate
end

-- Sizes of cdata have 31 bits; half of that leaves room for the array that is copied from.
local MAX_BYTES = 2 ^ 30

local common_options = { limit = true, unit = true, title = true }

local function check_options(kind, options)
  local known = {}
  for name in pairs(common_options) do known[#known + 1] = name end
  for name in pairs(kind.options) do known[#known + 1] = name end
  table.sort(known)
  for name in pairs(options) do
    if not common_options[name] and not kind.options[name] then
      errors.misuse(("oc.%s has no option '%s'"):format(kind.name, tostring(name)), {
        token = tostring(name),
        hint = nearest.hint(tostring(name), known) or "it has: " .. table.concat(known, ", "),
      })
    end
  end
  if options.unit ~= nil and not units.formatter(options.unit) then
    errors.misuse(("unknown unit '%s'"):format(tostring(options.unit)),
      { hint = 'write "ns", "bytes" or "percent"' })
  end
  local limit = options.limit
  if limit ~= nil and (type(limit) ~= "number" or limit < 1 or limit ~= math.floor(limit)) then
    errors.misuse("limit must be a whole number of rows, at least 1", { token = "limit" })
  end
end

local function check_columns(kind, columns)
  local taken = { other = true }
  for _, field in ipairs(kind.fields) do taken[field] = true end
  for i, name in ipairs(columns) do
    if type(name) ~= "string" then
      errors.misuse(("column %d of oc.%s is a %s, not a name"):format(i, kind.name, type(name)), {
        hint = ('as in oc.%s("comm", "cpu")'):format(kind.name),
      })
    end
    if taken[name] then
      errors.misuse(("oc.%s cannot have a column '%s': the name is taken"):format(kind.name, name),
        { token = name })
    end
    taken[name] = true
  end
end

local function misused(object, self)
  local kind, columns = object._kind, #object.columns
  if self ~= object then
    errors.misuse("call it with a colon, as in my_" .. kind.name .. ":" .. kind.method .. "(…)")
  end
  errors.misuse(("this oc.%s has %d column%s, more keys were given"):format(kind.name, columns,
    columns == 1 and "" or "s"), {
    hint = ('name a column for each key, as in oc.%s("comm", "cpu")'):format(kind.name),
    token = kind.method,
  })
end

--- A number from what a script hands in as value; integers of 64 bits are rounded to 53.
local function as_number(value)
  if ffi.istype("uint64_t", value) or ffi.istype("int64_t", value) then return tonumber(value) end
  if addr.is(value) then
    errors.misuse("the value is an address", {
      hint = "write :number() behind it, if it is a size",
    })
  end
  local shown = value == nil and "nil" or "a " .. type(value)
  errors.misuse("the value is " .. shown .. ", not a number")
end

local function not_a_number() errors.misuse("the value is not a number (0/0)") end

-- $parameters are the keys and `extra`; $room is for kinds that can make room.
local templates = {
  count = [[
local object, t, find, update, misused, make_room = ...
return function(self, $parameters)
  if self ~= object or extra ~= nil then misused(object, self) end
  local row = find($keys)
  $room
  update(t, row, 1)
end]],
  add = [[
local object, t, find, update, misused, make_room, type, as_number, not_a_number = ...
return function(self, value, $parameters)
  if self ~= object or extra ~= nil then misused(object, self) end
  if type(value) ~= "number" then value = as_number(value) end
  if value ~= value then not_a_number() end
  local row = find($keys)
  $room
  update(t, row, value)
end]],
}

local function method_text(kind, method, arity)
  local keys = KeyTable.parameters(arity)
  local also = arity > 0 and ", " or ""
  return (templates[method]:gsub("$(%l+)", {
    parameters = keys .. also .. "extra", keys = keys,
    room = kind.make_room
      and "if row == 0 then row = make_room(self" .. also .. keys .. ") end" or "",
  }))
end

--- A method that scripts call per event, for `object` only: what it uses is constant to the JIT.
local function make_method(kind, method, object, chunks)
  local arity = #object.columns
  local name = kind.name .. "_" .. method .. "_" .. arity
  chunks[name] = chunks[name]
    or assert(loadstring(method_text(kind, method, arity), errors.own_chunk(name)))
  return chunks[name](object, object._keys.t, object._keys.find, object._update, misused,
    kind.make_room, type, as_number, not_a_number)
end

--- Whether a value is an aggregate. Asks no object: some raise on names that they do not know.
---@param value any
---@return boolean
function M.is(value)
  local class = type(value) == "table" and getmetatable(value)
  return type(class) == "table" and rawget(class, "_kind") ~= nil
end

--- The constructor of a kind: `oc.counter(col1, col2, …, {options})`.
---@param kind oc.aggregate.Kind
---@return fun(...): oc.Aggregate
function M.define(kind)
  local class = setmetatable({ _kind = kind, __tostring = Aggregate.__tostring }, Aggregate)
  class.__index = class
  local chunks = {}
  local function construct(...)
    local columns, count = { ... }, select("#", ...)
    local options = {}
    if type(columns[count]) == "table" then
      options, columns[count], count = columns[count], nil, count - 1
    end
    for i = 1, count do if columns[i] == nil then columns[i] = false end end
    check_options(kind, options)
    local self = setmetatable({ columns = columns, options = options, _stride = 1 }, class)
    if kind.prepare then kind.prepare(self) end
    check_columns(self._kind, columns)
    local row_bytes = ffi.sizeof(kind.element) * self._stride
    local limit = math.min(options.limit or self._kind.limit, math.floor(MAX_BYTES / row_bytes) - 1)
    self._keys = KeyTable.new(count, limit,
      function(t, rows) return self:_grow(t, rows, limit + 1) end)
    self._update = kind.make_update and kind.make_update(self) or kind.update
    self[kind.method] = make_method(kind, kind.method, self, chunks)
    for _, method in ipairs(kind.more_methods or {}) do
      self[method] = make_method(kind, method, self, chunks)
    end
    self._construct = construct
    return M.note(self)
  end
  return construct
end

local function new_values(element, count) return ffi.new(element .. "[?]", count) end

--- Makes room for `rows` rows, at most `most`; what is there is kept, what is new is zero. Nil when
--- there is no memory.
function Aggregate:_grow(t, rows, most)
  local old, old_capacity = self._values, self._capacity or 0
  local capacity = math.max(rows, math.min(most, math.max(64, old_capacity * 2)))
  local size = ffi.sizeof(self._kind.element) * self._stride
  local ok, values = pcall(new_values, self._kind.element, capacity * self._stride)
  if not ok then return nil end
  if old then ffi.copy(values, old, old_capacity * size) end
  self._values, self._capacity = values, capacity
  t[self._kind.place] = values
  return capacity
end

--- An empty one of the same kind, keys and options.
---@generic T: oc.Aggregate
---@param self T
---@return T
function Aggregate:fresh()
  local columns, count = { unpack(self.columns) }, #self.columns
  columns[count + 1] = self.options
  return self._construct(unpack(columns, 1, count + 1))
end

--- The same with other stacks as keys, by their numbers: rows that are one then are added up. For
--- showing: no worker hands it over.
---@param renamed table<number, oc.Stack>
---@return oc.Aggregate
function Aggregate:_renamed(renamed)
  local copy = self:fresh()
  M.alive[copy] = nil
  self._keys.renamed = renamed
  local ok, err = pcall(copy.merge, copy, self)
  self._keys.renamed = nil
  if not ok then error(err, 0) end
  return copy
end

--- Forgets all rows.
function Aggregate:clear() M.clear(self) end

--- For kinds that do so on their own, which is nothing that a script asked for.
---@param self oc.Aggregate
function M.clear(self)
  self._keys:clear()
  local size = ffi.sizeof(self._kind.element) * self._stride
  ffi.fill(self._values, self._capacity * size)
  if self._kind.cleared then self._kind.cleared(self) end
end

--- Adds the rows of another aggregate of the same kind, columns and options to this one.
---@generic T: oc.Aggregate
---@param other T
function Aggregate:merge(other)
  if type(other) ~= "table" or not other._kind or other._kind.name ~= self._kind.name then
    local name = "oc." .. self._kind.name
    errors.misuse("only an " .. name .. " can be merged into an " .. name, { token = "merge" })
  end
  if #other.columns ~= #self.columns or other._shape ~= self._shape then
    errors.misuse("only aggregates with as many columns and the same buckets can be merged",
      { token = "merge" })
  end
  if self._kind.merge_all then return self._kind.merge_all(self, other) end
  if self._kind.begin_rows then self._kind.begin_rows(other) end
  local merge, arity = self._kind.merge, #self.columns
  for row = 1, other._keys:size() do
    local keys = other._keys:keys(row)
    merge(self, self._keys.find(unpack(keys, 1, arity)), other, row)
  end
  if other._keys:refused() > 0 then
    merge(self, 0, other, 0)
    self._keys.t.refused = self._keys.t.refused + other._keys:refused()
  end
end

local function read_row(self, row)
  local into = {}
  if row == 0 then
    into.other = true
    for _, column in ipairs(self.columns) do into[column] = "(other)" end
  else
    local keys = self._keys:keys(row)
    for i, column in ipairs(self.columns) do into[column] = keys[i] end
  end
  self._kind.read(self, row, into)
  return into
end

--- All rows as plain tables, keys by column name and the values: the largest first, then by keys.
--- What came after the limit is one row with `other = true`, at the end.
---@param sort? string a column or value; "-name" turns its order around
---@return table[]
function Aggregate:rows(sort) return self:_sorted(sort) end

--- Of which the first so many are in order.
function Aggregate:_sorted(sort, ordered)
  local rows = {}
  if self._kind.begin_rows then self._kind.begin_rows(self) end
  for row = 1, self._keys:size() do
    local into = read_row(self, row)
    if #self.columns > 0 or into[self._kind.fields[1]] ~= 0 then rows[#rows + 1] = into end
  end
  if self._kind.select then rows = self._kind.select(self, rows) end
  show.sort(self, rows, sort, ordered)
  if self._keys:refused() > 0 then rows[#rows + 1] = read_row(self, 0) end
  return rows
end

--- The value of one tuple of keys: the number of a counter or sum, a table of the others; nil when
--- it never came.
---@return any
function Aggregate:get(...)
  local row = self._keys:lookup(...)
  if not row then return nil end
  local into = {}
  if self._kind.begin_rows then self._kind.begin_rows(self) end
  self._kind.read(self, row, into)
  if #self._kind.fields == 1 then return into[self._kind.fields[1]] end
  return into
end

--- The sum over all rows (of a counter or sum), or how many values came (of the others).
---@return number
function Aggregate:total() return self._kind.total(self) end

--- Prints rows as a table, or one JSON document under `--json`.
---@param options? { top?: integer, percent?: boolean, sort?: string, title?: string }
function Aggregate:print(options) show.print(self, options or {}) end

--- One JSON document: kind, columns, rows, total.
---@param options? { top?: integer, sort?: string, title?: string, percent?: boolean }
---@return string
function Aggregate:json(options) return show.json(self, options or {}) end

function Aggregate:__tostring()
  return ("oc.%s(%s): %d rows"):format(self._kind.name, table.concat(self.columns, ", "),
    self._keys:size())
end

return M
