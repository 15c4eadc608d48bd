--- What there is to know of every name that scripts see: what `help`, `oc help NAME`, the guide's
--- reference and the types for editors are made from.
--
-- lua/oc/reference/ has it as data. A group is what one value carries:
--
--     return { name = "trace", class = "oc.Trace", joint = ":", title = "A trace", text = "…",
--       { "on", "(name: string, fn: fun(e: oc.Event)): oc.Handle", "One paragraph.",
--         errors = "what it raises", example = [[code as of oc eval]], unit = "ns" },
--       { "host", "oc.Host", "…", joint = "." } }
--
-- An entry is a name, its signature (of a function: in brackets, with the types of LuaCATS) or its
-- type, and what it is. `also` lists further signatures, `live` is an example that wants a live
-- system, `is_table` marks a group of plain fields. A test holds all of it against the code.

local cells = require "oc.cells"
local errors = require "oc.errors"
local nearest = require "oc.nearest"
local terminal = require "oc.terminal"

local M = {}

--- The files, in the order of the guide. A file is one group or a list of them.
local FILES = { "words", "module", "trace", "event", "values", "aggregates", "machine", "repl",
  "trace_tables", "machine_tables", "declared" }

--- Classes that signatures name and nobody looks into.
M.OPAQUE = { "oc.Aggregate", "oc.Argument", "oc.Help", "oc.List", "oc.Source" }

--- Other names that one may say.
local aliases = { m = "machine", g = "graph", q = "query", h = "handle", c = "counter" }

---@class oc.reference.Entry
---@field group oc.reference.Group
---@field name string
---@field full string as it is written: "trace:on"
---@field signature? string of a function, in brackets
---@field type? string of a value
---@field text string
---@field also? string[]
---@field errors? string
---@field unit? string
---@field example? string
---@field live? string

---@class oc.reference.Group
---@field name string
---@field class string
---@field parent? string
---@field title string
---@field text string
---@field is_table? boolean plain fields
---@field operators? string[] as LuaCATS writes them
---@field entries oc.reference.Entry[]
---@field by_name table<string, oc.reference.Entry>

local function read_entry(group, raw)
  local is_function = raw[2]:find("^%(%)") or raw[2]:find("^%([%w_.]+%??: ")
  local entry = { group = group, name = raw[1], text = raw[3], also = raw.also,
    errors = raw.errors, unit = raw.unit, example = raw.example, live = raw.live,
    joint = raw.joint or group.joint }
  entry[is_function and "signature" or "type"] = raw[2]
  entry.full = (entry.joint == "" and "" or group.name .. entry.joint) .. raw[1]
  return entry
end

local function read_group(raw)
  local group = { entries = {}, by_name = {} }
  for key, value in pairs(raw) do if type(key) == "string" then group[key] = value end end
  for i, each in ipairs(raw) do
    local entry = read_entry(group, each)
    group.entries[i], group.by_name[entry.name] = entry, entry
  end
  return group
end

local loaded

--- All groups, in order.
---@return oc.reference.Group[]
function M.groups()
  if loaded then return loaded end
  loaded = {}
  for _, file in ipairs(FILES) do
    local raw = require("oc.reference." .. file)
    for _, each in ipairs(raw.name and { raw } or raw) do loaded[#loaded + 1] = read_group(each) end
  end
  return loaded
end

-- Signatures -------------------------------------------------------------------------------------

--- Where the bracket that opens at `from` is closed.
local function close_of(text, from)
  local depth = 0
  for at = from, #text do
    local c = text:sub(at, at)
    if c == "(" or c == "{" or c == "<" then depth = depth + 1 end
    if c == ")" or c == "}" or (c == ">" and text:sub(at - 1, at - 1) ~= "-") then
      depth = depth - 1
      if depth == 0 then return at end
    end
  end
  error("no end in " .. text)
end

--- Parts between commas that are in no bracket.
local function split(text)
  local parts, depth, from = {}, 0, 1
  for at = 1, #text do
    local c = text:sub(at, at)
    if c:find("[({<]") then depth = depth + 1 elseif c:find("[)}>]") then depth = depth - 1 end
    if c == "," and depth == 0 then
      parts[#parts + 1], from = text:sub(from, at - 1), at + 1
    end
  end
  parts[#parts + 1] = text:sub(from)
  for i, part in ipairs(parts) do parts[i] = part:match("^%s*(.-)%s*$") end
  if #parts == 1 and parts[1] == "" then return {} end
  return parts
end

--- A signature apart: parameters with their types, and the types of the results.
---@param signature string "(a: string, b?: number, ...: any): string?"
---@return { name: string, type: string, optional: boolean }[] parameters, string[] results
function M.parse(signature)
  local close = close_of(signature, 1)
  local parameters = split(signature:sub(2, close - 1))
  for i, part in ipairs(parameters) do
    local name, optional, kind = part:match("^([%w_.]+)(%??):%s*(.+)$")
    if not name then error("no parameter: " .. part) end
    parameters[i] = { name = name, type = kind, optional = optional == "?" }
  end
  local rest = signature:sub(close + 1):match("^:%s*(.+)$")
  return parameters, rest and split(rest) or {}
end

-- Finding ----------------------------------------------------------------------------------------

--- Every entry whose name is this, whole ("trace:on") or without its group ("on"); whole ones
--- first.
---@param name string
---@return oc.reference.Entry[]
function M.entries(name)
  local head, joint, tail = name:match("^([%w_]+)([.:])([%w_]+)$")
  local whole = head and (aliases[head] or head) .. joint .. tail or name
  local exact, others = {}, {}
  for _, group in ipairs(M.groups()) do
    for _, entry in ipairs(group.entries) do
      local other_joint = head and group.name == (aliases[head] or head) and entry.name == tail
      if entry.full == whole or other_joint then
        exact[#exact + 1] = entry
      elseif entry.name == name then
        others[#others + 1] = entry
      end
    end
  end
  if #exact > 0 then return exact, others end
  return others, {}
end

--- The group of this name, class or alias.
---@param name string
---@return oc.reference.Group?
function M.group(name)
  for _, group in ipairs(M.groups()) do
    if group.name == (aliases[name] or name) or group.class == name then return group end
  end
  return nil
end

--- Every name that there is help on.
---@return string[]
function M.names()
  local names = {}
  for _, group in ipairs(M.groups()) do
    names[#names + 1] = group.name
    for _, entry in ipairs(group.entries) do
      names[#names + 1] = entry.full
      if entry.full ~= entry.name then names[#names + 1] = entry.name end
    end
  end
  return names
end

local function add_fields(found, group)
  while group and group.is_table do
    for _, entry in ipairs(group.entries) do found[#found + 1] = entry.name end
    group = group.parent and M.group(group.parent)
  end
end

--- Classes of options that a signature does not tell: they may stand among the keys.
local of_verb = { count = "Aggregate", sum = "Aggregate", stats = "Aggregate", hist = "Histogram",
  quantiles = "Quantiles", topk = "TopK" }

--- The options that a function takes in a table, by its signature.
---@param name string "samples", "trace:on"
---@return string[]
function M.options_of(name)
  local found, entry = {}, M.entries(name)[1]
  if of_verb[name] then
    for _, class in ipairs { of_verb[name] .. "Options", "OnOptions", "PrintOptions" } do
      add_fields(found, M.group(class))
    end
    found[#found + 1] = "names"
    return found
  end
  local signatures = { entry and entry.signature }
  for _, each in ipairs(entry and entry.also or {}) do signatures[#signatures + 1] = each end
  for _, signature in ipairs(signatures) do
    for _, parameter in ipairs((M.parse(signature))) do
      for class in parameter.type:gmatch("oc%.[%w]+") do add_fields(found, M.group(class)) end
      for each in parameter.type:gmatch("[{,]%s*([%a_][%w_]*)%??:") do found[#found + 1] = each end
    end
  end
  return found
end

-- Texts ------------------------------------------------------------------------------------------

local function indented(text) return "    " .. text:gsub("\n", "\n    ") end

--- The heads of an entry, one for each signature.
---@return string[]
function M.heads(entry)
  if entry.type then return { entry.full .. ": " .. entry.type } end
  local heads = { entry.full .. entry.signature }
  for _, each in ipairs(entry.also or {}) do heads[#heads + 1] = entry.full .. each end
  return heads
end

--- What there is to say of an entry.
---@return string
function M.text(entry)
  local out = { table.concat(M.heads(entry), "\n"), "" }
  out[#out + 1] = "  " .. entry.text .. (entry.unit and " In " .. entry.unit .. "." or "")
  if entry.errors then out[#out + 1] = "  Raises: " .. entry.errors .. "." end
  local example = entry.example or entry.live
  if example then
    out[#out + 1] = ""
    out[#out + 1] = indented(example)
  end
  return table.concat(out, "\n")
end

local function first_sentence(text) return (text:match("^(.-[%w`\"\')]%.) ") or text) end

--- A group's entries, a line each.
local function overview(group)
  local out = { group.title .. (group.class and " (" .. group.class .. ")" or ""), "", "  "
    .. group.text, "" }
  local width = 0
  for _, entry in ipairs(group.entries) do width = math.max(width, #entry.full) end
  for _, entry in ipairs(group.entries) do
    out[#out + 1] = ("  %-" .. math.min(width, 40) .. "s  %s"):format(entry.full,
      first_sentence(entry.text))
  end
  return table.concat(out, "\n")
end

---@class oc.Help a text, shown as it is
local Help = { __tostring = function(self) return self.text end }
Help.__index = Help
--- For stdout: terminal.text_of.
Help.__shown = function(self) return cells.wrap(self.text, terminal.layout().columns) end

local function help(text) return setmetatable({ text = text }, Help) end

local function of_name(name)
  local exact, others = M.entries(name)
  if #exact > 0 then
    local out = {}
    for i, entry in ipairs(exact) do out[i] = M.text(entry) end
    local text = table.concat(out, "\n\n")
    if #others > 0 then
      local names = {}
      for i, entry in ipairs(others) do names[i] = entry.full end
      text = text .. "\n\n  Also: " .. table.concat(names, ", ")
    end
    local group = M.group(name)
    if group and group.name ~= "word" then text = text .. "\n\n" .. overview(group) end
    return help(text)
  end
  local group = M.group(name)
  return group and help(overview(group)) or nil
end

local function contents()
  local out = { "help(x): what there is to know of a name (\"trace:on\"), a value or a class", "" }
  for _, group in ipairs(M.groups()) do
    if #group.entries > 0 then
      out[#out + 1] = ("  %-18s %s"):format(group.name, group.title)
    end
  end
  return help(table.concat(out, "\n"))
end

--- The help of a name or a value; without one the contents. nil and a hint when nothing is known.
---@param x any
---@return oc.Help? text
---@return string? hint
function M.find(x)
  if x == nil then return contents() end
  local name = type(x) == "string" and x or require("oc.reference_faces").name_of(x)
  local group = name and type(x) ~= "string" and type(x) ~= "function" and M.group(name)
  local found = group and help(overview(group)) or name and of_name(name)
  if found then return found end
  if not name then return nil, "help takes a name, as in help \"trace:on\"" end
  return nil, nearest.hint(name, M.names())
end

--- `help(x)` of the REPL and `oc eval`.
---@param x any
---@return oc.Help
function M.help(x)
  local found, hint = M.find(x)
  if found then return found end
  errors.misuse(("there is no help on %s"):format(type(x) == "string" and "'" .. x .. "'"
    or "a " .. type(x)), { token = tostring(x), hint = hint or "help() lists what there is" })
end

return M
