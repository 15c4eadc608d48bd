-- Quantiles and top-K against what sorting and counting everything says; merging of every kind.

local check = require "check"
local aggregate = require "oc.aggregate"
local printed = require "printed"
local settings = require "oc.settings"

--- The same numbers each time, whatever else uses math.random.
local function generator(seed)
  local state = seed
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n
  end
end

-- Quantiles --------------------------------------------------------------------------------------

--- The smallest value that at least q of all do not exceed, from all of them.
local function exact_quantile(values, q)
  local sorted = {}
  for i, value in ipairs(values) do sorted[i] = value end
  table.sort(sorted)
  return sorted[math.max(1, math.ceil(q * #sorted))]
end

local asked = { 0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1 }

local function check_quantiles(what, values, bound)
  local sketch = aggregate.quantiles({ error = bound })
  for _, value in ipairs(values) do sketch:add(value) end
  for _, q in ipairs(asked) do
    local wanted, got = exact_quantile(values, q), sketch:quantile(q)
    check(math.abs(got - wanted) <= bound * math.abs(wanted),
      ("%s, q %g: %.17g is not within %g of %.17g"):format(what, q, got, bound, wanted))
  end
  check.equal(sketch:quantile(0), exact_quantile(values, 0))
  check.equal(sketch:quantile(1), exact_quantile(values, 1))
end

do
  local random = generator(1)
  local shapes = {
    uniform = function() return random(1000000) end,
    steep = function() return math.exp(random(40000) / 1000) end,
    tiny = function() return (random(1000) + 1) * 1e-12 end,
    ["of both signs"] = function() return random(2001) - 1000 end,
    negative = function() return -math.exp(random(20000) / 1000) end,
    ["one value"] = function() return 42 end,
    ["mostly zero"] = function() return random(10) == 0 and random(100) or 0 end,
    huge = function() return 2 ^ 900 * (1 + random(1000)) end,
  }
  for what, make in pairs(shapes) do
    local values = {}
    for i = 1, 5000 do values[i] = make() end
    for _, bound in ipairs { 0.2, 0.05, 0.01, 0.001, 0.000001 } do
      check_quantiles(what, values, bound)
    end
  end
end

do -- few values, by keys; columns, units, JSON
  local latency = aggregate.quantiles("call", "cpu", { unit = "ns", quantiles = { 0.5, 0.999 } })
  for i = 1, 10 do latency:add(i * 1000, "read", 0) end
  latency:add(7, "write", 1)
  check.equal(latency:quantile(0.5, "write", 1), 7)
  check.equal(latency:quantile(0.5, "absent", 1), nil)
  check.equal(latency:total(), 11)
  check.equal(printed(latency), [[
call   cpu  count     p50   p99.9     max
read     0     10  5.02us  10.0us  10.0us
write    1      1     7ns     7ns     7ns
]])
  local row = latency:rows()[1]
  check.equal(row.max, 10000)
  check(math.abs(row.p50 - 5000) <= 50)
  settings.json = true
  local document = printed(latency)
  settings.json = false
  check(document:find('"kind":"quantiles"', 1, true))
  check(document:find('"error":0.00775', 1, true))
  check(document:find('"p99.9":7', 1, true))
  check.equal(latency:rows("p50")[1].call, "read")
  latency:clear()
  check.equal(latency:quantile(0.5, "read", 0), nil)
  latency:add(3, "read", 0)
  check.equal(latency:quantile(0.99, "read", 0), 3)
end

do -- zeros of both signs, denormal numbers, the largest ones; infinity is refused, as 0/0 is
  local q = aggregate.quantiles()
  q:add(1.7e308)
  q:add(-1.7e308)
  q:add(-0)
  check.equal({ q:quantile(0), q:quantile(0.5), q:quantile(1) }, { -1.7e308, 0, 1.7e308 })
  for _ = 1, 10 do q:add(3e-310) end
  check.equal(q:quantile(0.5), 0)
  for _ = 1, 40 do q:add(1.6e308) end
  check(math.abs(q:quantile(0.5) / 1.6e308 - 1) < 0.01)
  for _, infinite in ipairs { math.huge, -math.huge } do
    check.error("not finite", function() q:add(infinite) end)
  end
  check.equal(q:total(), 53)
  check.error("0.5 is there twice", function() aggregate.quantiles { quantiles = { 0.5, 0.5 } } end)
  check.error("not a number", function() q:add(0 / 0) end)
  check.error("not a number", function() q:add("x") end)
end

do -- misuse
  check.error("from 0 to 1", function() aggregate.quantiles({ quantiles = { 99 } }) end)
  check.error("list of numbers", function() aggregate.quantiles({ quantiles = 0.5 }) end)
  check.error("largest relative error", function() aggregate.quantiles({ error = 0 }) end)
  check.error("did you mean 'quantiles'", function() aggregate.quantiles({ quantile = { 1 } }) end)
  check.error("the name is taken", function() aggregate.quantiles("p99") end)
  check.error("from 0 to 1", function() aggregate.quantiles():quantile(99) end)
end

-- Top-K ------------------------------------------------------------------------------------------

--- Feeds both; returns what was counted by key.
local function feed(counted, exact, count, next_key)
  for _ = 1, count do
    local key = next_key()
    exact[key] = (exact[key] or 0) + 1
    counted:count(key)
  end
end

--- Each row's true number lies within its error, and what is not there came at most `floor` times.
local function check_bounds(what, topk, exact, total)
  local document = topk:json()
  local floor = tonumber(document:match('"floor":([%d.e+]+)'))
  local capacity = tonumber(document:match('"capacity":(%d+)'))
  check.equal(topk:total(), total)
  check(floor <= total / (capacity + 1), what .. ": the floor is too high")
  local wrong, there = 0, {}
  for row = 1, topk._keys:size() do
    local key = topk._keys:keys(row)[1]
    there[key] = true
    local count, err = topk._values[row * 2], topk._values[row * 2 + 1]
    if not (exact[key] <= count and exact[key] >= count - err) then wrong = wrong + 1 end
  end
  check.equal(wrong, 0)
  for key, count in pairs(exact) do
    if not there[key] and count > floor then wrong = wrong + 1 end
  end
  check.equal(wrong, 0)
  check(topk._keys:size() <= 2 * capacity)
end

do -- few keys: exact, as a counter
  local topk, counter = aggregate.topk(3, "comm"), aggregate.counter("comm")
  local random = generator(2)
  for _ = 1, 1000 do
    local key = "c" .. math.floor(math.sqrt(random(100)))
    topk:count(key)
    counter:count(key)
  end
  local rows, expected = topk:rows(), counter:rows()
  check.equal(#rows, 3)
  for i = 1, 3 do
    check.equal({ rows[i].comm, rows[i].count, rows[i].error },
      { expected[i].comm, expected[i].count, 0 })
  end
  check.equal(topk:get(expected[1].comm).count, expected[1].count)
  topk:clear()
  check.equal(printed(topk), "(nothing)\n")
end

do -- many more keys than are kept
  for seed = 1, 5 do
    local random, exact = generator(seed), {}
    local topk = aggregate.topk(5, "key", { capacity = 50 })
    feed(topk, exact, 30000, function()
      return random(3) == 0 and "hot" .. random(4) or "cold" .. random(5000)
    end)
    check_bounds("many", topk, exact, 30000)
    local rows = topk:rows()
    for i = 1, 4 do check(rows[i].key:find("^hot"), rows[i].key .. " is among the first") end
    check(printed(topk):find("more keys than are kept", 1, true))
  end
end

do -- each key once; weights; ties by key; several keys; the same bytes each time
  local topk = aggregate.topk(2, "n", { capacity = 2 })
  for i = 1, 1000 do topk:count(i) end
  check.equal(topk:total(), 1000)
  check(topk:rows()[1].error >= topk:rows()[1].count - 1)
  local weighted = aggregate.topk(3, "a", "b", { unit = "bytes" })
  weighted:add(1024, "x", 1)
  weighted:add(1024, "b", 2)
  weighted:add(1024, "b", 1)
  weighted:add(10, "y", 1)
  check.equal(printed(weighted), [[
a  b   count  error
b  1  1.0KiB     0B
b  2  1.0KiB     0B
x  1  1.0KiB     0B
]])
  check.error("no negative", function() weighted:add(-1, "x", 1) end)
  local texts = {}
  for run = 1, 2 do
    local random, again = generator(9), aggregate.topk(5, "a", "b", "c", { capacity = 20 })
    for _ = 1, 5000 do again:count("k" .. random(100), random(7), random(2) == 0) end
    texts[run] = again:json()
  end
  check.equal(texts[1], texts[2])
  check.error("number of keys to show first", function() aggregate.topk("comm") end)
  check.error("at least as many as are shown", function()
    aggregate.topk(10, "comm", { capacity = 5 })
  end)
  check.error("bounded by capacity", function() aggregate.topk(10, "comm", { limit = 5 }) end)
end

-- Merging ----------------------------------------------------------------------------------------

--- A stream of (value, key, key), the same for each seed.
local function stream(seed, count, take)
  local random = generator(seed)
  for _ = 1, count do take(random(1000000) - 300, "k" .. random(20), random(3)) end
end

local function fed(make, seeds)
  local aggregate_of = make()
  for _, seed in ipairs(seeds) do
    stream(seed, 4000, function(value, a, b)
      if aggregate_of.add and not aggregate_of.count then aggregate_of:add(value, a, b)
      else aggregate_of:count(a, b) end
    end)
  end
  return aggregate_of
end

do -- merge(a, b) is what one fed with both is, byte for byte
  local makers = {
    counter = function() return aggregate.counter("a", "b") end,
    sum = function() return aggregate.sum("a", "b") end,
    stats = function() return aggregate.stats("a", "b") end,
    histogram = function() return aggregate.histogram("a", "b") end,
    linear = function()
      return aggregate.histogram("a", "b", { linear = { min = 0, max = 1e6, step = 5e4 } })
    end,
    quantiles = function() return aggregate.quantiles("a", "b") end,
    topk = function() return aggregate.topk(7, "a", "b") end,
  }
  for name, make in pairs(makers) do
    local merged, both = fed(make, { 3 }), fed(make, { 3, 4 })
    merged:merge(fed(make, { 4 }))
    check(merged:json() == both:json(), name .. ": " .. merged:json() .. "\n" .. both:json())
    check.equal(printed(merged), printed(both))
    local empty = make()
    empty:merge(both)
    check.equal(empty:json(), both:json())
    both:merge(make())
    check.equal(empty:json(), both:json())
    check.error("only an oc", function() both:merge(aggregate.table("a", { values = { "b" } })) end)
    check.error("as many columns", function()
      both:merge(name == "topk" and aggregate.topk(1) or name == "linear" and aggregate.histogram()
        or aggregate[name]())
    end)
  end
  check.error("same buckets", function()
    aggregate.quantiles():merge(aggregate.quantiles({ error = 0.1 }))
  end)
end

do -- fractions: sums do not depend on how they were cut, though doubles do
  local random, parts = generator(5), {}
  local whole, plain, merged_plain = aggregate.sum(), 0, 0
  local stats, stats_parts = aggregate.stats(), {}
  for part = 1, 7 do
    parts[part], stats_parts[part] = aggregate.sum(), aggregate.stats()
    local sum = 0
    for _ = 1, 1000 do
      local value = random(1000000) / 7 * 10 ^ (random(13) - 6)
      whole:add(value)
      stats:add(value)
      parts[part]:add(value)
      stats_parts[part]:add(value)
      plain, sum = plain + value, sum + value
    end
    merged_plain = merged_plain + sum
  end
  check(plain ~= merged_plain, "these values do not tell the orders apart")
  for part = 2, 7 do
    parts[1]:merge(parts[part])
    stats_parts[1]:merge(stats_parts[part])
  end
  check.equal(parts[1]:json(), whole:json())
  check.equal(stats_parts[1]:json(), stats:json())
end

do -- sums of whole numbers are exact where doubles are not
  local sum = aggregate.sum()
  sum:add(2 ^ 53)
  for _ = 1, 1000 do sum:add(1) end
  check.equal(sum:total(), 2 ^ 53 + 1000)
  local stats = aggregate.stats()
  for i = 0, 9 do stats:add(2 ^ 50 + i) end  -- times in ns, close together
  check(math.abs(stats:rows()[1].deviation - math.sqrt(82.5 / 9)) < 1e-9)
  local infinite = aggregate.sum()
  infinite:add(math.huge)
  infinite:add(1)
  check.equal(infinite:total(), math.huge)
end

do -- top-K within its bounds, when more keys came than are kept
  local random, exact = generator(6), {}
  local function key() return random(4) == 0 and "hot" .. random(3) or "k" .. random(3000) end
  local merged = aggregate.topk(5, "key", { capacity = 40 })
  feed(merged, exact, 5000, key)
  for _ = 1, 4 do
    local part = aggregate.topk(5, "key", { capacity = 40 })
    feed(part, exact, 5000, key)
    merged:merge(part)
  end
  check_bounds("merged", merged, exact, 25000)
  for i = 1, 3 do check(merged:rows()[i].key:find("^hot")) end
end

do -- tables of rows
  local function make(first, last)
    local shown = aggregate.table("call", { values = { "calls" } })
    for i = first, last do shown:row { call = "c" .. i, calls = i } end
    return shown
  end
  local merged = make(1, 3)
  merged:merge(make(4, 6))
  check.equal(merged:json(), make(1, 6):json())
  check.error("same keys", function() merged:merge(aggregate.counter("call")) end)
  check.error("same keys", function() merged:merge(aggregate.table("x", { values = { "y" } })) end)
end
