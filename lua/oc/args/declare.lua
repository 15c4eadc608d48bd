--- Constructors of a script's arguments: `oc.number(10, "rows to print", { short = "n" })`.
--
-- Each call gets a serial number: a Lua table has no order, the order of declaration has.

local errors = require "oc.errors"
local kinds = require "oc.args.kinds"
local nearest = require "oc.nearest"

---@class oc.Argument
---@field kind string
---@field default any
---@field help string
---@field short? string
---@field required? boolean
---@field positional? boolean
---@field serial integer
---@field min? number
---@field max? number
---@field unit? string
---@field choices? string[]
local Argument = {}
Argument.__index = Argument

local M = {}

local serial = 0
local known_options = { "short", "required", "positional", "min", "max", "unit", "placeholder" }

local function check_options(kind, options)
  if type(options) ~= "table" then
    errors.misuse(("the options of oc.%s are a %s, not a table"):format(kind, type(options)))
  end
  for name in pairs(options) do
    local is_known = false
    for _, known in ipairs(known_options) do is_known = is_known or known == name end
    if not is_known then
      errors.misuse(("oc.%s has no option '%s'"):format(kind, tostring(name)), {
        token = tostring(name),
        hint = nearest.hint(tostring(name), known_options)
          or "it has: " .. table.concat(known_options, ", "),
      })
    end
  end
  local short = options.short
  if short ~= nil and not (type(short) == "string" and short:find("^%a$")) then
    errors.misuse("short must be one letter", { token = "short" })
  end
end

--- Defaults are written as on the command line ("1s", "8MiB") or as values (ns, bytes).
local function check_default(argument)
  local value = argument.default
  if value == nil then return end
  local wanted = ({ flag = "boolean", list = "table", pids = "table" })[argument.kind]
  if wanted and type(value) == wanted then return end
  if argument.kind == "flag" or (type(value) ~= "string" and type(value) ~= "number") then
    errors.misuse(("the default of oc.%s cannot be a %s"):format(argument.kind, type(value)))
  end
  -- A number is the value itself, in ns or bytes; text is read as the user's would be.
  if type(value) == "number" and kinds[argument.kind].write and not wanted then return end
  local parsed, err = kinds[argument.kind].parse(tostring(value), argument)
  if parsed == nil then errors.misuse(("the default of oc.%s: %s"):format(argument.kind, err)) end
  argument.default = parsed
end

local function make(kind, default, help, options)
  options = options or {}
  check_options(kind, options)
  if help ~= nil and type(help) ~= "string" then
    errors.misuse(("the help of oc.%s is a %s, not text"):format(kind, type(help)), {
      hint = ('the order is oc.%s(default, "help", { options })'):format(kind),
    })
  end
  serial = serial + 1
  local argument = setmetatable({ kind = kind, default = default, help = help or "",
    serial = serial }, Argument)
  for name, value in pairs(options) do argument[name] = value end
  return argument
end

for kind in pairs(kinds) do
  if kind ~= "choice" then
    M[kind] = function(default, help, options)
      local argument = make(kind, default, help, options)
      check_default(argument)
      if kind == "flag" and argument.default == nil then argument.default = false end
      return argument
    end
  end
end

--- `oc.choice({ "cpu", "wall" }, "cpu", "which time", {…})`: one of the given words.
---@param choices string[]
---@param default? string
---@param help? string
---@param options? table
---@return oc.Argument
function M.choice(choices, default, help, options)
  if type(choices) ~= "table" or #choices == 0 then
    errors.misuse("oc.choice needs a list of words", {
      hint = 'as in oc.choice({ "cpu", "wall" }, "cpu", "which time to count")',
    })
  end
  local argument = make("choice", default, help, options)
  argument.choices = choices
  check_default(argument)
  return argument
end

---@param value any
---@return boolean
function M.is(value) return getmetatable(value) == Argument end

return M
