--- Any value as text for people: tables aligned, aggregates as their tables, nested ones cut.

local addr = require "oc.addr"
local cells = require "oc.cells"
local ffi = require "ffi"
local output = require "oc.repl.output"
local short = require "oc.short"
local stacks = require "oc.stack"
local terminal = require "oc.terminal"
local text_table = require "oc.text_table"
local units = require "oc.units"

local M = {}

local MOST_ROWS = 10000   -- of an aggregate
local MOST_ENTRIES = 100  -- of a table
local DEEPEST = 4
local WIDTH = 100

--- Lines of a text without what a terminal would obey.
local function clean_lines(text)
  if not text:find("[^\n\32-\126]") then return text end
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = (cells.clean((line:gsub("\t", "        "))))
  end
  return table.concat(lines, "\n")
end

local function has_text(value)
  local mt = debug.getmetatable(value)
  return type(mt) == "table" and rawget(mt, "__tostring") ~= nil
end

local is_aggregate = require("oc.aggregate.core").is

-- One value on a line -----------------------------------------------------------------------------

--- "string.rep", of Lua's own.
local function lua_name_of(fn)
  for name, value in pairs(_G) do
    if value == fn then return name end
    for inner, each in pairs(type(value) == "table" and value ~= _G and value or {}) do
      if each == fn and type(inner) == "string" then return name .. "." .. inner end
    end
  end
end

local function function_text(fn)
  local info = debug.getinfo(fn, "S")
  if info.what == "C" or info.source:find("^=%[oc") then
    local known = require("oc.reference_faces").name_of(fn)
    local name = known or lua_name_of(fn)
    local more = known and require("oc.reference").find(known) and (", help(%s)"):format(
      known:find(":", 1, true) and ("%q"):format(known) or known) or ""
    return "function" .. (name and " " .. name or "") .. more
  end
  return ("function %s:%d"):format(info.source:gsub("^[@=]", ""), info.linedefined)
end

local function quoted(text)
  local clean = cells.clean(text)
  return '"' .. clean:gsub('"', '\\"') .. '"'
end

local function number_text(value)
  if value == math.floor(value) and math.abs(value) <= 2 ^ 53 then return ("%.0f"):format(value) end
  return ("%.14g"):format(value)
end

local function cdata_text(value)
  if addr.is(value) then return tostring(value) end
  if ffi.istype("uint64_t", value) or ffi.istype("int64_t", value) then
    return (tostring(value):gsub("U?LL$", ""))
  end
  return tostring(value)
end

--- A value that is no table, on one line.
local function scalar(value)
  local kind = type(value)
  if kind == "number" then return number_text(value) end
  if kind == "string" then return quoted(value) end
  if kind == "function" then return function_text(value) end
  if kind == "cdata" then return cdata_text(value) end
  return tostring(value)
end

-- Tables ------------------------------------------------------------------------------------------

--- Keys in an order: numbers first, then texts.
local function sorted_keys(value)
  local keys = {}
  for key in next, value do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    local x, y = type(a), type(b)
    if x ~= y then return x == "number" or (y ~= "number" and x < y) end
    if x == "number" or x == "string" then return a < b end
    return tostring(a) < tostring(b)
  end)
  return keys
end

local function key_text(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") then return key end
  return "[" .. scalar(key) .. "]"
end

--- Objects of ours have parts that are nobody's business.
local function is_object(value)
  local mt = debug.getmetatable(value)
  return type(mt) == "table" and (type(rawget(mt, "__index")) == "function" or mt.__index == mt)
end

local function kind_of_object(value)
  return require("oc.reference_faces").name_of(value) or "an object"
end

local nested  -- below

local function one_value(value, indent, depth, seen)
  if type(value) ~= "table" then return scalar(value) end
  if is_aggregate(value) then return tostring(value) end
  if has_text(value) then
    local text = clean_lines(tostring(value))
    return text:find("\n", 1, true) and "{…}" or text
  end
  return nested(value, indent, depth, seen)
end

function nested(value, indent, depth, seen)
  if seen[value] then return "{… itself}" end
  if next(value) == nil then return "{}" end
  if depth > DEEPEST then return "{…}" end
  if is_object(value) then return ("{… %s}"):format(kind_of_object(value)) end
  seen[value] = true
  local parts, count, length = {}, 0, 0
  local keys, array = sorted_keys(value), #value
  for i, key in ipairs(keys) do
    if i > MOST_ENTRIES then
      parts[#parts + 1] = ("… %d more"):format(#keys - MOST_ENTRIES)
      break
    end
    local text = one_value(value[key], indent + 2, depth + 1, seen)
    local is_item = type(key) == "number" and key >= 1 and key <= array and key % 1 == 0
    parts[i] = is_item and text or key_text(key) .. " = " .. text
    count, length = count + 1, length + #parts[i] + 2
  end
  seen[value] = nil
  local joined = table.concat(parts, ", ")
  if indent + length < WIDTH and not joined:find("\n", 1, true) then
    return "{ " .. joined .. " }"
  end
  local space = (" "):rep(indent + 2)
  return "{\n" .. space .. table.concat(parts, ",\n" .. space) .. "\n" .. (" "):rep(indent) .. "}"
end

--- The columns of a list of records: nil when it is none.
local function columns_of(list)
  if #list == 0 then return nil end
  local names, seen = {}, {}
  for i, row in ipairs(list) do
    if type(row) ~= "table" or has_text(row) or is_aggregate(row) then return nil end
    if i <= MOST_ENTRIES then
      for key, value in next, row do
        if type(value) == "table" and not has_text(value) then return nil end
        if type(key) ~= "string" and type(key) ~= "number" then return nil end
        if not seen[key] then
          seen[key] = true
          names[#names + 1] = key
        end
      end
    end
  end
  for key in next, list do if type(key) ~= "number" then return nil end end
  table.sort(names, function(a, b)
    if type(a) ~= type(b) then return type(a) == "number" end
    return a < b
  end)
  return #names > 0 and #names <= 12 and names or nil
end

local function cell(value)
  if value == nil then return "" end
  if type(value) == "string" then return value end
  if type(value) == "number" then return units.format_number(value) end
  return type(value) == "table" and tostring(value):match("^[^\n]*") or scalar(value)
end

local function records_text(list, names)
  local columns, rows = {}, {}
  for c, name in ipairs(names) do
    local right = false
    for i = 1, math.min(#list, MOST_ENTRIES) do
      right = right or type(list[i][name]) == "number"
    end
    columns[c] = { title = tostring(name), right = right, shrink = not right }
  end
  for i = 1, math.min(#list, MOST_ROWS) do
    rows[i] = {}
    for c, name in ipairs(names) do rows[i][c] = cell(list[i][name]) end
  end
  local text = text_table.render(columns, rows, terminal.layout())
  if #list > MOST_ROWS then text = text .. ("… %d more\n"):format(#list - MOST_ROWS) end
  return text
end

-- The whole ---------------------------------------------------------------------------------------

local function aggregate_text(value)
  local options = { top = MOST_ROWS }
  for name, given in pairs(short.printing(value) or {}) do options[name] = given end
  return output.capture(function() value:print(options) end)
end

--- A value as it is shown at the prompt: lines.
---@param value any
---@return string
function M.text(value)
  local kind = type(value)
  if kind == "string" then return clean_lines(value) end
  if kind == "cdata" and stacks.is(value) then
    return cells.wrap(clean_lines(value:text()), terminal.layout().columns)
  end
  if kind ~= "table" then
    return kind == "cdata" and clean_lines(cdata_text(value)) or scalar(value)
  end
  if is_aggregate(value) then return aggregate_text(value) end
  if has_text(value) then return terminal.text_of(value) end
  if is_object(value) then return kind_of_object(value) .. ": help(x) tells what it can do" end
  local names = columns_of(value)
  return names and records_text(value, names) or nested(value, 0, 1, {})
end

return M
