--- Which values of the program the groups of the reference are about.

local M = {}

local traces, machines, queries = require "oc.trace", require "oc.machine", require "oc.query"

--- The tables of methods, by group.
---@type table<string, table>
M.classes = {
  oc = require "oc",
  trace = traces.class,
  machine = machines.class,
  query = queries.class,
  result = queries.result_class,
  graph = require("oc.graph").class,
  recorder = require("oc.recorder").class,
  proxy = require("oc.proxy").class,
  format = require("oc.format").class,
  out = require("oc.source").out_class,
  addr = require("oc.addr").methods,
  stack = require("oc.stack").methods,
}
for _, name in ipairs { "counter", "sum", "stats", "histogram", "quantiles" } do
  M.classes[name] = getmetatable(require("oc.aggregate")[name]())
end
M.classes.topk = getmetatable(require("oc.aggregate").topk(1))
M.classes.table = getmetatable(require("oc.aggregate").table { values = { "n" } })

local function of_table(value)
  local class = getmetatable(value)
  class = type(class) == "table" and rawget(class, "class") or class  -- oc/short_handle.lua
  for name, each in pairs(M.classes) do
    if class == each or value == each then return name end
  end
  return nil
end

--- The name by which the reference knows a value: of an object its group, of a function its entry.
---@param value any
---@return string?
function M.name_of(value)
  if type(value) == "table" then return of_table(value) end
  if type(value) == "cdata" then
    if require("oc.addr").is(value) then return "addr" end
    if require("oc.stack").is(value) then return "stack" end
    return pcall(function() return value._d end) and "e" or nil
  end
  if type(value) ~= "function" then return nil end
  local verb = require("oc.short").name_of(value)
  if verb then return verb end
  for name, class in pairs(M.classes) do
    for method, each in pairs(class) do
      if each == value then return name .. (name == "oc" and "." or ":") .. method end
    end
  end
  return nil
end

return M
