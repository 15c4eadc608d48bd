--- Stacks of parts that are over, with all that was known of them: equal ones of all parts are one.
--
--     part (worker or not)        session 3, stack 17 ──dump──> places, stacks as lists of places
--     the first process           Told: session 9, stack 4      <── frame by frame the same
--
-- A Told stands for a session where lua/oc/frames.lua and lua/oc/stack.lua look for one.

local C = require "oc.abi"
local addr = require "oc.addr"
local ffi = require "ffi"
local frames_of = require "oc.frames"
local stacks = require "oc.stack"

local M = {}

local STACK = C.OC_KEY_STACK
local TWO_32 = 2 ^ 32
local U32_BYTES = 4

-- What a part has ---------------------------------------------------------------------------------

local function plain_place(place)
  local out = { mark = place.mark }
  for i, frame in ipairs(place) do
    local copy = frames_of.copy(frame)
    copy.address = frame.address and frame.address.v  -- what can be encoded
    out[i] = copy
  end
  return out
end

---@class oc.jobs.Stacks
---@field places oc.Place[]
---@field list { number: number, kernel: integer, reason: string, places: string }[] `places`: so
---many 32-bit numbers of places, from 1

--- What is known of these stacks, as a value to encode.
---@param wanted table<number, true> as `stack.number` has them
---@return oc.jobs.Stacks
function M.dump(wanted)
  local numbers, given = {}, {}
  for number in pairs(wanted) do numbers[#numbers + 1] = number end
  table.sort(numbers)
  for i, number in ipairs(numbers) do
    given[i] = stacks.type(number % TWO_32, math.floor(number / TWO_32))
  end
  stacks.resolve(given)
  local places, number_of_place, list = {}, {}, {}
  local bytes, room = nil, 0
  for i, stack in ipairs(given) do
    local session, ids, count, kernel, reason = stacks.raw(stack)
    local of_session = number_of_place[stack.session] or {}
    number_of_place[stack.session] = of_session
    if count > room then bytes, room = ffi.new("uint32_t[?]", count * 2), count * 2 end
    for k = 0, count - 1 do
      local id = ids[k]
      if not of_session[id] then
        places[#places + 1] = plain_place(frames_of.place(session, id))
        of_session[id] = #places
      end
      bytes[k] = of_session[id]
    end
    list[i] = { number = numbers[i], kernel = kernel, reason = reason,
      places = ffi.string(bytes, count * U32_BYTES) }
  end
  return { places = places, list = list }
end

--- Notes the stacks among the keys of a table.
local function collect(t, numbers)
  for i = 0, t.count - 1 do
    local row = t.rows[i]
    if bit.band(row.kinds, 15) == STACK then numbers[tonumber(row.a.u)] = true end
    if bit.rshift(row.kinds, 4) == STACK then numbers[tonumber(row.b.u)] = true end
  end
end

--- The stacks that are keys of these aggregates, or in rows of theirs.
---@param aggregates oc.Aggregate[]
---@return table<number, true> numbers as `stack.number` has them
function M.of(aggregates)
  local numbers = {}
  for _, aggregate in ipairs(aggregates) do
    local keys = aggregate._keys
    for _, row in ipairs(aggregate._rows or {}) do
      for _, value in pairs(row) do
        if stacks.is(value) then numbers[stacks.number(value)] = true end
      end
    end
    if keys and next(keys.sessions) ~= nil then
      for _, inner in ipairs(keys.inner) do collect(inner, numbers) end
      collect(keys.t, numbers)
    end
  end
  return numbers
end

-- What all parts had ------------------------------------------------------------------------------

---@class oc.jobs.Told
---@field number integer the session's
local Told = {}
Told.__index = Told

--- Of slices of one trace, or of several.
---@param is_one_trace boolean
---@return oc.jobs.Told
function M.new(is_one_trace)
  local told = setmetatable({ stacks = {}, id_of = {}, places = {}, place_of = {}, renamed = {},
    is_one_trace = is_one_trace }, Told)
  told.number = frames_of.register(told, told.places)
  return told
end

--- What makes a place the same in two parts. In two traces an address does not: another start of
--- the kernel, or of a program, has its functions elsewhere.
local function identity_of(place, is_one_trace)
  local last = place[#place]
  if is_one_trace or not last or not last.name then return tostring(place.mark) end
  return ("%s\1%s\1%s\1%s"):format(last.module, last.name,
    tostring(last.offset or last.function_offset), tostring(place[1].line))
end

function Told:place(place)
  local identity = identity_of(place, self.is_one_trace)
  local id = self.place_of[identity]
  if not id then
    for _, frame in ipairs(place) do
      frame.address = frame.address and addr.make(frame.address)
    end
    id = #self.places + 1
    self.places[id], self.place_of[identity] = place, id
  end
  return id
end

--- Takes over what a part had.
---@param dumped oc.jobs.Stacks
---@return table<number, oc.Stack> renamed by their numbers there
function Told:load(dumped)
  local ids, renamed = {}, {}
  for i, place in ipairs(dumped.places) do ids[i] = self:place(place) end
  for _, each in ipairs(dumped.list) do
    local count = #each.places / U32_BYTES
    local theirs, mine = ffi.cast("const uint32_t *", each.places), ffi.new("uint32_t[?]", count)
    for k = 0, count - 1 do mine[k] = ids[theirs[k]] end
    local identity = ("%d %s\1%s"):format(each.kernel, each.reason,
      ffi.string(mine, count * U32_BYTES))
    local id = self.id_of[identity]
    if not id then
      id = #self.stacks + 1
      self.id_of[identity] = id
      self.stacks[id] = { frames = mine, count = count, kernel = each.kernel, reason = each.reason }
    end
    renamed[each.number] = stacks.type(id, self.number)
    if not self.is_one_trace then self.renamed[each.number] = renamed[each.number] end
  end
  return renamed
end

--- Puts the new ones in place of stacks in rows of an oc.table.
---@param rows table[]
---@param renamed table<number, oc.Stack>
function M.rename_rows(rows, renamed)
  for _, row in ipairs(rows) do
    for name, value in pairs(row) do
      if stacks.is(value) then row[name] = renamed[stacks.number(value)] or value end
    end
  end
end

--- Gives the stacks among these aggregates' keys to it: their sessions are not needed any more.
---@param aggregates oc.Aggregate[]
function Told:settle(aggregates)
  local numbers, theirs = M.of(aggregates), {}
  for number in pairs(numbers) do
    if math.floor(number / TWO_32) ~= self.number then theirs[number] = true end
  end
  if next(theirs) == nil then return end
  local renamed = self:load(M.dump(theirs))
  for _, aggregate in ipairs(aggregates) do
    M.rename_rows(aggregate._rows or {}, renamed)
    if aggregate._keys then aggregate._keys.kept = self.renamed end
    if aggregate._keys and next(aggregate._keys.sessions) ~= nil then
      local settled = aggregate:fresh()
      aggregate._keys.renamed = renamed
      settled:merge(aggregate)
      aggregate._keys.renamed = nil
      aggregate:clear()
      aggregate:merge(settled)
    end
  end
end

--- As `C.oc_session_stack`.
---@return boolean is_known
function Told:look(id, out)
  local stack = self.stacks[id]
  if not stack then return false end
  out.frames, out.count, out.kernel_count = stack.frames, stack.count, stack.kernel
  out.reason = stack.reason
  return true
end

return M
