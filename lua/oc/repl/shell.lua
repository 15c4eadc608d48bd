--- Words of a shell's line: what is behind ! and | at the prompt.
--
--     shell.quoted "it's"                 --> 'it'\''s'
--     shell.last_word "cat 'my fi"  --> { value = "my fi", typed = "'my fi", is_plain = false }

local M = {}

--- A text that a shell takes as it is, as one word.
---@param text string
---@return string
function M.quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

--- Whether it is that without quotes.
---@param text string
---@return boolean
function M.is_plain(text) return not text:find("[^%w_./+,@%%=-]") end

---@class oc.repl.ShellWord
---@field value string what the shell makes of it
---@field typed string as it stands in the line
---@field is_plain boolean nothing in it is quoted

--- What stands in double quotes from `at`, and the place behind them; the end where they are open.
local function double_quoted(line, at, parts)
  while at <= #line do
    local c = line:sub(at, at)
    if c == '"' then return at + 1 end
    if c == "\\" and line:find('^[$`"\\]', at + 1) then
      at, c = at + 1, line:sub(at + 1, at + 1)
    end
    parts[#parts + 1], at = c, at + 1
  end
  return at
end

--- The word that a line of a shell ends in.
---@param line string
---@return oc.repl.ShellWord
function M.last_word(line)
  local at, from, parts, is_plain = 1, 1, {}, true
  while at <= #line do
    local c = line:sub(at, at)
    if c:find("[%s;&|<>()`]") then
      at, from, parts, is_plain = at + 1, at + 1, {}, true
    elseif c == "'" then
      local close = line:find("'", at + 1, true) or #line + 1
      parts[#parts + 1] = line:sub(at + 1, close - 1)
      at, is_plain = close + 1, false
    elseif c == '"' then
      at, is_plain = double_quoted(line, at + 1, parts), false
    elseif c == "\\" then
      parts[#parts + 1] = line:sub(at + 1, at + 1)
      at, is_plain = at + 2, false
    else
      parts[#parts + 1], at = c, at + 1
    end
  end
  return { value = table.concat(parts), typed = line:sub(from), is_plain = is_plain }
end

return M
