--- JSON text from Lua values; encoding only.
--
-- Deterministic: keys of objects are sorted. What JSON cannot hold: NaN and infinities become
-- null, 64-bit integers and addresses become strings (readers would round them), broken UTF-8
-- becomes U+FFFD. A table with elements 1 … n and nothing else is an array; an empty one too,
-- unless made by `json.object`.

local cells = require "oc.cells"

---@class oc.json
local M = {}

local object_mark = {}

--- Marks a table as an object even when it is empty.
---@generic T: table
---@param t T
---@return T
function M.object(t) return setmetatable(t, object_mark) end

local text_mark = {}

--- Stands for what is JSON text already.
---@param text string
---@return table
function M.text(text) return setmetatable({ text = text }, text_mark) end

--- Stands for null where nil would be no element at all.
M.null = setmetatable({}, { __tostring = function() return "null" end })

local short = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t",
}

local function escape(c) return short[c] or string.format("\\u%04x", c:byte()) end

local function valid_utf8(text)
  if not text:find("[\128-\255]") then return text end
  local out, at = {}, 1
  while at <= #text do
    local length = cells.decode(text, at)
    out[#out + 1] = length and text:sub(at, at + length - 1) or "\239\191\189"
    at = at + (length or 1)
  end
  return table.concat(out)
end

local function string_text(text)
  return '"' .. valid_utf8(text):gsub('[%z\1-\31"\\\127]', escape) .. '"'
end

local function number_text(value)
  if value ~= value or value == math.huge or value == -math.huge then return "null" end
  if value == math.floor(value) and value > -2 ^ 53 and value < 2 ^ 53 then
    return string.format("%.0f", value == 0 and 0 or value)
  end
  local text = string.format("%.15g", value)
  return tonumber(text) == value and text or string.format("%.17g", value)
end

--- The number of elements when `t` is an array.
local function array_length(t)
  if getmetatable(t) == object_mark then return nil end
  local count = 0
  for _ in pairs(t) do count = count + 1 end
  return count == #t and count or nil
end

local encode

local function encode_table(t, out, above)
  if t == M.null then
    out[#out + 1] = "null"
    return
  end
  if getmetatable(t) == text_mark then
    out[#out + 1] = t.text
    return
  end
  if above[t] then error("a table that contains itself has no JSON", 0) end
  above[t] = true
  local length = array_length(t)
  if length then
    out[#out + 1] = "["
    for i = 1, length do
      if i > 1 then out[#out + 1] = "," end
      encode(t[i], out, above)
    end
    out[#out + 1] = "]"
  else
    local names, values = {}, {}
    for key, value in pairs(t) do
      local name = tostring(key)
      names[#names + 1], values[name] = name, value
    end
    table.sort(names)
    out[#out + 1] = "{"
    for i, name in ipairs(names) do
      out[#out + 1] = (i > 1 and "," or "") .. string_text(name) .. ":"
      encode(values[name], out, above)
    end
    out[#out + 1] = "}"
  end
  above[t] = nil
end

function encode(value, out, above)
  local kind = type(value)
  if kind == "nil" then
    out[#out + 1] = "null"
  elseif kind == "boolean" then
    out[#out + 1] = tostring(value)
  elseif kind == "number" then
    out[#out + 1] = number_text(value)
  elseif kind == "string" then
    out[#out + 1] = string_text(value)
  elseif kind == "table" then
    encode_table(value, out, above)
  elseif kind == "cdata" then
    out[#out + 1] = string_text((tostring(value):gsub("U?LL$", "")))
  else
    error("a " .. kind .. " has no JSON", 0)
  end
end

--- JSON text on one line.
---@param value any
---@return string? text
---@return string? err
function M.encode(value)
  local out = {}
  local ok, err = pcall(encode, value, out, {})
  if not ok then return nil, tostring(err) end
  return table.concat(out)
end

return M
