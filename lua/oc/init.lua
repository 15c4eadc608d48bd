--- What scripts see: `local oc = require "oc"`.

local addr = require "oc.addr"
local aggregate = require "oc.aggregate"
local args = require "oc.args"
local errors = require "oc.errors"
local formats = require "oc.format"
local nearest = require "oc.nearest"
local recorder = require "oc.recorder"
local settings = require "oc.settings"
local sources = require "oc.source"
local trace = require "oc.trace"

local declare = args.constructors

---@class oc
local oc = {
  -- A trace, live or recorded.
  open = trace.open,
  -- A recording beside it: a flight recorder, or a file.
  recorder = recorder.new,

  -- Events that the script makes itself.
  source = sources.make,
  format = formats.make,

  -- Questions with a name.
  scenario = require("oc.scenario").declare,

  -- What happens on the way to a report or an export.
  hooks = require("oc.hooks").add,

  -- Formats that a script writes itself.
  exporter = require("oc.export").declare,

  -- A breakpoint: lines from the terminal see the variables of the function that calls it.
  repl = function() require("oc.repl.breakpoint").stop(2) end,

  -- Aggregates.
  counter = aggregate.counter,
  sum = aggregate.sum,
  stats = aggregate.stats,
  histogram = aggregate.histogram,
  quantiles = aggregate.quantiles,
  topk = aggregate.topk,
  table = aggregate.table,

  -- Addresses, and what may be a key of a plain table.
  addr = addr,
  key = addr.key,

  -- The script's arguments.
  args = function(declared) return settings.declare(declared) end,
  number = declare.number,
  string = declare.string,
  flag = declare.flag,
  duration = declare.duration,
  size = declare.size,
  percent = declare.percent,
  choice = declare.choice,
  list = declare.list,
  pids = declare.pids,
  event = declare.event,
  file = declare.file,
}

local names = {}
for name in pairs(oc) do names[#names + 1] = name end

return setmetatable(oc, {
  __index = function(_, name)
    errors.misuse(("oc has no '%s'"):format(tostring(name)),
      { token = tostring(name), hint = nearest.hint(tostring(name), names) })
  end,
})
