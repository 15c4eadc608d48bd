--- What a callback may not do in a worker: ask for what only the whole run knows, or change what
--- the other workers would have to know.
--
-- While a worker delivers its part, these functions are replaced by ones that note who called and
-- end the part; the first process then refuses, with the line. Before the fork it is refused that
-- a callback has taken hold of one of them (`local total = found.total`).

local errors = require "oc.errors"
local handles = require "oc.handle"
local run = require "oc.run"

local M = {}

local of_aggregates = { "get", "rows", "total", "print", "json", "clear", "merge", "quantile" }
local of_traces = { "on", "every", "at_end", "export", "use", "proxy", "scratch", "run", "start",
  "feed", "finish", "live", "machine", "stats", "notes", "is_damaged", "counted", "stop", "pause",
  "resume", "phase", "is_paused", "add_symbols", "add_unwind_rules", "symbol_source",
  "command_status" }
local of_lua = {
  { math, "random", "gives other numbers in each worker" },
  { math, "randomseed", "is for one worker only" },
  { os, "exit", "ends one worker only" },
  { debug, "getregistry", "reaches what cannot be compared" },
}

local AT_END = "do so at the end: in trace:at_end, or behind trace:run(); or leave out --jobs"
local ALONE = "leave out --jobs"
-- These are refused without --jobs, too.
local before_run = { scratch = true, use = true, proxy = true, run = true, start = true,
  feed = true, finish = true }
local BEFORE = "call it before trace:run()"

---@class oc.jobs.Guard
---@field found? { message: string, hint: string, token: string, chunk?: string, line?: integer }
local Guard = {}
Guard.__index = Guard

--- Notes the innermost line that is no line of oc's, and ends the part.
local function refuse(self, name, message, hint)
  local ok, err = pcall(errors.misuse, message, { token = name, hint = hint })
  if not ok and not self.found then
    self.found = { message = message, hint = hint, token = name, chunk = err.chunk,
      line = err.line }
  end
  run.stop(self._trace)
  error(err, 0)
end

local function replace(self, object, name, message, hint)
  self._before[#self._before + 1] = { object = object, name = name, value = rawget(object, name) }
  rawset(object, name, function() refuse(self, name, message, hint) end)
end

---@param trace oc.Trace that a worker runs
---@param noted { aggregates: oc.Aggregate[], traces: oc.Trace[] }
---@return oc.jobs.Guard
function M.new(trace, noted)
  return setmetatable({ _trace = trace, _noted = noted, _before = {} }, Guard)
end

function Guard:install()
  local one, is_seen = ": with --jobs each worker knows its own part only", {}
  for _, aggregate in ipairs(self._noted.aggregates) do
    for _, name in ipairs(of_aggregates) do
      if aggregate[name] then
        replace(self, aggregate, name,
          ("'%s' of an aggregate is called during the run%s"):format(name, one), AT_END)
      end
    end
    local meta = getmetatable(aggregate)
    if not is_seen[meta] and rawget(meta, "__tostring") then
      is_seen[meta] = true
      replace(self, meta, "__tostring", "an aggregate is shown during the run" .. one, AT_END)
    end
  end
  local traces = { [self._trace] = true }
  for _, trace in ipairs(self._noted.traces) do traces[trace] = true end
  for trace in pairs(traces) do
    for _, name in ipairs(of_traces) do
      replace(self, trace, name, ("trace:%s is called during the run%s"):format(name, one),
        before_run[name] and BEFORE or ALONE)
    end
  end
  for _, each in ipairs(of_lua) do
    replace(self, each[1], each[2], ("'%s' %s"):format(each[2], each[3]), ALONE)
  end
  handles.before_change = function(name)
    refuse(self, name, "a handle is changed during the run: the other workers do not know", ALONE)
  end
end

function Guard:remove()
  handles.before_change = nil
  for i = #self._before, 1, -1 do
    local each = self._before[i]
    rawset(each.object, each.name, each.value)
    self._before[i] = nil
  end
end

--- The functions themselves.
---@param trace oc.Trace
---@param aggregates oc.Aggregate[]
---@return table<function, true>
function M.functions(trace, aggregates)
  local found = {}
  for _, name in ipairs(of_traces) do found[trace[name]] = true end
  for _, aggregate in ipairs(aggregates) do
    for _, name in ipairs(of_aggregates) do
      if aggregate[name] then found[aggregate[name]] = true end
    end
  end
  for _, each in ipairs(of_lua) do found[each[1][each[2]]] = true end
  return found
end

return M
