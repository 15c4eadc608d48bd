--- What the values that lines name are, and what they have: nothing is run, opened or built for it.

local names = require "oc.repl.names"

local M = {}

--- The classes of what is made when it is first asked for.
local class_names = { trace = "trace", m = "machine", machine = "machine" }

local classes = setmetatable({}, { __index = function(_, name)
  return name and require("oc.reference_faces").classes[name]
end })

--- What a call gives: by its name.
local class_of_call = { samples = "query", graph = "graph" }

--- The value of "a.b.c": of what is made when asked for, its class.
---@param env table
---@param path string
---@return any
function M.value_of(env, path)
  local value
  local sees_all = (getmetatable(env) or {}).names ~= nil  -- of a script that stopped
  for name in path:gmatch("[%a_][%w_]*") do
    if value == nil then
      if sees_all then value = env[name] else value = rawget(env, name) end
      if value == nil and not sees_all then value = classes[class_names[name]] end
    else
      value = type(value) == "table" and rawget(value, name) or nil
    end
    if value == nil then return nil end
  end
  return value
end

--- The class that an object is of, or a class itself; nil of everything else.
---@param value any
---@return table?
function M.class_of(value)
  if type(value) ~= "table" then return nil end
  local name = require("oc.reference_faces").name_of(value)
  return name and name ~= "oc" and classes[name] or nil
end

--- Of a text that ends in a call: the class of what that gives, and the call's name.
---@param text string "samples { comm = 'a' }"
---@return table? class
---@return string? name
function M.class_of_result(text)
  local call = text:match("^(.*[%)}%]])%s*$")
  local bracket = call and (call:match("(%b())$") or call:match("(%b{})$"))
  local name = bracket and call:sub(1, #call - #bracket):match("([%a_][%w_]*)%s*$")
  return name and classes[class_of_call[name]] or nil, name
end

--- The event that a value is, as callbacks get it; nil of everything else.
---@param value any
---@return string?
function M.event_of(value)
  local is_event = type(value) == "cdata" and require("oc.reference_faces").name_of(value) == "e"
  return is_event and value.event or nil
end

local function add_keys(found, value)
  if type(value) ~= "table" then return end
  for key in next, value do
    if type(key) == "string" and key:find("^[%a][%w_]*$") then found[#found + 1] = key end
  end
end

M.add_keys = add_keys

--- Names of a value's members: its own, and those of its class. Sorted.
---@param value any
---@return string[]
function M.of(value)
  local found = {}
  add_keys(found, value)
  local seen = 0
  local mt = debug.getmetatable(value)
  while type(mt) == "table" and seen < 4 do
    add_keys(found, mt)  -- a class is its objects' metatable
    local index = rawget(mt, "__index")
    add_keys(found, index)
    mt, seen = type(index) == "table" and debug.getmetatable(index) or nil, seen + 1
  end
  if require("oc.handle").is(value) then
    for _, name in ipairs { "event", "filter", "is_on", "off", "on" } do
      found[#found + 1] = name
    end
  end
  return names.sorted(found)
end

return M
