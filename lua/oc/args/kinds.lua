--- Kinds of arguments: how the text of each is read, and how a value is shown in help.
--
-- A kind is { placeholder, parse(text, argument) -> value | nil, sentence; write(value) }.

local time_window = require "oc.time_window"
local units = require "oc.units"

---@class oc.args.Kind
---@field placeholder string
---@field parse fun(text: string, argument: table): any, string?
---@field write? fun(value: any): string

---@type table<string, oc.args.Kind>
local M = {}

--- Checks min and max, with the bounds written in the argument's own unit.
local function in_range(value, argument, write)
  if argument.min and value < argument.min then
    return nil, "must be at least " .. write(argument.min)
  end
  if argument.max and value > argument.max then
    return nil, "must be at most " .. write(argument.max)
  end
  return value
end

local function scaled(parse, write)
  return function(text, argument)
    local value, err = parse(text, argument.unit)
    if value == nil then return nil, err end
    return in_range(value, argument, write)
  end
end

local function write_percent(value) return units.format_number(value) .. "%" end

M.number = {
  placeholder = "N",
  parse = scaled(units.parse_count, units.format_number),
  write = units.format_number,
}

M.string = { placeholder = "TEXT", parse = function(text) return text end }

--- A text that is taken apart elsewhere, for options that can be given again.
M.texts = {
  placeholder = "TEXT",
  parse = function(text)
    if text == "" then return nil, "it needs a value" end
    return { text }
  end,
}

M.file = {
  placeholder = "FILE",
  parse = function(text)
    if text == "" then return nil, "a file needs a name" end
    return text
  end,
}

M.event = {
  placeholder = "EVENT",
  parse = function(text)
    if not text:find("^[%w_*?][^%s]*$") then
      return nil, ("'%s' is not an event: write a name as oc list events shows them"):format(text)
    end
    return text
  end,
}

M.duration = {
  placeholder = "TIME",
  parse = scaled(units.parse_duration, units.write_duration),
  write = units.write_duration,
}

M.window = { placeholder = "FROM,TO", parse = time_window.parse }

M.size = {
  placeholder = "SIZE",
  parse = scaled(units.parse_size, units.write_size),
  write = units.write_size,
}

M.percent = {
  placeholder = "PERCENT",
  parse = scaled(units.parse_percent, write_percent),
  write = write_percent,
}

local truths = {
  ["true"] = true, yes = true, on = true, ["1"] = true,
  ["false"] = false, no = false, off = false, ["0"] = false,
}

M.flag = {
  placeholder = "",
  parse = function(text)
    local value = truths[text:lower()]
    if value == nil then return nil, ("'%s' is neither yes nor no"):format(text) end
    return value
  end,
  write = function(value) return value and "yes" or "no" end,
}

M.choice = {
  placeholder = "CHOICE",
  parse = function(text, argument)
    for _, choice in ipairs(argument.choices) do if choice == text then return text end end
    return nil, ("'%s' is none of: %s"):format(text, table.concat(argument.choices, ", "))
  end,
}

local function split(text)
  local items = {}
  for item in (text .. ","):gmatch("%s*(.-)%s*,") do
    if item ~= "" then items[#items + 1] = item end
  end
  return items
end

M.list = {
  placeholder = "A,B,…",
  parse = split,
  write = function(value) return table.concat(value, ",") end,
}

M.pids = {
  placeholder = "PID,…",
  parse = function(text)
    local pids = {}
    for i, item in ipairs(split(text)) do
      local pid = item:find("^%d+$") and tonumber(item)
      if not pid or pid < 1 or pid >= 2 ^ 31 then
        return nil, ("'%s' is not a process id: write numbers with commas, as in 1,42"):format(item)
      end
      pids[i] = pid
    end
    if #pids == 0 then return nil, "no process id given: write numbers with commas, as in 1,42" end
    return pids
  end,
  write = function(value) return table.concat(value, ",") end,
}

return M
