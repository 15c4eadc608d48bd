--- Buckets of histograms: which bucket a value belongs to, and what the bucket is called.
--
--     log2:    0: (..., 0)   1: [0]   2: (0, 1)   3: [1, 2)  …  66: [2^63, 2^64)   67: the rest
--     linear:  0: below min  1: [min, min + step)  …  n: [max - step, max)  n + 1: the rest
--
-- The log2 bucket is read off the exponent in the upper half of the double: no logarithm, no loop.

require "oc.abi"
local ffi = require "ffi"

local rshift = bit.rshift
local floor, max, min = math.floor, math.max, math.min
local bits = ffi.new("oc_double_bits")

---@class oc.Buckets
---@field count integer
---@field shape string equal for equal buckets
---@field indexer fun(self: oc.Buckets): fun(value: number): integer
---@field bounds fun(self: oc.Buckets, index: integer): number, number lower (inclusive), upper
local Log2 = {
  count = 68, shape = "log2",
  indexer = function()
    return function(value)
      if value > 0 then
        bits.d = value
        return min(max(rshift(bits.w.high, 20) - 1020, 2), 67)
      end
      return value == 0 and 1 or 0
    end
  end,
  bounds = function(_, index)
    if index == 0 then return -math.huge, 0 end
    if index == 1 then return 0, 0 end
    if index == 2 then return 0, 1 end
    if index == 67 then return 2 ^ 64, math.huge end
    return 2 ^ (index - 3), 2 ^ (index - 2)
  end,
}

local Linear = {}
Linear.__index = Linear

function Linear:indexer()
  local first, step, last = self.min, self.step, self.count - 1
  return function(value) return min(max(floor((value - first) / step) + 1, 0), last) end
end

function Linear:bounds(index)
  local lower, upper = self.min + (index - 1) * self.step, self.min + index * self.step
  if index == 0 then lower = -math.huge end
  if index == self.count - 1 then upper = math.huge end
  return lower, upper
end

local M = { log2 = Log2 }

--- Buckets of `step` from `min` to `max`; one more below and one above. Requires: step > 0, last >
--- first.
---@param first number
---@param last number
---@param step number
---@return oc.Buckets
function M.linear(first, last, step)
  return setmetatable({
    min = first, step = step, count = math.ceil((last - first) / step) + 2,
    shape = ("linear %.17g %.17g %.17g"):format(first, last, step),
  }, Linear)
end

return M
