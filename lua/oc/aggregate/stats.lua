--- `oc.stats("comm", { unit = "ns" })`: count, sum, mean, min, max, deviation by tuples of keys.
--
-- Welford's algorithm, merged by Chan's formula: exact where sums of squares lose all their digits
-- (large values close together, as time stamps are); the sum is kept beside it, so that
-- sums of whole numbers are whole. `deviation` is the sample's (n - 1); 0 for one.

local core = require "oc.aggregate.core"

local max, min = math.max, math.min

local M = {
  name = "stats", method = "add", element = "oc_stats_row", place = "stats", limit = 1000000,
  options = {},
  fields = { "count", "sum", "mean", "min", "max", "deviation" },
  unit_fields = { sum = true, mean = true, min = true, max = true, deviation = true },
}

function M.update(t, row, value)
  local entry = t.stats[row]
  local count = entry.count + 1
  entry.count = count
  entry.sum = entry.sum + value
  if count == 1 then
    entry.mean, entry.min, entry.max = value, value, value
    return
  end
  local distance = value - entry.mean
  local mean = entry.mean + distance / count
  entry.mean = mean
  entry.m2 = entry.m2 + distance * (value - mean)
  entry.min = min(entry.min, value)
  entry.max = max(entry.max, value)
end

function M.read(self, row, into)
  local entry = self._values[row]
  into.count, into.mean, into.min, into.max = entry.count, entry.mean, entry.min, entry.max
  into.sum = entry.sum
  into.deviation = entry.count > 1 and math.sqrt(entry.m2 / (entry.count - 1)) or 0
end

function M.merge(self, row, other, other_row)
  local into, from = self._values[row], other._values[other_row]
  if from.count == 0 then return end
  if into.count == 0 then
    into.count, into.sum, into.mean, into.m2 = from.count, from.sum, from.mean, from.m2
    into.min, into.max = from.min, from.max
    return
  end
  local count, distance = into.count + from.count, from.mean - into.mean
  into.m2 = into.m2 + from.m2 + distance * distance * into.count * from.count / count
  into.mean = into.mean + distance * from.count / count
  into.count, into.sum = count, into.sum + from.sum
  into.min, into.max = math.min(into.min, from.min), math.max(into.max, from.max)
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
