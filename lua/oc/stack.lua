--- Stacks: an id in the hot path, names when somebody looks.
--
--     by_stack:count(e.stack)                  -- equal stacks are equal keys
--     e.stack:frames()                         -- { { name =, module =, file =, line =, … }, … }
--     print(e.stack)                           -- main;run;read_file, the outermost first
--     print(e.stack:text())                    -- one line a frame, the innermost first
--
-- A frame is looked up once in a session, whichever stacks it is in. What was looked up is kept by
-- session; sessions are known by a number, so that a stack is 8 bytes without a reference.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local nearest = require "oc.nearest"

local M = {}

local stack_type = ffi.typeof("oc_stack")
M.type = stack_type

-- Sessions ---------------------------------------------------------------------------------------

local sessions = setmetatable({}, { __mode = "v" })  -- by number
local numbers = setmetatable({}, { __mode = "k" })   -- and the other way round
local places = setmetatable({}, { __mode = "k" })    -- by session: what is known of its frames
local last_number = 0

--- The number of a session, from 1.
---@param session ffi.cdata*
---@return integer
function M.register(session)
  if not numbers[session] then
    last_number = last_number + 1
    numbers[session], sessions[last_number], places[session] = last_number, session, {}
  end
  return numbers[session]
end

--- The session that a stack is of; nil when nobody holds it any more.
function M.session_of(number) return sessions[number] end

-- Frames -----------------------------------------------------------------------------------------

---@class oc.Frame a function of a stack; several where the compiler put functions into others
---@field name? string function, without parameters; nil where nobody knows
---@field full_name? string with parameters
---@field module string path of its file, or "[kernel.kallsyms]", "[vdso]", "//anon", "[unknown]"
---@field offset number place in the module: in its file
---@field address? oc.addr where the module has no file: of the kernel, of memory
---@field function_offset? number from the function's beginning
---@field file? string source file
---@field line? integer
---@field inline? boolean the compiler put it into the function of the next frame
---@field kernel boolean
---@field source? string who told the name: "symtab", "dynsym", "kallsyms", "perf map", …

local raw_place, raw_call = ffi.new("oc_place"), ffi.new("oc_call")
local raw_frames, address_type = ffi.new("oc_stack_frames"), ffi.typeof("oc_addr")

local function text_of(raw)
  if raw.size_bytes == 0 then return nil end
  return ffi.string(raw.text, raw.size_bytes)
end

local function load_place(session, id)
  if C.oc_session_place(session, id, raw_place) ~= 0 then return {} end
  local base = {
    name = text_of(raw_place.name), full_name = text_of(raw_place.full_name),
    module = text_of(raw_place.module) or "[unknown]", offset = tonumber(raw_place.offset),
    kernel = raw_place.is_kernel ~= 0,
    address = raw_place.has_address ~= 0 and address_type(raw_place.offset) or nil,
  }
  if base.name then
    base.function_offset = tonumber(raw_place.function_offset)
    base.source = ffi.string(raw_place.source)
  end
  local calls = raw_place.calls
  if calls == 0 then return { base } end
  local lines = {}
  for i = 0, calls - 1 do
    C.oc_session_call(session, id, i, raw_call)
    local line = {}
    for key, value in pairs(base) do line[key] = value end
    line.file = text_of(raw_call.file)
    line.line = raw_call.line ~= 0 and raw_call.line or nil
    line.full_name = text_of(raw_call.full_name) or line.full_name
    if i < calls - 1 then
      line.name, line.inline = text_of(raw_call.name), true
      line.function_offset = nil
    end
    lines[i + 1] = line
  end
  return lines
end

--- What is known of a frame: the functions at that place, the innermost first. Not to be changed.
---@param session ffi.cdata*
---@param id integer
---@return oc.Frame[]
function M.place(session, id)
  local known = places[session]
  local place = known[id]
  if not place then
    place = load_place(session, id)
    known[id] = place
  end
  return place
end

local function is_bracketed(module) return module:find("^%[") ~= nil end

--- What stands for a frame in one line: its function, or "[module]" where nobody knows that.
---@param frame oc.Frame
---@return string
function M.short_name(frame)
  if frame.name then return frame.name end
  if is_bracketed(frame.module) then return frame.module end
  return "[" .. (frame.module:match("([^/]+)$") or "unknown") .. "]"
end

-- A stack ----------------------------------------------------------------------------------------

---@class oc.Stack : ffi.cdata*
---@field id integer equal ids are equal stacks
---@field reason string why there are no more frames: "complete", "deeper than was recorded", …
---@field kernel_frames integer how many of its frames are the kernel's
---@operator len: integer
local methods = {}

--- Fills `raw_frames`; the session, or nil when there is none.
local function look(stack)
  local session = sessions[stack.session]
  if not session or C.oc_session_stack(session, stack.id, raw_frames) ~= 0 then return nil end
  return session
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
    for _, frame in ipairs(M.place(session, ids[i])) do
      local copy = {}
      for key, value in pairs(frame) do copy[key] = value end
      out[#out + 1] = copy
    end
  end
  return out
end

--- Calls `fn(frame)` for each function, the innermost first; the frames are shared, not copied.
local function each(self, with_inlined, fn)
  local session = look(self)
  if not session then return end
  local ids, count = raw_frames.frames, raw_frames.count
  for i = 0, count - 1 do
    local place = M.place(session, ids[i])
    for k = with_inlined and 1 or #place, #place do fn(place[k]) end
  end
end

local function line_of(frame, options)
  local line = frame.name or "[unknown]"
  if frame.inline then line = line .. " (inlined)" end
  if options.modules ~= false and not frame.inline then
    line = line .. (is_bracketed(frame.module) and " " .. frame.module
      or " (" .. frame.module .. ")")
  end
  if options.lines ~= false and frame.file then
    line = line .. "  " .. frame.file .. (frame.line and ":" .. frame.line or "")
  end
  return line
end

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
  local lines, indent = {}, options.indent or ""
  each(self, options.inline ~= false, function(frame)
    lines[#lines + 1] = indent .. line_of(frame, options)
  end)
  local most = options.most
  if most and #lines > most then
    lines[most + 1] = indent .. ("… %d more"):format(#lines - most)
    for i = #lines, most + 2, -1 do lines[i] = nil end
  end
  return table.concat(lines, "\n")
end

local function reversed(list)
  local out, count = {}, #list
  for i = 1, count do out[i] = list[count - i + 1] end
  return out
end

--- "outermost;…;innermost", as tools for flame graphs read it.
---@param stack oc.Stack
---@param with_inlined? boolean
---@return string
function M.fold(stack, with_inlined)
  local names = {}
  each(stack, with_inlined ~= false, function(frame)
    names[#names + 1] = (M.short_name(frame):gsub("[;\n]", ":"))
  end)
  return table.concat(reversed(names), ";")
end

local properties = {
  reason = function(stack) return look(stack) and ffi.string(raw_frames.reason) or "" end,
  kernel_frames = function(stack) return look(stack) and raw_frames.kernel_count or 0 end,
}

local function number_of(stack) return stack.session * 2 ^ 32 + stack.id end

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
    local session = sessions[number]
    if session then
      C.oc_session_resolve_stacks(session, ffi.new("uint32_t[?]", #ids, ids), #ids)
    end
  end
end

--- As JSON has it: an object with the frames, the innermost first.
---@param stack oc.Stack
---@return table
function M.plain(stack)
  local frames = {}
  each(stack, true, function(frame)
    frames[#frames + 1] = { name = frame.name, module = frame.module, offset = frame.offset,
      file = frame.file, line = frame.line, inline = frame.inline, kernel = frame.kernel or nil }
  end)
  return { frames = frames, reason = stack.reason }
end

--- What the accessors of one session use: made into stacks and names without a look at Lua tables
--- that could be collected. `held[1]` is the session, as long as it lives.
---@param held table
---@param session ffi.cdata*
---@return table
function M.readers(held, session)
  local number = M.register(session)
  local symbols, modules = {}, {}
  local function top(id)
    if not held[1] or id == 0 then return nil end
    return M.place(held[1], id)[1]
  end
  return {
    number = number, type = stack_type, symbols = symbols, modules = modules,
    load_symbol = function(id)
      local frame = top(id)
      local name = frame and M.short_name(frame) or "[unknown]"
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
  ---@field ends table<string, number> samples by the reason for which their stack ends
  return { samples = raw.samples, frames = raw.frames, stacks = raw.stacks,
    distinct_frames = raw.distinct_frames, modules = raw.modules, bytes = raw.bytes,
    unwound = raw.unwound, unwound_frames = raw.unwound_frames, ends = ends }
end

return M
