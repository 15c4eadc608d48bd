--- `--profile-script`: what each callback costs, and which lines of the script are hot.
--
-- Callbacks are timed one by one (oc.instrument); what the clock itself takes is measured and
-- subtracted. Lines are sampled by LuaJIT's own profiler (jit.profile), which sees compiled code by
-- line: SIGPROF each millisecond of this process's CPU time, looked for where a line begins.

local C = require "oc.abi"
local errors = require "oc.errors"
local instrument = require "oc.instrument"
local json = require "oc.json"
local settings = require "oc.settings"
local text_table = require "oc.text_table"

local M = {}

local INTERVAL = "li1"  -- by line, each millisecond
local DEPTH, LINES_SHOWN, WIDTH = 12, 15, 60
local CALIBRATIONS = 20000

local lines, samples = {}, 0
local clock_ns, began, run_ns = 0, 0, 0

local is_own = function(chunk) return chunk:sub(1, 4) == "[oc/" end

--- The innermost line of the script's in a stack "file:line|file:line|"; nil when there is none.
local function line_of(stack)
  for file, line in stack:gmatch("([^|]*):(%d+)|") do
    if not is_own(file) then return file .. ":" .. line end
  end
end

local function take_sample(thread, count, state)
  local stack = require("jit.profile").dumpstack(thread, "pl|", DEPTH)
  samples = samples + count
  if M.on_state then M.on_state(thread, count, state) end
  local line = line_of(stack) or ""
  lines[line] = (lines[line] or 0) + count
end

--- What one reading of the clock takes, in a compiled loop as callbacks are in.
local function calibrate()
  local least = math.huge
  for _ = 1, 5 do
    local from = C.oc_clock_ns()
    for _ = 1, CALIBRATIONS do C.oc_clock_ns() end
    least = math.min(least, (C.oc_clock_ns() - from) / CALIBRATIONS)
  end
  return least
end

--- Told of each sample: by jit_report, as there is one profiler only.
---@type fun(thread: thread, count: integer, state: string)?
M.on_state = nil

function M.start()
  clock_ns = calibrate()
  began = C.oc_clock_ns()
  require("jit.profile").start(INTERVAL, take_sample)
end

--- Times a whole run.
---@param feed fun(...)
function M.time_run(feed, ...)
  -- Begun anew: what was set up since (jit.off, jit.opt) makes LuaJIT leave the lines out.
  local profile = require "jit.profile"
  profile.stop()
  profile.start(INTERVAL, take_sample)
  local from = C.oc_clock_ns()
  feed(...)
  run_ns = run_ns + C.oc_clock_ns() - from
end

--- Ends sampling; once.
local function stop()
  if began == 0 then return end
  require("jit.profile").stop()
  M.total_ns, began = C.oc_clock_ns() - began, 0
end

---@class oc.script_profile.Entry
---@field what string
---@field where string? file:line
---@field calls number
---@field total_ns number
---@field longest_ns number?

--- What was called, the most expensive first; without what measuring took.
---@return oc.script_profile.Entry[]
local function entries()
  local out = {}
  for i, row in ipairs(instrument.rows) do
    local numbers = row.numbers
    if numbers.calls > 0 then
      out[#out + 1] = {
        what = row.what, where = row.where, calls = numbers.calls, index = i,
        total_ns = math.max(0, numbers.total_ns - numbers.calls * clock_ns),
        longest_ns = numbers.longest_ns,
      }
    end
  end
  table.sort(out, function(a, b)
    if a.total_ns ~= b.total_ns then return a.total_ns > b.total_ns end
    return a.index < b.index
  end)
  return out
end

--- What is not a callback: the loop and what decodes, the script's body, and the clock.
local function rest_of(list)
  local called, measured, called_in_run = 0, 0, 0
  for _, entry in ipairs(list) do
    called = called + entry.total_ns
    measured = measured + 2 * entry.calls * clock_ns
    called_in_run = called_in_run + (entry.what ~= "at_end" and entry.total_ns or 0)
  end
  return {
    { what = "oc: reading, ordering, calling", total_ns = math.max(0,
      run_ns - called_in_run - measured) },
    { what = "the script's body", total_ns = math.max(0, M.total_ns - run_ns
      - (called - called_in_run)) },
    { what = "measuring", total_ns = measured },
  }
end

local function hot_lines()
  local out = {}
  for line, count in pairs(lines) do out[#out + 1] = { line = line, samples = count } end
  table.sort(out, function(a, b)
    if a.samples ~= b.samples then return a.samples > b.samples end
    return a.line < b.line
  end)
  return out
end

--- The text of "file:line" where the script is at hand.
local function text_of(line)
  local file, number = line:match("^(.*):(%d+)$")
  local text = file and errors.source_line(settings.read_source(file) or "", tonumber(number))
  text = text and text:gsub("^%s+", "") or ""
  return #text > WIDTH and text:sub(1, WIDTH) .. "…" or text
end

local function seconds(ns) return ("%.3f s"):format(ns / 1e9) end
local function share(part) return ("%.1f %%"):format(100 * part / math.max(1, M.total_ns)) end

local function table_of(list, rest)
  local rows = {}
  for _, entry in ipairs(list) do
    rows[#rows + 1] = { entry.what, entry.where, ("%.0f"):format(entry.calls),
      seconds(entry.total_ns), ("%.1f"):format(entry.total_ns / entry.calls),
      share(entry.total_ns) }
  end
  for _, entry in ipairs(rest) do
    rows[#rows + 1] = { "(" .. entry.what .. ")", "", "", seconds(entry.total_ns), "",
      share(entry.total_ns) }
  end
  return text_table.render({ { title = "callback" }, { title = "at" },
    { title = "calls", right = true }, { title = "total", right = true },
    { title = "ns/call", right = true }, { title = "share", right = true } }, rows)
end

local function table_of_lines(list)
  local rows = {}
  for i = 1, math.min(#list, LINES_SHOWN) do
    local entry = list[i]
    rows[i] = { ("%.1f %%"):format(100 * entry.samples / samples),
      entry.line == "" and "(oc's own)" or entry.line, text_of(entry.line) }
  end
  return text_table.render({ { title = "samples", right = true }, { title = "line" },
    { title = "" } }, rows)
end

--- The report for people.
---@return string
function M.text()
  stop()
  local list = entries()
  local out = { ("script profile: %s; reading the clock takes %.0f ns, twice a call\n"):format(
    seconds(M.total_ns), clock_ns), table_of(list, rest_of(list)) }
  if samples > 0 then
    out[#out + 1] = ("hot lines, of %d samples (one a tick of CPU time, 1 to 4 ms):\n"):format(
      samples)
    out[#out + 1] = table_of_lines(hot_lines())
  else
    out[#out + 1] = "no line was sampled: it took less than a millisecond of CPU time\n"
  end
  return table.concat(out)
end

--- The same as one JSON document.
---@return string
function M.json()
  stop()
  local list = entries()
  local callbacks, rest, hot = {}, {}, {}
  for i, entry in ipairs(list) do
    callbacks[i] = { event = entry.what, at = entry.where, calls = entry.calls,
      total_ns = entry.total_ns, ns_per_call = entry.total_ns / entry.calls,
      longest_ns = entry.longest_ns, share = entry.total_ns / M.total_ns }
  end
  for i, entry in ipairs(rest_of(list)) do
    rest[i] = { what = entry.what, total_ns = entry.total_ns,
      share = entry.total_ns / M.total_ns }
  end
  for i, entry in ipairs(hot_lines()) do
    hot[i] = { line = entry.line ~= "" and entry.line or nil, samples = entry.samples,
      share = entry.samples / samples }
  end
  return (json.encode { profile = { total_ns = M.total_ns, clock_ns = clock_ns,
    callbacks = callbacks, rest = rest, samples = samples, lines = hot } })
end

return M
