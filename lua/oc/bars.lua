--- Histograms as bars, as bpftrace draws them: a line for each bucket, no wider than the terminal.
--
--     [4, 8)        12 |@@@@@@@@@@@@                                        |

local cells = require "oc.cells"
local terminal = require "oc.terminal"
local text_table = require "oc.text_table"
local units = require "oc.units"

local M = {}

local MOST_CELLS, LEAST_CELLS = 52, 6
local BETWEEN = 6  -- two gaps of a table, and the two ends of a bar

--- 1024 is 1K: bounds of powers of two have short names.
---@param value number
---@return string
function M.binary_text(value)
  local names = { "", "K", "M", "G", "T", "P", "E" }
  local step = 1
  while math.abs(value) >= 1024 and step < #names and value % 1024 == 0 do
    value, step = value / 1024, step + 1
  end
  return units.format_number(value) .. names[step]
end

local function label(from, to, text)
  if from == to then return "[" .. text(from) .. "]" end
  if from == -math.huge then return "(..., " .. text(to) .. ")" end
  if to == math.huge then return "[" .. text(from) .. ", ...)" end
  return (from == 0 and to == 1 and "(" or "[") .. text(from) .. ", " .. text(to) .. ")"
end

--- Lines of buckets.
---@param buckets { from: number, to: number, count: number }[]
---@param text fun(value: number): string of a bound
---@return string
function M.draw(buckets, text)
  local rows, most, taken = {}, 0, { 0, 0 }
  for i, bucket in ipairs(buckets) do
    rows[i] = { label(bucket.from, bucket.to, text), units.format_number(bucket.count) }
    most = math.max(most, bucket.count)
    for c = 1, 2 do taken[c] = math.max(taken[c], cells.width(rows[i][c])) end
  end
  local columns = terminal.layout().columns or math.huge
  local room = math.min(MOST_CELLS, columns - taken[1] - taken[2] - BETWEEN)
  room = math.max(room, LEAST_CELLS)
  for i, bucket in ipairs(buckets) do
    local filled = most > 0 and math.floor(bucket.count * room / most) or 0
    rows[i][3] = "|" .. ("@"):rep(filled) .. (" "):rep(room - filled) .. "|"
  end
  return text_table.render_lines({ {}, { right = true }, {} }, rows)
end

return M
