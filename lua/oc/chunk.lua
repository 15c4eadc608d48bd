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

--- Whether code stops somewhere for questions (oc.repl). It is interpreted then, as compiled code
--- does not keep variables that are not needed any more.
---@param source string
---@return boolean
function M.has_stops(source) return source:find("%f[%w_]repl%s*%(") ~= nil end

return M
