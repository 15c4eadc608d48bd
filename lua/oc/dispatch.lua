--- The loop that feeds callbacks, generated for exactly the callbacks of one run.
--
--     while at < loop.count do                   -- stopping sets loop.count to 0
--       local d = events + at
--       loop.at = at
--       if d.time >= loop.deadline then … end    -- only when there are timers
--       if d.event == 17 then v1._d = d  f1(v1)
--       elseif event == 18 then
--         if p1(d) then v2._d = d  f2(v2)        -- a callback with a filter
--         else loop.filtered = loop.filtered + 1 end
--       elseif … end
--     end
--
-- LuaJIT compiles the loop, the chain and the callbacks into one trace. The place (`loop.at`, and
-- which callback when an event has several) is kept in the session's memory: after an error the
-- loop goes on with the next callback, and a watch can say where a script hangs. So no pcall per
-- event.

local errors = require "oc.errors"
local instrument = require "oc.instrument"

local M = {}

--- Of oc_queue.state (proxy.lua): callbacks of the batch run, or those of emitted events.
local CALLBACKS, DELIVERING = 1, 2

-- A Lua function has at most 60 upvalues; beyond this the chain looks calls up in tables.
local MAX_UPVALUES = 50

---@class oc.Call a callback, and the view that it gets: the one of the name that it asked for
---@field fn fun(e: oc.Event)
---@field view ffi.cdata*
---@field filter? oc.Filter it gets only the events that this lets through
---@field where? fun(e: oc.Event): boolean and of these, those of which this is true
---@field guarded? boolean fn asks `where` itself
---@field given fun(e: oc.Event) fn without that
---@field is_on boolean
---@field handler? oc.Handler
---@field takes_all? boolean it gets the events of threads that nobody asked for, too

---@class oc.Handler one kind of event and who wants it
---@field number integer the kind's
---@field calls oc.Call[] those that are on, in the order in which they were registered
---@field all oc.Call[]
---@field takes_all? boolean one of the calls does

--- Names of locals for views and callbacks: each distinct value gets one.
local function new_locals(prefix)
  local by_value, values = {}, {}
  return values, function(value)
    if not by_value[value] then
      values[#values + 1] = value
      by_value[value] = prefix .. #values
    end
    return by_value[value]
  end
end

--- The event reaches a callback: the last one of a limited run ends the loop behind itself.
local COUNT = [[
      loop.left = loop.left - 1
      if loop.left <= 0 then loop.count = at + 1 end]]

--- Makes a function that counts the event at hand, once, however many callbacks it reaches.
local function new_counter(loop)
  local turns, counted = -1, 0
  return function()
    local at = loop.at
    if turns == loop.turns and counted == at then return end
    turns, counted = loop.turns, at
    loop.left = loop.left - 1
    if loop.left <= 0 then loop.count = at + 1 end
  end
end

--- Puts each callback behind its `where`; `count` counts the events that one is true of.
---@param handlers oc.Handler[]
---@param count? fun()
local function guard(handlers, count)
  for _, handler in ipairs(handlers) do
    for _, call in ipairs(handler.calls) do
      local fn, where = call.fn, not call.guarded and call.where
      if where and count then
        call.fn = function(e)
          if where(e) then
            count()
            fn(e)
          end
        end
      elseif where then
        call.fn = function(e) if where(e) then fn(e) end end
      end
      if not call.guarded then
        call.script_fn = fn
        call.fn = instrument.callback(handler.name or "", call.fn, fn)
      end
      call.guarded = true
    end
  end
end

local FILTERED = "      loop.filtered = loop.filtered + 1"

local LEFT_OUT = 5  -- of oc_event.reserved, session/other_thread.h

--- A test that lets through what is of the target, and of that what `test` does.
local function of_target(test)
  local band = bit.band
  if not test then return function(d) return band(d.reserved, LEFT_OUT) == 0 end end
  return function(d) return band(d.reserved, LEFT_OUT) == 0 and test(d) end
end

local function test_of(call)
  local test, handler = call.filter and call.filter.test, call.handler
  if call.takes_all or not (handler and handler.takes_all) then return test end
  call.of_target = call.of_target or of_target(test)
  return call.of_target
end

--- Counts the event for a limited run, unless only callbacks with a `where` may get it: they count.
local function count_source(handler, tests, out)
  local open = {}
  for i, call in ipairs(handler.calls) do
    if not call.where then open[#open + 1] = tests[i] end
  end
  if #open == #handler.calls then
    out[#out + 1] = COUNT
  elseif #open > 0 then
    out[#out + 1] = ("      if %s then count() end"):format(table.concat(open, " or "))
  end
end

--- The calls of one handler. Tests come before all of its callbacks.
local function calls_source(handler, out, names, has_limit)
  local tests, given, is_open = {}, nil, false
  if #handler.calls == 0 then  -- all are off
    out[#out + 1] = FILTERED
    return
  end
  for i, call in ipairs(handler.calls) do
    local test = test_of(call)
    tests[i] = test and ("p%d"):format(i) or "true"
    if test then
      out[#out + 1] = ("      local p%d = %s(d)"):format(i, names.test(test))
    else
      is_open = true
    end
  end
  if not is_open then out[#out + 1] = ("      if %s then"):format(table.concat(tests, " or ")) end
  if has_limit then count_source(handler, tests, out) end
  for i, call in ipairs(handler.calls) do
    local view, test = names.view(call.view), test_of(call) and #handler.calls > 1
    if test then out[#out + 1] = ("      if %s then"):format(tests[i]) end
    if view ~= given or test then out[#out + 1] = ("      %s._d = d"):format(view) end
    given = not test and view or nil
    if i > 1 then out[#out + 1] = ("      loop.callback = %d"):format(i) end
    out[#out + 1] = ("      %s(%s)"):format(names.callback(call.fn), view)
    if test then out[#out + 1] = "      end" end
  end
  if #handler.calls > 1 then out[#out + 1] = "      loop.callback = 1" end
  if not is_open then out[#out + 1] = "      else\n" .. FILTERED .. "\n      end" end
end

local function chain(handlers, out, names, has_limit)
  for h, handler in ipairs(handlers) do
    out[#out + 1] = ("    %s event == %d then"):format(h == 1 and "if" or "elseif", handler.number)
    calls_source(handler, out, names, has_limit)
  end
  if #handlers > 0 then out[#out + 1] = "    end" end
end

local function from_tables(has_limit)
  return [[
    local calls, hit = by_event[event], false
    for i = 1, #calls do
      local call = calls[i]
      local test = call.test
      if not test or test(d) then
        hit = true
]] .. (has_limit and "        if not call.where then count() end" or "") .. [[

        call.view._d = d
        loop.callback = i
        call.fn(call.view)
      end
    end
    if not hit then
]] .. FILTERED .. [[

    end
    loop.callback = 1]]
end

local function declare(names, values, prefix)
  for i = 1, #values do
    names[#names + 1] = ("local %s%d = %ss[%d]"):format(prefix, i, prefix, i)
  end
end

--- The source of the loop, and the views and callbacks that it takes.
---@param handlers oc.Handler[]
---@param has_timers boolean
---@param has_queue? boolean callbacks may emit events (proxy.lua)
---@param has_limit? boolean `loop.left` says how many events more
---@return string source, ffi.cdata*[] views, function[] callbacks, function[] tests
function M.source(handlers, has_timers, has_queue, has_limit)
  local head, body = { "local loop, vs, fs, ts, by_event, fire, queue, deliver, count = ..." }, {}
  local views, view_name = new_locals("v")
  local callbacks, callback_name = new_locals("f")
  local tests, test_name = new_locals("t")
  local names = { view = view_name, callback = callback_name, test = test_name }
  chain(handlers, body, names, has_limit)
  if #views + #callbacks + #tests + 3 <= MAX_UPVALUES then
    declare(head, views, "v")
    declare(head, callbacks, "f")
    declare(head, tests, "t")
  else
    body = { from_tables(has_limit) }
  end
  if has_queue then body[#body + 1] = "    if queue.count > 0 then deliver() end" end
  -- A timer that stops the run, or changes who is called: its event is not delivered, or not yet.
  local timers = has_timers and [[
    if d.time >= loop.deadline then
      fire(d.time)
      if loop.count <= at then break end
    end
]] or ""
  return table.concat(head, "\n") .. "\n" .. [[
return function()
  local events = loop.events
  local at = loop.at
  while at < loop.count do
    local d = events + at
    loop.at = at
]] .. timers .. "    local event = d.event\n" .. table.concat(body, "\n") .. [[

    at = at + 1
  end
end]], views, callbacks, tests
end

local function by_number(handlers)
  local by_event = {}
  for _, handler in ipairs(handlers) do
    by_event[handler.number] = handler.calls
    for _, call in ipairs(handler.calls) do call.test = test_of(call) end
  end
  return by_event
end

--- Compiles the loop: a function that handles the batch from `loop.at` on.
---@param loop ffi.cdata* oc_loop
---@param handlers oc.Handler[]
---@param fire? fun(time: number) fires the timers that are due
---@param queue? ffi.cdata* oc_queue
---@param deliver? fun() what M.compile_queue made
---@param has_limit? boolean
---@param counter? fun() of a loop that is compiled again: what M.compile returned with the first
---@return fun() step
---@return fun()? counter
function M.compile(loop, handlers, fire, queue, deliver, has_limit, counter)
  local count = has_limit and (counter or new_counter(loop)) or nil
  guard(handlers, count)
  local source, views, callbacks, tests = M.source(handlers, fire ~= nil, queue ~= nil, has_limit)
  local chunk = assert(loadstring(source, errors.own_chunk("loop")))
  return chunk(loop, views, callbacks, tests, by_number(handlers), fire, queue, deliver,
    count), count
end

local HANDLED = 2 ^ 31  -- of loop.callback: no callback of the event at hand is left

--- Compiles what delivers the events that callbacks emitted, from `queue.at` on. Those of callbacks
--- that it calls come behind them.
---@param loop ffi.cdata* oc_loop
---@param queue ffi.cdata* oc_queue
---@param handlers oc.Handler[] of the emitted events
---@return fun()
function M.compile_queue(loop, queue, handlers)
  guard(handlers)
  local by_event = by_number(handlers)
  return function()
    local before = queue.state
    loop.callback, queue.state = HANDLED, DELIVERING
    while queue.at < queue.count do
      local d = queue.events + queue.at
      d.record = queue.bytes + d.reserved
      d.payload = d.record + 8
      local calls = by_event[d.event]
      for i = 1, calls and #calls or 0 do
        local call = calls[i]
        local test = test_of(call)
        if not test or test(d) then
          call.view._d = d
          queue.callback = i
          call.fn(call.view)
        end
      end
      queue.callback = 1
      queue.at = queue.at + 1
    end
    queue.at, queue.count, queue.used = 0, 0, 0
    loop.callback, queue.state = 1, before
  end
end

--- Finishes the emitted event at `queue.at` after a callback failed, and all behind it.
local function finish_queue(queue, proxied, deliver, before, traced, fail)
  while queue.state == DELIVERING do
    local d = queue.events + queue.at
    local calls = by_number(proxied)[d.event]
    for i = queue.callback + 1, #calls do
      local test = test_of(calls[i])
      if not test or test(d) then
        calls[i].view._d = d
        local ok, err = xpcall(calls[i].fn, traced, calls[i].view)
        if not ok then fail(err) end
      end
    end
    queue.callback, queue.at, queue.state = 1, queue.at + 1, before
    local ok, err = xpcall(deliver, traced)
    if not ok then fail(err) end
  end
end

--- Delivers what was emitted; errors are told to `fail`.
---@param queue ffi.cdata* oc_queue
---@param proxied oc.Handler[]
---@param deliver fun()
function M.drain(queue, proxied, deliver, traced, fail)
  local before = queue.state
  if queue.count == 0 then return end
  local ok, err = xpcall(deliver, traced)
  if ok then return end
  fail(err)
  finish_queue(queue, proxied, deliver, before, traced, fail)
end

--- Finishes the event at `loop.at` after its callback number `loop.callback` failed, also where
--- that ended or paused the run, then steps past it. `traced` is their error handler, `fail(err)`
--- is told of further failures.
---@param loop ffi.cdata*
---@param handlers oc.Handler[]
---@param traced fun(err: any): any
---@param fail fun(err: any)
---@param queue? ffi.cdata* oc_queue; with `proxied` and `deliver`, as of `drain`
function M.step_over(loop, handlers, traced, fail, queue, proxied, deliver)
  local d = loop.events + loop.at
  for _, handler in ipairs(handlers) do
    if handler.number == d.event then
      for i = loop.callback + 1, #handler.calls do
        local call = handler.calls[i]
        local test = test_of(call)
        if not test or test(d) then
          call.view._d = d
          loop.callback = i
          local ok, err = xpcall(call.fn, traced, call.view)
          if not ok then fail(err) end
        end
      end
    end
  end
  if queue then
    if queue.state == DELIVERING then
      finish_queue(queue, proxied, deliver, CALLBACKS, traced, fail)
    end
    M.drain(queue, proxied, deliver, traced, fail)
  end
  loop.callback = 1
  if loop.at < loop.count then loop.at = loop.at + 1 end  -- else the loop was left at this event
end

return M
