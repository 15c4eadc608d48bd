--- `oc eval CODE`: a line of Lua with `oc` and the short verbs at hand.
--
--     oc eval 'count("raw_syscalls:sys_enter", "comm")' -d 5s
--
-- The trace that the verbs share is opened by the first of them. When the code is through, it is
-- run, and what the verbs made is printed, unless the code did that.

local args = require "oc.args"
local errors = require "oc.errors"
local handles = require "oc.handle"
local is_aggregate = require("oc.aggregate.core").is
local runner = require "oc.verbs.runner"
local settings = require "oc.settings"
local terminal = require "oc.terminal"
local traces = require "oc.trace"

local M = {}

local RESCUED_ROWS = 20

local HEAD = [[
--- A line of Lua. These words stand bare, over the live system or the trace of -i:
---
---   on(EVENT, [FILTER,] fn)     calls fn(e) for each such event
---   count(EVENT, KEY…)          how often: by keys, which are names of fields or functions of e
---   sum(EVENT, VALUE, KEY…)     sums of a field, or of what a function gives (nil: left out)
---   stats, hist                 the same as count, mean, min, max …; as powers of two
---   quantiles, topk             the same as p50, p90 …; the most frequent keys
---   every(TIME, fn)             calls fn again and again; at_end(fn) once
---   use(SCENARIO)               block_io, locks, off_cpu, run_queue, syscalls …
---   samples{…}, graph{…}, processes{…}, spans{…}, export(PATH, {…})   of the machine
---   print(…)                    an aggregate as its table, once it is full
---
--- EVENT may be a glob or { "a", "b" }; a table of options may stand behind it:
--- { filter = "ret > 0", top = 10, percent = true, unit = "bytes" }.
--- What the verbs made is printed at the end. oc help NAME tells more of each.
---
--- Example: oc eval 'count("raw_syscalls:sys_enter", "comm")' -d 5s
--- Example: oc eval -i perf.data 'hist("sched:sched_stat_runtime", "runtime", {unit="ns"})'
--- Example: oc eval 'on("exec", function(e) print(e.pid, e.comm) end)' -- make
]]

--- True when the code names one of these words.
local function names_any(code, words)
  for _, word in ipairs(words) do
    if code:find("%f[%w_]" .. word .. "%f[^%w_]") then return true end
  end
  return false
end

--- The kinds of samples that the code names, as in samples{kind = "cpu"}; nil where it names none.
local function kinds_in(code)
  local names = {}
  for list in code:gmatch("%f[%w_]kind%s*=%s*(%b{})") do
    for name in list:gmatch("[\"']([^\"']+)[\"']") do names[#names + 1] = name end
  end
  for _, name in code:gmatch("%f[%w_]kind%s*=%s*([\"'])(.-)%1") do names[#names + 1] = name end
  return #names > 0 and names or nil
end

--- The owner of the trace that the verbs of `code` share. Who names stacks or symbols wants them.
---@return oc.short.Owner
local function new_owner(oc, code, of_machine)
  local owner, at_hand = {}, nil
  local wants_machine = names_any(code, of_machine)
  local stacks = names_any(code, { "stack", "graph" }) and "any" or nil  -- -g goes first
  local symbols = names_any(code, { "symbol", "module" })
  local kinds = kinds_in(code)
  function owner.trace()
    if not at_hand or at_hand._is_over then
      at_hand = oc.open { machine = wants_machine, stacks = stacks, symbols = symbols }
    end
    return at_hand
  end
  --- A machine builds stacks of all samples: that there are none is told to who wanted them.
  function owner.of_report()
    local of_stacks = { "graph", "export", "stack", "symbol" }
    return { stacks = not wants_machine or names_any(code, of_stacks) }
  end
  owner.wants_machine = wants_machine
  --- The trace, when its run has ended.
  function owner.finished() return at_hand and at_hand._is_over and at_hand or nil end
  function owner.is_filled() return at_hand ~= nil and at_hand._ran end
  --- Runs what was registered; a live trace on which nothing was is no reason to wait.
  function owner.run()
    if at_hand and not at_hand._ran and at_hand:has_callbacks() then at_hand:run() end
  end
  function owner.machine()
    local trace = at_hand or owner.trace()
    if not trace._ran then
      -- Live, where nothing else says what is sampled, what is asked for does.
      if not trace:has_callbacks() and #trace._used == 0 and not settings.run.input then
        trace._asked.events = trace._asked.events or kinds
      end
      trace:run()
    end
    return trace:machine()
  end
  return owner
end

--- Shows what an expression gave: what has a text of its own, and is no trace or handle, which a
--- line only uses.
local function show(words, value)
  local kind = type(value)
  if kind == "table" then
    local class = getmetatable(value) or {}
    if words:has_made(value) or not class.__tostring then return end
    if class == traces.class or handles.is(value) then return end
    if settings.json and value.json then
      settings.write(value:json() .. "\n")
    elseif is_aggregate(value) then
      value:print()
    else
      settings.write((terminal.text_of(value):gsub("\n$", "")) .. "\n")
    end
  elseif kind ~= "nil" and kind ~= "function" and kind ~= "userdata" then
    settings.write(tostring(value) .. "\n")
  end
end

--- What a run gathered before the line failed. A trace can be read again; what a live machine holds
--- cannot be had again, so it is shown as it is.
local function rescue(owner, words)
  local trace = owner.finished()
  if not trace then return end
  words:show_due(true)
  if not owner.wants_machine or trace:is_recorded() then return end
  io.stdout:flush()
  io.stderr:write("oc: the line fails; what the run has gathered:\n")
  show(words, trace:machine():samples():by("kind", "comm"):top(RESCUED_ROWS))
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "eval", head = HEAD }
  if not context.script then
    errors.wrong_usage("eval wants a line of Lua",
      [[as in: oc eval 'count("raw_syscalls:sys_enter", "comm")' -d 5s]])
  end
  local oc, short = require "oc", require "oc.short"
  _G.oc = oc
  local owner = new_owner(oc, context.script, short.of_machine)
  local words = short.new(owner)
  local environment = words:environment()
  local names = { trace = true, machine = true }
  for name in next, environment do names[name] = true end
  return runner.run(context, context.script, "=eval", {
    load = function(source, name)
      local chunk, problem = short.load(source, name)
      return chunk and setfenv(chunk, environment), problem
    end,
    names = names,
    of_report = owner.of_report,
    rescue = function() rescue(owner, words) end,
    after = function(...)
      owner.run()
      words:show_due(true)
      for i = 1, select("#", ...) do show(words, (select(i, ...))) end
    end,
  })
end

return M
