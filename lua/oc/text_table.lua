--- Tables of text for terminals: columns as wide as they must be, names to the left, numbers to
-- the right.
--
--     io.write(text_table.render({ { title = "comm" }, { title = "count", right = true } },
--                                { { "dd", "12" }, { "gzip", "3" } }))
--
-- With a layout (oc.terminal) lines fit the terminal, columns with `shrink` give way, and cells
-- are painted: `styles = { "hot" }` of a row is that of its first cell. Widths are in cells
-- (oc.cells).

local cells = require "oc.cells"

-- A column is as wide as its widest text, but no wider than this: one long folded stack would put
-- as many spaces into every other line.
local MOST_CELLS = 200

-- No column is made narrower than this.
local LEAST_CELLS = 12

local BETWEEN = 2

---@class oc.text_table
local M = {}

---@class oc.text_table.Column
---@field title string
---@field right? boolean aligned to the right
---@field shrink? boolean too long texts are shortened in the middle where the line would not fit

--- Makes the widest of the columns that may give way narrower, until lines fit.
local function fit(columns, widths, most)
  local total = BETWEEN * (#columns - 1)
  for i = 1, #columns do total = total + (widths[i] or 0) end
  while total > most do
    local widest, second
    for i, column in ipairs(columns) do
      if column.shrink and widths[i] > LEAST_CELLS then
        if not widest or widths[i] > widths[widest] then
          widest, second = i, widest
        elseif not second or widths[i] > widths[second] then
          second = i
        end
      end
    end
    if not widest then return end
    -- Down to the second widest at once, then in turns.
    local least = second and math.min(widths[second], widths[widest] - 1) or LEAST_CELLS
    local less = math.min(total - most, widths[widest] - least)
    widths[widest], total = widths[widest] - less, total - less
  end
end

--- Aligned lines without a header.
---@param columns { right?: boolean, shrink?: boolean }[]
---@param rows string[][] with `styles` where cells are painted
---@param layout? oc.terminal.Layout
---@return string text lines, each ended
function M.render_lines(columns, rows, layout)
  local shown, widths, longest = {}, {}, {}
  for r, row in ipairs(rows) do
    shown[r] = {}
    for i = 1, #columns do
      local text, width = cells.clean(row[i] or "")
      shown[r][i] = { text, width }
      longest[i] = math.max(longest[i] or 0, width)
      widths[i] = math.min(longest[i], MOST_CELLS)
    end
  end
  if layout and layout.columns and #rows > 0 then fit(columns, widths, layout.columns) end
  local paint, out = layout and layout.paint, {}
  for r = 1, #rows do
    local line, styles, left = {}, paint and rows[r].styles, ""
    for i, column in ipairs(columns) do
      local text, width = shown[r][i][1], shown[r][i][2]
      if column.shrink and layout and layout.columns and width > widths[i] then
        text, width = cells.shorten(text, widths[i])
      end
      local padding = (" "):rep(widths[i] - width)
      if styles and styles[i] then text = paint(text, styles[i]) end
      -- Spaces go out with the next text, so that none end a line.
      if width > 0 then
        line[#line + 1] = left .. (column.right and padding or "") .. text
        left = (column.right and "" or padding)
      else
        left = left .. padding
      end
      left = left .. (" "):rep(BETWEEN)
    end
    out[r] = (table.concat(line):match("^(.*[^ ])") or "") .. "\n"
  end
  return table.concat(out)
end

--- Aligned lines under a header.
---@param columns oc.text_table.Column[]
---@param rows string[][]
---@param layout? oc.terminal.Layout
---@return string text
function M.render(columns, rows, layout)
  local header = { styles = {} }
  for i, column in ipairs(columns) do
    header[i], header.styles[i] = column.title, "title"
  end
  local all = { header }
  for i, row in ipairs(rows) do all[i + 1] = row end
  return M.render_lines(columns, all, layout)
end

return M
