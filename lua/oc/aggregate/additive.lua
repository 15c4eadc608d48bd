--- Aggregates of one number for each tuple of keys, which adds up: counters and sums.

local M = {}

--- Sets how they are merged and what they are in all.
---@param aggregate table
---@return table
function M.complete(aggregate)
  function aggregate.merge(self, row, other, other_row)
    self._values[row] = self._values[row] + other._values[other_row]
  end

  function aggregate.total(self)
    local total = 0
    for row = 0, self._keys:size() do total = total + self._values[row] end
    return total
  end
  return aggregate
end

return M
