--- `oc.sum("comm", { unit = "bytes" })`: the sum of values for each tuple of keys.

local additive = require "oc.aggregate.additive"
local core = require "oc.aggregate.core"

local M = {
  name = "sum", method = "add", element = "double", place = "values", limit = 4000000, options = {},
  fields = { "sum" }, unit_fields = { sum = true },
}

function M.update(t, row, value)
  local values = t.values
  values[row] = values[row] + value
end

function M.read(self, row, into) into.sum = self._values[row] end

---@class oc.Sum : oc.Aggregate
---@field add fun(self: oc.Sum, value: number, ...: any) adds to these keys

---@type fun(...: string|table): oc.Sum
return core.define(additive.complete(M))
