--- How the work of a run is divided: one part for each input, or slices of the time of one.
--
--     -i a -i b -i c --jobs 2       a | b | c           two at a time, in this order
--     -i a --jobs 3                 [0 %, 33.3 %) | [33.3 %, 66.7 %) | [66.7 %, 100 %]  of time
--
-- Slices are cut between the first and the last sample; the first and the last one are open, so
-- that every record that has a time lies in exactly one. What has none, and what was lost: see
-- TimeWindow::is_slice in src/session/time_window.h.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local session = require "oc.session"
local settings = require "oc.settings"

local M = {}

local OPEN, PERCENT, BEFORE_PERCENT = 0, 4, 5
local WHOLE = 1e8  -- 100 %, in millionths of a percent

---@class oc.jobs.Part
---@field path string
---@field window oc.TimeWindow?
---@field of_bytes number of the file, all of which is looked at
---@field is_slice? boolean

local function size_of(path)
  local file = io.open(path, "rb")
  local size = file and file:seek("end")
  if file then file:close() end
  return size or 1
end

local function bound(at, count, of)
  if at == 0 or at == count then return { of = OPEN, value = 0 } end
  return { of = of, value = math.floor(WHOLE * at / count) }
end

local function slices(path, count)
  local parts, size = {}, size_of(path)
  for i = 1, count do
    parts[i] = { path = path, of_bytes = size, is_slice = true, window = {
      from = bound(i - 1, count, PERCENT), to = bound(i, count, BEFORE_PERCENT),
      is_slice = true } }
  end
  return parts
end

--- The inputs that a trace is to read: those of the command line, unless the script names one.
---@param trace oc.Trace
---@return string[]
function M.inputs(trace)
  local given = settings.run.inputs
  if given and trace._options.input == nil and trace._path == given[1] then return given end
  return { trace._path }
end

local function check_slices(trace, path)
  local function refuse(what, hint) errors.wrong_usage("--jobs: " .. what, hint) end
  if path == "-" then
    refuse("standard input cannot be read by several workers", "write it to a file first")
  elseif trace._window then
    refuse("one trace is divided by its time, and a part of it was asked for",
      "leave out --jobs or --time")
  elseif settings.run.duration then
    refuse("-d with one trace ends before it can be divided", "leave out --jobs or -d")
  end
end

--- Raises what is wrong with an input before anything is run.
local function check_inputs(paths)
  for i, path in ipairs(paths) do
    if path == "-" then
      errors.wrong_usage("standard input cannot be one of several traces",
        "write it to a file first")
    end
    if i > 1 then
      local opened = session.new(path)
      C.oc_session_close(ffi.gc(opened, nil))
    end
  end
end

---@param trace oc.Trace
---@param jobs integer
---@return oc.jobs.Part[]
function M.of(trace, jobs)
  local paths, parts = M.inputs(trace), {}
  if #paths == 1 then
    check_slices(trace, paths[1])
    return slices(paths[1], jobs)
  end
  check_inputs(paths)
  for i, path in ipairs(paths) do
    parts[i] = { path = path, of_bytes = size_of(path), window = trace._window }
  end
  return parts
end

return M
