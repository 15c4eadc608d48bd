--- `oc.quantiles("comm", { unit = "ns" })`: p50, p90, p99 and the largest value by tuples of keys.
--
--     local latency = oc.quantiles("call", { quantiles = { 0.5, 0.999 }, error = 0.001 })
--     latency:add(ns, name)                       latency:quantile(0.999, "read")
--
-- DDSketch (C. Masson, J. Rim, H. Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
-- Relative-Error Guarantees", VLDB 2019) whose buckets are read off the bits of the double, as of
-- HdrHistogram: each power of two is cut into 2^bits equal parts.
--
--     high word:  s eeeeeeeeeee mmmmmm mmmmmmmmmmmmmm        bucket = the word >> (20 - bits)
--                               `bits'
--
-- A bucket [low, high) answers with 2·low·high/(low + high), which is at most (high - low)/(high +
-- low) ≤ 1/(2^(bits+1) + 1) from any value in it: below `error`. Smallest and largest value are
-- exact. Denormal numbers (below 2.2e-308: with fewer digits than others) count as 0; infinite ones
-- are refused, as what is not a number is. The quantile q of n values is the smallest value that at
-- least q·n of them do not exceed (numpy's "inverted_cdf"). Only buckets that came have memory:
-- they are counted in a table of their own, by (row, bucket), so that merging adds counts and is
-- exact.

require "oc.abi"
local KeyTable = require "oc.key_table"
local core = require "oc.aggregate.core"
local errors = require "oc.errors"
local ffi = require "ffi"

local arshift, lshift, band = bit.arshift, bit.lshift, bit.band
local max, min = math.max, math.min
local bits = ffi.new("oc_double_bits")

local MOST_BUCKETS = 4000000

local M = {
  name = "quantiles", method = "add", element = "double", place = "values", limit = 200000,
  options = { quantiles = true, error = true },
  fields = { "count", "max" }, unit_fields = {},
}

local function read_quantiles(given)
  if type(given) ~= "table" or #given == 0 then
    errors.misuse("quantiles is a list of numbers from 0 to 1",
      { token = "quantiles", hint = "as in { quantiles = { 0.5, 0.99 } }" })
  end
  local names, by_name = {}, {}
  for i, q in ipairs(given) do
    if type(q) ~= "number" or not (q >= 0 and q <= 1) then
      errors.misuse(("a quantile is a number from 0 to 1, not '%s'"):format(tostring(q)),
        { token = "quantiles", hint = "0.99 is the 99th percentile" })
    end
    names[i] = ("p%.10g"):format(q * 100)
    if by_name[names[i]] then
      errors.misuse(("the quantile %.10g is there twice"):format(q), { token = "quantiles",
        hint = "once each, as in { quantiles = { 0.5, 0.99 } }" })
    end
    by_name[names[i]] = q
  end
  return names, by_name
end

function M.prepare(self)
  local wanted = self.options.error or 0.01
  if type(wanted) ~= "number" or not (wanted >= 1e-6 and wanted <= 0.2) then
    errors.misuse("error is the largest relative error, from 0.000001 to 0.2",
      { token = "error", hint = "0.01 is one percent" })
  end
  local count = 1
  while 1 / (2 ^ (count + 1) + 1) >= wanted do count = count + 1 end  -- below: it is met at low
  self._bits, self._error = count, 1 / (2 ^ (count + 1) + 1)
  self._shape = "quantiles " .. count
  local names, by_name = read_quantiles(self.options.quantiles or { 0.5, 0.9, 0.99 })
  local fields, unit_fields = { "count" }, { max = true }
  for _, name in ipairs(names) do
    fields[#fields + 1], unit_fields[name] = name, true
  end
  fields[#fields + 1] = "max"
  self._kind = setmetatable({ fields = fields, unit_fields = unit_fields, quantiles = by_name },
    { __index = M })
  self._stride = 3  -- count, min, max
end

local function new_counts(self, t, rows)
  local old, old_capacity = self._counts, self._count_capacity or 0
  local capacity = math.max(rows, math.min(MOST_BUCKETS + 1, math.max(256, old_capacity * 2)))
  local ok, counts = pcall(ffi.new, "double[?]", capacity)
  if not ok then return nil end
  if old then ffi.copy(counts, old, old_capacity * 8) end
  self._counts, self._count_capacity, t.values = counts, capacity, counts
  return capacity
end

local function no_room()
  errors.misuse(("this oc.quantiles has no room for more than %d buckets"):format(MOST_BUCKETS),
    { token = "add", hint = "fewer keys, or a larger error, as in { error = 0.05 }" })
end

local function not_finite(value)
  errors.misuse(("the value is not finite (%s)"):format(value),
    { token = "add", hint = "leave it out: no bucket is near it" })
end

function M.make_update(self)
  self._buckets = KeyTable.new(2, MOST_BUCKETS, function(t, rows)
    return new_counts(self, t, rows)
  end)
  local find, counts, shift = self._buckets.find, self._buckets.t, 20 - self._bits
  return function(t, row, value)
    if value - value ~= 0 then not_finite(value) end
    bits.d = value + 0  -- -0 becomes 0
    local bucket = find(row, arshift(bits.w.high, shift))
    if bucket == 0 then no_room() end
    local values = counts.values
    values[bucket] = values[bucket] + 1
    values = t.values
    local at = row * 3
    local count = values[at]
    values[at] = count + 1
    if count == 0 then
      values[at + 1], values[at + 2] = value, value
      return
    end
    values[at + 1] = min(values[at + 1], value)
    values[at + 2] = max(values[at + 2], value)
  end
end

function M.cleared(self)
  self._buckets:clear()
  ffi.fill(self._counts, self._count_capacity * 8)
end

--- What stands for the values of a bucket.
local function middle_of(self, bucket)
  local shift = 20 - self._bits
  local word = band(lshift(bucket, shift), 0x7fffffff)
  if word < 0x100000 then return 0 end  -- zero, and what has fewer digits than a double
  bits.w.low, bits.w.high = 0, word
  local low = bits.d
  bits.w.high = word + lshift(1, shift)
  local middle = low * (2 / (1 + low / bits.d))
  return bucket < 0 and -middle or middle
end

--- The counts of each row's buckets, from the smallest value to the largest.
function M.begin_rows(self)
  local lists, t = {}, self._buckets.t
  for i = 1, self._buckets:size() do
    local row = tonumber(t.rows[i].a.d)
    lists[row] = lists[row] or {}
    table.insert(lists[row], { bucket = tonumber(t.rows[i].b.d), count = self._counts[i] })
  end
  for _, list in pairs(lists) do
    for _, entry in ipairs(list) do entry.value = middle_of(self, entry.bucket) end
    table.sort(list, function(a, b) return a.value < b.value end)
  end
  self._lists = lists
end

local function quantile_of(self, row, q)
  local values, at = self._values, row * 3
  local wanted, seen = math.ceil(q * values[at]), 0
  if wanted <= 1 then return values[at + 1] end
  if wanted >= values[at] then return values[at + 2] end
  for _, entry in ipairs(self._lists[row] or {}) do
    seen = seen + entry.count
    if seen >= wanted then return min(max(entry.value, values[at + 1]), values[at + 2]) end
  end
  return values[at + 2]
end

function M.read(self, row, into)
  into.count, into.max = self._values[row * 3], self._values[row * 3 + 2]
  for name, q in pairs(self._kind.quantiles) do
    into[name] = into.count > 0 and quantile_of(self, row, q) or 0
  end
end

function M.merge(self, row, other, other_row)
  local into, from, at, from_at = self._values, other._values, row * 3, other_row * 3
  if from[from_at] == 0 then return end
  local is_first = into[at] == 0
  into[at] = into[at] + from[from_at]
  into[at + 1] = is_first and from[from_at + 1] or min(into[at + 1], from[from_at + 1])
  into[at + 2] = is_first and from[from_at + 2] or max(into[at + 2], from[from_at + 2])
  for _, entry in ipairs(other._lists[other_row] or {}) do
    local bucket = self._buckets.find(row, entry.bucket)
    if bucket == 0 then no_room() end
    self._counts[bucket] = self._counts[bucket] + entry.count
  end
end

function M.total(self)
  local total = 0
  for row = 0, self._keys:size() do total = total + self._values[row * 3] end
  return total
end

function M.facts(self) return { error = self._error } end

---@class oc.Quantiles : oc.Aggregate
---@field add fun(self: oc.Quantiles, value: number, ...: any) takes one value for these keys
---@field quantile fun(self: oc.Quantiles, q: number, ...: any): number? of the values of these keys

local construct = core.define(M)

--- The quantile `q`, from 0 to 1, of the values of these keys; nil when none came.
local function quantile(self, q, ...)
  if type(q) ~= "number" or not (q >= 0 and q <= 1) then
    errors.misuse(("a quantile is a number from 0 to 1, not '%s'"):format(tostring(q)),
      { token = "quantile", hint = "as in latency:quantile(0.99, …)" })
  end
  local row = self._keys:lookup(...)
  if not row or self._values[row * 3] == 0 then return nil end
  M.begin_rows(self)
  return quantile_of(self, row, q)
end

---@param ... string|table
---@return oc.Quantiles
return function(...)
  local self = construct(...)
  self.quantile = quantile
  return self
end
