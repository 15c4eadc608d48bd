--- Text in cells of a terminal: how wide it is, without what a terminal would obey, shortened.
--
--     cells.width "日本"                           --> 4
--     cells.shorten("a_long_function_name", 11)    --> "a_lon…_name"
--
-- Names come from foreign processes: control characters are shown escaped, broken UTF-8 as "?".

---@class oc.cells
local M = {}

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

local function cells_of(code)
  return is_in(zero_width, code) and 0 or is_in(two_cells, code) and 2 or 1
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
      width = width + cells_of(code)
    end
    out[#out + 1] = piece
    at = at + length
  end
  return table.concat(out), width
end

--- Width in cells of what `clean` makes of the text.
---@param text string
---@return integer
function M.width(text) return (select(2, M.clean(text))) end

--- Of clean text: from its characters on, as many as fit. A character without width stays with the
--- one before it.
local function head(text, most)
  local at, width = 1, 0
  while at <= #text do
    local length, code = M.decode(text, at)
    local cells = cells_of(code)
    if width + cells > most then break end
    width, at = width + cells, at + length
  end
  return text:sub(1, at - 1), width
end

local function tail(text, most)
  local at, width, first = #text, 0, #text + 1
  while at >= 1 do
    while text:byte(at) >= 0x80 and text:byte(at) < 0xc0 do at = at - 1 end
    local _, code = M.decode(text, at)
    local cells = cells_of(code)
    if width + cells > most then break end
    if cells > 0 then first = at end
    width, at = width + cells, at - 1
  end
  return text:sub(first), width
end

--- Clean text in so many cells: what is too long loses its middle, as the ends of a symbol tell
--- more. Leading spaces stay, and at least ten cells of what follows them.
---@param text string
---@param most integer
---@return string text
---@return integer width
function M.shorten(text, most)
  local clean, width = M.clean(text)
  if width <= most then return clean, width end
  local indent, rest = clean:match("^( *)(.*)$")
  local room = math.max(most - #indent, math.min(10, width - #indent))
  if #indent + room >= width then return clean, width end
  local back, back_width = tail(rest, math.floor((room - 1) / 2))
  local front, front_width = head(rest, room - 1 - back_width)
  return indent .. front .. "…" .. back, #indent + front_width + 1 + back_width
end

--- Where further lines of a line go on: below its last column, or a bit behind its beginning.
local function hanging(line, columns)
  local indent = #line:match("^ *")
  local column = line:match("^.*%S   *()%S")
  if column and column <= columns / 2 then return column - 1 end
  return math.min(indent + 4, math.floor(columns / 2))
end

local function wrap_line(line, columns, out)
  local indent, used = hanging(line, columns), 0
  local parts = {}
  for spaces, word in line:gmatch("( *)([^ ]+)") do
    local gap, width = #spaces, M.width(word)
    if used > 0 and used + gap + width > columns then
      out[#out + 1] = table.concat(parts) .. "\n"
      parts, used = { (" "):rep(indent) }, indent
      gap = 0
    end
    parts[#parts + 1] = (" "):rep(gap) .. word
    used = used + gap + width
  end
  out[#out + 1] = table.concat(parts) .. "\n"
end

--- Lines of clean text, those that are too long broken between words.
---@param text string
---@param columns? integer nil: as it is
---@return string
function M.wrap(text, columns)
  if not columns then return text end
  local out, is_ended = {}, text:sub(-1) == "\n"
  for line in (is_ended and text or text .. "\n"):gmatch("(.-)\n") do
    if M.width(line) <= columns then
      out[#out + 1] = line .. "\n"
    else
      wrap_line(line, columns, out)
    end
  end
  local wrapped = table.concat(out)
  return is_ended and wrapped or wrapped:sub(1, -2)
end

return M
