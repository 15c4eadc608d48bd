--- Types for editors (LuaCATS, as lua-language-server reads them): of `oc`, from the reference, and
--- of events, each a class with the fields of its payload.
--
--     ---@class oc.Event.sched.sched_switch: oc.Event
--     ---@field next_pid integer
--
-- `trace:on("sched:sched_switch", function(e) … end)` then knows e's fields: `on` is one function
-- type for each name, and a last one for names that are not known here.

local canonical = require "oc.canonical"
local kinds = require "oc.kinds"
local reference = require "oc.reference"
local sessions = require "oc.session"
local source = require "oc.view_source"

local M = {}

-- Events -----------------------------------------------------------------------------------------

local texts = { [kinds.CHARS] = true, [kinds.BYTES] = true, [kinds.DYNAMIC_CHARS] = true,
  [kinds.DYNAMIC_BYTES] = true }

--- The type that a script reads a field as.
---@param field oc.Field
---@return string
function M.type_of(field)
  if texts[field.kind] then return "string" end
  if field.kind == kinds.BOOL then return "boolean" end
  if field.kind == kinds.FLOAT then return "number" end
  if field.kind == kinds.POINTER then return "oc.addr" end
  if field.kind == kinds.INTEGER then return field.hex and "oc.addr" or "integer" end
  return field.hex and "oc.addr[]" or "integer[]"
end

local alias_types = { integer = "integer", text = "string", bool = "boolean" }

local function is_name(text) return text:find("^[%a_][%w_]*$") ~= nil end

--- The payload's fields, and those that a canonical event adds: name and type, sorted by place.
local function fields_of(kind)
  local fields, payload, is_hidden = {}, {}, false
  for _, field in ipairs(kind.fields) do
    if is_name(field.name) and not field.common then
      payload[#payload + 1] = { field.name, M.type_of(field), field.type }
      if source.is_common[field.name] then
        is_hidden = true
      else
        fields[#fields + 1] = payload[#payload]
      end
    end
  end
  local names = {}
  for name in pairs(kind.alias_types or {}) do
    if kind.aliases[name] and not kind.by_name[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    fields[#fields + 1] = { name, alias_types[kind.alias_types[name].type], "" }
  end
  return fields, is_hidden and payload or nil
end

--- "oc.Event.sched.sched_switch"; the same letters in another event get a number.
local function class_of(name, taken)
  local class = "oc.Event." .. name:gsub("[^%w_]+", "."):gsub("^%.+", ""):gsub("%.+$", "")
  while taken[class] do class = class .. "_" end
  taken[class] = true
  return class
end

local function add_event(out, class, kind)
  local fields, payload = fields_of(kind)
  out[#out + 1] = ("---@class %s: oc.Event"):format(class)
  for _, field in ipairs(fields) do
    out[#out + 1] = ("---@field %s %s%s"):format(field[1], field[2],
      field[3] ~= "" and " " .. field[3] or "")
  end
  if payload then
    local parts = {}
    for i, field in ipairs(payload) do parts[i] = field[1] .. ": " .. field[2] end
    out[#out + 1] = ("---@field args { %s }"):format(table.concat(parts, ", "))
  end
  out[#out + 1] = ""
end

local function canonical_kind(session, path, name)
  local ok, found = pcall(canonical.resolve, session, name,
    { live = path == nil, path = path, optional = true })
  return ok and found[1] or nil
end

--- Events with fields as { name, class }, and names of those without, whose classes go to `out`.
local function add_events(out, session, path, glob)
  local typed, plain, taken = {}, {}, {}
  local function add(name, kind)
    if kind and (#kind.fields > 0 or kind.alias_types) then
      typed[#typed + 1] = { name, class_of(name, taken) }
      add_event(out, typed[#typed][2], kind)
    else
      plain[#plain + 1] = name
    end
  end
  for _, name in ipairs(canonical.names) do
    local kind = canonical_kind(session, path, name)
    if kind then add(name, kind) end
  end
  for _, name in ipairs(sessions.event_names(session, glob)) do
    local is_tracepoint = name:find(":", 1, true) or path ~= nil
    local numbers = is_tracepoint and kinds.find(session, name)
    add(name, numbers and numbers[1] and kinds.read(session, numbers[1]) or nil)
  end
  return typed, plain
end

-- The module -------------------------------------------------------------------------------------

local function one_line(text) return (text:gsub("%s+", " ")) end

local function describe(out, entry)
  local unit = entry.unit and " In " .. entry.unit .. "." or ""
  out[#out + 1] = "---" .. one_line(entry.text) .. unit
  if entry.errors then out[#out + 1] = "---Raises: " .. entry.errors .. "." end
  for line in ((entry.example or entry.live or "") .. "\n"):gmatch("(.-)\n") do
    if line ~= "" then out[#out + 1] = "---    " .. line end
  end
end

local function fun_of(signature, self_type)
  local parameters, results = reference.parse(signature)
  local parts = self_type and { "self: " .. self_type } or {}
  for _, parameter in ipairs(parameters) do
    parts[#parts + 1] = parameter.name .. (parameter.optional and "?" or "") .. ": "
      .. parameter.type
  end
  return ("fun(%s)%s"):format(table.concat(parts, ", "),
    #results > 0 and ": " .. table.concat(results, ", ") or "")
end

local function add_function(out, group, entry)
  describe(out, entry)
  local parameters, results = reference.parse(entry.signature)
  local names = {}
  for i, parameter in ipairs(parameters) do
    names[i] = parameter.name
    out[#out + 1] = ("---@param %s%s %s"):format(parameter.name, parameter.optional and "?" or "",
      parameter.type)
  end
  for _, result in ipairs(results) do out[#out + 1] = "---@return " .. result end
  for _, each in ipairs(entry.also or {}) do
    out[#out + 1] = "---@overload " .. fun_of(each, entry.joint == ":" and group.class or nil)
  end
  out[#out + 1] = ("function %s%s%s(%s) end\n"):format(group.name, entry.joint, entry.name,
    table.concat(names, ", "))
end

--- `trace:on`, a function type for each event.
local function add_on(out, group, typed)
  describe(out, group.by_name.on)
  local shape = "---@field on fun(self: oc.Trace, name: %s, options_or_fn: oc.OnOptions|fun(e: %s)"
    .. ", fn?: fun(e: %s)): oc.Handle"
  for _, event in ipairs(typed) do
    out[#out + 1] = shape:format(("%q"):format(event[1]), event[2], event[2])
  end
  out[#out + 1] = shape:format("oc.EventName", "oc.AnyEvent", "oc.AnyEvent")
end

local function is_method(entry) return entry.signature ~= nil end

local function add_group(out, group, typed)
  local parent = group.parent or (group.by_name.merge and group.by_name.rows and "oc.Aggregate")
  out[#out + 1] = "---" .. one_line(group.text)
  out[#out + 1] = ("---@class %s%s"):format(group.class, parent and ": " .. parent or "")
  for _, each in ipairs(group.operators or {}) do out[#out + 1] = "---@operator " .. each end
  for _, entry in ipairs(group.entries) do
    if not is_method(entry) then
      out[#out + 1] = ("---@field %s %s %s"):format(entry.name, entry.type, one_line(entry.text))
    end
  end
  if group.name == "trace" then add_on(out, group, typed) end
  out[#out + 1] = ("local %s = {}\n"):format(group.name)
  for _, entry in ipairs(group.entries) do
    local is_on = group.name == "trace" and entry.name == "on"
    if is_method(entry) and not is_on then add_function(out, group, entry) end
  end
end

--- The whole file.
---@param session ffi.cdata*
---@param path? string of the trace
---@param glob? string which events
---@return string
function M.text(session, path, glob)
  local events = {}
  local typed, plain = add_events(events, session, path, glob or "*")
  local out = { "---@meta oc", "", "-- Made by `oc types`: the events are those of "
    .. (path or "one machine") .. ".", "" }
  for _, class in ipairs(reference.OPAQUE) do out[#out + 1] = "---@class " .. class end
  out[#out + 1] = "\n---An event that is not known here: its fields are not either."
  out[#out + 1] = "---@class oc.AnyEvent: oc.Event\n---@field [string] any\n"
  out[#out + 1] = "---@alias oc.EventName string"
  for _, name in ipairs(plain) do out[#out + 1] = ("---| %q"):format(name) end
  out[#out + 1] = ""
  for _, group in ipairs(reference.groups()) do
    if group.name ~= "word" and group.name ~= "repl" then add_group(out, group, typed) end
  end
  out[#out + 1] = table.concat(events, "\n")
  out[#out + 1] = "return oc\n"
  return table.concat(out, "\n")
end

return M
