--- Sums that do not depend on the order of what is added: several doubles for one.
--
--     sum + rest + rest2    sum    the rounded sum
--                           rest   what rounding took from it, added up
--                           rest2  (of squares) what rounding took from that
--
-- The error of an addition is found by Knuth's TwoSum, that of a product by Dekker's and Veltkamp's
-- split (T. Ogita, S. Rump, S. Oishi, "Accurate Sum and Dot Product", SIAM J. Sci. Comput. 26(6),
-- 2005). Sums of whole numbers are exact far beyond 2^53, so parts that were summed apart (`merge`,
-- `--jobs`) come to the same bytes; of fractions the error is that of a sum with 106 bits, rounded
-- once.

local M = {}

local SPLIT = 2 ^ 27 + 1

--- a + b as the rounded sum and its error.
---@param a number
---@param b number
---@return number sum
---@return number err
function M.add(a, b)
  local sum = a + b
  local part = sum - a
  return sum, (a - (sum - part)) + (b - part)
end

--- a * a as the rounded square and its error.
---@param a number
---@return number square
---@return number err
function M.square(a)
  local square, scaled = a * a, a * SPLIT
  local high = scaled - (scaled - a)
  local low = a - high
  return square, ((high * high - square) + 2 * high * low) + low * low
end

--- a * b as the rounded product and its error.
---@param a number
---@param b number
---@return number product
---@return number err
function M.product(a, b)
  local product = a * b
  local scaled_a, scaled_b = a * SPLIT, b * SPLIT
  local high_a, high_b = scaled_a - (scaled_a - a), scaled_b - (scaled_b - b)
  local low_a, low_b = a - high_a, b - high_b
  local err = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b
  return product, err
end

--- What two doubles stand for. Beyond the largest double the rest is no number.
---@param sum number
---@param rest number
---@return number
function M.value(sum, rest)
  local value = sum + rest
  return value == value and value or sum
end

--- The sum of a list, rounded once: partial sums that do not overlap (J. Shewchuk, "Adaptive
--- Precision Floating-Point Arithmetic", 1997), as Python's math.fsum.
local function sum_of(list)
  local parts = {}
  for _, value in ipairs(list) do
    local kept = 0
    for _, part in ipairs(parts) do
      local err
      value, err = M.add(value, part)
      if err ~= 0 then
        kept = kept + 1
        parts[kept] = err
      end
    end
    for i = #parts, kept + 1, -1 do parts[i] = nil end
    parts[kept + 1] = value
  end
  local total = 0
  for i = #parts, 1, -1 do total = total + parts[i] end
  return total
end

--- Appends a * b, exactly.
local function append_product(list, a, b)
  local product, err = M.product(a, b)
  list[#list + 1], list[#list + 2] = product, err
end

--- The sum of squared distances from the mean, by the sums in a row of oc.stats:
--- the squares - 2·m·sum + count·m², m the rounded mean, which is a little beside the mean itself.
---@param row ffi.cdata* oc_stats_row, count above 0
---@return number
function M.distances(row)
  local count, mean = row.count, M.value(row.sum, row.sum_rest) / row.count
  local terms = { row.squares, row.squares_rest, row.squares_rest2 }
  append_product(terms, -2 * mean, row.sum)
  append_product(terms, -2 * mean, row.sum_rest)
  local square, err = M.square(mean)
  append_product(terms, count, square)
  append_product(terms, count, err)
  local beside = { row.sum, row.sum_rest }
  append_product(beside, -count, mean)
  local shift = sum_of(beside) / count
  local distances = sum_of(terms) - count * shift * shift
  if distances == distances then return math.max(0, distances) end
  return row.min == row.max and 0 or math.huge  -- beyond the largest double are the squares
end

return M
