--- Tables of text for terminals: columns as wide as they must be, names to the left, numbers to
-- the right.
--
--     io.write(text_table.render({ { title = "comm" }, { title = "count", right = true } },
--                                { { "dd", "12" }, { "gzip", "3" } }))
--
-- Names come from foreign processes: control characters are shown escaped, broken UTF-8 as "?", and
-- width is counted in cells of the terminal (wide and combining characters), not in bytes.

-- A column is as wide as its widest text, but no wider than this: one long folded stack would put
-- as many spaces into every other line.
local MOST_CELLS = 200

---@class oc.text_table
local M = {}

---@class oc.text_table.Column
---@field title string
---@field right? boolean aligned to the right

-- First and last code points of common zero-width and two-cell blocks.
local zero_width = { 0x300, 0x36f, 0x200b, 0x200f, 0x20d0, 0x20ff, 0xfe00, 0xfe0f }
local two_cells = {
  0x1100, 0x115f, 0x2e80, 0x303e, 0x3041, 0xa4cf, 0xac00, 0xd7a3, 0xf900, 0xfaff, 0xfe30, 0xfe6f,
  0xff00, 0xff60, 0xffe0, 0xffe6, 0x1f300, 0x1f64f, 0x1f900, 0x1f9ff, 0x20000, 0x3fffd,
}

local function is_in(ranges, code)
  for i = 1, #ranges, 2 do
    if code >= ranges[i] and code <= ranges[i + 1] then return true end
  end
  return false
end

--- Length of the well-formed UTF-8 sequence at `at` and its code point; nil when there is none.
---@param text string
---@param at integer
---@return integer? length
---@return integer? code
function M.decode(text, at)
  local first = text:byte(at)
  if first < 0x80 then return 1, first end
  local length = first >= 0xf0 and 4 or first >= 0xe0 and 3 or 2
  if first < 0xc2 or first > 0xf4 then return nil end
  local code = first % 2 ^ (7 - length)
  for i = at + 1, at + length - 1 do
    local byte = text:byte(i)
    if not byte or byte < 0x80 or byte > 0xbf then return nil end
    code = code * 64 + byte % 64
  end
  local too_long = length == 3 and code < 0x800 or length == 4 and code < 0x10000
  if too_long or code > 0x10ffff or (code >= 0xd800 and code <= 0xdfff) then return nil end
  return length, code
end

--- `text` without anything that a terminal would obey, and its width in cells.
---@param text string
---@return string clean
---@return integer width
function M.clean(text)
  if not text:find("[^\32-\126]") then return text, #text end
  local out, width, at = {}, 0, 1
  while at <= #text do
    local length, code = M.decode(text, at)
    local piece
    if not length then
      piece, width, length = "?", width + 1, 1
    elseif code < 32 or (code >= 127 and code < 160) then
      piece = string.format("\\x%02x", code)
      width = width + #piece
    else
      piece = text:sub(at, at + length - 1)
      width = width + (is_in(zero_width, code) and 0 or is_in(two_cells, code) and 2 or 1)
    end
    out[#out + 1] = piece
    at = at + length
  end
  return table.concat(out), width
end

--- Aligned lines without a header.
---@param columns { right?: boolean }[]
---@param rows string[][]
---@return string text lines, each ended
function M.render_lines(columns, rows)
  local cells, widths = {}, {}
  for r, row in ipairs(rows) do
    cells[r] = {}
    for i = 1, #columns do
      local text, width = M.clean(row[i] or "")
      cells[r][i] = { text, width }
      widths[i] = math.min(math.max(widths[i] or 0, width), MOST_CELLS)
    end
  end
  local out = {}
  for r = 1, #rows do
    local line = {}
    for i, column in ipairs(columns) do
      local text, padding = cells[r][i][1], (" "):rep(widths[i] - cells[r][i][2])
      line[i] = column.right and padding .. text or text .. padding
    end
    -- Greedy, so from the end: " +$" would try every space within.
    out[r] = (table.concat(line, "  "):match("^(.*[^ ])") or "") .. "\n"
  end
  return table.concat(out)
end

--- Aligned lines under a header.
---@param columns oc.text_table.Column[]
---@param rows string[][]
---@return string text
function M.render(columns, rows)
  local header = {}
  for i, column in ipairs(columns) do header[i] = column.title end
  local all = { header }
  for i, row in ipairs(rows) do all[i + 1] = row end
  return M.render_lines(columns, all)
end

return M
