--- `--jit-report`: what LuaJIT did not compile, at which line of the user's, why, and what to do.
--
-- LuaJIT tells of each trace (jit.attach), with a reason by number; oc.jit_reasons has words.
-- A loop that was given up often enough is never tried again: its bytecode says so then. In which
-- state the time is spent is sampled (jit.profile), each tick of CPU time.

local errors = require "oc.errors"
local json = require "oc.json"
local reasons = require "oc.jit_reasons"
local settings = require "oc.settings"
local util = require "jit.util"

local M = {}

---@class oc.jit_report.Place
---@field place string file:line
---@field kind "aborted"|"stitched"|"blacklisted"
---@field reason string what LuaJIT says
---@field words string the same in plain words
---@field advice? string
---@field count integer

---@type table<string, oc.jit_report.Place>
local places = {}
local compiled, flushed, full, own = 0, 0, 0, 0
local states, samples = {}, 0
local starts = {}     -- func and pc where a trace that was given up began, by place
local last_call = {}  -- the C function that a trace ended in, by trace
local started = {}

local SHOWN = { N = "compiled code", I = "interpreted code",
  C = "functions in C and waiting for events",
  G = "collecting garbage", J = "compiling" }
local NAMES = { N = "compiled_code", I = "interpreted_code", C = "functions_in_c",
  G = "collecting_garbage", J = "compiling" }
local ORDER = { "N", "I", "C", "G", "J" }
local LEAST_SAMPLES = 20  -- for shares that mean something

local function is_own(place) return place:sub(1, 4) == "[oc/" end

local function info_of(func, pc)
  local info = util.funcinfo(func, pc)
  return info, info.source and errors.file_of(info.source) .. ":" .. (info.currentline or 0)
end

local function add(kind, place, reason, words, advice)
  if not place or is_own(place) then
    own = own + 1
    return
  end
  local key = kind .. "\0" .. place .. "\0" .. reason
  local entry = places[key]
  if not entry then
    entry = { kind = kind, place = place, reason = reason, words = words, advice = advice,
      count = 0 }
    places[key] = entry
  end
  entry.count = entry.count + 1
end

local on = {}

--- A trace that goes on behind a function in C (`exit` -1) tells the line that called it.
function on.start(trace, func, pc, parent, exit)
  started = { func, pc }
  if exit == -1 and last_call[parent] then
    local _, place = info_of(func, pc)
    local words, advice = reasons.stitched(last_call[parent])
    add("stitched", place, last_call[parent], words, advice)
    last_call[parent] = nil
  end
  last_call[trace] = nil
end

function on.stop(trace, func)
  compiled = compiled + 1
  local info = util.traceinfo(trace)
  if info and info.linktype == "stitch" then last_call[trace] = reasons.function_name(func) end
end

function on.abort(_, func, pc, code, detail)
  local _, place = info_of(func, pc)
  local reason, words, advice, is_full = reasons.explain(code, detail)
  if is_full then full = full + 1 end
  add("aborted", place, reason, words, advice)
  local _, from = info_of(started[1], started[2])
  if from and not is_own(from) then starts[from] = started end
end

function on.flush() flushed = flushed + 1 end

local function on_trace(what, ...) if on[what] then on[what](...) end end

local function take_sample(_, count, state)
  states[state], samples = (states[state] or 0) + count, samples + count
end

function M.start()
  jit.attach(on_trace, "trace")
  -- One profiler at a time: that of --profile-script tells us.
  if settings.profile then
    require("oc.script_profile").on_state = take_sample
  else
    require("jit.profile").start("i1", take_sample)
  end
end

local function stop()
  jit.attach(on_trace)
  if not settings.profile then require("jit.profile").stop() end
  for place, start in pairs(starts) do
    if reasons.is_blacklisted(util.funcbc(start[1], start[2])) then
      add("blacklisted", place, "blacklisted",
        "this loop or function was given up for good: it stays interpreted",
        "mend what is told of the lines in it")
    end
  end
  starts = {}
end

local RANK = { blacklisted = 1, aborted = 2, stitched = 3 }

---@return oc.jit_report.Place[]
local function sorted()
  local out = {}
  for _, entry in pairs(places) do out[#out + 1] = entry end
  table.sort(out, function(a, b)
    if RANK[a.kind] ~= RANK[b.kind] then return RANK[a.kind] < RANK[b.kind] end
    if a.count ~= b.count then return a.count > b.count end
    if a.place ~= b.place then return a.place < b.place end
    return a.reason < b.reason
  end)
  return out
end

local function source_of(place)
  local file, line = place:match("^(.*):(%d+)$")
  local text = file and settings.read_source(file)
  text = text and errors.source_line(text, tonumber(line))
  return text and text:gsub("^%s+", "")
end

local function tell(out, entry)
  out[#out + 1] = ("  %s: %s"):format(entry.place, entry.words)
  if entry.kind == "aborted" and entry.count > 1 then
    out[#out] = out[#out] .. (" (tried %d times)"):format(entry.count)
  end
  local text = source_of(entry.place)
  if text then out[#out + 1] = "      | " .. text:sub(1, 160) end
  if entry.advice then out[#out + 1] = "      " .. entry.advice end
end

local function tell_states(out)
  if samples < LEAST_SAMPLES then
    out[#out + 1] = "  too short to tell how much of the time was in compiled code"
    return
  end
  local parts = {}
  for _, state in ipairs(ORDER) do
    if (states[state] or 0) > 0 then
      parts[#parts + 1] = ("%.1f %% %s"):format(100 * states[state] / samples, SHOWN[state])
    end
  end
  out[#out + 1] = "  time: " .. table.concat(parts, ", ")
end

--- The report for people: a place and its reason, the line, what to do.
---@return string
function M.text()
  stop()
  local out = { ("jit: %d traces compiled, %d flushes; given up %d times in oc's own code"):format(
    compiled, flushed, own) }
  tell_states(out)
  if full > 0 then
    out[#out + 1] = ("  memory for machine code ran out %d times: what came later was interpreted")
      :format(full)
  end
  local list = sorted()
  for _, entry in ipairs(list) do tell(out, entry) end
  if #list == 0 then out[#out + 1] = "  nothing of the script's was given up" end
  return table.concat(out, "\n") .. "\n"
end

--- The same as one JSON document.
---@return string
function M.json()
  stop()
  local shares = {}
  for state in pairs(SHOWN) do
    shares[NAMES[state]] = samples > 0 and (states[state] or 0) / samples or 0
  end
  return (json.encode { jit = { compiled = compiled, flushed = flushed, own = own,
    memory_ran_out = full, samples = samples, time = shares, places = sorted() } })
end

return M
