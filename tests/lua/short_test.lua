-- The short verbs, over a source, so that all is known.

local check = require "check"
local errors = require "oc.errors"
local settings = require "oc.settings"
local short = require "oc.short"
local ticking = require "ticking"

--- Words over a trace of so many ticks; what is printed goes to `printed`.
local function words_of(count)
  local trace = ticking(count)
  local words = short.new {
    trace = function() return trace end,
    machine = function() return trace:machine() end,
    is_filled = function() return trace._ran end,
  }
  return words, trace
end

local printed = {}
settings.write = function(text) printed[#printed + 1] = text end
local function take()
  local text = table.concat(printed)
  printed = {}
  return text
end

do -- a line as one writes it: the trace is run, then what was made is shown
  local words, trace = words_of(10)
  local chunk = short.load('count("tick", "cpu")', "=line")
  local counter = setfenv(chunk, words:environment())()
  check(words:has_made(counter))
  trace:run()
  check.equal(counter:get(1), 5)
  words:show_due(true)
  check.equal(take(), "cpu  count\n  0      5\n  1      5\n")
end

do -- values: fields, functions, nil is left out; options beside the keys
  local words, trace = words_of(10)
  local v = words.verbs
  local sum = v.sum("tick", "n", "comm", { filter = "n <= 2" })
  local odd = v.sum("tick", function(e) if e.n % 2 == 1 then return e.n end end)
  local parity = v.count("tick", function(e) return e.n % 2 end, "args.n", { names = { "parity" } })
  local stats = v.stats("tick", "n", { unit = "ns" })
  local quantiles = v.quantiles("tick", "n", { quantiles = { 0.5 } })
  local topk = v.topk("tick", 1, "cpu")
  local also = v.topk("tick", "comm", { top = 2 })
  local hist = v.hist({ "tick", "ti*" }, "n", { linear = { min = 0, max = 20, step = 10 } })
  trace:run()
  check.equal({ sum:get("c1"), sum:get("c2"), sum:get("c3") }, { 1, 2, nil })
  check.equal(odd:get(), 25)
  check.equal(parity.columns, { "parity", "args.n" })
  check.equal(parity:get(1, 3), 1)
  check.equal(stats:get().mean, 5.5)
  check.equal({ math.floor(quantiles:get().p50), #topk:rows(), #also:rows() }, { 5, 1, 2 })
  -- One callback under two names of an event gets it once.
  check.equal(hist:total(), 10)
end

do -- printing waits until there is something; then it is not repeated
  local words, trace = words_of(4)
  local v = words.verbs
  local first = v.count("tick", { title = "first" })
  local second = v.count("tick", "cpu", { top = 1 })
  first:print { title = "now" }
  v.print(second)
  check.equal(take(), "")
  v.at_end(function() first:print { title = "in the hook" } end)
  trace:run()
  check.equal(take(), "in the hook\ncount\n    4\n")
  words:show_due(true)
  check.equal(take(), "now\ncount\n    4\ncount by cpu: tick\ncpu  count\n  0      2\n… 1 more\n")
  words:show_due(true)
  check.equal(take(), "")
  words:forget()
  check(not words:has_made(first))
end

do -- on, every, with filters
  local words, trace = words_of(6)
  local v, seen = words.verbs, {}
  v.on("tick", "n > 4", function(e) seen[#seen + 1] = e.n end)
  v.on("tick", { filter = "n == 1" }, function(e) seen[#seen + 1] = -e.n end)
  v.on({ "tick" }, function(e) if e.n == 6 then seen[#seen + 1] = "last" end end)
  v.every(30, function(time) seen[#seen + 1] = "at " .. time end)
  trace:run()
  check.equal(seen, { -1, "at 30", 5, "at 60", 6, "last" })
end

do -- mistakes are told at once, at the line
  local words = words_of(1)
  local function line(code)
    return function() setfenv(assert(short.load(code, "=line")), words:environment())() end
  end
  local err = check.error("event 'tick' has no field 'com'", line '\n count("tick", "com")')
  check.equal({ errors.make(err).file, errors.make(err).line }, { "line", 2 })
  check.error("did you mean 'comm'", line 'count("tick", "com")')
  check.error("event 'tick' has no field 'm'", line 'count("tick", "args.m")')
  check.error("no event 'tock'", line 'count("tock")')
  check.error("'comm' of event 'tick' is a text, not a number", line 'hist("tick", "comm")')
  check.error("'n %* 2' is not the name of a field", line 'hist("tick", "n * 2")')
  check.error("wants a value behind the event", line 'sum("tick")')
  check.error("the value of sum is a boolean", line 'sum("tick", true)')
  check.error("key 2 of count is a number", line 'count("tick", "n", 5)')
  check.error("count wants the name of an event first, not a number", line 'count(5)')
  check.error("count wants the name of an event first", line 'count()')
  check.error("count has no option 'fliter'", line 'count("tick", { fliter = "n" })')
  check.error("oc.counter has no option 'color'", line 'count("tick", { color = "n" })')
  check.error("count: 'filter' wants a string", line 'count("tick", { filter = 5 })')
  check.error("on wants the name of an event first", line 'on({}, print)')
  check.error("wants a function", line 'on("tick", "n > 1")')
end

do -- an expression, or else statements; what is neither is no chunk
  check.equal({ (short.load("1, 2", "=x"))() }, { 1, 2 })
  check.equal(short.load("local a = 1", "=x")(), nil)
  check.equal(short.load("5 -- five", "=x")(), 5)
  local chunk, problem = short.load("for", "=x")
  check(not chunk and problem:find("^x:1:"), problem)
  check.equal((select(2, short.load("\27LJ", "=x"))), "x:1: this is bytecode; a script is text")
end

do -- what a line sets is its own
  local words = words_of(1)
  local environment = words:environment()
  setfenv(short.load("mine = 5", "=x"), environment)()
  check.equal({ environment.mine, rawget(_G, "mine") }, { 5, nil })
  check(environment.trace.on and environment.string == string)
end

do -- an aggregate is the handle of its callbacks: what is set is checked, holds, and can be read
  local words, trace = words_of(10)
  local v = words.verbs
  local c = v.count("tick", "cpu", { filter = "n > 100" })
  check.equal(c.filter, "n > 100")
  c.filter = "n <= 3"
  check.equal(c.filter, "n <= 3")
  check.error("nosuch", function() c.filter = "nosuch == 0" end)
  check.error("a filter is a text", function() c.filter = 7 end)
  check.error("'foo' of a counter cannot be set", function() c.foo = 3 end)
  check.error("did you mean.*filter", function() c.fliter = "n > 1" end)
  check.equal({ c.filter, c.foo }, { "n <= 3", nil })
  local all = v.sum("tick", "n", { filter = "n <= 3" })
  all.filter = nil
  trace:run()
  check.equal({ c:total(), all:total(), require("oc.reference_faces").name_of(c) },
    { 3, 55, "counter" })
end
