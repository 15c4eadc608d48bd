--- A part of a trace's time, FROM,TO: how `--time` and `oc.open { time = … }` say it.
--
--     "1.5s,3s"          since the trace began, as e.time counts; "1.5s," and ",3s" are open
--     "-1s,"             the last second, up to the last sample
--     "12345.678901,"    of the trace's own clock, as perf script prints it: a number without unit
--     "10%,20%"          of the time between the first sample and the last; also "10%-20%", and
--                        "10%/2" for the second slice of 10 %, as perf has it
--
-- Both ends belong to it.

local errors = require "oc.errors"
local ffi = require "ffi"
local settings = require "oc.settings"
local units = require "oc.units"

---@class oc.TimeBound as oc_time in abi/session.h
---@field of integer
---@field value number|ffi.cdata*

---@class oc.TimeWindow
---@field from oc.TimeBound
---@field to oc.TimeBound

local M = {}

local OPEN, BEGINNING, END, CLOCK, PERCENT = 0, 1, 2, 3, 4
local MOST_SECONDS = 18446744073

local ACCEPTED = "write FROM,TO with times since the trace began, as in 1.5s,3s or 1.5s, or ,3s; "
  .. "-1s, is its last second; a number without unit is of the trace's clock, as perf script "
  .. "prints it"

local function percent(digits)
  local value = tonumber(digits)
  return value and value <= 100 and { of = PERCENT, value = math.floor(value * 1e6 + 0.5) } or nil
end

--- "12345.678901" to whole nanoseconds: doubles are too coarse after 104 days.
local function clock(seconds, fraction)
  if #fraction > 9 or tonumber(seconds) > MOST_SECONDS then return nil end
  local ns = tonumber(fraction .. ("0"):rep(9 - #fraction))
  return { of = CLOCK, value = ffi.cast("uint64_t", tonumber(seconds)) * 1000000000ULL + ns }
end

---@return oc.TimeBound? bound nil when the text is none
local function parse_bound(text)
  text = text:match("^%s*(.-)%s*$")
  if text == "" then return { of = OPEN, value = 0 } end
  local digits = text:match("^([%d.]+)%%$")
  if digits then return percent(digits) end
  local seconds, fraction = text:match("^(%d+)%.?(%d*)$")
  if seconds then return clock(seconds, fraction) end
  local sign, rest = text:match("^(%-?)(.+)$")
  if rest:find("^[%d.]+$") then return nil end
  local ns = units.parse_duration(rest)
  return ns and { of = sign == "-" and END or BEGINNING, value = ns } or nil
end

--- perf's "10%/2": the second slice of 10 %. Nil when the text is no slice, nil and why not when
--- there is none of this number.
local function parse_slice(text)
  local digits, number = text:match("^%s*([%d.]+)%%/(%d+)%s*$")
  local width, n = tonumber(digits), tonumber(number)
  if not width or width <= 0 then return nil end
  local count = math.floor(100 / width + 1e-9)
  if n < 1 or n > count then
    local which = count == 1 and "is one slice" or ("are %d slices"):format(count)
    return nil, count < 1 and ("'%s' is more than the whole trace"):format(text)
      or ("'%s': there %s of %s%%, from %s%%/1 to %s%%/%d"):format(text, which, digits, digits,
        digits, count)
  end
  return percent(tostring(width * (n - 1))), percent(tostring(width * n))
end

local function comes_after(from, to)
  if from.of ~= to.of or from.of == OPEN then return false end
  if from.of == END then return from.value < to.value end
  return from.value > to.value
end

local function complain(text, what)
  return nil, ("'%s' %s: %s"):format(text, what, ACCEPTED)
end

---@param text string
---@return oc.TimeWindow? window
---@return string? err
function M.parse(text)
  local from, to = parse_slice(text)
  if not from then
    if to then return nil, to end
    local first, second = text:match("^([^,]*),([^,]*)$")
    if not first then first, second = text:match("^%s*([%d.]+%%)%-([%d.]+%%)%s*$") end
    if not first then return complain(text, "is not a stretch of time") end
    from, to = parse_bound(first), parse_bound(second)
    if not (from and to) then
      return complain(text, ("has '%s', which is no time"):format(from and second or first))
    end
  end
  if comes_after(from, to) then return nil, ("'%s' ends before it begins"):format(text) end
  if from.of == OPEN and to.of == OPEN then return complain(text, "has no bound") end
  return { from = from, to = to }
end

local function text_of(bound)
  if type(bound) == "number" then return ("%.0fns"):format(bound) end
  return bound == nil and "" or tostring(bound)
end

--- What a script gives: "1s,3s", or { from, to } of texts and of numbers (ns since the trace
--- began), where nil is an open end.
---@param value string|table
---@return oc.TimeWindow? window
---@return string? err
function M.read(value)
  if type(value) == "string" then return M.parse(value) end
  return M.parse(text_of(value[1]) .. "," .. text_of(value[2]))
end

--- The ends of a stretch of time among samples, ns since the trace began; open ones are infinite.
---@param window oc.TimeWindow
---@param first number time of the first sample
---@param last number
---@return number? from nil: they are of a clock that samples do not have
---@return number to, or why not
function M.among_samples(window, first, last)
  local function place(bound, open)
    if bound.of == OPEN then return open end
    if bound.of == BEGINNING then return bound.value end
    if bound.of == END then return last - bound.value end
    if bound.of == PERCENT then return first + (last - first) * bound.value / (100 * 1e6) end
  end
  local from, to = place(window.from, -math.huge), place(window.to, math.huge)
  if from and to then return from, to end
  return nil, "a number without unit is of the trace's clock, and the times of samples count since "
    .. "the trace began: write 1.5s"
end

--- The part of the trace that is asked for, by the command line or else by the script; nil: all.
---@param asked string|table|nil in `oc.open`
---@param path string? the input; nil: live
---@return oc.TimeWindow?
function M.choose(asked, path)
  local hint = "end a live run after a time with -d, as in -d 10s"
  if settings.run.time then
    if path then return settings.run.time end
    errors.wrong_usage("--time is for a recorded trace (-i), and this run is live", hint)
  end
  if not asked then return nil end
  local window, problem = M.read(asked)
  if not window then errors.misuse("oc.open: " .. problem, { token = "time" }) end
  if not path then
    errors.misuse("oc.open: time is for a recorded trace, and this run is live",
      { token = "time", hint = hint })
  end
  return window
end

return M
