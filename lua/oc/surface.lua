--- What the command line offers, for whatever describes it: verbs with their options, in order.

local own_options = require "oc.options"

local M = {}

--- Whether an option makes sense for a verb.
---@param option oc.Option
---@param verb string
---@return boolean
function M.fits(option, verb)
  if not option.verbs then return true end
  for _, known in ipairs(option.verbs) do if known == verb then return true end end
  return false
end

---@param verb string
---@return oc.Option[]
function M.options_of(verb)
  local fitting = {}
  for _, option in ipairs(own_options) do
    if M.fits(option, verb) then fitting[#fitting + 1] = option end
  end
  return fitting
end

--- The verbs: `completes` says what words they take ("script", "verb", "file" or nothing), `words`
--- lists some.
---@return { name: string, usage: string, summary: string, completes?: string, words?: string[] }[]
function M.verbs() return require("oc.verbs").verbs end

--- What an option's value is to a shell: "flag", "file", "event", "choice" or "value".
---@param option oc.Option
---@return string
function M.value_of(option)
  if option.kind == "flag" or option.kind == "file" or option.kind == "choice" then
    return option.kind
  end
  local of = option.placeholder or ""
  if option.kind == "event" or of:find("^EVENT") then return "event" end
  return of == "FILE" and "file" or "value"
end

--- An option's names as typed: "-F", "--frequency".
---@param option oc.Option
---@return string[]
function M.names(option)
  local names = {}
  if option.short then names[1] = "-" .. option.short end
  names[#names + 1] = "--" .. option.name
  return names
end

return M
