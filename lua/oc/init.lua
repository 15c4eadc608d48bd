--- What scripts see: `local oc = require "oc"`.

local aggregate = require "oc.aggregate"
local addr = require "oc.addr"
local trace = require "oc.trace"

---@class oc
return {
  open = trace.open,
  counter = aggregate.counter,
  sum = aggregate.sum,
  stats = aggregate.stats,
  histogram = aggregate.histogram,
  addr = addr,
  key = addr.key,
}
