--- What scripts put into a machine themselves: samples and spans, with stacks and attributes.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local nearest = require "oc.nearest"
local units = require "oc.units"

local M = {}

--- Checks the fields of a table that is added.
function M.check(given, known, what)
  if type(given) ~= "table" then
    errors.misuse(("%s wants a table"):format(what), { token = what })
  end
  local names = {}
  for name in pairs(known) do names[#names + 1] = name end
  for name, value in pairs(given) do
    if not known[name] then
      errors.misuse(("%s: there is no '%s'"):format(what, tostring(name)),
        { token = tostring(name), hint = nearest.hint(tostring(name), names) })
    elseif not known[name]:find(type(value), 1, true) then
      errors.misuse(("%s: '%s' wants a %s, not a %s"):format(what, name, known[name],
        type(value)), { token = tostring(name) })
    end
  end
end

local type_names = { [0] = "count", "duration", "bytes", "number" }
local type_numbers = { count = 0, duration = 1, bytes = 2, number = 3 }

local function type_number(name)
  local number = type_numbers[name]
  if not number then
    errors.misuse(("'%s' is no type of values"):format(name),
      { token = name, hint = "there are: count, duration, bytes, number" })
  end
  return number
end

--- The number of a kind, and the type of its values; made, with that type, when it is new.
---@param self oc.Machine
---@param name string
---@param type_name? string what the caller says they are; another one is an error
---@param otherwise string of a new one
---@return integer kind
---@return string type
local function kind_number(self, name, type_name, otherwise)
  local wanted, known = type_number(type_name or otherwise), self._kinds[name]
  if not known then
    known = { number = C.oc_machine_add_kind(self._raw, name, wanted, nil) }
    local raw = ffi.new("oc_machine_kind_info")  -- it may be there, of an event
    C.oc_machine_kind(self._raw, known.number, raw)
    known.type = type_names[raw.type]
    self._kinds[name] = known
  end
  if type_name and type_name ~= known.type then
    errors.misuse(("the values of '%s' are of type %s, not %s"):format(name, known.type, type_name),
      { token = "type", hint = "a kind has one type: what is of another needs another name" })
  end
  return known.number, known.type
end

--- Counts, durations and bytes are sums of what there is.
local function check_value(kind, type_name, value)
  if value ~= value or value < 0 and type_name ~= "number" then
    errors.misuse(("add_sample: %s is no value of '%s', whose type is %s"):format(tostring(value),
      kind, type_name), { token = "value", hint = 'of a kind with type = "number" it may be' })
  end
end

local event_type = ffi.typeof("oc_event")

--- What the descriptor of an event is; nil when the value is no event.
local function descriptor_of(event)
  local ok, raw = pcall(function() return event._d end)
  if ok and type(raw) == "cdata" then return raw end
  return ffi.istype(event_type, event) and event or nil
end

local function context_of(self, given)
  local event = given.event and descriptor_of(given.event)
  local comm = given.comm or (given.event and given.event.comm) or ""
  local pid = given.pid or given.tid or -1
  if not event and not given.tid and pid < 0 then return 0 end
  local time = given.time or given.start or math.huge
  return C.oc_machine_context(self._raw, event, pid, given.tid or pid, comm, #comm, time)
end

--- A stack of names ({ "main", "parse" }, the outermost first) or of frames.
local function own_stack(self, names)
  local ids, kernel = ffi.new("uint32_t[?]", math.max(#names, 1)), 0
  local raw = ffi.new("oc_own_frame")
  for i = #names, 1, -1 do
    local frame = names[i]
    if type(frame) == "string" then frame = { name = frame } end
    raw["function"], raw.module = frame.name or "", frame.module or ""
    raw.file, raw.line = frame.file or "", frame.line or 0
    raw.address, raw.is_kernel = 0, frame.kernel and 1 or 0
    kernel = kernel + raw.is_kernel
    local key = table.concat({ frame.name or "", frame.module or "", frame.file or "",
      tostring(frame.line or ""), tostring(frame.kernel or "") }, "\0")
    local id = self._frames[key]
    if not id then
      id = C.oc_machine_add_frame(self._raw, raw)
      self._frames[key] = id
    end
    ids[#names - i] = id
  end
  return C.oc_machine_add_stack(self._raw, ids, #names, kernel)
end

local function stack_of(self, given)
  local stack = given.stack
  if stack == nil then return given.event and descriptor_of(given.event).stack or 0 end
  if type(stack) == "table" then return own_stack(self, stack) end
  return stack.id
end

local Set = {}

--- Makes another set be asked after this one, and after what is associated with it already. Circles
--- do no harm: each is asked once.
---@param other oc.AttributeSet
function Set:associate(other)
  if getmetatable(other) ~= Set or other._machine ~= self._machine then
    errors.misuse("associate wants a set that this machine's m:attributes made",
      { token = "associate" })
  end
  C.oc_machine_associate(self._machine._raw, self.id, other.id)
  return self
end

--- All names and values, those of associated sets, too; of several of one name the nearest.
---@return table<string, string|number>
function Set:table()
  return require("oc.machine").attributes(self._machine, self.id) or {}
end

--- The value of a name, in this set or the nearest associated one; nil where none has it.
---@param name string
---@return string|number?
function Set:get(name) return self:table()[name] end

Set.__index = Set

local function check_machine(self, set)
  if set._machine ~= self then
    errors.misuse("a set of attributes is of the machine whose m:attributes made it",
      { token = "attributes", hint = "this one is of another machine" })
  end
end

--- The sets in a table of attributes: at 1, 2, …
local function sets_of(self, attributes)
  local count = 0
  for i in ipairs(attributes) do count = i end
  for key, value in pairs(attributes) do
    if type(key) ~= "string" then
      if getmetatable(value) ~= Set then
        errors.misuse("attributes have names; what has none is a set made by m:attributes",
          { token = "attributes", hint = 'as in { size = 3, request }' })
      elseif type(key) ~= "number" or key < 1 or key > count or key % 1 ~= 0 then
        errors.misuse(("sets of attributes stand at 1, 2, …, and this one at [%s]")
          :format(tostring(key)), { token = "attributes", hint = "as in { size = 3, request }" })
      end
      check_machine(self, value)
    end
  end
  local others = ffi.new("uint32_t[?]", math.max(count, 1))
  for i = 1, count do others[i - 1] = attributes[i].id end
  return others, count
end

local function attributes_of(self, attributes, hold)
  if not attributes then return 0 end
  if getmetatable(attributes) == Set then
    check_machine(self, attributes)
    return attributes.id
  end
  local others, count = sets_of(self, attributes)
  local names = {}
  for name in pairs(attributes) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  local raw = ffi.new("oc_attribute[?]", math.max(#names, 1))
  local texts = {}  -- until the call
  for i, name in ipairs(names) do
    local value = attributes[name]
    raw[i - 1].name.text, raw[i - 1].name.size_bytes = name, #name
    if type(value) == "number" then
      raw[i - 1].text.text, raw[i - 1].number = nil, value
    else
      texts[i] = tostring(value)
      raw[i - 1].text.text, raw[i - 1].text.size_bytes = texts[i], #texts[i]
    end
  end
  return C.oc_machine_add_attributes(self._raw, raw, #names, others, count, hold)
end

---@class oc.AttributeSet
---@field id integer
---@field associate fun(self: oc.AttributeSet, other: oc.AttributeSet): oc.AttributeSet
---@field get fun(self: oc.AttributeSet, name: string): string|number?
---@field table fun(self: oc.AttributeSet): table<string, string|number>

--- `m:attributes { url = "/", connection }`: a set of attributes that samples and spans can share.
--- What has no name in it is another set, associated: what is not found here is looked for there.
---@param self oc.Machine
---@param values table<string|integer, any>
---@return oc.AttributeSet
function M.attributes(self, values)
  if type(values) ~= "table" then
    errors.misuse("m:attributes wants a table", { token = "attributes" })
  end
  local hold = ffi.new("oc_attributes_hold *[1]")
  local id = attributes_of(self, values, hold)
  if id == 0 then self._raise(self) end
  return setmetatable({ id = id, _machine = self,
    _hold = ffi.gc(hold[0], C.oc_attributes_release) }, Set)
end

local sample_fields = { kind = "string", time = "number", value = "number", type = "string",
  event = "table or cdata", pid = "number", tid = "number", comm = "string", cpu = "number",
  stack = "table or cdata", attributes = "table" }

--- `m:add_sample`: adds a sample. With `event`, what is not given is that event's: time, thread,
--- CPU, stack.
---@param self oc.Machine
---@param given table kind, value (1), type (count), event, time, pid, tid, comm, cpu, stack,
---  attributes
---@return number its number
function M.sample(self, given)
  M.check(given, sample_fields, "add_sample")
  if not given.kind then
    errors.misuse("add_sample wants the sample's kind", { token = "add_sample" })
  end
  local event, raw = given.event, ffi.new("oc_new_sample")
  local kind, type_name = kind_number(self, given.kind, given.type, "count")
  raw.kind = kind
  raw.time, raw.value = given.time or (event and event.time) or 0, given.value or 1
  check_value(given.kind, type_name, raw.value)
  raw.context, raw.stack = context_of(self, given), stack_of(self, given)
  raw.attributes = attributes_of(self, given.attributes)
  raw.cpu = given.cpu or (event and event.cpu) or -1
  local number = C.oc_machine_add_sample(self._raw, raw)
  if number < 0 then self._raise(self) end
  return number
end

local span_fields = { kind = "string", name = "string", start = "number", finish = "number",
  event = "table or cdata", pid = "number", tid = "number", comm = "string", cpu = "number",
  parent = "number", stack = "table or cdata", attributes = "table" }

--- `m:add_span`: adds a span from `start` to `finish`.
---@param self oc.Machine
---@param given table kind, name, start, finish, parent (an id), event, pid, tid, comm, cpu, stack,
---  attributes
---@return integer? id nil when the machine has as many as it may
function M.span(self, given)
  M.check(given, span_fields, "add_span")
  if not given.start or not given.finish then
    errors.misuse("add_span wants start and finish", { token = "add_span" })
  end
  local took = given.finish - given.start
  if took < 0 or took ~= took then
    errors.misuse(("add_span: it ends at %s ns, before it begins at %s ns"):format(
      units.format_number(given.finish), units.format_number(given.start)), { token = "finish" })
  end
  local raw, name = ffi.new("oc_new_span"), given.name or given.kind or "span"
  raw.start_ns, raw.end_ns = given.start, given.finish
  raw.kind = (kind_number(self, given.kind or "span", nil, "duration"))
  raw.context, raw.stack = context_of(self, given), stack_of(self, given)
  raw.parent, raw.attributes = given.parent or 0, attributes_of(self, given.attributes)
  raw.cpu = given.cpu or -1
  raw.name.text, raw.name.size_bytes = name, #name
  local id = C.oc_machine_add_span(self._raw, raw)
  return id ~= 0 and id or nil
end

return M
