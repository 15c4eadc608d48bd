--- Quantities with units: durations (ns), sizes (bytes), percents and counts, read and written.
--
--     units.parse_duration "1.5ms"  --> 1500000      units.format_duration(1234567) --> "1.23ms"
--     units.parse_size "8MiB"       --> 8388608      units.format_size(5000)        --> "4.9KiB"
--     units.parse_percent "1%"      --> 1            units.parse_count "10k"        --> 10000
--
-- Parsers return nil and a sentence that says what is accepted.

---@class oc.units
local M = {}

local durations = {
  ns = 1, us = 1e3, ["µs"] = 1e3, ["μs"] = 1e3, ms = 1e6, s = 1e9, sec = 1e9,
  m = 60e9, min = 60e9, h = 3600e9, d = 86400e9,
}

-- K alone is 1024, as perf and dd have it; KB is 1000, as the standard has it.
local sizes = {
  b = 1, k = 2 ^ 10, kib = 2 ^ 10, kb = 1e3, m = 2 ^ 20, mib = 2 ^ 20, mb = 1e6,
  g = 2 ^ 30, gib = 2 ^ 30, gb = 1e9, t = 2 ^ 40, tib = 2 ^ 40, tb = 1e12,
}

local counts = { k = 1e3, m = 1e6, g = 1e9 }

local function number_of(digits)
  if not digits:find("%d") or digits:find("%..*%.") then return nil end
  return tonumber(digits)
end

local function complain(text, what, accepted)
  return nil, string.format("'%s' is not %s: %s", tostring(text), what, accepted)
end

--- Nanoseconds, a whole number. Parts may be joined: "1m30s".
---@param text string|number
---@param default_unit? string unit of a bare number, "s" unless told
---@return number? ns
---@return string? err
function M.parse_duration(text, default_unit)
  local unit = default_unit or "s"
  local accepted = "write a number with ns, us, ms, s, m, h or d, as in 1.5ms or 1m30s"
    .. " (a bare number is in " .. unit .. ")"
  if type(text) == "number" then text = string.format("%.17g", text) end
  if type(text) ~= "string" then return complain(text, "a duration", accepted) end
  local rest = text:match("^%s*(.-)%s*$")
  local bare = number_of(rest:match("^[%d.]+$") or "")
  local total = bare and bare * durations[unit] or (rest ~= "" and 0 or nil)
  while not bare and total and rest ~= "" do
    local digits, name, tail = rest:match("^([%d.]+)%s*([^%d%s.]+)%s*(.*)$")
    local number, factor = digits and number_of(digits), durations[name]
    total = number and factor and total + number * factor
    rest = tail
  end
  if not total or total >= 2 ^ 63 then return complain(text, "a duration", accepted) end
  return math.floor(total + 0.5)
end

local function parse_scaled(text, factors, default_factor)
  local digits, name = tostring(text):match("^%s*([%d.]+)%s*(%a*)%s*$")
  local number = digits and number_of(digits)
  local factor = name == "" and default_factor or factors[(name or ""):lower()]
  return number and factor and number * factor
end

--- Bytes, a whole number.
---@param text string|number
---@param default_unit? string unit of a bare number, "B" unless told
---@return number? bytes
---@return string? err
function M.parse_size(text, default_unit)
  local value = parse_scaled(text, sizes, sizes[(default_unit or "B"):lower()])
  if not value or value >= 2 ^ 63 then
    return complain(text, "a size",
      "write a number with B, KiB, MiB, GiB, TiB (or K, M, G, T) or KB, MB, GB, TB, as in 8MiB")
  end
  return math.floor(value + 0.5)
end

--- Percent, from 0 to 100; the sign may be left out.
---@param text string|number
---@return number? percent
---@return string? err
function M.parse_percent(text)
  local value = number_of(tostring(text):match("^%s*([%d.]+)%s*%%?%s*$") or "")
  if not value or value > 100 then
    return complain(text, "a percentage", "write a number from 0 to 100, as in 1.5%")
  end
  return value
end

--- A number, with k, M or G for thousands, millions, milliards.
---@param text string|number
---@return number? count
---@return string? err
function M.parse_count(text)
  if type(text) == "number" then return text end
  local sign, rest = tostring(text):match("^%s*(%-?)(.*)$")
  local value = parse_scaled(rest, counts, 1) or tonumber(rest:match("^[%d.]+[eE][-+]?%d+$"))
    or (rest:find("^0x%x+$") and tonumber(rest))
  if not value then
    return complain(text, "a number", "write digits, with k, M or G for thousands, as in 10k")
  end
  return sign == "-" and -value or value
end

local duration_steps = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" } }
local size_steps = { { 2 ^ 40, "TiB" }, { 2 ^ 30, "GiB" }, { 2 ^ 20, "MiB" }, { 2 ^ 10, "KiB" } }

--- Three digits: 1.23, 12.3, 123.
local function three_digits(value)
  if value < 9.995 then return string.format("%.2f", value) end
  if value < 99.95 then return string.format("%.1f", value) end
  return string.format("%.0f", value)
end

--- A number without needless digits: whole ones whole, others with up to six.
---@param value number
---@return string
function M.format_number(value)
  if value == math.floor(value) and value >= -2 ^ 53 and value <= 2 ^ 53 then
    return string.format("%.0f", value == 0 and 0 or value)
  end
  return string.format("%.6g", value)
end

--- A duration for people: three digits with a unit, minutes and hours beyond 100 s.
---@param ns number
---@return string
function M.format_duration(ns)
  if ns ~= ns or ns == math.huge or ns == -math.huge then return tostring(ns) end
  if ns < 0 then return "-" .. M.format_duration(-ns) end
  if ns >= 99.95e9 then
    local seconds = math.floor(ns / 1e9 + 0.5)
    if seconds < 3600 then return string.format("%dm%02ds", seconds / 60, seconds % 60) end
    local minutes = math.floor(seconds / 60 + 0.5)
    return string.format("%.0fh%02dm", math.floor(minutes / 60), minutes % 60)
  end
  for i, step in ipairs(duration_steps) do
    -- 999999 ns are 1.00ms, not 1000us
    if ns >= step[1] * 0.9995 or (i == 3 and ns >= 999.5) then
      return three_digits(ns / step[1]) .. step[2]
    end
  end
  return (ns == math.floor(ns) and string.format("%.0f", ns) or three_digits(ns)) .. "ns"
end

--- A size for people: one decimal and a binary unit.
---@param bytes number
---@return string
function M.format_size(bytes)
  if bytes ~= bytes or bytes == math.huge or bytes == -math.huge then return tostring(bytes) end
  if bytes < 0 then return "-" .. M.format_size(-bytes) end
  for _, step in ipairs(size_steps) do
    if bytes >= step[1] * 0.99995 then return string.format("%.1f", bytes / step[1]) .. step[2] end
  end
  return M.format_number(math.floor(bytes * 10 + 0.5) / 10) .. "B"
end

local function exact(value, steps, last)
  for _, step in ipairs(steps) do
    local quotient = value / step[1]
    if quotient >= 1 and quotient * 1000 == math.floor(quotient * 1000) then
      return M.format_number(quotient) .. step[2]
    end
  end
  return M.format_number(value) .. last
end

--- As a user would write it: "10s", "1.5ms", "100us", "8MiB", "64B".
---@param ns number
---@return string
function M.write_duration(ns) return ns == 0 and "0s" or exact(ns, duration_steps, "ns") end

---@param bytes number
---@return string
function M.write_size(bytes) return exact(bytes, size_steps, "B") end

--- The formatter of values with this unit: "ns", "bytes", "percent", or none.
---@param unit? string
---@return (fun(value: number): string)?
function M.formatter(unit)
  if unit == nil then return M.format_number end
  if unit == "ns" then return M.format_duration end
  if unit == "bytes" then return M.format_size end
  if unit == "percent" then return function(value) return string.format("%.1f%%", value) end end
  return nil
end

return M
