--- Options that were set once for all: by the environment and by files.
--
--     option > OC_FREQUENCY=99 > ~/.config/oc/config > /etc/oc/config > default
--
--     # a file: an option's long name, "=", its value as on the command line
--     frequency = 99
--     [record]                 # what follows counts for this verb only
--     buffer = 16MiB
--
-- OC_CONFIG=FILE is read instead of both files. What no verb knows is an error with file and line.

local errors = require "oc.errors"
local host = require "oc.host"
local kinds = require "oc.args.kinds"
local nearest = require "oc.nearest"
local own_options = require "oc.options"
local surface = require "oc.surface"

local M = {}

---@class oc.config.Setting
---@field option oc.Option
---@field verb? string for this verb only
---@field text string
---@field value any
---@field from string "OC_FREQUENCY" or "/etc/oc/config:3"

--- Names of the environment that mean other things: no option may be called so.
M.reserved = { "OC_PATH", "OC_CONFIG", "OC_CORPUS", "OC_FALLBACK_TRACE", "OC_SOURCE_ROOT",
  "OC_BUILD_ROOT" }

---@param option oc.Option
---@return boolean
function M.can_be_set(option) return not option.once end

--- "OC_MAX_ERRORS" of max-errors.
---@param option oc.Option
---@return string
function M.variable(option) return "OC_" .. option.name:upper():gsub("-", "_") end

local function settable_names()
  local names = {}
  for _, option in ipairs(own_options) do
    if M.can_be_set(option) then names[#names + 1] = option.name end
  end
  return names
end

local function find_option(name)
  name = name:gsub("_", "-")
  for _, option in ipairs(own_options) do
    local found = option.name == name
    for _, alias in ipairs(option.aliases or {}) do found = found or alias == name end
    if found then return option end
  end
end

--- Raises what is wrong with a setting; `from` says where it stands.
local function wrong(from, problem, hint) errors.wrong_usage(from .. ": " .. problem, hint) end

local function parse_value(option, text, from)
  local value, problem = kinds[option.kind].parse(text, option)
  if value ~= nil then return value end
  local joint = problem:find("^must") and " " or ": "
  wrong(from, option.name .. joint .. problem)
end

--- One line "name = value" as a setting.
local function setting_of(name, text, verb, from)
  local option = find_option(name)
  if not option then
    wrong(from, ("there is no option '%s'"):format(name),
      nearest.hint(name, settable_names()) or "oc config shows what there is")
  elseif not M.can_be_set(option) then
    wrong(from, ("'%s' can be given on the command line only"):format(option.name))
  elseif verb and not surface.fits(option, verb) then
    wrong(from, ("oc %s has no option '%s'"):format(verb, option.name),
      "oc help " .. verb .. " shows what it has")
  end
  return { option = option, verb = verb, text = text, value = parse_value(option, text, from),
    from = from }
end

local function without_quotes(text)
  return text:match('^"(.*)"$') or text:match("^'(.*)'$") or text
end

--- The settings of a file's text, in its order.
---@param text string
---@param path string
---@param verbs string[] names of sections
---@return oc.config.Setting[]
function M.parse(text, path, verbs)
  local settings, verb, number = {}, nil, 0
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    local from = path .. ":" .. number
    local content = line:gsub("^%s+", ""):gsub("^[#;].*$", "")
    if not content:find("=%s*[\"']") then content = content:gsub("%s#.*$", "") end
    content = content:gsub("%s+$", "")
    local section = content:match("^%[%s*(.-)%s*%]$")
    local name, value = content:match("^([%w_-]+)%s*=%s*(.*)$")
    if section then
      verb = nil
      for _, known in ipairs(verbs) do if known == section then verb = known end end
      if not verb then
        wrong(from, ("there is no verb '%s'"):format(section),
          nearest.hint(section, verbs) or "a section is a verb, as in [record]")
      end
    elseif name then
      settings[#settings + 1] = setting_of(name, without_quotes(value), verb, from)
    elseif content ~= "" then
      wrong(from, ("'%s' is not a setting"):format(content),
        "write NAME = VALUE, as in frequency = 99")
    end
  end
  return settings
end

--- What the environment sets.
---@param getenv? fun(name: string): string?
---@return oc.config.Setting[]
function M.from_environment(getenv)
  local settings = {}
  for _, option in ipairs(own_options) do
    local name = M.variable(option)
    local text = M.can_be_set(option) and (getenv or os.getenv)(name)
    if text and text ~= "" then
      settings[#settings + 1] = { option = option, text = text,
        value = parse_value(option, text, name), from = name }
    end
  end
  return settings
end

--- What the environment sets that nobody reads: misspelt, or of one call.
---@param names string[] of the environment
---@return string[] notes
function M.unknown_variables(names)
  local known, reserved, notes = {}, {}, {}
  for _, option in ipairs(own_options) do
    if M.can_be_set(option) then known[#known + 1] = M.variable(option) end
    reserved[M.variable(option)] = M.can_be_set(option) and "" or "--" .. option.name
  end
  for _, name in ipairs(M.reserved) do reserved[name] = "" end
  for _, name in ipairs(names) do
    if reserved[name] == nil then
      local hint = nearest.hint(name, known)  -- without one it is somebody else's
      if hint then notes[#notes + 1] = ("%s sets nothing: %s"):format(name, hint) end
    elseif reserved[name] ~= "" then
      notes[#notes + 1] = ("%s sets nothing: %s is for the command line only"):format(name,
        reserved[name])
    end
  end
  return notes
end

--- Names of ours in the environment that this process began with.
local function environment_names()
  local names = {}
  local file = io.open("/proc/self/environ", "rb")
  if not file then return names end
  for name, value in (file:read("*a")):gmatch("(OC_[%w_]*)=(%Z*)") do
    if value ~= "" then names[#names + 1] = name end
  end
  file:close()
  table.sort(names)
  return names
end

--- The files that are looked at, the strongest first.
---@return string[]
function M.paths()
  local only = os.getenv("OC_CONFIG")
  if only and only ~= "" then return { only } end
  local home = os.getenv("XDG_CONFIG_HOME")
  -- The specification wants a relative path to be ignored.
  if not home or home:sub(1, 1) ~= "/" then
    home = os.getenv("HOME")
    home = home and home:sub(1, 1) == "/" and home .. "/.config" or nil
  end
  local paths = { "/etc/oc/config" }
  if home then table.insert(paths, 1, home .. "/oc/config") end
  return paths
end

local function verb_names()
  local names = {}
  for i, verb in ipairs(require("oc.verbs").verbs) do names[i] = verb.name end
  return names
end

local loaded

--- All settings, the strongest first. Read once.
---@return oc.config.Setting[] settings
---@return string[] notes about files that were left out, and variables that set nothing
function M.load()
  if loaded then return loaded.settings, loaded.notes end
  loaded = { settings = M.from_environment(),
    notes = M.unknown_variables(environment_names()) }
  for _, path in ipairs(M.paths()) do
    local text, reason = host.read_config(path)
    if text then
      local found = M.parse(text, path, verb_names())
      -- Of one file: a verb's section before what counts for all, the later line before the
      -- earlier.
      for _, is_of_verb in ipairs { true, false } do
        for i = #found, 1, -1 do
          if (found[i].verb ~= nil) == is_of_verb then
            loaded.settings[#loaded.settings + 1] = found[i]
          end
        end
      end
    elseif reason then
      loaded.notes[#loaded.notes + 1] = reason
    end
  end
  return loaded.settings, loaded.notes
end

--- The setting that counts for an option of a verb; nil when nobody set it.
---@param option oc.Option
---@param verb? string nil: what counts where no section says otherwise
---@return oc.config.Setting?
function M.find(option, verb)
  for _, setting in ipairs((M.load())) do
    local is_same = setting.option.name == option.name
    if is_same and (setting.verb == nil or setting.verb == verb) then return setting end
  end
end

return M
