-- Events that a script feeds, other names for events: over a source, so that all is known.

local check = require "check"
local errors = require "oc.errors"
local quietly = require "quietly"
local settings = require "oc.settings"
local ticking = require "ticking"

settings.errors.max = 1e9


do -- in order: behind the event at hand, before the next; nested ones behind these
  local trace, seen = ticking(2), {}
  local first = trace:proxy("first", { { "n", "u32" }, { "name", "string" } })
  local second = trace:proxy("second", { { "n", "i8" } })
  local function say(text) seen[#seen + 1] = text end
  trace:on("tick", function(e)
    say("tick" .. e.n)
    first:emit { n = e.n, name = "a" .. e.n }
    first:emit { n = e.n + 100, name = "b" }
  end)
  trace:on("tick", function(e) say("also" .. e.n) end)
  trace:on("first", function(e)
    say(e.event .. e.n .. e.name)
    if e.n < 100 then second:emit { n = -e.n } end
  end)
  trace:on("second", function(e) say("second" .. e.n) end)
  trace:run()
  check.equal(seen, { "tick1", "also1", "first1a1", "first101b", "second-1",
    "tick2", "also2", "first2a2", "first102b", "second-2" })
end

do -- an emitted event has what the event at hand has; it can be kept and written
  local trace, kept, text = ticking(3), {}
  local mark = trace:proxy("mark", { { "n", "u32" } })
  trace:on("tick", function(e) mark:emit { n = e.n * 2 } end)
  trace:on("mark", function(e)
    kept[#kept + 1] = e:copy()
    text = tostring(e)
  end)
  trace:run()
  check.equal(text, "0.000000030 c3/6 [001] mark: n=6")
  check.equal(#kept, 3)
  check.equal(kept[1]:table(), { event = "mark", time = 10, cpu = 1, pid = 5, tid = 6, comm = "c1",
    n = 2 })
  check.equal({ kept[2].n, kept[2].time, kept[2].comm }, { 4, 20, "c2" })
end

do -- callbacks of emitted events may have filters, also of names of the event at hand
  local trace, seen = ticking(4), {}
  local mark = trace:proxy("mark", { { "n", "u32" }, { "name", "string" } })
  local filter = "n in (4..100) && name ends_with 'b' && comm != 'c4' && event == 'mark'"
  trace:on("tick", { filter = "n > 1 && cpu == 0 || comm == 'c3'" }, function(e)
    mark:emit { n = e.n * 2, name = "a" }
    mark:emit { n = e.n * 2, name = "ab" }
  end)
  trace:on("mark", { filter = filter }, function(e) seen[#seen + 1] = e.n end)
  trace:run()
  check.equal(seen, { 4, 6 })
end

do -- many at once, so that the queue grows while events of it are in use
  local trace, sum = ticking(1), 0
  local p = trace:proxy("p", { { "n", "u32" }, { "pad", "string" } })
  trace:on("tick", function() for i = 1, 300 do p:emit { n = i, pad = ("x"):rep(3000) } end end)
  trace:on("p", function(e)
    if e.n <= 300 then p:emit { n = e.n + 1000, pad = "y" } end
    sum = sum + (e.pad == "y" and 0 or #e.pad) + e.n
  end)
  trace:run()
  check.equal(sum, 300 * 3000 + 2 * 300 * 301 / 2 + 300 * 1000)
end

do -- timers and end hooks emit too, with their time and no thread
  local trace, seen = ticking(3), {}
  local p = trace:proxy("p", { { "n", "u32" } })
  trace:every(15, function() p:emit { n = 1 } end)
  trace:at_end(function() p:emit { n = 2 } end)
  trace:at_end(function() seen[#seen + 1] = "end" end)
  trace:on("p", function(e) seen[#seen + 1] = ("%d %d %d"):format(e.n, e.time, e.tid) end)
  trace:run()
  check.equal(seen, { "1 15 -1", "1 30 -1", "2 30 -1", "end" })
end

do -- errors: each callback of each event is tried, the run goes on
  local trace, seen = ticking(2), {}
  local p = trace:proxy("p", { { "n", "u32" } })
  trace:on("tick", function(e)
    p:emit { n = e.n }
    p:emit { n = e.n + 10 }
    error "tick fails"
  end)
  trace:on("tick", function() seen[#seen + 1] = "tick" end)
  trace:on("p", function(e)
    if e.n < 10 then error "p fails" end
    seen[#seen + 1] = "p" .. e.n
  end)
  trace:on("p", function(e) seen[#seen + 1] = "q" .. e.n end)
  local said = quietly(function() trace:run() end)
  check.equal(seen, { "tick", "q1", "p11", "q11", "tick", "q2", "p12", "q12" })
  check(said:find("tick fails") and said:find("p fails"), said)
end

do -- an event that emits itself for ever is an error, no hang
  local trace, count = ticking(1), 0
  local p = trace:proxy("p", {})
  trace:on("tick", function() p:emit {} end)
  trace:on("p", function()
    count = count + 1
    p:emit {}
  end)
  local said = quietly(function() trace:run() end)
  check(said:find("100000 events were emitted for one event"), said)
  check.equal(count, 100000)
end

do -- another name for an event, with a condition; and another name for that
  local trace, seen = ticking(4), {}
  trace:proxy("even", { from = "tick", where = function(e) return e.n % 2 == 0 end })
  trace:proxy("four", { from = "even", where = function(e) return e.n == 4 end })
  trace:on("even", function(e) seen[#seen + 1] = e.event .. e.n end)
  trace:on("four", function(e) seen[#seen + 1] = e.event .. e.n end)
  trace:on("tick", function(e) if e.n == 4 then seen[#seen + 1] = e.event end end)
  trace:run()
  check.equal(seen, { "even2", "even4", "four4", "tick" })
end

do -- stopping: what was emitted before still comes
  local trace, seen = ticking(5), {}
  local p = trace:proxy("p", { { "n", "u32" } })
  trace:on("tick", function(e)
    p:emit { n = e.n }
    if e.n == 2 then trace:stop() end
  end)
  trace:on("p", function(e) seen[#seen + 1] = e.n end)
  trace:run()
  check.equal(seen, { 1, 2 })
end

do -- misuse
  local trace = ticking(1)
  local p = trace:proxy("p", { { "n", "u32" } })
  check.error("there is an event 'p' already", trace.proxy, trace, "p", {})
  check.error("there is an event 'cpu' already", trace.proxy, trace, "cpu", {})
  check.error("'a b' cannot be", trace.proxy, trace, "a b", {})
  check.error("wants the fields", trace.proxy, trace, "x", 5)
  check.error("no option 'form'", trace.proxy, trace, "x", { where = print, form = "tick" })
  check.error("needs 'from'", trace.proxy, trace, "x", { where = print })
  check.error("emit works while", p.emit, p, { n = 1 })
  check.error("wants a table of fields", p.emit, p, 5)
  check.error("'x' cannot be made from itself: x from x", trace.proxy, trace, "x", { from = "x" })
  trace:proxy("y", { from = "z" })
  trace:proxy("z", { from = "w", where = print })
  check.error("'w' cannot be made from itself: w from y from z from w", trace.proxy, trace, "w",
    { from = "y" })
  local alias = trace:proxy("alias", { from = "tick" })
  check.error("nothing can be emitted", function() alias:emit {} end)
  check.error("has no event 'nothing'", function()
    trace:proxy("gone", { from = "nothing" })
    trace:on("gone", print)
  end)
  trace:on("p", print)
  trace:run()
  check.error("before trace:run", trace.proxy, trace, "late", {})
  check.error("emit works while", p.emit, p, { n = 1 })
  check.equal(settings.errors.total > 0 and errors.Collector ~= nil, true)
end
