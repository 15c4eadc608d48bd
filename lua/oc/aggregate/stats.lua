--- `oc.stats("comm", { unit = "ns" })`: count, sum, mean, min, max, deviation by tuples of keys.
--
-- From the sums of values and of squares, kept with two and three times the digits (exact.lua):
-- plain ones would lose all digits where values are large and close together, as time stamps are;
-- Welford's running mean would not, but depends on the order. `deviation` is the sample's (n - 1); 0 for one.

local core = require "oc.aggregate.core"
local exact = require "oc.aggregate.exact"

local max, min = math.max, math.min
local add, square = exact.add, exact.square

local M = {
  name = "stats", method = "add", element = "oc_stats_row", place = "stats", limit = 1000000,
  options = {},
  fields = { "count", "sum", "mean", "min", "max", "deviation" },
  unit_fields = { sum = true, mean = true, min = true, max = true, deviation = true },
}

function M.update(t, row, value)
  local entry = t.stats[row]
  local count = entry.count
  entry.count = count + 1
  local sum, err = add(entry.sum, value)
  entry.sum, entry.sum_rest = sum, entry.sum_rest + err
  local product, product_err = square(value)
  local squares, squares_err = add(entry.squares, product)
  entry.squares = squares
  squares, squares_err = add(entry.squares_rest, squares_err)
  entry.squares_rest = squares
  entry.squares_rest2 = entry.squares_rest2 + (squares_err + product_err)
  if count == 0 then
    entry.min, entry.max = value, value
    return
  end
  entry.min = min(entry.min, value)
  entry.max = max(entry.max, value)
end

function M.read(self, row, into)
  local entry = self._values[row]
  local count = entry.count
  into.count, into.min, into.max = count, entry.min, entry.max
  into.sum = exact.value(entry.sum, entry.sum_rest)
  into.mean = count > 0 and into.sum / count or 0
  into.deviation = count > 1 and math.sqrt(exact.distances(entry) / (count - 1)) or 0
end

function M.merge(self, row, other, other_row)
  local into, from = self._values[row], other._values[other_row]
  if from.count == 0 then return end
  into.min = into.count == 0 and from.min or min(into.min, from.min)
  into.max = into.count == 0 and from.max or max(into.max, from.max)
  into.count = into.count + from.count
  local sum, err = add(into.sum, from.sum)
  into.sum, into.sum_rest = sum, into.sum_rest + (from.sum_rest + err)
  local squares, squares_err = add(into.squares, from.squares)
  local rest, rest_err = add(into.squares_rest, from.squares_rest)
  into.squares = squares
  squares, squares_err = add(rest, squares_err)
  into.squares_rest = squares
  into.squares_rest2 = into.squares_rest2 + (from.squares_rest2 + (rest_err + squares_err))
end

function M.total(self)
  local total = 0
  for row = 0, self._keys:size() do total = total + self._values[row].count end
  return total
end

---@class oc.Stats : oc.Aggregate
---@field add fun(self: oc.Stats, value: number, ...: any) takes one value for these keys

---@type fun(...: string|table): oc.Stats
return core.define(M)
