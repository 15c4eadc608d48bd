--- Where a line's results go: the terminal, a page at a time, or a command of the shell.

local host = require "oc.host"
local settings = require "oc.settings"
local terminal = require "oc.terminal"

local M = {}

local rest  -- of a text that was cut: for .more

--- Calls `fn` and gives what it wrote through oc's own printing.
---@param fn fun()
---@return string
function M.capture(fn)
  local before, parts = settings.write, {}
  settings.write = function(text) parts[#parts + 1] = text end
  local ok, err = pcall(fn)
  settings.write = before
  if not ok then error(err, 0) end
  return table.concat(parts)
end

--- Up to `count` lines of `text` from `from`, and where the rest begins.
local function first_lines(text, from, count)
  local at = from
  for _ = 1, count do
    local found = text:find("\n", at, true)
    if not found then return text:sub(from), nil end
    at = found + 1
  end
  return text:sub(from, at - 1), at <= #text and at or nil
end

local function line_count(text) return select(2, text:gsub("\n", "")) end

local function show_part(text, rows)
  local part, behind = first_lines(text, 1, rows - 2)
  io.stdout:write(part)
  rest = behind and text:sub(behind) or nil
  if rest then io.stdout:write(("… %d more lines: .more\n"):format(line_count(rest))) end
end

--- Shows a text: what is higher than the terminal goes to $PAGER, or is cut where none is set.
---@param text string
function M.show(text)
  if text == "" then return end
  if text:sub(-1) ~= "\n" then text = text .. "\n" end
  local _, rows = terminal.size()
  local pager = os.getenv("PAGER")
  if not rows or not M.is_paged or line_count(text) < rows then
    io.stdout:write(text)
  elseif pager and pager ~= "" and host.pipe_begin(pager) then
    io.stdout:write((text:gsub("\27%[[%d;]*m", "")))  -- colours are for terminals
    host.pipe_end()
  else
    show_part(text, math.max(rows, 10))
  end
end

--- The next page of what was cut.
---@return boolean
function M.more()
  if not rest then return false end
  show_part(rest, math.max(select(2, terminal.size()) or 24, 10))
  return true
end

--- Calls `fn` with standard output going to a command.
---@param command string
---@param fn fun()
function M.pipe_to(command, fn)
  local ok, problem = host.pipe_begin(command)
  if not ok then
    io.stderr:write("oc: ", problem, "\n")
    return
  end
  local fine, err = pcall(fn)
  local status = host.pipe_end()
  if not fine then error(err, 0) end
  if status == 127 then
    io.stderr:write("oc: the shell found no such command: ", command:match("^%s*(.-)%s*$"), "\n")
  end
end

--- Long texts are shown a page at a time: a session at a terminal.
M.is_paged = false

return M
