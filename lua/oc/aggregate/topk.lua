--- `oc.topk(10, "comm", "file")`: the keys that come most often, however many there are.
--
--     local files = oc.topk(10, "file")
--     files:count(e.filename)            files:add(bytes, e.filename)
--
-- Memory is bounded by `capacity`: Misra and Gries' counters ("Finding Repeated Elements", 1982)
-- in batches, as of D. Anderson et al., "A High-Performance Algorithm for Identifying Frequent
-- Items in Data Streams" (2017, arXiv:1705.07001), merged as of P. Agarwal et al., "Mergeable
-- Summaries" (PODS 2012).
--
--     2·capacity keys are there, another comes:  counts in order  9 7 7 4 | 3 3 2 1 …
--                                                the (capacity + 1)th   ---^  is the new `floor`;
--     what has no more is forgotten. A key that comes later may have been among these: it begins
--     with count = floor + 1, error = floor.
--
-- So a key came at most `count` times and at least `count - error`; one that is not there at most
-- `floor` times, and floor ≤ total / (capacity + 1).
-- While no more than 2·capacity keys came, all is exact.
-- Which keys are forgotten does not depend on their order in the table.

local core = require "oc.aggregate.core"
local errors = require "oc.errors"
local show = require "oc.aggregate.show"
local stacks = require "oc.stack"

local M = {
  name = "topk", method = "count", more_methods = { "add" }, element = "double", place = "values",
  limit = 2000, options = { capacity = true, top = true },
  fields = { "count", "error" }, unit_fields = { count = true, error = true },
}

-- Of row 0, "(other)", which is nobody's here.
local TOTAL, FLOOR = 0, 1

function M.prepare(self)
  local top, capacity = self.options.top, self.options.capacity
  if capacity == nil then capacity = math.max(1000, top * 10) end
  if type(capacity) ~= "number" or capacity < top or capacity % 1 ~= 0 or capacity > 1e7 then
    errors.misuse("capacity is how many keys are surely kept: at least as many as are shown",
      { token = "capacity", hint = "as in { capacity = 10000 }" })
  end
  if self.options.limit ~= nil then
    errors.misuse("oc.topk has no limit of rows: its memory is bounded by capacity",
      { token = "limit", hint = "as in { capacity = 10000 }" })
  end
  self._top, self._capacity_keys, self._stride = top, capacity, 2
  self._kind = setmetatable({ limit = 2 * capacity }, { __index = M })
end

local function negative()
  errors.misuse("oc.topk adds no negative values", { token = "add" })
end

function M.update(t, row, value)
  if value < 0 then negative() end
  local values = t.values
  values[TOTAL] = values[TOTAL] + value
  local at = row * 2
  local count = values[at]
  if count == 0 then
    count = values[FLOOR]
    values[at + 1] = count
  end
  values[at] = count + value
end

--- All keys with their counts, as plain tables.
local function entries_of(self)
  local entries = {}
  for row = 1, self._keys:size() do
    entries[row] = { keys = self._keys:keys(row), count = self._values[row * 2],
      error = self._values[row * 2 + 1] }
  end
  return entries
end

--- What tells keys apart, as a text.
local function text_of(keys, arity)
  local out = {}
  for i = 1, arity do
    local key = keys[i]
    out[i] = type(key) .. "\1" .. (stacks.is(key) and ("%.0f"):format(stacks.number(key))
      or tostring(key))
  end
  return table.concat(out, "\2")
end

--- The same, equal keys once: stacks of two traces may have become one.
local function united(self)
  local entries = entries_of(self)
  if not self._keys.renamed then return entries end
  local out, by_text = {}, {}
  for _, entry in ipairs(entries) do
    local text = text_of(entry.keys, #self.columns)
    local first = by_text[text]
    if first then
      first.count, first.error = first.count + entry.count, first.error + entry.error
    else
      by_text[text] = entry
      out[#out + 1] = entry
    end
  end
  return out
end

--- Puts these entries in place of all, leaving out what has not more than the floor that leaves
--- `capacity` of them at most.
local function replace(self, entries, total, floor)
  local counts = {}
  for i, entry in ipairs(entries) do counts[i] = entry.count end
  table.sort(counts, function(a, b) return a > b end)
  local is_full = #entries > 2 * self._capacity_keys
  if is_full then floor = math.max(floor, counts[self._capacity_keys + 1]) end
  core.clear(self)
  for _, entry in ipairs(entries) do
    if not is_full or entry.count > floor then
      local row = self._keys.find(unpack(entry.keys, 1, #self.columns))
      self._values[row * 2], self._values[row * 2 + 1] = entry.count, entry.error
    end
  end
  self._values[TOTAL], self._values[FLOOR] = total, floor
end

--- Forgets the rarest half; returns the row of these keys, which are new.
function M.make_room(self, ...)
  local entries = entries_of(self)
  entries[#entries + 1] = { count = 0, error = 0, keys = {} }  -- the new one, which is not in yet
  replace(self, entries, self._values[TOTAL], self._values[FLOOR])
  return self._keys.find(...)
end

function M.read(self, row, into)
  into.count, into.error = self._values[row * 2], self._values[row * 2 + 1]
end

function M.select(self, rows)
  show.sort(self, rows, "count", self._top)
  for i = #rows, self._top + 1, -1 do rows[i] = nil end
  return rows
end

--- Both's keys: one that only one of them has may have come to the other up to its floor.
function M.merge_all(self, other)
  local floor, other_floor = self._values[FLOOR], other._values[FLOOR]
  local entries, by_row = entries_of(self), {}
  for row, entry in ipairs(entries) do
    by_row[row] = entry
    entry.is_alone = true
  end
  for _, entry in ipairs(united(other)) do
    local row = self._keys:lookup(unpack(entry.keys, 1, #self.columns))
    local mine = row and by_row[row]
    if mine then
      mine.count, mine.error = mine.count + entry.count, mine.error + entry.error
      mine.is_alone = false
    else
      entry.count, entry.error = entry.count + floor, entry.error + floor
      entries[#entries + 1] = entry
    end
  end
  for _, entry in ipairs(entries) do
    if entry.is_alone then
      entry.count, entry.error = entry.count + other_floor, entry.error + other_floor
    end
  end
  replace(self, entries, self._values[TOTAL] + other._values[TOTAL], floor + other_floor)
end

function M.total(self) return self._values[TOTAL] end

--- No key that is not shown for want of room came more often.
function M.facts(self) return { floor = self._values[FLOOR], capacity = self._capacity_keys } end

--- Whether there are keys that are not kept.
function M.leaves_out(self) return self._values[FLOOR] > 0 end

function M.footnote(self)
  local floor = self._values[FLOOR]
  if floor == 0 then return nil end
  return ("(more keys than are kept: counts are at most so much, and at most 'error' less; "
    .. "any other key has at most %.10g)"):format(floor)
end

---@class oc.TopK : oc.Aggregate
---@field count fun(self: oc.TopK, ...: any) counts one for these keys
---@field add fun(self: oc.TopK, value: number, ...: any) adds a value that is not negative

local construct = core.define(M)

---@param top integer how many keys to show
---@param ... string|table names of the keys; { capacity = N, unit =, title = }
---@return oc.TopK
return function(top, ...)
  if type(top) ~= "number" or top < 1 or top % 1 ~= 0 or top > 1e6 then
    errors.misuse("oc.topk wants the number of keys to show first",
      { token = "topk", hint = 'as in oc.topk(10, "comm")' })
  end
  local columns, options = { ... }, {}
  local count = select("#", ...)
  if type(columns[count]) == "table" then
    for name, value in pairs(columns[count]) do options[name] = value end
    columns[count] = nil
    count = count - 1
  end
  options.top = top
  columns[count + 1] = options
  return construct(unpack(columns, 1, count + 1))
end
