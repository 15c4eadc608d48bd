-- Aggregates, key by key, against plain Lua tables.

local check = require "check"
local addr = require "oc.addr"
local aggregate = require "oc.aggregate"
local printed = require "printed"
local settings = require "oc.settings"

do -- counters of one key
  local c = aggregate.counter("comm")
  for _ = 1, 3 do c:count("dd") end
  c:count("gzip")
  c:count(nil)
  c:count(7)
  c:count(true)
  c:count(false)
  check.equal(c:get("dd"), 3)
  check.equal(c:get("gzip"), 1)
  check.equal(c:get("absent"), nil)
  check.equal(c:get(7), 1)
  check.equal(c:get(8), nil)
  check.equal(c:get(nil), 1)
  check.equal(c:get(true), 1)
  check.equal(c:total(), 8)
  check.equal(c:rows()[1], { comm = "dd", count = 3 })
  check.equal(#c:rows(), 6)
  check.equal(printed(c), [[
comm   count
dd         3
-          1
false      1
true       1
7          1
gzip       1
]])
  c:clear()
  check.equal(c:total(), 0)
  check.equal(c:get("dd"), nil)
  check.equal(printed(c), "(nothing)\n")
  c:count("dd")
  check.equal(c:get("dd"), 1)
end

do -- numbers: zero has one sign, NaN is one key, fractions and large ones are kept apart
  local c = aggregate.counter("n")
  for _ = 1, 2 do
    c:count(0); c:count(-0); c:count(0 / 0); c:count(-(0 / 0)); c:count(0.5); c:count(2 ^ 60)
    c:count(math.huge); c:count(-1)
  end
  check.equal(c:get(0), 4)
  check.equal(c:get(-0), 4)
  check.equal(c:get(0 / 0), 4)
  check.equal(c:get(0.5), 2)
  check.equal(c:get(2 ^ 60), 2)
  check.equal(c:get(math.huge), 2)
  check.equal(#c:rows(), 6)
end

do -- 64 bits: addresses and integers, equal by value
  local c = aggregate.counter("ip")
  for _ = 1, 2 do
    c:count(addr.make "0xffffffff81000010")
    c:count(addr.make "0xffffffff81000011")
    c:count(18446744073709551615ULL)
    c:count(-1LL)
    c:count(1ULL)
    c:count(1)
  end
  check.equal(c:get(addr.make "0xffffffff81000010"), 2)
  check.equal(c:get(18446744073709551615ULL), 2)
  check.equal(c:get(-1LL), 2)
  check.equal(c:get(1ULL), 2)
  check.equal(#c:rows(), 6)
  local row = c:rows("ip")[6]
  check(addr.is(row.ip))
  check.equal(tostring(row.ip), "0xffffffff81000011")
  check(printed(c):find("0xffffffff81000010      2", 1, true))
  check.error("cannot be a key", function() c:count(require("ffi").new("int[2]")) end)
  check.error("a table cannot be a key", function() c:count({}) end)
  check.error("a function cannot be a key", function() c:count(print) end)
end

do -- any number of keys, against nested tables
  math.randomseed(1)
  for arity = 0, 6 do
    local names = {}
    for i = 1, arity do names[i] = "c" .. i end
    local c, expected, total = aggregate.counter(unpack(names)), {}, 0
    local choices = { 1, 2, "a", "b", true, 0.5 }
    for _ = 1, 3000 do
      local keys, text = {}, {}
      for i = 1, arity do
        keys[i] = choices[math.random(#choices)]
        text[i] = type(keys[i]) .. tostring(keys[i])
      end
      local name = table.concat(text, ",")
      expected[name] = { (expected[name] or { 0 })[1] + 1, keys }
      c:count(unpack(keys, 1, arity))
      total = total + 1
    end
    local rows, wrong = 0, 0
    for _, entry in pairs(expected) do
      rows = rows + 1
      if c:get(unpack(entry[2], 1, arity)) ~= entry[1] then wrong = wrong + 1 end
    end
    check.equal(wrong, 0)
    check.equal(#c:rows(), rows)
    check.equal(c:total(), total)
    wrong = 0
    for _, row in ipairs(c:rows()) do
      local keys = {}
      for i = 1, arity do keys[i] = row[names[i]] end
      if c:get(unpack(keys, 1, arity)) ~= row.count then wrong = wrong + 1 end
    end
    check.equal(wrong, 0)
  end
end

do -- nil in each place
  local c = aggregate.counter("a", "b", "c")
  c:count(nil, nil, nil)
  c:count(1, nil, 2)
  c:count()
  check.equal(c:get(nil, nil, nil), 2)
  check.equal(c:get(1, nil, 2), 1)
  check.equal(c:rows()[2], { a = 1, c = 2, count = 1 })
end

do -- many rows, with growth
  local c = aggregate.counter("a", "b")
  for i = 1, 300000 do c:count(i % 1000, i % 77) end
  check.equal(#c:rows(), 77000)
  check.equal(c:total(), 300000)
end

do -- the limit
  local c = aggregate.counter("n", { limit = 2 })
  for i = 1, 10 do c:count(i) end
  c:count(1)
  local s = aggregate.counter("a", "b", "c", { limit = 2 })
  for i = 1, 10 do s:count("x" .. i, "y", i) end
  check.equal(s:total(), 10)
  check.equal(s._keys.string_count < 6, true)
  check.equal(c:total(), 11)
  check.equal(c:rows()[3], { n = "(other)", other = true, count = 8 })
  check.equal(printed(c, { top = 1 }), [[
      n  count
      1      2
(other)      8
… 1 more
(other): 8 events had new keys after 2 rows, the limit
]])
  local other = aggregate.counter("n")
  other:merge(c)
  check.equal(other:total(), 11)
  check.equal(other:rows()[3].other, true)
  c:clear()
  check.equal(#c:rows(), 0)
  local strings = aggregate.counter("s", { limit = 3 })
  for i = 1, 100 do strings:count("s" .. i) end
  check.equal(strings:total(), 100)
  check.equal(strings:get("s2"), 1)
  check.equal(strings:get("s50"), nil)
end

do -- misuse
  local c = aggregate.counter("comm")
  check.error("aggregate_test.lua:%d+: this oc.counter has 1 column, more keys", function()
    c:count("a", "b")
  end)
  check.error("with a colon", function() c.count("a") end)
  check.error("column 1 of oc.counter is a number", function() aggregate.counter(5) end)
  check.error("column 1 of oc.counter is a boolean", function() aggregate.counter(nil, "a") end)
  check.error("no option 'limt'.*limit", function() aggregate.counter("a", { limt = 5 }) end)
  check.error("limit must be", function() aggregate.counter("a", { limit = 0 }) end)
  check.error("unknown unit", function() aggregate.sum("a", { unit = "parsec" }) end)
  check.error("name is taken", function() aggregate.counter("count") end)
  check.error("name is taken", function() aggregate.counter("a", "a") end)
  check.error("print has no option 'tpo'.*'top'", function() c:print { tpo = 4 } end)
  check.error("top must be", function() c:print { top = "x" } end)
  check.error("cannot sort by 'com'.*'comm'", function() c:rows("com") end)
  check.error("only an oc.counter", function() c:merge(aggregate.sum("comm")) end)
  check.error("as many columns", function() c:merge(aggregate.counter("comm", "b")) end)
  local s = aggregate.sum("comm")
  check.error("the value is nil", function() s:add(nil, "a") end)
  check.error("the value is a string", function() s:add("5", "a") end)
  check.error("the value is an address", function() s:add(addr.make(5), "a") end)
  check.error("not a number", function() s:add(0 / 0, "a") end)
end

do -- sums, with units
  local s = aggregate.sum("comm", { unit = "bytes", title = "written" })
  s:add(5 * 2 ^ 20, "dd")
  s:add(3ULL, "dd")
  s:add(-4, "gzip")
  check.equal(s:get("dd"), 5 * 2 ^ 20 + 3)
  check.equal(printed(s, { percent = true }), [[
written
comm     sum  percent
dd    5.0MiB   100.0%
gzip     -4B    -0.0%
]])
  local t = aggregate.sum("comm")
  t:add(1, "dd"); t:add(1, "new")
  s:merge(t)
  check.equal(s:get("dd"), 5 * 2 ^ 20 + 4)
  check.equal(s:get("new"), 1)
end

do -- stats: large values close together, merged halves equal the whole
  local whole, left, right = aggregate.stats("k"), aggregate.stats("k"), aggregate.stats("k")
  local base = 1e15
  for i = 1, 1000 do
    whole:add(base + i, "a")
    local half = i <= 300 and left or right
    half:add(base + i, "a")
  end
  local expected = math.sqrt((1000 * 1000 - 1) / 12 * 1000 / 999)
  local got = whole:get("a")
  check(math.abs(got.deviation - expected) < 1e-9, "deviation " .. got.deviation)
  check.equal(got.count, 1000)
  check.equal(got.mean, base + 500.5)
  check.equal(got.min, base + 1)
  check.equal(got.max, base + 1000)
  left:merge(right)
  check(math.abs(left:get("a").deviation - expected) < 1e-3)
  check(math.abs(left:get("a").mean - got.mean) < 1)
  check.equal(left:get("a").min, base + 1)
  local one = aggregate.stats("k", { unit = "ns" })
  one:add(-5, 1)
  local large = aggregate.stats("k")
  for _, value in ipairs { 1e200, 1e200 } do large:add(value, "same") end
  for _, value in ipairs { 1e200, -1e200 } do large:add(value, "apart") end
  check.equal(large:get("same").deviation, 0)
  check.equal(large:get("apart").deviation, math.huge)
  check.equal(one:get(1), { count = 1, sum = -5, mean = -5, min = -5, max = -5, deviation = 0 })
  check.equal(printed(one), [[
k  count   sum  mean   min   max  deviation
1      1  -5ns  -5ns  -5ns  -5ns        0ns
]])
  check.equal(one:total(), 1)
end

do -- histograms
  local h = aggregate.histogram()
  for _, v in ipairs { -3, 0, -0, 0.25, 1, 1.99, 2, 3, 1024, 1500, 2 ^ 63, 2 ^ 64, math.huge } do
    h:add(v)
  end
  check.equal(h:total(), 13)
  check.equal(h:get().buckets, {
    { from = -math.huge, to = 0, count = 1 }, { from = 0, to = 0, count = 2 },
    { from = 0, to = 1, count = 1 }, { from = 1, to = 2, count = 2 },
    { from = 2, to = 4, count = 2 },
    { from = 1024, to = 2048, count = 2 }, { from = 2 ^ 63, to = 2 ^ 64, count = 1 },
    { from = 2 ^ 64, to = math.huge, count = 2 },
  })
  local text = printed(h)
  check(text:find("(..., 0)", 1, true) and text:find("[1K, 2K)", 1, true), text)
  check(text:find("[8E, 16E)", 1, true) and text:find("[16E, ...)", 1, true), text)
  local g = aggregate.histogram("comm", { linear = { min = 0, max = 10, step = 5 } })
  for i = -2, 12 do g:add(i, "dd") end
  check.equal(printed(g), [[
comm dd:
(..., 0)   2  |@@@@@@@@@@@@@@@@@@@@                                |
[0, 5)     5  |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[5, 10)    5  |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[10, ...)  3  |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                     |
]])
  local other = aggregate.histogram("comm", { linear = { min = 0, max = 10, step = 5 } })
  other:add(1, "dd")
  g:merge(other)
  check.equal(g:total(), 16)
  check.error("same buckets", function() g:merge(aggregate.histogram("comm")) end)
  check.error("linear needs", function() aggregate.histogram("a", { linear = { max = 3 } }) end)
  check.error("linear needs", function()
    aggregate.histogram("a", { linear = { min = 0, max = 1, step = 0 } })
  end)
  local ns = aggregate.histogram({ unit = "ns" })
  ns:add(5000)
  check(printed(ns):find("%[4.10us, 8.19us%)"), printed(ns))
end

do -- order, percent, cut
  local c = aggregate.counter("comm", "cpu")
  for i = 1, 4 do c:count("b", i) end
  c:count("a", 9)
  c:count("a", 9)
  check.equal(printed(c, { top = 2, percent = true, title = "T" }), [[
T
comm  cpu  count  percent
a       9      2    33.3%
b       1      1    16.7%
… 3 more
]])
  check.equal(c:rows("-cpu")[1].cpu, 9)
  check.equal(c:rows("comm")[1].comm, "a")
  check.equal(c:rows("-count")[1].cpu, 1)
  c:count("\27[31mred\n", 1)
  check(printed(c):find("\\x1b[31mred\\x0a", 1, true))
end

do -- JSON
  local c = aggregate.counter("comm", "ip")
  c:count("dd", addr.make "0xffffffff81000010")
  c:count(nil, 1)
  c:count("dd", addr.make "0xffffffff81000010")
  local expected = '{"columns":["comm","ip"],"kind":"counter","rows":['
    .. '{"comm":"dd","count":2,"ip":"0xffffffff81000010"},{"comm":null,"count":1,"ip":1}],'
    .. '"total":3}'
  check.equal(c:json(), expected)
  settings.json = true
  check.equal(printed(c), expected .. "\n")
  check(printed(c, { top = 1 }):find('"more":1', 1, true))
  settings.json = false
  check(tostring(c):find("oc.counter%(comm, ip%): 2 rows"))
end

do -- an array that cannot grow: what is new is "(other)", no row is without room
  local KeyTable = require "oc.key_table"
  local most = 0
  local keys = KeyTable.new(2, 1000, function(_, rows) return rows == 1 and 4 or nil end)
  for _ = 1, 2 do
    for i = 1, 10 do most = math.max(most, keys.find(i, "x")) end
  end
  check.equal(most, 3)
  check.equal(keys:size(), 3)
  check.equal(keys:refused(), 14)
  check.equal(keys.find(2, "x"), 2)
end

do -- rows are as many as fit in 1 GiB, and no more memory is taken than the limit needs
  local wide = aggregate.histogram("k", { linear = { min = 0, max = 10000, step = 1 } })
  check.equal(wide._keys.limit, math.floor(2 ^ 30 / (8 * wide._stride)) - 1)
  check(wide._keys.limit < 14000, wide._keys.limit)
  check.equal(aggregate.stats("k", { limit = 2 ^ 40 })._keys.limit, math.floor(2 ^ 30 / 64) - 1)
  local c = aggregate.counter("k", { limit = 100 })
  for i = 1, 200 do c:count(i) end
  check.equal(c._capacity, 101)
  check.equal({ c:rows()[101].count, c._keys:refused() }, { 100, 100 })
end
