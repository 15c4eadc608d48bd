--- Stacks: an id in the hot path, names when somebody looks.
--
--     by_stack:count(e.stack)                  -- equal stacks are equal keys
--     e.stack:frames()                         -- { { name =, module =, file =, line =, … }, … }
--     print(e.stack)                           -- main;run;read_file, the outermost first
--     print(e.stack:text())                    -- one line a frame, the innermost first
--
-- lua/oc/frames.lua has what is known of frames.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local frames_of = require "oc.frames"
local json = require "oc.json"
local nearest = require "oc.nearest"

local M = {}

local stack_type = ffi.typeof("oc_stack")
M.type = stack_type

-- A stack ----------------------------------------------------------------------------------------

---@class oc.Stack : ffi.cdata*
---@field id integer equal ids are equal stacks
---@field reason string why there are no more frames: "complete", "deeper than was recorded", …
---@field kernel_frames integer how many of its frames are the kernel's
---@operator len: integer
local methods = {}
M.methods = methods

local raw_frames = ffi.new("oc_stack_frames")

--- Fills `raw_frames`; the session, or nil when there is none.
local function look(stack)
  local session = frames_of.session_of(stack.session)
  if type(session) == "table" then  -- of a part that is over
    return session:look(stack.id, raw_frames) and session or nil
  end
  if not session or C.oc_session_stack(session, stack.id, raw_frames) ~= 0 then return nil end
  return session
end

--- What stands behind a stack: numbers of places, how many, how many of these are the kernel's, and
--- why there are no more. Of one that nobody knows: nothing.
---@param stack oc.Stack
---@return any session
---@return ffi.cdata* ids
---@return integer count
---@return integer kernel_count
---@return string reason
function M.raw(stack)
  local session = look(stack)
  if not session then return nil, raw_frames.frames, 0, 0, "" end
  return session, raw_frames.frames, raw_frames.count, raw_frames.kernel_count,
    ffi.string(raw_frames.reason)
end

--- The functions of the stack, the innermost first; inlined ones are frames of their own.
---@return oc.Frame[]
function methods:frames()
  local out = {}
  local session = look(self)
  if not session then return out end
  -- Looking up may use `raw_frames` no more, but the ids stay where they are.
  local ids, count = raw_frames.frames, raw_frames.count
  for i = 0, count - 1 do
    for _, frame in ipairs(frames_of.place(session, ids[i])) do
      out[#out + 1] = frames_of.copy(frame)
    end
  end
  return out
end

--- What `make(frame)` says of each function of the stack, the innermost first, as a list. It is
--- called once for each place in a program, whichever stacks that is in: `kind` names what it says.
local function texts_of(self, with_inlined, kind, make)
  local out = {}
  local session = look(self)
  if not session then return out end
  local ids, count, used = raw_frames.frames, raw_frames.count, 0
  for i = 0, count - 1 do
    local place = frames_of.place(session, ids[i])
    local known = place[kind]
    if not known then
      known = {}
      for k = 1, #place do known[k] = make(place[k]) end
      place[kind] = known
    end
    for k = with_inlined and 1 or #known, #known do
      used = used + 1
      out[used] = known[k]
    end
  end
  return out
end

local function line_of(frame, with_module, with_line)
  local line = frame.name or "[unknown]"
  if frame.inline then line = line .. " (inlined)" end
  if with_module and not frame.inline then
    line = line .. (frames_of.is_bracketed(frame.module) and " " .. frame.module
      or " (" .. frame.module .. ")")
  end
  if with_line and frame.file then
    line = line .. "  " .. frame.file .. (frame.line and ":" .. frame.line or "")
  end
  return line
end

-- By what is wanted; a kind of its own for each.
local line_makers = {
  plain = function(frame) return line_of(frame, false, false) end,
  with_module = function(frame) return line_of(frame, true, false) end,
  with_line = function(frame) return line_of(frame, false, true) end,
  whole = function(frame) return line_of(frame, true, true) end,
}

local text_options = { folded = true, inline = true, modules = true, lines = true, most = true,
  indent = true }

--- One line a frame, the innermost first; with `folded` all in one, the outermost first.
---@param options? { folded?: boolean, inline?: boolean, modules?: boolean, lines?: boolean,
---  most?: integer, indent?: string }
---@return string
function methods:text(options)
  options = options or {}
  for name in pairs(options) do
    if not text_options[name] then
      errors.misuse(("a stack's text has no option '%s'"):format(tostring(name)),
        { token = tostring(name), hint = nearest.hint(tostring(name),
          { "folded", "inline", "modules", "lines", "most", "indent" }) })
    end
  end
  if options.folded then return M.fold(self, options.inline) end
  local kind = options.modules ~= false and (options.lines ~= false and "whole" or "with_module")
    or options.lines ~= false and "with_line" or "plain"
  local lines = texts_of(self, options.inline ~= false, kind, line_makers[kind])
  local indent, most = options.indent or "", options.most
  if most and #lines > most then
    lines[most + 1] = ("… %d more"):format(#lines - most)
    for i = #lines, most + 2, -1 do lines[i] = nil end
  end
  return #lines == 0 and "" or indent .. table.concat(lines, "\n" .. indent)
end

local function reversed(list)
  local out, count = {}, #list
  for i = 1, count do out[i] = list[count - i + 1] end
  return out
end

local function folded_name(frame) return (frames_of.short_name(frame):gsub("[;\n]", ":")) end

--- "outermost;…;innermost", as tools for flame graphs read it.
---@param stack oc.Stack
---@param with_inlined? boolean
---@return string
function M.fold(stack, with_inlined)
  local names = texts_of(stack, with_inlined ~= false, "folded", folded_name)
  return table.concat(reversed(names), ";")
end

local properties = {
  reason = function(stack) return look(stack) and ffi.string(raw_frames.reason) or "" end,
  kernel_frames = function(stack) return look(stack) and raw_frames.kernel_count or 0 end,
}

local function number_of(stack) return stack.session * 2 ^ 32 + stack.id end
M.number = number_of

ffi.metatype(stack_type, {
  __index = function(self, name)
    local method = methods[name]
    if method then return method end
    local property = properties[name]
    if property then return property(self) end
    name = tostring(name)
    errors.misuse(("a stack has no '%s'"):format(name), { token = name,
      hint = nearest.hint(name, { "frames", "id", "kernel_frames", "reason", "text" }) })
  end,
  __len = function(self) return look(self) and raw_frames.count or 0 end,
  __eq = function(a, b)
    return ffi.istype(stack_type, a) and ffi.istype(stack_type, b)
      and number_of(a) == number_of(b)
  end,
  __lt = function(a, b) return number_of(a) < number_of(b) end,
  __le = function(a, b) return number_of(a) <= number_of(b) end,
  __concat = function(a, b) return tostring(a) .. tostring(b) end,
  __tostring = function(self)
    local text = M.fold(self)
    return text ~= "" and text or "(no stack)"
  end,
})

---@param value any
---@return boolean
function M.is(value) return ffi.istype(stack_type, value) end

--- Looks up all frames of these stacks at once, which uses all CPUs.
---@param stacks oc.Stack[]
function M.resolve(stacks)
  local by_session = {}
  for _, stack in ipairs(stacks) do
    local list = by_session[stack.session] or {}
    by_session[stack.session] = list
    list[#list + 1] = stack.id
  end
  for number, ids in pairs(by_session) do
    local session = frames_of.session_of(number)
    if session and type(session) ~= "table" then
      C.oc_session_resolve_stacks(session, ffi.new("uint32_t[?]", #ids, ids), #ids)
    end
  end
end

local function json_of(frame)
  return assert(json.encode { name = frame.name, module = frame.module, offset = frame.offset,
    address = frame.address and tostring(frame.address), file = frame.file, line = frame.line,
    inline = frame.inline, kernel = frame.kernel or nil })
end

--- What stacks are sorted by: texts of their places, the innermost first, of names and where these
--- are. Not by id, which depends on what else was there.
---@param stack oc.Stack
---@return string[]
function M.order(stack)
  local session, ids, count = M.raw(stack)
  local out = {}
  for i = 0, count - 1 do
    local place = frames_of.place(session, ids[i])
    local text = place.order
    if not text then
      local names = {}
      for k, frame in ipairs(place) do names[k] = frames_of.short_name(frame) end
      text = table.concat(names, "\1") .. "\1" .. tostring(place.mark)
      place.order = text
    end
    out[i + 1] = text
  end
  return out
end

--- As JSON has it: an object with the frames, the innermost first.
---@param stack oc.Stack
---@return table
function M.plain(stack)
  local frames = texts_of(stack, true, "json", json_of)
  return { frames = json.text("[" .. table.concat(frames, ",") .. "]"), reason = stack.reason }
end

--- What the accessors of one session use: made into stacks and names without a look at Lua tables
--- that could be collected. `held[1]` is the session, as long as it lives.
---@param held table
---@param session ffi.cdata*
---@return table
function M.readers(held, session)
  local number = frames_of.register(session)
  local symbols, modules = {}, {}
  local function top(id)
    if not held[1] or id == 0 then return nil end
    return frames_of.place(held[1], id)[1]
  end
  return {
    number = number, type = stack_type, symbols = symbols, modules = modules,
    load_symbol = function(id)
      local frame = top(id)
      local name = frame and frames_of.short_name(frame) or "[unknown]"
      symbols[id] = name
      return name
    end,
    load_module = function(id)
      local frame = top(id)
      local name = frame and frame.module or "[unknown]"
      modules[id] = name
      return name
    end,
  }
end

--- Numbers of what was built, and how many samples' stacks end for which reason.
---@param session ffi.cdata*
---@return oc.StackStats? stats nil where no stacks were declared
function M.stats(session)
  local raw, samples = ffi.new("oc_stack_stats"), ffi.new("double[1]")
  C.oc_session_stack_stats(session, raw)
  if raw.samples == 0 then return nil end
  local ends, i = {}, 0
  while true do
    local words = C.oc_session_stack_end(session, i, samples)
    if words == nil then break end
    if samples[0] > 0 then ends[ffi.string(words)] = samples[0] end
    i = i + 1
  end
  ---@class oc.StackStats
  ---@field samples number with a stack
  ---@field frames number of all of these
  ---@field stacks number distinct ones
  ---@field distinct_frames number
  ---@field modules number
  ---@field bytes number memory for all this
  ---@field unwound number samples whose user part was unwound from registers and stack bytes
  ---@field unwound_frames number
  ---@field chains number samples whose user part is a call chain of the kernel's
  ---@field short_chains number of these, with one or two frames: code without frame pointers
  ---@field ends table<string, number> samples by the reason for which their stack ends
  return { samples = raw.samples, frames = raw.frames, stacks = raw.stacks,
    distinct_frames = raw.distinct_frames, modules = raw.modules, bytes = raw.bytes,
    unwound = raw.unwound, unwound_frames = raw.unwound_frames, chains = raw.chains,
    short_chains = raw.short_chains, ends = ends }
end

return M
