--- What is known of frames: names, files, lines, by session; and what scripts say of them.
--
-- A frame is looked up once in a session, whichever stacks it is in. Sessions are known by a
-- number, so that a stack is 8 bytes without a reference.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"

local M = {}

-- Sessions ---------------------------------------------------------------------------------------

local sessions = setmetatable({}, { __mode = "v" })  -- by number
local numbers = setmetatable({}, { __mode = "k" })   -- and the other way round
local places = setmetatable({}, { __mode = "k" })    -- by session: what is known of its frames
local last_number = 0

--- The number of a session, from 1. Of one that is over (lua/oc/jobs/stacks.lua) all places are
--- given.
---@param session ffi.cdata*|oc.jobs.Told
---@param known? oc.Place[]
---@return integer
function M.register(session, known)
  if not numbers[session] then
    last_number = last_number + 1
    numbers[session], sessions[last_number], places[session] = last_number, session, known or {}
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
---@field offset? number place in the module's file
---@field address? oc.addr instead, where the module is no file: of the kernel, of memory
---@field function_offset? number from the function's beginning
---@field file? string source file
---@field line? integer
---@field inline? boolean the compiler put it into the function of the next frame
---@field kernel boolean
---@field reason? string why the function, or of code in a file its line, is not known
---@field source? string who told the name: "symtab", "dynsym", "kallsyms", "perf map", …

local raw_place, raw_call = ffi.new("oc_place"), ffi.new("oc_call")
local address_type = ffi.typeof("oc_addr")

local function text_of(raw)
  if raw.size_bytes == 0 then return nil end
  return ffi.string(raw.text, raw.size_bytes)
end

local sources = setmetatable({}, { __mode = "k" })  -- by session: who names what oc cannot
local cursors = setmetatable({}, { __mode = "k" })  -- by session: frames up to this one were asked

--- Asks `fn(frame)` for the name of each place that oc does not know: it returns a name, a table
--- with name, file and line, or nil.
---@param session ffi.cdata*
---@param fn fun(frame: oc.Frame): string|table|nil
function M.set_source(session, fn)
  M.register(session)
  sources[session], places[session], cursors[session] = fn, {}, ffi.new("uint32_t[1]")
  C.oc_session_forget_told(session)
end

local function ask_source(session, frame)
  local answer = sources[session](frame)
  if type(answer) == "string" then answer = { name = answer } end
  if type(answer) ~= "table" then return end
  for _, key in ipairs { "name", "full_name", "file", "line" } do
    frame[key] = answer[key] or frame[key]
  end
  frame.source = "script"
end

--- Names functions of a module before its frames are looked up.
---@param session ffi.cdata*
---@param module string its path
---@param symbols { offset: number|oc.addr, size: number, name: string }[]
function M.add_symbols(session, module, symbols)
  if type(module) ~= "string" or type(symbols) ~= "table" then
    errors.misuse("add_symbols wants the path of a module and a table of symbols",
      { token = "add_symbols",
        hint = 'as in ("/usr/bin/x", { { offset = 0x1000, size = 64, name = "f" } })' })
  end
  for i, symbol in ipairs(symbols) do
    local offset = type(symbol) == "table" and symbol.offset
    local place = ffi.istype(address_type, offset) and offset.v or offset
    local is_number = type(place) == "number" and place >= 0 and place % 1 == 0
    if not (is_number or type(place) == "cdata") or type(symbol.name) ~= "string"
      or type(symbol.size) ~= "number" or symbol.size < 1 then
      errors.misuse(("add_symbols: the symbol %d wants offset, size and name"):format(i),
        { token = "add_symbols" })
    end
    C.oc_session_add_symbol(session, module, place, symbol.size, symbol.name)
  end
end

--- A frame with the same fields.
---@param frame oc.Frame
---@return oc.Frame
function M.copy(frame)
  local copy = {}
  for key, value in pairs(frame) do copy[key] = value end
  return copy
end

local function load_place(session, id)
  if C.oc_session_place(session, id, raw_place) ~= 0 then return nil end
  local base = {
    name = text_of(raw_place.name), full_name = text_of(raw_place.full_name),
    module = text_of(raw_place.module) or "[unknown]", kernel = raw_place.is_kernel ~= 0,
  }
  if raw_place.has_address ~= 0 then  -- may not fit into a number
    base.address = address_type(raw_place.offset)
  else
    base.offset = tonumber(raw_place.offset)
  end
  if base.name then
    base.function_offset = tonumber(raw_place.function_offset)
    base.source = ffi.string(raw_place.source)
  end
  local calls, mark = raw_place.calls, raw_place.mark + 0ULL
  if not base.name and sources[session] then
    ask_source(session, base)
    calls = 0
  end
  if not base.name or calls == 0 then
    local reason = ffi.string(C.oc_session_reason(session, id))
    base.reason = reason ~= "" and reason or nil
  end
  if calls == 0 then return { base, mark = mark } end
  local lines = { mark = mark }
  for i = 0, calls - 1 do
    C.oc_session_call(session, id, i, raw_call)
    local line = M.copy(base)
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

---@class oc.Place the functions at a place, the innermost first
---@field [integer] oc.Frame
---@field mark ffi.cdata* a number that is the place's in any session of this trace

--- What is known of a frame. Not to be changed.
---@param session ffi.cdata*|oc.jobs.Told
---@param id integer
---@return oc.Place
function M.place(session, id)
  local known = places[session]
  local place = known[id]
  if not place then
    place = load_place(session, id)
    if not place then return {} end  -- not kept: it may be known later
    known[id] = place
  end
  return place
end

--- Of what is no file.
---@param module string
---@return boolean
function M.is_bracketed(module) return module:find("^%[") ~= nil end

local is_telling = false

local function tell_names(session)
  local CAPACITY = 16384  -- frames that are looked up at once
  local ids, cursor = ffi.new("uint32_t[?]", CAPACITY), cursors[session]
  while true do
    local count = C.oc_session_unnamed(session, cursor, ids, CAPACITY)
    if count == 0 then return end
    for i = 0, count - 1 do
      local frame = M.place(session, ids[i])[1]
      if frame and frame.source == "script" and frame.name then
        C.oc_session_tell_place(session, ids[i], tostring(frame.name),
          frame.full_name and tostring(frame.full_name), frame.file and tostring(frame.file),
          tonumber(frame.line) or 0)
      end
    end
  end
end

--- Tells what does not ask Lua (machines, queries, exports on threads of their own) the names that
--- a script has for places that oc cannot name. Before these look; what came since the last time.
---@param session ffi.cdata*
function M.tell_names(session)
  if not sources[session] or is_telling then return end  -- the script's function may ask a machine
  is_telling = true
  local ok, err = pcall(tell_names, session)
  is_telling = false
  if not ok then error(err, 0) end
end

--- What stands for a frame in one line: its function, or "[module]" where nobody knows that.
---@param frame oc.Frame
---@return string
function M.short_name(frame)
  if frame.name then return frame.name end
  if M.is_bracketed(frame.module) then return frame.module end
  return "[" .. (frame.module:match("([^/]+)$") or "unknown") .. "]"
end

return M
