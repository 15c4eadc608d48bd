-- Handles: callbacks, filters and timers that change while a trace runs.

local check = require "check"
local oc = require "oc"
local quietly = require "quietly"
local settings = require "oc.settings"
local ticking = require "ticking"

settings.quiet = true

--- Ticks and tocks in turn, 5 ns apart, from 10 on.
local function two_kinds(count)
  local n = 0
  return oc.open { source = oc.source { events = { tick = { { "n", "u32" } }, tock = {} },
    next = function(out)
      n = n + 1
      out:emit { event = "tick", time = n * 10, n = n }
      out:emit { event = "tock", time = n * 10 + 5 }
      return n < count
    end } }
end

do -- off in its own callback: that event was the last; the others go on
  local trace, seen, others = ticking(10), {}, {}
  local h
  h = trace:on("tick", function(e)
    seen[#seen + 1] = e.n
    if e.n == 4 then h:off() end
  end)
  trace:on("tick", function(e) others[#others + 1] = e.n end)
  check(h.is_on and h.event == "tick" and h.filter == nil)
  check.equal(tostring(h), "callback on tick")
  trace:run()
  check.equal(seen, { 1, 2, 3, 4 })
  check.equal(#others, 10)
  check(not h.is_on)
  check.equal(tostring(h), "callback on tick, off")
  h:off()  -- once more, and after the run: nothing
  check.error("the run is over", function() h:on() end)
  check.error("the run is over", function() h.filter = "n > 3" end)
end

do -- all callbacks of an event off: it counts as left out; and on again, by another event
  local trace, seen = two_kinds(10), {}
  local h = trace:on("tick", function(e) seen[#seen + 1] = e.n end)
  local n = 0
  trace:on("tock", function()
    n = n + 1
    if n == 3 then h:off() elseif n == 6 then h:on() end
  end)
  trace:run()
  check.equal(seen, { 1, 2, 3, 7, 8, 9, 10 })
  check.equal({ trace:stats().events, trace:stats().filtered }, { 17, 3 })
end

do -- off before the run
  local trace, seen = ticking(5), {}
  local h = trace:on("tick", function(e) seen[#seen + 1] = e.n end):off()
  trace:every(25, function(time) if time == 25 then h:on() end end)
  trace:run()
  check.equal(seen, { 3, 4, 5 })
end

do -- a filter that changes; wrong ones change nothing
  local trace, seen = ticking(20), {}
  local h
  h = trace:on("tick", { filter = "n < 100" }, function(e)
    seen[#seen + 1] = e.n
    if e.n == 3 then h.filter = "n > 6" end
    if e.n == 8 then h.filter = "n > 15 && comm != 'c17'" end
    if e.n == 18 then h.filter = nil end
  end)
  trace:on("tick", function(e)
    if e.n ~= 9 then return end
    check.error("no field .m.", function() h.filter = "m > 2" end)
    check.error("a text, not a number", function() h.filter = 5 end)
    check.equal(h.filter, "n > 15 && comm != 'c17'")
  end)
  trace:run()
  check.equal(seen, { 1, 2, 3, 7, 8, 16, 18, 19, 20 })
  check.equal(h.filter, nil)
end

do -- a filter that is set while the callback is off holds when it is on
  local trace, seen = ticking(10), {}
  local h = trace:on("tick", function(e) seen[#seen + 1] = e.n end):off()
  h.filter = "n > 4 && n < 8"
  check.equal(tostring(h), "callback on tick where n > 4 && n < 8, off")
  check(not h.is_on)
  h:on()
  trace:run()
  check.equal(seen, { 5, 6, 7 })
end

do -- a callback that comes while the trace runs gets the next event; those of the same event keep
   -- their order
  local trace, order = ticking(4), {}
  trace:on("tick", function(e)
    order[#order + 1] = "a" .. e.n
    if e.n == 2 then
      local late
      late = trace:on("tick", { filter = "n != 3" }, function(l)
        order[#order + 1] = "late" .. l.n
        check.equal(late.filter, "n != 3")
      end)
    end
  end)
  trace:on("tick", function(e) order[#order + 1] = "b" .. e.n end)
  trace:run()
  check.equal(order, { "a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4", "late4" })
end

do -- an event that nobody asked for at the start cannot be had of a trace that is not live
  local trace, refused = two_kinds(3), nil
  trace:on("tick", function(e)
    if e.n == 2 then refused = check.error("was not asked for", trace.on, trace, "tock", print) end
  end)
  trace:run()
  check(refused and refused.hint:find("h:off", 1, true), "says what to do")
  check.equal(trace:stats().events, 3)
end

do -- one function under two names: switched off under one, it is called under the other
  local trace, seen = two_kinds(6), {}
  trace:proxy("either", { from = "tick" })
  local function see(e) seen[#seen + 1] = e.n end
  local first = trace:on("tick", see)
  trace:on("t*ck", { filter = "n > 0" }, see)
  trace:on("tock", function() if #seen == 3 then first:off() end end)
  trace:run()
  check.equal(seen, { 1, 2, 3, 4, 5, 6 })
end

do -- timers: off in their own firing, on again, and new ones, also where there was none
  local trace, log = ticking(10), {}
  local function note(name) return function(time) log[#log + 1] = name .. time end end
  local twice
  twice = trace:every(20, function(time)
    note("t")(time)
    if time == 40 then twice:off() end
  end)
  check.equal({ twice.period, twice.is_on, tostring(twice) }, { 20, true, "timer of 2e-08 s" })
  trace:on("tick", function(e) if e.n == 7 then twice:on() end end)
  trace:run()
  check.equal(log, { "t20", "t40", "t90" })

  trace, log = ticking(10), {}
  trace:on("tick", function(e)
    if e.n == 5 then trace:every(15, note "new") end
  end)
  trace:run()
  check.equal(log, { "new65", "new80", "new95" })
  check.error("the run is over", trace.every, trace, 10, print)
end

do -- a timer changes callbacks before the event that it comes ahead of
  local trace, seen = ticking(6), {}
  local h = trace:on("tick", function(e) seen[#seen + 1] = e.n end)
  trace:every(25, function(time)
    if time == 25 then h:off() else h:on() end
    check.equal(trace:stats().events >= #seen, true)
  end)
  trace:run()
  check.equal(seen, { 1, 2, 5, 6 })
  check.equal(trace:stats().events, 4)
end

do -- together with pauses, `-n` and stops
  local trace, seen = ticking(12), {}
  local h
  h = trace:on("tick", function(e)
    seen[#seen + 1] = e.n
    if e.n == 2 then
      trace:pause()
      h.filter = "n != 7"
    elseif e.n == 6 then
      h.filter = "n != 8"
      trace:pause()
      trace:resume()
    elseif e.n == 10 then
      trace:on("tick", function() end)
      trace:stop()
    end
  end)
  trace:every(45, function(time) if time == 45 then trace:resume() end end)
  trace:run()
  check.equal(seen, { 1, 2, 5, 6, 7, 9, 10 })
  check.equal({ trace:stats().events, trace:stats().paused_events }, { 7, 2 })

  settings.run.events = 4
  local limited, got = ticking(20), {}
  local l
  l = limited:on("tick", function(e)
    got[#got + 1] = e.n
    l.filter = ("n > %d"):format(e.n + 1)
  end)
  limited:run()
  settings.run.events = nil
  check.equal(got, { 1, 3, 5, 7 })
  check.equal(limited:stats().events, 4)
end

do -- `-n` counts an event once, however often the loop was generated; callbacks with a `where` too
  settings.run.events = 5
  local trace, seen = ticking(20), 0
  trace:proxy("odd", { from = "tick", where = function(e) return e.n % 2 == 1 end })
  trace:on("odd", function()
    seen = seen + 1
    trace:every(1000, print)
  end)
  trace:run()
  settings.run.events = nil
  check.equal(seen, 5)
end

do -- a failing callback that changed something: the run goes on behind it, with the change
  local trace, seen, on = ticking(5), {}, {}
  on.tick = trace:on("tick", function(e)
    seen[#seen + 1] = e.n
    if e.n == 2 then
      on.tick.filter = "n != 3"
      error("no")
    end
  end)
  local told = quietly(function() trace:run() end)
  check(told:find("no", 1, true), "the error is told")
  settings.errors.total = 0
  check.equal(seen, { 1, 2, 4, 5 })
  check.equal(on.tick.filter, "n != 3")
end

do -- end hooks can be taken back; emitted events' callbacks too
  local trace, log = ticking(4), {}
  local p = trace:proxy("p", { { "n", "u32" } })
  trace:at_end(function() log[#log + 1] = "first" end):off()
  local second = trace:at_end(function() log[#log + 1] = "second" end)
  check.equal(tostring(second), "end hook")
  trace:on("tick", function(e) p:emit { n = e.n } end)
  local h
  h = trace:on("p", function(e)
    log[#log + 1] = e.n
    if e.n == 2 then h:off() end
  end)
  trace:run()
  check.equal(log, { 1, 2, "second" })
end

do -- the table of calls that takes over where there are very many callbacks
  local trace, sums, list = ticking(8), {}, {}
  for i = 1, 80 do
    list[i] = trace:on("tick", function(e)
      sums[i] = (sums[i] or 0) + 1
      if e.n == 5 and i == 40 then
        for each = 1, 39 do list[each]:off() end
      end
    end)
  end
  trace:run()
  check.equal({ sums[1], sums[39], sums[40], sums[80] }, { 5, 5, 8, 8 })
end

do -- start, feed, finish are what run is
  local trace, seen, ended = ticking(5), {}, 0
  trace:on("tick", function(e) seen[#seen + 1] = e.n end)
  trace:at_end(function() ended = ended + 1 end)
  check.error("does not run", trace.feed, trace, 5)
  check.error("does not run", trace.finish, trace)
  check.equal(trace:start(), trace)
  check.error("has been run already", trace.run, trace)
  local count, more = 0
  repeat
    more = trace:feed(20)
    count = count + (more or 0)
  until not more
  check.equal({ count, #seen, ended }, { 5, 5, 0 })
  check.equal(trace:feed(20), false)
  check.equal(trace:stats().spool, nil)
  trace:finish()
  trace:finish()
  check.equal(ended, 1)
  check.equal(trace:feed(20), false)
  check.error("a time in ms", trace.feed, trace, "long")
  check.error("no option 'spol'", function() ticking(1):start { spol = 1 } end)

  local early = ticking(5)
  early:on("tick", function() check.error("fed already", early.feed, early, 1) end)
  early:on("tick", function() check.error("not for callbacks", early.finish, early) end)
  early:start()
  local n = early:feed(0)
  early:finish()
  check(n and n >= 0)
  check.equal(early:stats().events, 5)
end

do -- mistakes
  local trace = ticking(1)
  local h = trace:on("tick", print)
  check.error("no 'of'.*did you mean 'off'", function() return h.of end)
  check.error("'is_on' of a handle cannot be set", function() h.is_on = false end)
  check.error("no 'flter'.*did you mean 'filter'", function() h.flter = "n > 1" end)
  check.error("no 'period'", function() return h.period end)
  check.error("spool must be from", oc.open, { spool = 5 })
  check.error("not a size", oc.open, { spool = "much" })
  trace:run()
end
