--- `--jit-report`: which traces LuaJIT gave up, at which line of the user's, and why.

local M = {}

local aborts, order, compiled, flushed = {}, {}, 0, 0

local function reasons()
  local ok, vmdef = pcall(require, "jit.vmdef")
  return ok and vmdef or nil
end

local function on_trace(what, _, func, pc, code, detail)
  if what == "stop" then
    compiled = compiled + 1
  elseif what == "flush" then
    flushed = flushed + 1
  elseif what == "abort" then
    local info = require("jit.util").funcinfo(func, pc)
    local place = info.loc or "?"
    local vmdef = reasons()
    local reason = vmdef and vmdef.traceerr[code] or ("reason " .. tostring(code))
    if type(detail) == "number" and reason:find("%%[dsx]") and vmdef then
      local name = vmdef.bcnames and vmdef.bcnames:sub(detail * 6 + 1, detail * 6 + 6)
      detail = name and name:gsub("%s", "") or detail
    end
    if reason:find("%%[dsx]") then reason = reason:gsub("%%[dsx]", tostring(detail), 1) end
    local key = place .. ": " .. reason
    if not aborts[key] then
      aborts[key] = 0
      order[#order + 1] = key
    end
    aborts[key] = aborts[key] + 1
  end
end

function M.start() jit.attach(on_trace, "trace") end

--- The report: one line a place.
---@return string
function M.text()
  local out = { ("jit: %d traces compiled, %d flushes; given up:\n"):format(compiled, flushed) }
  table.sort(order, function(a, b)
    if aborts[a] ~= aborts[b] then return aborts[a] > aborts[b] end
    return a < b
  end)
  for _, key in ipairs(order) do
    if not key:find("[", 1, true) then out[#out + 1] = ("  %4d × %s\n"):format(aborts[key], key) end
  end
  if #out == 1 then out[#out + 1] = "  nothing of the script's\n" end
  return table.concat(out)
end

return M
