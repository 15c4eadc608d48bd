--- `oc.sum("comm", { unit = "bytes" })`: the sum of values for each tuple of keys.
--
-- A row is two doubles (exact.lua), so that a sum does not depend on the order of its values.

local core = require "oc.aggregate.core"
local exact = require "oc.aggregate.exact"

local add = exact.add

local M = {
  name = "sum", method = "add", element = "double", place = "values", limit = 4000000, options = {},
  fields = { "sum" }, unit_fields = { sum = true },
}

function M.prepare(self) self._stride = 2 end

function M.update(t, row, value)
  local values = t.values
  local at = row * 2
  local sum, err = add(values[at], value)
  values[at] = sum
  values[at + 1] = values[at + 1] + err
end

local function value_of(self, row)
  return exact.value(self._values[row * 2], self._values[row * 2 + 1])
end

function M.read(self, row, into) into.sum = value_of(self, row) end

function M.merge(self, row, other, other_row)
  local into, from = self._values, other._values
  local sum, err = add(into[row * 2], from[other_row * 2])
  into[row * 2] = sum
  into[row * 2 + 1] = into[row * 2 + 1] + (from[other_row * 2 + 1] + err)
end

function M.total(self)
  local total, rest = 0, 0
  for row = 0, self._keys:size() do
    local sum, err = add(total, self._values[row * 2])
    total, rest = sum, rest + (err + self._values[row * 2 + 1])
  end
  return exact.value(total, rest)
end

---@class oc.Sum : oc.Aggregate
---@field add fun(self: oc.Sum, value: number, ...: any) adds to these keys

---@type fun(...: string|table): oc.Sum
return core.define(M)
