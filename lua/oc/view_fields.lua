--- Which names an event has for a script, and what to say of one that it does not have.

local errors = require "oc.errors"
local foreign = require "oc.foreign"
local nearest = require "oc.nearest"
local source = require "oc.view_source"

local M = {}

--- The source of the accessor of a payload's field; nil when there is none of the name.
---@param kind oc.Kind
---@param name string
---@return string?
function M.payload_source(kind, name)
  return kind.by_name[name] and source.payload(kind.by_name[name])
end

--- The accessor's source for `e[name]`: common names hide the payload's, those of samples yield.
---@param kind oc.Kind
---@param name string
---@return string?
function M.source(kind, name)
  if source.is_common[name] then return source.common(kind, name) end
  return kind.aliases and kind.aliases[name] or M.payload_source(kind, name)
    or source.common(kind, name)
end

--- True when the events of a kind have this name; with `in_payload` as `e.args` has it.
---@param kind oc.Kind
---@param name string
---@param in_payload? boolean
---@return boolean
function M.has(kind, name, in_payload)
  if in_payload then return kind.by_name[name] ~= nil end
  return name == "args" or M.source(kind, name) ~= nil
end

--- All names that `e` has.
---@param kind oc.Kind
---@return string[]
function M.names(kind)
  local names = {}
  for _, list in ipairs { source.COMMON, source.SAMPLE } do
    for _, name in ipairs(list) do
      if source.common(kind, name) then names[#names + 1] = name end
    end
  end
  for name in pairs(kind.aliases or {}) do names[#names + 1] = name end
  for _, field in ipairs(kind.fields) do names[#names + 1] = field.name end
  return names
end

--- Those of `e.args`.
---@param kind oc.Kind
---@return string[]
function M.payload_names(kind)
  local names = {}
  for i, field in ipairs(kind.fields) do names[i] = field.name end
  return names
end

--- What to do where the process's cgroup, container or id is not known.
local function hint_of_cgroup(kind)
  if kind.live then return "ask for it: oc.open { cgroups = true }" end
  return kind.sample and "record the cgroups: oc record --all-cgroups -e " .. kind.name
    or "in recordings only samples can tell it: oc record --all-cgroups"
end
local hints_of_absent = {
  cgroup = hint_of_cgroup, cgroup_id = hint_of_cgroup, container = hint_of_cgroup,
  ns_pid = function() return "it is known live only" end,
}

--- What has to be declared before the run: by what, and how.
local declarations = {
  stack = { "stacks", 'add them: oc.open { stacks = "fp" }, or -g on the command line' },
  symbol = { "symbols", "add them: oc.open { symbols = true }" },
  module = { "symbols", "add them: oc.open { symbols = true }" },
}

--- What other tools call so, where this event has it.
local function hint_of_other(kind, name)
  local known = foreign.field(name)
  if known == "stack" then return "that is 'stack' here, of samples that have one: -g" end
  return known and M.has(kind, known) and ("that is '%s' here"):format(known) or nil
end

--- Raises that the event has no such field. `names`: what there is.
---@param kind oc.Kind
---@param name any
---@param names? string[]
function M.missing(kind, name, names)
  local declaration = kind.sample and not names and not kind.by_name[name] and declarations[name]
  local is_declared = name == "stack" and kind.has_stacks or name ~= "stack" and kind.has_places
  if declaration and not is_declared then
    errors.misuse(("e.%s needs %s, and nobody asked for them"):format(name, declaration[1]),
      { token = name, named = name, hint = declaration[2] })
  end
  local is_optional = source.is_common[name] or source.is_sample[name]
  local told_by = hints_of_absent[name]
  if told_by and not names and not kind.by_name[name] then
    local whose = kind.sample and "the samples of '%s' do not have '%s'"
      or "the records of '%s' do not tell '%s'"
    errors.misuse(whose:format(kind.name, name),
      { token = name, named = name, hint = told_by(kind) })
  end
  if is_optional and kind.sample and not names then
    local hint = kind.by_name[name] and "the event's own field of this name is e.args." .. name
      or name == "addr" and "record the addresses: oc record --data -e " .. kind.name
      or "whoever recorded the trace did not ask the kernel for it"
    errors.misuse(("the samples of '%s' do not have '%s'"):format(kind.name, name),
      { token = name, named = name, hint = hint })
  end
  name = tostring(name)
  errors.misuse(("event '%s' has no field '%s'"):format(kind.name, name),
    { token = name, named = name, hint = hint_of_other(kind, name)
      or nearest.hint(name, names or M.names(kind)) })
end

return M
