--- What stands below the rows of a query's result: stacks, a frame a line, and histograms.
--
--         %  count  comm
--     31.82    154  sh
--         main
--     [1, 2)  154  |@@@@@@@@@|

local bars = require "oc.bars"
local cells = require "oc.cells"
local units = require "oc.units"

local M = {}

--- The values of a row's samples: below 1, [1, 2), [2, 4) and so on, from the first that there are.
local function histogram_text(counts, unit)
  local buckets = {}
  for i, count in ipairs(counts) do
    if count > 0 or #buckets > 0 then
      buckets[#buckets + 1] = { from = i == 1 and 0 or 2 ^ (i - 2), to = 2 ^ (i - 1),
        count = count }
    end
  end
  local text = unit == "ns" and units.format_duration or unit == "bytes" and units.write_size
    or bars.binary_text
  return bars.draw(buckets, text)
end

--- The lines below a row: frames of its stacks, the bars of its histogram.
---@param row table
---@param stacks integer[] which of its groups are stacks
---@param has_histogram boolean
---@param unit? string
---@return string
function M.below(row, stacks, has_histogram, unit)
  local out = {}
  for _, g in ipairs(stacks) do
    local frames = {}
    for frame in row[g]:gmatch("[^;]+") do frames[#frames + 1] = frame end
    for i = #frames, 1, -1 do out[#out + 1] = "    " .. cells.clean(frames[i]) .. "\n" end
  end
  if has_histogram then out[#out + 1] = histogram_text(row.histogram, unit) end
  return table.concat(out)
end

--- A rendered table, a header first, with what goes below its rows.
---@param text string
---@param below string[]
---@return string
function M.interleave(text, below)
  local out, at = {}, 0
  for line in text:gmatch("[^\n]*\n") do
    out[#out + 1] = line .. (below[at] or "")
    at = at + 1
  end
  return table.concat(out)
end

return M
