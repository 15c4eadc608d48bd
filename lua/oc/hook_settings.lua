--- What a `settings` hook may do to the options of the command line: each is checked and read as if
--- it had been typed, so that a mistake has the line of the hook.

local errors = require "oc.errors"
local kinds = require "oc.args.kinds"
local nearest = require "oc.nearest"
local own_options = require "oc.options"
local time_window = require "oc.time_window"

local M = {}

-- What oc's own hooks tell the verbs.
local INTERNAL = { event_of_scripts = true }

--- The options of a verb by the keys that hooks know them under.
local function options_of(verb)
  local known = {}
  for _, option in ipairs(own_options) do
    local fits = not option.verbs
    for _, one in ipairs(option.verbs or {}) do fits = fits or one == verb end
    if fits then known[(option.name:gsub("-", "_"))] = option end
  end
  return known
end

local function parse(value, option)
  local read, problem = kinds[option.kind].parse(value, option)
  if read == nil then return nil, problem end
  return read
end

local function in_range(value, option)
  if option.min and value < option.min or option.max and value > option.max then
    return nil, ("it is from %g to %g"):format(option.min or 0, option.max or math.huge)
  end
  return value
end

--- Texts of a list; nil when there is something else in it.
local function texts_of(list)
  local texts = {}
  for i, item in ipairs(list) do
    if type(item) ~= "string" and type(item) ~= "number" then return nil end
    texts[i] = tostring(item)
  end
  return #texts > 0 and texts or nil
end

--- By kind: { what it wants, value -> value as the parser would have made it | nil, problem }.
local readers = {
  flag = { "true or false", function(value)
    return type(value) == "boolean" and value or nil
  end },
  texts = { "a text, or a list of texts", function(value)
    return texts_of(type(value) == "table" and value or { value })
  end },
  string = { "a text, or a list of texts", function(value)
    local texts = texts_of(type(value) == "table" and value or { value })
    return texts and table.concat(texts, ",")
  end },
  window = { '"FROM,TO", or { from, to }', function(value)
    if type(value) == "string" then return time_window.parse(value) end
    if type(value) ~= "table" then return nil end
    return value.from and value or time_window.read(value)
  end },
}

local function text_reader(wants)
  return { wants, function(value, option)
    if type(value) == "string" then return parse(value, option) end
  end }
end
readers.file, readers.choice = text_reader "a text", text_reader "a text"

local function number_reader(wants)
  return { wants, function(value, option)
    if type(value) == "string" then return parse(value, option) end
    if type(value) == "number" then return in_range(value, option) end
  end }
end
readers.number = number_reader "a number"
readers.duration = number_reader 'a time, as in "10s", or ns'
readers.size = number_reader 'a size, as in "8MiB", or bytes'
readers.percent = number_reader 'a percentage, as in "5%" or 5'

local function unknown(key, known, verb, fail)
  local names = {}
  for name in pairs(known) do names[#names + 1] = name end
  table.sort(names)
  fail(("a settings hook set '%s', which is no option of oc %s"):format(key, verb),
    nearest.hint(key, names) or "there are: " .. table.concat(names, ", "))
end

--- Reads what a hook left in the options. Raises what is none, at the hook.
---@param options table
---@param before table<string, any> the options as they were
---@param verb string
---@param hook function
function M.read(options, before, verb, hook)
  local known = options_of(verb)
  local function fail(message, hint)
    error(errors.place_at(errors.new(message, { hint = hint }), hook), 0)
  end
  local keys = {}
  for key in pairs(options) do keys[#keys + 1] = key end
  for _, key in ipairs(keys) do
    local option, value = known[key], options[key]
    if not option then
      if before[key] == nil and not INTERNAL[key] then unknown(tostring(key), known, verb, fail) end
    elseif value == false then
      if option.kind ~= "flag" then options[key] = nil end  -- as if it had not been given
    else
      local reader = readers[option.kind]
      local read, problem = reader[2](value, option)
      if read == nil then
        fail(("a settings hook set %s, which wants %s"):format(key, reader[1]), problem)
      end
      options[key] = read
    end
  end
end

return M
