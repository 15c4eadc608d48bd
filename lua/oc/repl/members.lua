--- What the values that lines name are, and what they have: nothing is run, opened or built for it.

local names = require "oc.repl.names"
local reference = require "oc.reference"

local M = {}

--- The classes of what is made when it is first asked for.
local class_names = { trace = "trace", m = "machine", machine = "machine" }

local classes = setmetatable({}, { __index = function(_, name)
  return name and require("oc.reference_faces").classes[name]
end })

--- The class that a function gives, as the reference says.
---@param name string "samples", "query:by"
local function class_of_call(name)
  local entry = reference.entries(name)[1]
  if not entry or entry.full ~= name or not entry.signature then return nil end
  local _, results = reference.parse(entry.signature)
  local group = results[1] and reference.group((results[1]:gsub("%?$", "")))
  return group and classes[group.name]
end

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
---@param env table
---@param text string "samples { comm = 'a' }", "samples {}:by('comm')"
---@return table? class
---@return string? name
function M.class_of_result(env, text)
  local call = text:match("^(.*[%)}\"'])%s*$")
  local last = call and (call:match("(%b())$") or call:match("(%b{})$")
    or call:match("(%b\"\")$") or call:match("(%b'')$"))
  if not last then return nil end
  local before, name = call:sub(1, #call - #last):match("^(.-)([%a_][%w_]*)%s*$")
  if not name then return nil end
  local on, joint = before:match("^(.-)%s*([:.]?)%s*$")
  if joint == "" then return class_of_call(name), name end
  local path = on:match("%f[%w_.:]([%a_][%w_.]*)$")
  local class
  if path then
    class = M.class_of(M.value_of(env, path))
  else
    class = M.class_of_result(env, on)
  end
  local group = class and require("oc.reference_faces").name_of(class)
  return group and class_of_call(group .. joint .. name), name
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
  if type(mt) == "table" and rawget(mt, "class") then found[#found + 1] = "filter" end
  while type(mt) == "table" and seen < 4 do
    add_keys(found, mt)  -- a class is its objects' metatable
    local index = rawget(mt, "class") or rawget(mt, "__index")
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
