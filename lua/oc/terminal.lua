--- What is known of the terminal that results go to: whether there is one, its size, colours.
--
--     local layout = terminal.layout()             -- of results, wherever they go
--     io.write(text_table.render(columns, rows, layout))
--     io.write(layout.paint("12.30", "hot"))       -- as it is where there is no colour
--
-- Colours are for terminals, unless `--color always`; NO_COLOR and TERM=dumb mean none. Lines are
-- made to fit terminals only: what goes to a file or a pipe is whole. Widths of text: oc.cells.

local C = require "oc.abi"
local ffi = require "ffi"
local settings = require "oc.settings"

---@class oc.terminal
local M = {}

M.STDIN, M.STDOUT, M.STDERR = 0, 1, 2

local USUAL_COLUMNS, USUAL_ROWS = 80, 24

local size = ffi.new("oc_terminal")

---@param fd integer
---@return boolean
function M.is_terminal(fd) return C.oc_terminal_size(fd, size) == 1 end

--- Of a terminal that tells no size: COLUMNS and LINES of the environment, else 80 and 24.
---@param fd? integer stdout without one
---@return integer? columns nil: no terminal
---@return integer? rows
function M.size(fd)
  if not M.is_terminal(fd or M.STDOUT) then return nil end
  local columns, rows = size.columns, size.rows
  if columns <= 0 then columns = tonumber(os.getenv("COLUMNS")) or USUAL_COLUMNS end
  if rows <= 0 then rows = tonumber(os.getenv("LINES")) or USUAL_ROWS end
  return columns, rows
end

--- Whether to write colours to this descriptor.
---@param fd? integer stdout without one
---@return boolean
function M.has_colour(fd)
  if settings.color == "always" then return true end
  if settings.color == "never" then return false end
  return (os.getenv("NO_COLOR") or "") == "" and os.getenv("TERM") ~= "dumb"
    and M.is_terminal(fd or M.STDOUT)
end

---@alias oc.terminal.Style "hot"|"warm"|"dim"|"title"|"good"|"limited"|"bad"

-- Of the sixteen that every terminal has, in the shades that its user chose.
local styles = {
  hot = "1;31", warm = "32", dim = "2", title = "1", good = "32", limited = "33", bad = "31",
}

local function painted(text, style)
  if not style or text == "" then return text end
  return "\27[" .. styles[style] .. "m" .. text .. "\27[0m"
end

local function plain(text) return text end

--- A function that paints text for this descriptor: `paint(text, style)`.
---@param fd? integer stdout without one
---@return fun(text: string, style?: oc.terminal.Style): string
function M.painter(fd) return M.has_colour(fd) and painted or plain end

---@class oc.terminal.Layout
---@field columns? integer lines are made to fit; nil: as long as they are
---@field paint fun(text: string, style?: oc.terminal.Style): string

M.plain = { paint = plain }  ---@type oc.terminal.Layout

local chosen

--- How results look where they go: on stdout, unless `use` said otherwise.
---@return oc.terminal.Layout
function M.layout()
  return chosen or { columns = M.size(M.STDOUT), paint = M.painter(M.STDOUT) }
end

--- Another layout from now on, for who takes results elsewhere, as to a pipe; nil: stdout's again.
---@param layout? oc.terminal.Layout
function M.use(layout) chosen = layout end

--- A value's text for stdout: laid out for it, where the value knows how (`__shown` of its
--- metatable). tostring is plain.
---@param value any
---@return string
function M.text_of(value)
  local mt = getmetatable(value)
  local shown = type(mt) == "table" and rawget(mt, "__shown")
  return shown and shown(value) or tostring(value)
end

--- The style of a share of the whole, as perf has it: from 5 % on, and from 0.5 % on.
---@param percent number
---@return oc.terminal.Style?
function M.heat(percent)
  if percent >= 5 then return "hot" end
  if percent >= 0.5 then return "warm" end
end

return M
