--- `oc.counter("comm", "cpu")`: how often each tuple of keys came.
--
--     local calls = oc.counter("comm", "syscall")
--     calls:count(e.comm, e.args.id)

local core = require "oc.aggregate.core"

local M = {
  name = "counter", method = "count", element = "double", place = "values", limit = 4000000,
  options = {},
  fields = { "count" }, unit_fields = {},
}

function M.update(t, row)
  local values = t.values
  values[row] = values[row] + 1
end

function M.read(self, row, into) into.count = self._values[row] end

function M.merge(self, row, other, other_row)
  self._values[row] = self._values[row] + other._values[other_row]
end

function M.total(self)
  local total = 0
  for row = 0, self._keys:size() do total = total + self._values[row] end
  return total
end

---@class oc.Counter : oc.Aggregate
---@field count fun(self: oc.Counter, ...: any) counts one for these keys

---@type fun(...: string|table): oc.Counter
return core.define(M)
