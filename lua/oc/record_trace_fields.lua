--- Fields of events as record-trace's scripts name them: always the event's own, read for values,
--- keys and filters.

local errors = require "oc.errors"
local ffi = require "ffi"
local key = require("oc.addr").key
local kinds = require "oc.kinds"
local nearest = require "oc.nearest"
local source = require "oc.view_source"

local M = {}

---@param of table
---@return string[]
function M.sorted(of)
  local names = {}
  for name in pairs(of) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- Where the script is now: errors that show later point there.
function M.place_of_script()
  local own = debug.getinfo(1, "S").source:gsub("record_trace_fields%.lua.*$", "")
  local level = 2
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    if info.what ~= "C" and info.source:sub(1, #own) ~= own then return info end
    level = level + 1
  end
end

function M.full_name(event) return event.system .. ":" .. event.name end

local function raise(event, message, options)
  errors.raise_at(event.place or {}, message, options)
end

--- The kind of an event in this trace.
---@return oc.Kind
function M.kind_of(trace, event)
  local ok, found = pcall(trace.event, trace, M.full_name(event))
  if not ok then
    raise(event, ('Event "%s/%s" not found.'):format(event.system, event.name),
      { token = event.name, hint = type(found) == "table" and found.hint or nil })
  end
  return found._kinds[1]
end

-- Appended fields --------------------------------------------------------------------------------

local integers = {
  char = { 1, true }, s8 = { 1, true }, i8 = { 1, true }, u8 = { 1, false },
  ["unsigned char"] = { 1, false }, short = { 2, true }, s16 = { 2, true }, i16 = { 2, true },
  u16 = { 2, false }, ["unsigned short"] = { 2, false }, int = { 4, true }, s32 = { 4, true },
  i32 = { 4, true }, u32 = { 4, false }, ["unsigned int"] = { 4, false }, long = { 8, true },
  s64 = { 8, true }, i64 = { 8, true }, u64 = { 8, false }, ["unsigned long"] = { 8, false },
}

--- A field behind those that the format tells.
function M.appended(name, type_name, size)
  if type(name) ~= "string" or type(type_name) ~= "string" or type(size) ~= "number"
    or size < 0 or size % 1 ~= 0 then
    errors.misuse("append_field wants a name, a type and a size",
      { token = "append_field", hint = 'as in event.append_field("code", "u32", 4)' })
  end
  local field = { name = name, type = type_name, size = size, element_size = 1, count = 0 }
  local known = integers[type_name]
  if type_name:find("^__rel_loc") or type_name:find("^__data_loc") then
    field.kind, field.size = kinds.DYNAMIC_CHARS, 4
    field.relative = type_name:find("^__rel_loc") ~= nil
  elseif known and known[1] == size then
    field.kind, field.signed, field.element_size = kinds.INTEGER, known[2], size
  elseif type_name == "char" or type_name == "string" then
    field.kind = kinds.CHARS
  else
    field.kind = kinds.BYTES
  end
  return field
end

local function end_of(fields)
  local last = fields[#fields]
  return last and last.offset + last.size or 0
end

--- What reads an appended field; nil where the event's bytes end before it.
local function appended_reader(kind, event, wanted)
  local list = {}
  for i, field in ipairs(kind.fields) do list[i] = field end
  for _, field in ipairs(event.appended) do
    local placed = {}
    for name, value in pairs(field) do placed[name] = value end
    placed.offset = end_of(list)
    list[#list + 1] = placed
    if field.name == wanted then
      local text = source.prelude .. source.payload(placed)
      local runtime = { array = false, address = false }
      local read = assert(loadstring(text, errors.own_chunk("appended")))(ffi,
        require "oc.abi", kind, runtime)
      local last = placed.offset + placed.size
      return function(e)
        local d = e._d
        if d.payload_size < last then return nil end
        return read(d)
      end, placed
    end
  end
end

-- Reading ----------------------------------------------------------------------------------------

local function names_of(kind, event)
  local names = {}
  for _, field in ipairs(kind.fields) do names[#names + 1] = field.name end
  for _, field in ipairs(event.appended) do names[#names + 1] = field.name end
  return names
end

--- A function that reads a field of the event's own, and the field.
function M.reader(kind, event, name, problem)
  local read, placed = appended_reader(kind, event, name)
  if read then return read, placed end
  local field = kind.by_name[name]
  if not field then
    raise(event, problem:format(tostring(name), M.full_name(event)),
      { token = tostring(name), hint = nearest.hint(tostring(name), names_of(kind, event)) })
  end
  local text = ("return function(e) return e.args[%q] end"):format(name)
  return assert(loadstring(text, errors.own_chunk("field")))(), field
end

--- The same of a number, for samples.
function M.number_reader(kind, event, name)
  local problem = 'Field "%s" of event "%s" cannot be used for samples.'
  local read, field = M.reader(kind, event, name, problem)
  if field.kind ~= kinds.INTEGER and field.kind ~= kinds.POINTER then
    raise(event, problem:format(name, M.full_name(event)), { token = name,
      hint = "its type is " .. field.type .. ", not a whole number" })
  end
  if field.hex or field.kind == kinds.POINTER then
    return function(e) return tonumber(e.args[name].v) end
  end
  return read
end

local function plain(value)
  local kind = type(value)
  if kind == "number" or kind == "string" then return value end
  if kind == "table" then
    local parts = {}
    for i, each in ipairs(value) do parts[i] = tostring(each) end
    return table.concat(parts, ",")
  end
  return tostring(value)
end

M.plain = plain

--- All fields of an event, by name, as attributes: without those that all events share.
function M.all_reader(kind, event)
  local names, readers = {}, {}
  for _, field in ipairs(kind.fields) do
    if not field.common then names[#names + 1] = field.name end
  end
  for _, field in ipairs(event.appended) do names[#names + 1] = field.name end
  for i, name in ipairs(names) do readers[i] = M.reader(kind, event, name, "%s %s") end
  return function(e)
    local found = {}
    for i, read in ipairs(readers) do
      local value = read(e)
      if value ~= nil then found[names[i]] = plain(value) end
    end
    return found
  end
end

-- Filters ----------------------------------------------------------------------------------------

local numeric = {
  [">"] = function(a, b) return a > b end, [">="] = function(a, b) return a >= b end,
  ["<"] = function(a, b) return a < b end, ["<="] = function(a, b) return a <= b end,
  ["=="] = function(a, b) return a == b end, ["!="] = function(a, b) return a ~= b end,
}
local textual = {
  contains = function(a, b) return a:find(b, 1, true) ~= nil end,
  not_contains = function(a, b) return a:find(b, 1, true) == nil end,
  starts_with = function(a, b) return a:sub(1, #b) == b end,
  ends_with = function(a, b) return b == "" or a:sub(-#b) == b end,
  equals = function(a, b) return a == b end, not_equals = function(a, b) return a ~= b end,
}
local of_texts = { ["=="] = "equals", ["!="] = "not_equals" }

function M.check_operation(operation)
  if numeric[operation] or textual[operation] then return end
  errors.misuse(("there is no operation '%s'"):format(tostring(operation)),
    { token = tostring(operation), hint = "there are: " .. table.concat(M.sorted(numeric), ", ")
      .. ", " .. table.concat(M.sorted(textual), ", ") })
end

--- A test of a value by one of these operations.
---@param is_text boolean
---@return fun(value: any): boolean
function M.test(event, filter, is_text)
  local operation = is_text and of_texts[filter.operation] or filter.operation
  local value = filter.value
  if is_text ~= (textual[operation] ~= nil) or (not is_text and not tonumber(value)) then
    raise(event, ('Unable to apply filter "%s %s %s" on event "%s".'):format(filter.field,
      filter.operation, tostring(value), M.full_name(event)), { token = filter.field,
      hint = "check that the field exists and that the types go together" })
  end
  if is_text then
    local apply, wanted = textual[operation], tostring(value)
    return function(found) return found ~= nil and apply(found, wanted) end
  end
  local apply, wanted = numeric[operation], tonumber(value)
  return function(found)
    if type(found) == "cdata" then found = tonumber(found.v) end
    return found ~= nil and apply(found, wanted)
  end
end

local texts = { [kinds.CHARS] = true, [kinds.BYTES] = true, [kinds.DYNAMIC_CHARS] = true,
  [kinds.DYNAMIC_BYTES] = true }

function M.is_text(field) return texts[field.kind] or false end

--- A test of an event by all of some filters of its fields.
function M.event_test(kind, event, filters)
  local tests = {}
  for i, filter in ipairs(filters) do
    local read, field = M.reader(kind, event, filter.field,
      'Unable to apply event filter: no field "%s" on event "%s".')
    local test = M.test(event, filter, M.is_text(field))
    tests[i] = function(e) return test(read(e)) end
  end
  return function(e)
    for i = 1, #tests do if not tests[i](e) then return false end end
    return true
  end
end

--- A function that makes the key of an event from some fields, and how many bytes these are.
function M.key_reader(kind, event, names)
  local readers, size = {}, 0
  for i, name in ipairs(names) do
    local read, field = M.reader(kind, event, name, 'Unable to get ID from "%s" for event "%s".')
    if field.size == 0 or field.kind >= kinds.DYNAMIC_CHARS then
      raise(event, ('Field "%s" for event "%s", must be static size for ID.'):format(name,
        M.full_name(event)), { token = name })
    end
    readers[i], size = read, size + field.size
  end
  if #readers == 1 then
    local read = readers[1]
    return function(e) return key(read(e)) end, size
  end
  return function(e)
    local parts = {}
    for i = 1, #readers do parts[i] = tostring(key(readers[i](e))) end
    return table.concat(parts, "\0")
  end, size
end

return M
