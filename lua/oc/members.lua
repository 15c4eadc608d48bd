--- What an object of oc's answers to a name that it does not have: misuse, with the nearest names.
--
--     Graph.__index = members.of(Graph, "a graph has")
--
-- Names that begin with "_" are the class's own, and nil where they are not set.

local errors = require "oc.errors"
local nearest = require "oc.nearest"

local M = {}

--- Raises it.
---@param words string "a graph has"
---@param name any
---@param class table
---@param more? string[] names beside the class's
function M.missing(words, name, class, more)
  local names = { unpack(more or {}) }
  for known in pairs(class) do
    if type(known) == "string" and not known:find("^_") then names[#names + 1] = known end
  end
  name = tostring(name)
  errors.misuse(("%s no '%s'"):format(words, name),
    { token = name, hint = nearest.hint(name, names) })
end

--- An __index for objects of a class.
---@param class table its methods
---@param words string
---@return fun(object: table, name: any): any
function M.of(class, words)
  return function(_, name)
    local member = class[name]
    if member == nil and not (type(name) == "string" and name:find("^_")) then
      M.missing(words, name, class)
    end
    return member
  end
end

return M
