--- Buckets of histograms: which bucket a value belongs to, and what the bucket is called.
--
--     log2:    0: (..., 0)   1: [0]   2: (0, 1)   3: [1, 2)   4: [2, 4)  …  66: [2^63, 2^64)   67: the rest
--     linear:  0: below min  1: [min, min + step)  …  n: [max - step, max)                  n + 1: the rest
--
-- The log2 bucket is read off the exponent in the upper half of the double: no logarithm, no loop.

require "oc.abi"
local ffi = require "ffi"

local rshift = bit.rshift
local bits = ffi.new("oc_double_bits")

---@class oc.Buckets
---@field count integer
---@field shape string equal for equal buckets
---@field index fun(self: oc.Buckets, value: number): integer
---@field bounds fun(self: oc.Buckets, index: integer): number, number lower (inclusive), upper
local Log2 = {
  count = 68, shape = "log2",
  index = function(_, value)
    if value > 0 then
      bits.d = value
      return math.min(math.max(rshift(bits.w.high, 20) - 1020, 2), 67)
    end
    return value == 0 and 1 or 0
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

function Linear:index(value)
  local index = math.floor((value - self.min) / self.step) + 1
  return math.min(math.max(index, 0), self.count - 1)
end

function Linear:bounds(index)
  local lower, upper = self.min + (index - 1) * self.step, self.min + index * self.step
  if index == 0 then lower = -math.huge end
  if index == self.count - 1 then upper = math.huge end
  return lower, upper
end

local M = { log2 = Log2 }

--- Buckets of `step` from `min` to `max`; one more below and one above. Requires: step > 0, max > min.
---@param min number
---@param max number
---@param step number
---@return oc.Buckets
function M.linear(min, max, step)
  return setmetatable({
    min = min, step = step, count = math.ceil((max - min) / step) + 2,
    shape = ("linear %.17g %.17g %.17g"):format(min, max, step),
  }, Linear)
end

return M
