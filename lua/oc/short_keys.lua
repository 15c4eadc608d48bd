--- Values and keys of the short verbs: names of fields, checked against the events at once, or
--- functions; and the callback that hands them to an aggregate.

local errors = require "oc.errors"
local kinds = require "oc.kinds"
local fields = require "oc.view_fields"

local M = {}

--- Columns of an aggregate cannot have these names: its own values have them.
local taken = {}
for _, name in ipairs { "count", "sum", "mean", "min", "max", "deviation", "buckets", "other",
  "error" } do
  taken[name] = true
end

local as_in = "an expression is a function: function(e) return e.len * 512 end"

--- The kinds of all the events, each once.
local function kinds_of(trace, names)
  local found, seen = {}, {}
  for _, name in ipairs(names) do
    for _, kind in ipairs(trace:event(name)._kinds) do
      if not seen[kind.number] then found[#found + 1] = kind end
      seen[kind.number] = true
    end
  end
  return found
end

--- How a field is read: in "e.NAME" where each event has it, otherwise so that it may be absent.
local function source_of(name, found)
  local args = name:match("^args%.([%a_][%w_]*)$")
  if not args and not name:find("^[%a_][%w_]*$") then
    local meant = name:match("^e%.([%a_][%w_]*)$") or name:match("^args%->([%a_][%w_]*)$")
    errors.misuse(("'%s' is not the name of a field"):format(name), { token = name,
      hint = meant and ('write "%s"'):format(meant) or as_in })
  end
  local has, first = 0, nil
  for _, kind in ipairs(found) do
    if fields.has(kind, args or name, args ~= nil) then
      has, first = has + 1, first or kind
    end
  end
  if has == 0 then
    fields.missing(found[1], args or name, args and fields.payload_names(found[1]))
  end
  if args then return ("e.args.%s"):format(args), first end
  if has == #found then return ("e.%s"):format(name), first end
  return ("e:get %q"):format(name), first
end

local texts = { [kinds.CHARS] = true, [kinds.BYTES] = true, [kinds.DYNAMIC_CHARS] = true,
  [kinds.DYNAMIC_BYTES] = true }
local not_numbers = { comm = "a text", event = "a text", stack = "a stack", symbol = "a text",
  module = "a text", args = "a table", cgroup = "a text", container = "a text",
  callchain = "a table", reads = "a table", branches = "a table", ip = "an address",
  addr = "an address" }

--- What keeps a field from being a value; nil when nothing does.
local function problem_of(kind, name)
  local field = kind.by_name[name:match("^args%.(.*)$") or name]
  if not_numbers[name] and not (name == "addr" and field and not field.hex) then
    return not_numbers[name]
  end
  if not field then return nil end
  if texts[field.kind] then return "a text" end
  if field.kind == kinds.ARRAY or field.kind == kinds.DYNAMIC_ARRAY then return "an array" end
  if field.kind == kinds.BOOL then return "true or false" end
  return nil
end

local function value_source(verb, value, found)
  if type(value) == "function" then return "value_of(e)" end
  if type(value) ~= "string" then
    errors.misuse(("the value of %s is a %s"):format(verb, type(value)),
      { token = verb, hint = "it is the name of a field, or a function(e)" })
  end
  local text, kind = source_of(value, found)
  local problem = problem_of(kind, value)
  if problem then
    errors.misuse(("'%s' of event '%s' is %s, not a number"):format(value, kind.name, problem),
      { token = value, hint = as_in })
  end
  local field = kind.by_name[value]
  if field and (field.hex or field.kind == kinds.POINTER) then return text .. ":number()" end
  return text
end

---@class oc.short.Plan
---@field columns string[] of the aggregate
---@field value? string source of the value
---@field value_of? function
---@field keys string[] sources of the keys
---@field functions table<integer, function> of the keys that are functions, by place

--- How the value and the keys of a verb are read from these events. A name that none of them has
--- is an error at the user's line.
---@param trace oc.Trace
---@param verb string
---@param names string[] of events
---@param wanted { value: any, keys: any[], count: integer, names?: string[] }
---@return oc.short.Plan
function M.plan(trace, verb, names, wanted)
  local found = kinds_of(trace, names)
  local plan = { columns = {}, keys = {}, functions = {} }
  if wanted.value ~= nil then
    plan.value = value_source(verb, wanted.value, found)
    plan.value_of = type(wanted.value) == "function" and wanted.value or nil
  end
  for i = 1, wanted.count do
    local key = wanted.keys[i]
    local column = wanted.names and wanted.names[i]
    if type(key) == "function" then
      plan.keys[i], plan.functions[i] = ("key%d(e)"):format(i), key
      column = column or (wanted.count == 1 and "key" or "key" .. i)
    elseif type(key) == "string" then
      plan.keys[i] = source_of(key, found)
      column = column or key
    else
      errors.misuse(("key %d of %s is a %s"):format(i, verb, type(key)),
        { token = verb, hint = "a key is the name of a field, or a function(e)" })
    end
    plan.columns[i] = taken[column] and "args." .. column or column
  end
  return plan
end

--- The callback: what one would have written by hand. A value that is nil is left out.
---@param plan oc.short.Plan
---@param aggregate oc.Aggregate
---@param method "count"|"add"
---@return fun(e: oc.Event)
function M.compile(plan, aggregate, method)
  local lines = { "local aggregate, value_of, functions = ..." }
  for i in pairs(plan.functions) do
    lines[#lines + 1] = ("local key%d = functions[%d]"):format(i, i)
  end
  local arguments = { unpack(plan.keys) }
  lines[#lines + 1] = "return function(e)"
  if plan.value then
    lines[#lines + 1] = "  local value = " .. plan.value
    lines[#lines + 1] = "  if value == nil then return end"
    table.insert(arguments, 1, "value")
  end
  lines[#lines + 1] = ("  aggregate:%s(%s)"):format(method, table.concat(arguments, ", "))
  lines[#lines + 1] = "end"
  local chunk = assert(loadstring(table.concat(lines, "\n"), errors.own_chunk("short")))
  return chunk(aggregate, plan.value_of, plan.functions)
end

return M
