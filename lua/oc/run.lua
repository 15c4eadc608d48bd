--- Runs a trace: starts the session, feeds batches to the callbacks, calls timers and end hooks.
--
--     start → { next batch → callbacks → timers due }* → end hooks → finish
--
-- Whatever goes wrong on the way, the end hooks are called: nothing gathered is lost.

local C = require "oc.abi"
local changes = require "oc.changes"
local dispatch = require "oc.dispatch"
local errors = require "oc.errors"
local filter = require "oc.filter"
local ffi = require "ffi"
local lease = require "oc.lease"
local machine_events = require "oc.machine_events"
local memory_limit = require "oc.memory_limit"
local phases = require "oc.phases"
local progress = require "oc.progress"
local session = require "oc.session"
local settings = require "oc.settings"

local M = {}

local IN_BODY, IN_CALLBACKS = 1, 2
local IDLE_MS = 100
local WARM_UP_EVENTS = 10000

local host_pointer = session.host_pointer

local function traced(err)
  local made = errors.make(err)
  if settings.traceback and not made.traceback then made.traceback = debug.traceback("", 2) end
  return made
end

--- Ends the run: no further events are delivered.
---@param trace oc.Trace
function M.stop(trace)
  trace._stopping = true
  if trace._loop then trace._loop.count = 0 end
  C.oc_session_stop(trace._session)
end

--- The callback at hand, for an error that has no line.
local function callback_at_hand(trace)
  local loop = trace._loop
  if loop == nil or loop.events == nil then return nil end
  local handler = trace._by_kind[loop.events[loop.at].event]
  local call = handler and handler.calls[loop.callback]
  return call and (call.script_fn or call.fn)
end

--- Tells of an error in a callback or hook (`fn`). Ctrl-C in a hook ends the run and is no error;
--- what used up the script's memory ends it too.
local function report(trace, err, fn)
  fn, err = fn or callback_at_hand(trace), errors.make(err)
  if err.message == "stack overflow" and not err.file and fn then errors.place_at(err, fn) end
  local out_of_memory = memory_limit.explain(err, fn, trace._ran_at)
  if out_of_memory then
    M.stop(trace)
    err = out_of_memory
  end
  local interrupted = C.oc_host_interrupted(host_pointer)
  if interrupted > 0 and err.message == "interrupted" then
    io.stderr:write("oc: interrupted at ", tostring(err), "\n")
    return not trace._is_interactive and M.stop(trace)
  end
  local is_new, is_over = settings.errors:add(err)
  if settings.errors.is_silent then is_new = false end  -- a worker's: told by the first process
  if is_new then io.stderr:write(errors.render(err, settings.read_source)) end
  if is_new and settings.traceback and err.traceback then io.stderr:write(err.traceback, "\n") end
  if is_over or interrupted == -1 or out_of_memory then trace._ended_by_error = true end
  if is_over or interrupted == -1 then M.stop(trace) end
end

--- Delivers what a hook emitted (proxy.lua).
local function deliver_emitted(trace)
  dispatch.drain(trace._queue.c, trace._proxied, trace._deliver, traced,
    function(err) report(trace, err) end)
  trace._queue:tidy()
  lease.release_all(trace._views)
end

--- Calls a hook (timer, end) as a body: debug hooks work there, so that Ctrl-C and the watchdog do.
local function call_hook(trace, fn, ...)
  local before = C.oc_host_doing(host_pointer, IN_BODY)
  local ok, result = xpcall(fn, traced, ...)
  C.oc_host_doing(host_pointer, before)
  if not ok then report(trace, result, fn) end
  return ok, result
end

--- Of a trace that a source feeds: a function that asks it for records, when there are none left.
local function make_feeder(trace)
  local source, is_over = trace._source, false
  if not source then return function() end end
  local function call(fn, ...)
    local ok, result = call_hook(trace, fn, ...)
    return ok, result, trace._stopping or C.oc_host_interrupted(host_pointer) ~= 0
  end
  return function(delivered)
    if not is_over and delivered == 0 then is_over = source:feed(trace._out, call) end
  end
end

--- A NULL-terminated array of pointers into the strings of `words`, which must outlive it.
local function c_words(words)
  local array = ffi.new("const char *[?]", #words + 1)
  for i, word in ipairs(words) do array[i - 1] = word end
  return array
end

--- How to run, as the C face has it, from the command line's options. Scripts and `oc record`
--- share it.
---@param owner table keeps the command's words alive: `run` holds bare pointers
---@param options table as in settings.run
---@return ffi.cdata* oc_run
function M.describe(owner, options, buffer_bytes)
  local run = ffi.new("oc_run")
  run.max_events = options.events or 0
  run.max_span_ns = options.duration or 0
  run.buffer_bytes = options.buffer or buffer_bytes or 0
  run.max_overhead = (options.max_overhead or 0) / 100
  run.is_paused = options.paused and 1 or 0
  owner._command = options.command and #options.command > 0 and c_words(options.command) or nil
  run.command = owner._command
  return run
end

--- Starts the session; `with_fallback(body)` runs a body that may fall back to another session.
---@param trace oc.Trace
---@param buffer_bytes? number
---@param with_fallback fun(body: fun())
---@param options { spool_bytes: number?, is_interactive: boolean? }
function M.start(trace, buffer_bytes, with_fallback, options)
  local run = M.describe(trace, settings.run, buffer_bytes)
  run.is_paused = trace._phases.is_paused and 1 or 0
  if not settings.run.max_overhead then run.max_overhead = (trace._max_overhead or 0) / 100 end
  -- Of `-n`: the decoder knows nothing of pauses, filters and proxies, so the loop counts.
  trace._limit, run.max_events = settings.run.events, 0
  if trace._pushdown then filter.push(trace._session, trace._handlers) end
  if trace._window then
    run.from, run.to = trace._window.from, trace._window.to
    run.is_slice = trace._window.is_slice and 1 or 0
  end
  if trace._options.machine then machine_events.want(trace) end
  run.spool_bytes, trace._is_interactive = options.spool_bytes or 0, options.is_interactive
  with_fallback(function()
    if options.is_interactive then C.oc_session_set_interactive(trace._session) end
    if C.oc_session_start(trace._session, run) ~= 0 then session.raise(trace._session) end
  end)
  if trace._options.machine then machine_events.tell_groups(trace) end
  local loop = C.oc_session_loop(trace._session)
  trace._loop, trace._queue.loop = loop, loop
  loop.left = trace._limit or 0
  if settings.verbose and not trace._path then
    filter.describe(trace._session, trace._handlers)
  end
end

local function say(text) return settings.quiet or io.stderr:write("oc: ", text, "\n") end

--- Handles one batch; a callback's error is reported and the loop goes on behind it.
local function handle_batch(trace, step)
  local loop = trace._loop
  local function fail(err) report(trace, err, lease.take_all_back()) end
  local queue = trace._queue
  queue:begin_callbacks()
  local before = C.oc_host_doing(host_pointer, IN_CALLBACKS)
  loop.callback = 1
  trace._phases.at_batch_end = false
  while loop.at < loop.count do
    local ok, err = xpcall(step, traced)
    if ok then break end
    fail(err)
    dispatch.step_over(loop, trace._handlers, traced, fail, queue.c, trace._proxied,
      trace._deliver)
  end
  lease.release_all(trace._views)
  queue:leave()
  C.oc_host_doing(host_pointer, before)
end

--- Fires the timers that are due at a time, and tells the loop when the next one is.
local function make_fire(trace)
  local timers, loop = trace._timers, trace._loop
  local queue = trace._queue
  local function call(fn, due)
    if trace._stopping then return end
    local before = queue.c.state
    queue:begin_hook(due)
    trace._phases.is_between = true
    call_hook(trace, fn, due)
    deliver_emitted(trace)
    trace._phases.is_between = false
    queue.c.state = before
  end
  local function is_over()
    return trace._stopping or C.oc_host_interrupted(host_pointer) ~= 0
  end
  loop.deadline = timers.next_due
  if #timers == 0 then return nil end
  return function(time)
    timers:fire(time, call, is_over)
    loop.deadline = timers.next_due
  end
end

--- Timers count from the beginning of the time that was asked for, once that is known.
local function begin_timers(trace)
  trace._timers:begin(trace._loop.begin_ns)
  trace._loop.deadline = trace._timers.next_due
end

--- Once the first events are handled, compiles everything anew: what got hot while most keys of
--- the aggregates were new has the slow path of a new key as its main path, for good (a few percent
--- of the loop).
local function warmed_up(seen)
  if seen >= WARM_UP_EVENTS then jit.flush() end
  return seen
end

--- Generates the loop for the callbacks and timers that there are now.
local function rebuild(trace)
  local loop, feeding = trace._loop, trace._feeding
  trace._deliver = dispatch.compile_queue(loop, trace._queue.c, trace._proxied)
  feeding.fire = make_fire(trace)
  local queue = #trace._proxied > 0 and trace._queue.c or nil
  feeding.step, feeding.counter = dispatch.compile(loop, trace._handlers, feeding.fire, queue,
    trace._deliver, trace._limit ~= nil, feeding.counter)
  local shortest = trace._timers:shortest()
  feeding.wait_ms = shortest and math.max(1, math.min(IDLE_MS, shortest / 1e6)) or IDLE_MS
end

--- After `start`: everything is ready for the first batch.
---@param trace oc.Trace
function M.prepare(trace)
  trace._feeding = { seen = 0, count = 0, more = make_feeder(trace) }
  changes.begin(trace)
  trace._is_changed = false
  rebuild(trace)
  settings.prepared()
end

--- Handles the batch at hand, and generates the loop anew where callbacks change it.
local function handle(trace)
  local feeding = trace._feeding
  local function regenerate() rebuild(trace) end
  repeat
    handle_batch(trace, feeding.step)
    local goes_on = changes.apply(trace, regenerate)
    if not goes_on then
      goes_on = phases.skip(trace, feeding.fire)
      changes.apply(trace, regenerate)
    end
  until not goes_on
end

--- One batch, for which it waits so long at most. False when none follows.
local function turn(trace, wait_ms)
  local loop, feeding = trace._loop, trace._feeding
  if trace._is_changed then changes.apply(trace, function() rebuild(trace) end) end
  feeding.more(feeding.count)
  local state = C.oc_session_next(trace._session, wait_ms)
  if state < 0 then session.raise(trace._session) end
  feeding.count = loop.count
  if state == 0 then return false end
  if feeding.fire then begin_timers(trace) end
  phases.follow(trace, say)
  if trace._phases.is_paused then loop.count = 0 end
  handle(trace)
  trace._phases.at_batch_end = true
  if trace._limit and loop.left <= 0 then M.stop(trace) end
  if feeding.seen < WARM_UP_EVENTS then feeding.seen = warmed_up(feeding.seen + feeding.count) end
  if feeding.fire and not trace._stopping then feeding.fire(loop.until_ns) end
  if not trace._path then io.stdout:flush() end
  return loop.is_last == 0
end

local function feed(trace)
  while not trace._stopping and turn(trace, trace._feeding.wait_ms) do end
end

local function say_skipped(timers)
  if timers.skipped == 0 then return end
  io.stderr:write(("oc: %.0f firings of timers were skipped: time went far ahead with no event "
    .. "between (a wrong time stamp?)\n"):format(timers.skipped))
end

--- Calls `body(trace)`, which feeds: nobody else does meanwhile.
local function feeding(trace, body, ...)
  trace._is_fed_by_run = true
  local ok, result = xpcall(body, traced, trace, ...)
  trace._is_fed_by_run = false
  return ok, result
end

local function feed_until(trace, deadline)
  local delivered = 0
  while true do
    local rest = math.max(0, (deadline - C.oc_now_ns()) / 1e6)
    local wait = delivered > 0 and 0 or math.min(trace._feeding.wait_ms, rest)
    local goes_on = turn(trace, wait)
    delivered = delivered + trace._feeding.count
    if not goes_on or trace._stopping then
      trace._has_ended = true
      break
    end
    local has_nothing_left = delivered > 0 and trace._feeding.count == 0
    if has_nothing_left or C.oc_now_ns() >= deadline then break end
  end
  return delivered
end

--- Delivers what there is for at most so long; false once there is nothing to follow.
---@param trace oc.Trace
---@param ms number
---@return number|false
function M.feed_for(trace, ms)
  if trace._is_over or trace._has_ended or trace._stopping then return false end
  local ok, result = feeding(trace, feed_until, C.oc_now_ns() + ms * 1e6)
  if ok then return result end
  trace._has_ended = true
  M.finish(trace)
  error(result, 0)
end

--- Ends a trace that `feed_for` fed: what has happened is delivered first.
---@param trace oc.Trace
function M.finish(trace)
  if trace._is_over then return end
  if trace._is_fed_by_run then
    errors.misuse("finish is not for callbacks and timers", { token = "finish",
      hint = "trace:stop() ends the run behind the event at hand" })
  end
  local ok, err = true, nil
  if not trace._has_ended and not trace._stopping then
    C.oc_session_stop(trace._session)
    ok, err = feeding(trace, feed)
  end
  ok, err = M.close(trace, ok, err)
  M.conclude(trace)
  if not ok then error(err, 0) end
end

--- Feeds a started trace until there are no more events.
---@param trace oc.Trace
---@return boolean ok
---@return any err
function M.deliver(trace)
  settings.begin_run()
  M.prepare(trace)
  if trace._path then progress.start() end
  local ok, err = feeding(trace, feed)
  progress.stop()
  return M.close(trace, ok, err)
end

--- After the last batch: the losses are final.
---@param trace oc.Trace
---@param ok boolean how feeding it went
---@param err any
---@return boolean ok
---@return any err
function M.close(trace, ok, err)
  -- Before the hooks: they may take long, and what the kernel drops meanwhile is no loss.
  local is_finished = C.oc_session_finish(trace._session) == 0
  if ok and not is_finished then
    local problem = session.problem(trace._session)
    ok, err = false, errors.new("the run could not be completed: " .. problem)
  end
  trace._is_over = true
  if not ok then trace._ended_by_error = true end
  lease.release_all(trace._views)
  say_skipped(trace._timers)
  return ok, err
end

--- Calls the end hooks, and says how the run was.
---@param trace oc.Trace
function M.conclude(trace)
  trace._is_over = true
  trace._queue:begin_hook(trace:stats().span_ns)
  for _, fn in ipairs(trace._at_end) do
    call_hook(trace, fn)
    if trace._deliver then deliver_emitted(trace) end
  end
  trace._queue:leave()
  io.stdout:flush()
  C.oc_session_end(trace._session)
  settings.finished(trace)
  jit.flush()  -- compiled code of functions that live on holds the callbacks, and so the trace
end

--- Feeds a started trace to its end.
---@param trace oc.Trace
function M.feed(trace)
  local ok, err = M.deliver(trace)
  M.conclude(trace)
  if not ok then error(err, 0) end
end

return M
