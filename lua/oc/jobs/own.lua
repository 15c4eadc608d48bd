--- What Lua and oc brought along: known by identity, never by how it looks.
--
-- A script can build anything that looks like an object of oc's or a library (`__index = table`,
-- `__tostring = tostring`), and keep state in it. So only what is listed here is left out of the
-- comparison; everything else is visited like any other value.

local addr = require "oc.addr"
local aggregates = require "oc.aggregate.core"
local errors = require "oc.errors"
local ffi = require "ffi"
local proxy = require "oc.proxy"
local trace = require "oc.trace"

local M = {}

local own_prefix = errors.own_chunk("")
local SHORT = errors.own_chunk("short")  -- callbacks that are generated for short verbs

--- Metatables of objects whose fields change while a trace runs, and which are looked after
--- otherwise: workers have a trace of their own, proxies are refused.
local metatables = setmetatable({ [trace.class] = true, [proxy.class] = true }, { __mode = "k" })

---@return boolean
function M.is_object(value) return metatables[debug.getmetatable(value)] == true end

---@return boolean
function M.is_trace(value) return debug.getmetatable(value) == trace.class end

--- Every aggregate there is, in the order in which they were made.
---@return oc.Aggregate[]
function M.aggregates()
  local list, alive = {}, aggregates.alive
  for aggregate in pairs(alive) do list[#list + 1] = aggregate end
  table.sort(list, function(a, b) return alive[a] < alive[b] end)
  return list
end

--- A function of oc's own: what it keeps is oc's.
---@param fn function
---@return boolean
function M.is_function(fn)
  local source = debug.getinfo(fn, "S").source
  return source ~= SHORT and source:sub(1, #own_prefix) == own_prefix
end

--- True of what a short verb generated: it has no line of a script's.
---@param fn function
---@return boolean
function M.is_generated(fn) return debug.getinfo(fn, "S").source == SHORT end

local base = [[assert collectgarbage dofile error gcinfo getfenv getmetatable ipairs load loadfile
loadstring module newproxy next pairs pcall print rawequal rawget rawlen rawset require select
setfenv setmetatable tonumber tostring type unpack xpcall]]

local standard = { "string", "table", "math", "io", "os", "coroutine", "bit", "debug", "package",
  "ffi", "jit", "table.new", "table.clear", "table.isarray", "table.nkeys", "table.clone",
  "thread.exdata", "string.buffer", "jit.opt", "jit.util", "jit.profile" }

local function add_members(found, members)
  for _, value in pairs(members) do
    if type(value) == "function" then found[value] = true end
  end
end

--- Lua's own functions in C: none of them keeps anything (an iterator or a wrapped coroutine does).
---@return table<function, true>
function M.c_functions()
  local found = {}
  for name in base:gmatch("%S+") do
    if rawget(_G, name) then found[rawget(_G, name)] = true end
  end
  for _, name in ipairs(standard) do
    local value = package.loaded[name]
    if type(value) == "table" then add_members(found, value) end
    if type(value) == "function" then found[value] = true end
  end
  add_members(found, package.loaders)
  add_members(found, debug.getmetatable(io.stdout))
  add_members(found, debug.getmetatable(io.stdout).__index)
  return found
end

--- Lua's libraries: a script may keep something in them as in any table.
---@return table<string, table>
function M.libraries()
  local found = {}
  for _, name in ipairs(standard) do
    local value = package.loaded[name]
    if type(value) == "table" then found[name] = value end
  end
  return found
end

--- A module by its name: Lua's, or oc's, whose tables are its own.
---@param name any
---@return boolean
function M.is_module(name)
  if type(name) ~= "string" then return false end
  for _, each in ipairs(standard) do if each == name then return true end end
  return name == "_G" or name:find("^oc%f[.%z]") ~= nil or name:find("^jit%f[.%z]") ~= nil
end

-- Values in C ------------------------------------------------------------------------------------

--- What a value in C holds, as bytes; "" where it cannot change; nil where nobody can tell.
---@param value ffi.cdata*
---@return string?
function M.bytes_of(value)
  local of_type = tostring(ffi.typeof(value))
  if addr.is(value) or tostring(value):find("^ctype<") then return "" end
  if of_type:find("[*&]") or of_type:find("struct") or of_type:find("union") then return nil end
  if not of_type:find("%[") then return "" end  -- a number or a function
  return ffi.string(ffi.cast("const char *", value), ffi.sizeof(value))
end

return M
