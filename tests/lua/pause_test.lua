-- Pauses and phases, and how -n, errors and proxies go with them.

local check = require "check"
local oc = require "oc"
local quietly = require "quietly"
local settings = require "oc.settings"
local ticking = require "ticking"

settings.errors.max = 1e9

do -- from a callback, until a timer; the counts know
  local trace, seen = ticking(10), {}
  trace:on("tick", function(e)
    seen[#seen + 1] = e.n
    if e.n == 3 then trace:pause() end
  end)
  trace:on("tick", function(e) if e.n == 3 then seen[#seen + 1] = "also" end end)
  trace:every(65, function() trace:resume() end)
  trace:run()
  check.equal(seen, { 1, 2, 3, "also", 7, 8, 9, 10 })
  local stats = trace:stats()
  check.equal({ stats.events, stats.paused_events, stats.phases }, { 7, 3, nil })
  check.equal(trace:is_paused(), false)
end

do -- from a timer, in the middle of a batch; and for good
  local trace, seen = ticking(10), {}
  trace:on("tick", function(e) seen[#seen + 1] = e.n end)
  trace:every(40, function(time)
    if time == 40 then trace:pause() elseif time == 80 then trace:resume() end
  end)
  trace:run()
  check.equal(seen, { 1, 2, 3, 8, 9, 10 })
  trace, seen = ticking(10), {}
  trace:on("tick", function(e)
    seen[#seen + 1] = e.n
    trace:pause()
  end)
  trace:run()
  check.equal({ seen, trace:stats().events, trace:stats().paused_events }, { { 1 }, 1, 9 })
end

do -- a run that begins paused; pause and resume in one callback change nothing
  local trace, seen = ticking(4), {}
  trace:pause()
  trace:on("tick", function(e)
    seen[#seen + 1] = e.n
    trace:pause()
    trace:resume()
  end)
  trace:every(20, function() trace:resume() end)
  trace:run()
  check.equal(seen, { 2, 3, 4 })
end

do -- phases: names, spans, events, what of it was paused
  local trace, names = ticking(10), {}
  trace:on("tick", function(e)
    if e.n == 3 then trace:phase "warm" end
    if e.n == 6 then trace:phase "hot" end
    if e.n == 7 then trace:pause() end
    names[e.n] = trace:phase()
  end)
  trace:every(90, function() trace:resume() end)
  trace:run()
  check.equal({ names[2], names[3], names[5], names[7], names[9] },
    { "", "warm", "warm", "hot", "hot" })
  check.equal(trace:stats().phases, {
    { name = "", start_ns = 0, span_ns = 30, events = 3, paused_ns = 0 },
    { name = "warm", start_ns = 30, span_ns = 30, events = 3, paused_ns = 0 },
    { name = "hot", start_ns = 60, span_ns = 40, events = 3, paused_ns = 20 },
  })
  check.error("wants a name", trace.phase, trace, 5)
  check.error("the run is over", trace.phase, trace, "late")
end

do -- skipping: a timer that resumes and pauses again, one that only pauses, one at a batch's end
  local trace, seen = ticking(10), {}
  trace:on("tick", function(e)
    seen[#seen + 1] = e.n
    if e.n == 2 then trace:pause() end
  end)
  trace:every(45, function(time)
    trace:resume()
    if time == 45 then trace:pause() end
  end)
  trace:run()
  check.equal(seen, { 1, 2, 9, 10 })
  check.equal({ trace:stats().events, trace:stats().paused_events }, { 4, 6 })
end

do -- an emitted event's callback pauses for a timer: the event before which that fired is skipped
  local trace, seen = ticking(6), {}
  local p = trace:proxy("p", {})
  trace:on("tick", function(e) seen[#seen + 1] = e.n end)
  trace:on("p", function() trace:pause() end)
  trace:every(30, function(time) if time == 30 then p:emit {} else trace:resume() end end)
  trace:run()
  check.equal(seen, { 1, 2, 6 })
  check.equal({ trace:stats().events, trace:stats().paused_events }, { 3, 3 })
end

do -- a timer at a batch's end pauses: the next batch is skipped from its first event on
  local n, last, was_at_end, seen = 0, 1000, false, 0
  local trace = oc.open { source = oc.source { events = { tick = {}, tock = {} }, window = 0,
    next = function(out)
      n = n + 1
      out:emit { event = "tick", time = n * 10 }
      out:emit { event = "tock", time = n * 10 + 5 }
      return n < last
    end } }
  trace:on("tick", function() seen = seen + 1 end)
  trace:every(5, function()
    if was_at_end or not trace._phases.at_batch_end then return end
    was_at_end = true
    trace:pause()
  end)
  trace:run()
  check(was_at_end and seen > 0 and seen < last, "batches end between events")
  check.equal({ trace:stats().events, trace:stats().paused_events }, { seen, last - seen })
end

do -- `-n` holds where a callback pauses and resumes, and where a pause begins with the last event
  for _, filter in ipairs { false, "n > 1" } do
    local trace, seen = ticking(10), {}
    settings.run.events = 3
    trace:on("tick", { filter = filter or nil }, function(e)
      seen[#seen + 1] = e.n
      trace:pause()
      if e.n % 2 == 1 then trace:resume() end
    end)
    trace:every(15, function() trace:resume() end)
    trace:run()
    settings.run.events = nil
    check.equal(seen, filter and { 2, 3, 4 } or { 1, 2, 3 })
    check.equal(trace:stats().events, 3)
  end
end

--- What the callbacks of a run with `-n 3` saw; `ask(trace, see)` registers them.
local function limited(ask)
  local trace, seen = ticking(40), {}
  settings.run.events = 3
  ask(trace, function(e) seen[#seen + 1] = e.n end)
  trace:run()
  settings.run.events = nil
  return seen
end

do -- `-n` counts the events that reach a callback: not in pauses, not what a `where` keeps out
  check.equal(limited(function(trace, see)
    trace:pause()
    trace:on("tick", see)
    trace:every(55, function() trace:resume() end)
  end), { 6, 7, 8 })
  local function proxies_of(trace)
    trace:proxy("even", { from = "tick", where = function(e) return e.n % 2 == 0 end })
    trace:proxy("four", { from = "even", where = function(e) return e.n % 4 == 0 end })
    trace:proxy("alias", { from = "four" })
  end
  check.equal(limited(function(trace, see)
    proxies_of(trace)
    trace:on("alias", see)
  end), { 4, 8, 12 })
  check.equal(limited(function(trace, see)  -- an event is one, however many callbacks it reaches
    proxies_of(trace)
    trace:on("four", see)
    trace:on("even", see)
  end), { 2, 4, 4, 6 })
  check.equal(limited(function(trace, see)
    proxies_of(trace)
    trace:on("even", see)
    trace:on("tick", { filter = "n < 2" }, see)
  end), { 1, 2, 4 })
  check.equal(limited(function(trace, see)
    proxies_of(trace)
    trace:on("even", see)
    trace:on("tick", see)
  end), { 1, 2, 2, 3 })
  check.equal(limited(function(trace, see)  -- so many kinds that the loop looks them up
    proxies_of(trace)
    trace:on("four", see)
    for i = 1, 60 do trace:on("even", { filter = "n > " .. i % 3 + 6 }, function() end) end
  end), { 4, 8 })
end

do -- an error behind stop or pause: the event reaches its other callbacks, what it emitted too
  for _, way in ipairs { "stop", "pause" } do
    local trace, seen = ticking(4), {}
    local p = trace:proxy("p", { { "n", "u32" } })
    trace:on("tick", function(e)
      p:emit { n = e.n }
      if e.n == 2 then
        trace[way](trace)
        error "tick fails"
      end
    end)
    trace:on("tick", function(e) seen[#seen + 1] = "also" .. e.n end)
    trace:on("p", function(e) seen[#seen + 1] = "p" .. e.n end)
    quietly(function() trace:run() end)
    check.equal(seen, { "also1", "p1", "also2", "p2" })
    local stats = trace:stats()
    check.equal({ stats.events, stats.paused_events }, { 2, way == "pause" and 2 or 0 })
  end
end

do -- a callback of an emitted event that pauses and fails is called once, those behind it too
  local trace, seen = ticking(4), {}
  local p = trace:proxy("p", { { "n", "u32" } })
  trace:on("tick", function(e)
    p:emit { n = e.n }
    p:emit { n = e.n + 10 }
  end)
  trace:on("p", function(e)
    seen[#seen + 1] = e.n
    if e.n ~= 2 then return end
    trace:pause()
    error "p fails"
  end)
  trace:every(40, function() trace:resume() end)
  check(quietly(function() trace:run() end):find "p fails")
  check.equal(seen, { 1, 11, 2, 12, 4, 14 })
end
