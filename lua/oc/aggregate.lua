--- Aggregates: numbers by tuples of keys, made for one call per event.
--
--     local by_comm = oc.counter("comm", "cpu")
--     by_comm:count(e.comm, e.cpu)
--     by_comm:print { top = 10, percent = true }
--
-- Keys are numbers, strings, booleans, nil (shown as "-"), 64-bit integers, addresses and stacks;
-- any number of them, each named once when the aggregate is made. Equal keys of different types (1
-- and 1ULL) are different rows. One document explains how: lua/oc/key_table.lua.

---@class oc.aggregate
return {
  counter = require "oc.aggregate.counter",
  sum = require "oc.aggregate.sum",
  stats = require "oc.aggregate.stats",
  histogram = require "oc.aggregate.histogram",
  quantiles = require "oc.aggregate.quantiles",
  topk = require "oc.aggregate.topk",
  table = require("oc.aggregate.table").make,
}
