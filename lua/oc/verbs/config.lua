--- `oc config`: every option with its value and where that comes from.

local args = require "oc.args"
local config = require "oc.config"
local errors = require "oc.errors"
local json = require "oc.json"
local kinds = require "oc.args.kinds"
local nearest = require "oc.nearest"
local own_options = require "oc.options"
local text_table = require "oc.text_table"

local M = {}

local HEAD = [[
--- Every option with its value and where that comes from.
---
--- Options on the command line win over the environment (OC_FREQUENCY=99), that over
--- $XDG_CONFIG_HOME/oc/config (or ~/.config/oc/config), that over /etc/oc/config. A file has lines
--- NAME = VALUE; those below [VERB] count for that verb only.
---
--- Example: oc config
--- Example: oc config get frequency
--- Example: oc config path
]]

local function text_of(option, value)
  if value == nil then return nil end
  local write = kinds[option.kind].write
  return write and write(value) or tostring(value)
end

--- One row: a value, and where it comes from.
local function row_of(option, setting, verb)
  local value = option.default
  if option.kind == "flag" and value == nil then value = false end
  if setting then value = setting.value end
  return {
    name = (verb and verb .. "." or "") .. option.name, value = text_of(option, value),
    from = setting and setting.from or value ~= nil and "default" or "not set",
  }
end

local function rows()
  local out, settings = {}, config.load()
  for _, option in ipairs(own_options) do
    if config.can_be_set(option) then
      out[#out + 1] = row_of(option, config.find(option))
      local seen = {}
      for _, setting in ipairs(settings) do
        if setting.option == option and setting.verb and not seen[setting.verb] then
          seen[setting.verb] = true
          out[#out + 1] = row_of(option, config.find(option, setting.verb), setting.verb)
        end
      end
    end
  end
  return out
end

local function show(context)
  local lines = {}
  for i, row in ipairs(rows()) do
    lines[i] = { row.name, row.value or "-", row.from }
    if context.options.json then io.stdout:write(json.encode(row), "\n") end
  end
  if not context.options.json then
    io.stdout:write(text_table.render_lines({ {}, {}, {} }, lines))
  end
  return 0
end

local function get(_, name)
  if not name then errors.wrong_usage("which option?", "as in: oc config get frequency") end
  local names = {}
  for _, row in ipairs(rows()) do
    names[#names + 1] = row.name
    if row.name == name then
      if row.value then io.stdout:write(row.value, "\n") end
      return row.value and 0 or 1
    end
  end
  errors.wrong_usage(("there is no option '%s'"):format(name),
    nearest.hint(name, names) or "oc config shows what there is")
end

local function path()
  for _, file in ipairs(config.paths()) do io.stdout:write(file, "\n") end
  return 0
end

local actions = { show = show, get = get, path = path }

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "config", script_name = "config",
    usage = "[get OPTION|path]", head = HEAD }
  context:finish()
  local words = context.positionals
  local action = words[1] or "show"
  if not actions[action] then
    errors.wrong_usage(("oc config cannot '%s'"):format(action),
      nearest.hint(action, { "show", "get", "path" }) or "it knows: get, path")
  elseif words[3] or (words[2] and action ~= "get") then
    errors.wrong_usage(("'%s' is one argument too many"):format(words[#words]))
  end
  return actions[action](context, words[2])
end

return M
