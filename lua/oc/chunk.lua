--- Loads the text of a user's script. Bytecode is refused: LuaJIT does not check it, and damaged
--- bytecode ends the program. A file NAME.rhai is one of record-trace's scripts.

local M = {}

local BYTECODE = "\27"  -- luaconf.h: LUA_SIGNATURE begins so

---@param source string
---@param name string of the chunk: "@path" or "=name"
---@return function? chunk
---@return string? problem
function M.load(source, name)
  if source:sub(1, 1) == BYTECODE then
    return nil, name:sub(2) .. ":1: this is bytecode; a script is text"
  end
  if name:find("%.rhai$") then
    local text, problem = require("oc.rhai").translate(source, name:sub(2))
    if not text then return nil, problem end
    source = text
  end
  return loadstring(source, name)
end

--- The end of a text in quotes that begins at `from`: of the closing quote, the line, the source.
local function end_of_quoted(source, from, quote)
  local place = from
  while true do
    local found = source:find("[\\" .. quote .. "\n]", place)
    if not found then return #source end
    if source:sub(found, found) ~= "\\" then return found end
    place = found + 2
  end
end

--- The end of what a long bracket opens at `at`; nil when none does.
local function end_of_long(source, at)
  local level = source:match("^%[(=*)%[", at)
  if not level then return nil end
  local _, last = source:find("]" .. level .. "]", at, true)
  return last or #source
end

--- Code alone: texts in quotes are empty, comments are gone.
---@param source string
---@return string
function M.without_texts(source)
  local parts, at = {}, 1
  while true do
    local found = source:find("[\"'%-%[]", at)
    if not found then break end
    local c, last, left = source:sub(found, found), nil, ""
    if c == "-" then
      if source:find("^%-%-", found) then
        last = end_of_long(source, found + 2)
          or (source:find("\n", found, true) or #source + 1) - 1
      end
    elseif c == "[" then
      last, left = end_of_long(source, found), '""'
    else
      last, left = end_of_quoted(source, found + 1, c), c .. c
    end
    if last then
      parts[#parts + 1] = source:sub(at, found - 1) .. left
    else
      parts[#parts + 1], last = source:sub(at, found), found
    end
    at = last + 1
  end
  parts[#parts + 1] = source:sub(at)
  return table.concat(parts)
end

--- Whether code stops somewhere for questions (oc.repl), or keeps the function that does. It is
--- interpreted then, as compiled code does not keep variables that are not needed any more.
---@param source string
---@return boolean
function M.has_stops(source)
  if not source:find("repl", 1, true) then return false end
  if source:find("%[%s*[\"']repl[\"']%s*%]") then return true end
  local code = M.without_texts(source)
  for behind in code:gmatch("%.%s*repl%f[^%w_]%s*()") do
    if not code:find("^=[^=]", behind) then return true end  -- a field of the script's own
  end
  return false
end

return M
