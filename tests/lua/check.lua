--- The checks of tests in Lua: each counts itself, and names the line that failed.
--
--     local check = require "check"
--     check(a > b, "a is larger")
--     check.equal(f(2), 4)                      -- tables are compared by content
--     check.error("nearest", function() f("") end)

---@class oc.test.check
local M = { count = 0, failures = 0 }

---@param value any
---@return string
local function show(value)
  if type(value) == "string" then return string.format("%q", value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for k, v in pairs(value) do parts[#parts + 1] = show(k) .. "=" .. show(v) end
  table.sort(parts)
  return "{" .. table.concat(parts, ", ") .. "}"
end

---@return boolean
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b and type(a) == type(b) or (a ~= a and b ~= b)
  end
  if rawequal(a, b) then return true end  -- also what refers to itself
  for k, v in pairs(a) do if not same(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

local function report(ok, message)
  M.count = M.count + 1
  if ok then return end
  M.failures = M.failures + 1
  local info = debug.getinfo(3, "Sl")
  io.stderr:write(info.short_src, ":", info.currentline, ": ", message, "\n")
end

---@param actual any
---@param expected any
function M.equal(actual, expected)
  local ok = same(actual, expected)
  report(ok, ok or "got " .. show(actual) .. "\n  expected " .. show(expected))
end

--- `fn` must raise, and the error as text must match the Lua pattern.
---@param pattern string
---@param fn function
---@return any error
function M.error(pattern, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then
    report(false, "no error, expected " .. pattern)
    return nil
  end
  local text = tostring(err)
  if type(err) == "table" and err.hint then text = text .. "\n" .. err.hint end
  report(text:find(pattern), "error was " .. text .. "\n  expected " .. pattern)
  return err
end

return setmetatable(M, { __call = function(_, ok, message) report(ok, message or "is false") end })
