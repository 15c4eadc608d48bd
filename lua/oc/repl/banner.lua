--- What is said before the first prompt: what is loaded.

local session = require "oc.session"
local units = require "oc.units"

local M = {}

local MOST_EVENTS = 8

local function file_size(path)
  local file = io.open(path, "rb")
  local size = file and file:seek("end")
  if file then file:close() end
  return size
end

--- The events of a trace, the first of them by name.
local function event_line(names)
  local shown = {}
  for i = 1, math.min(#names, MOST_EVENTS) do shown[i] = names[i] end
  local more = #names > MOST_EVENTS and (" … %d more: .events"):format(#names - MOST_EVENTS) or ""
  return ("events: %s%s"):format(table.concat(shown, ", "), more)
end

local function source_line(trace, path, about)
  local facts, parts = trace.host, {}
  local size = file_size(path)
  if size then parts[#parts + 1] = units.format_size(size) end
  if about.span_ns then parts[#parts + 1] = units.format_duration(about.span_ns) end
  if facts.cpus_online then parts[#parts + 1] = ("%d CPUs"):format(facts.cpus_online) end
  if facts.name then parts[#parts + 1] = "of " .. facts.name end
  if facts.recorder then
    parts[#parts + 1] = "by " .. (facts.recorder:find("^%d") and "perf " or "") .. facts.recorder
  end
  return path .. ": " .. table.concat(parts, ", ")
end

--- Lines about what is loaded.
---@param trace oc.Trace
---@param path? string
---@param names string[] of events
---@return string[]
function M.lines(trace, path, names)
  local out = {}
  if path then
    local span_ns = tonumber(session.fact(trace._session, "span_ns"))
    out[1] = source_line(trace, path, { span_ns = span_ns })
    out[2] = event_line(names)
    for _, note in ipairs(trace:notes()) do out[#out + 1] = note end
  else
    out[1] = ("this machine, live: %s"):format(trace.host.kernel or "")
    out[2] = ("%d events; what is asked is counted from then on: live(…) watches"):format(#names)
  end
  out[#out + 1] = ".help tells what can be said here; Tab completes; Ctrl-D ends"
  return out
end

return M
