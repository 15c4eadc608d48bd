--- `--jobs N` and several `-i`: the parts of a run, one after the other or each in a worker.
--
--     one after the other      part 1 ─ part 2 ─ part 3 ─ end hooks        the same aggregates
--     workers (forks)          ┬ part 1 ────┐
--                              ├ part 2 ──┐ ├ merged in order ─ end hooks  what was printed, too
--                              └ part 3 ──┴─┘
--
-- The script's body up to trace:run(), and all behind it, runs once, in the first process: the
-- workers are forked where it calls trace:run(), with all that it has. docs/design/jobs.md says
-- why, and what makes both answers the same.

local C = require "oc.abi"
local errors = require "oc.errors"
local facts = require "oc.jobs.facts"
local ffi = require "ffi"
local guards = require "oc.jobs.guard"
local host = require "oc.host"
local own = require "oc.jobs.own"
local parts_of = require "oc.jobs.parts"
local phases = require "oc.phases"
local progress = require "oc.progress"
local run = require "oc.run"
local session = require "oc.session"
local settings = require "oc.settings"
local stacks = require "oc.jobs.stacks"
local state = require "oc.jobs.state"
local timers = require "oc.timers"
local wire = require "oc.jobs.wire"

local M = {}

local host_pointer = session.host_pointer
local IN_HOST, WAITING = 0, 3
local SIGINT = 2
local WAIT_MS = 50
local RESULT, OUTPUT, ERRORS = 0, 1, 2
local PIECE = 2 ^ 20

local function say(text, ...) io.stderr:write("oc: ", text:format(...), "\n") end

-- One part ---------------------------------------------------------------------------------------

--- Timers and phases as before the run, on a session of the part's own.
local function begin_part(trace, part)
  trace:_reopen(part.path)
  trace._window, trace._stopping, trace._is_over = part.window, false, false
  trace._phases = phases.new(trace._starts_paused)
  local again = timers.new()
  for _, timer in ipairs(trace._timers) do again:add(timer.period, timer.fn) end
  trace._timers = again
  for _, scratch in ipairs(trace._scratch) do require("table.clear")(scratch) end
end

--- Runs it; an error of the run itself is returned. `guard`: in a worker.
local function run_part(trace, part, guard)
  local ok, err = pcall(function()
    begin_part(trace, part)
    trace:_start()
    if guard then guard:install() end
    local is_fine, err = run.deliver(trace)
    if not is_fine then error(err, 0) end
  end)
  if guard then guard:remove() end
  return not ok and errors.make(err) or nil
end

-- One after the other ----------------------------------------------------------------------------

local function is_interrupted() return C.oc_host_interrupted(host_pointer) ~= 0 end

local function run_in_turn(trace, parts)
  local list, failure, told = {}, nil, stacks.new(false)
  trace._told_stacks = told  -- as long as the trace, as a session's are
  for _, part in ipairs(parts) do
    failure = run_part(trace, part)
    list[#list + 1] = facts.of(trace)
    if #parts > 1 then told:settle(own.aggregates()) end
    if trace._limit then settings.run.events = math.max(0, trace._loop.left) end
    local is_enough = trace._limit and settings.run.events == 0
    if failure or trace._stopping or is_interrupted() or is_enough then break end
  end
  for _, scratch in ipairs(trace._scratch) do require("table.clear")(scratch) end
  return list, failure
end

-- In a worker ------------------------------------------------------------------------------------

--- Plain fields of an error: what can be handed on.
local function plain_error(err, count)
  local plain = { count = count }
  for _, name in ipairs { "message", "hint", "token", "chunk", "file", "line", "traceback",
    "exit_status", "code" } do
    local value = err[name]
    if type(value) == "string" or type(value) == "number" then plain[name] = value end
  end
  return plain
end

--- What happened here that makes this part something else than a part of one run; nil: nothing.
local function obstacle(trace, noted, is_sliced, guard)
  if guard.found then return guard.found end
  local scratch = {}
  for _, each in ipairs(trace._scratch) do scratch[each] = true end
  return noted:change(scratch, is_sliced)
end

--- All that a worker does from the fork on; does not return.
local function work(trace, part, noted, is_sliced)
  progress.leave()
  settings.errors = errors.Collector.new({ max = settings.errors.max })
  settings.errors.is_silent = true
  local guard = guards.new(trace, noted)
  for _, aggregate in ipairs(noted.aggregates) do aggregate:clear() end
  local result = { errors = {} }
  local failure = run_part(trace, part, guard)
  local ok, encoded = pcall(function()
    result.failure = failure and plain_error(failure)
    result.facts = facts.of(trace)
    result.obstacle = obstacle(trace, noted, is_sliced, guard)
    for i, each in ipairs(settings.errors._places) do
      result.errors[i] = plain_error(each.error, each.count)
    end
    if not result.obstacle then result.aggregates = wire.dump(noted.aggregates) end
    return wire.encode(result)
  end)
  local bytes = ok and encoded or wire.encode { errors = {},
    failure = plain_error(errors.make(encoded)) }
  local status = C.oc_worker_write(host_pointer, bytes, #bytes) == 0 and 0 or 1
  C.oc_worker_leave(host_pointer, status)
end

-- The first process ------------------------------------------------------------------------------

local function start_worker(trace, part, noted, is_sliced)
  local is_worker = ffi.new("int[1]")
  local worker = C.oc_worker_start(host_pointer, part.of_bytes, is_worker)
  if is_worker[0] == 1 then work(trace, part, noted, is_sliced) end
  if worker == nil then
    error(errors.new("--jobs: " .. ffi.string(C.oc_workers_problem()),
      { hint = "fewer --jobs need less" }), 0)
  end
  return ffi.gc(worker, C.oc_worker_close)
end

--- Keeps `jobs` of them at work until all parts are done; after Ctrl-C none is begun any more.
---@return ffi.cdata*[] workers by part; fewer when it was interrupted
local function run_workers(trace, parts, jobs, noted)
  local is_sliced = parts[1].is_slice
  local workers, running, is_told = {}, {}, false
  while #running > 0 or #workers < #parts and not is_told do
    while #running < jobs and #workers < #parts and not is_told do
      local worker = start_worker(trace, parts[#workers + 1], noted, is_sliced)
      workers[#workers + 1], running[#running + 1] = worker, worker
    end
    local list = ffi.new("oc_worker *[?]", #running, running)
    local ended = C.oc_workers_wait(list, #running, WAIT_MS)
    if ended >= 0 then table.remove(running, ended + 1) end
    if is_interrupted() and not is_told then
      for _, worker in ipairs(running) do C.oc_worker_signal(worker, SIGINT) end
      is_told = true
    end
  end
  return workers
end

local size_box = ffi.new("size_t[1]")

local function copy_to(file, worker, which)
  local bytes = C.oc_worker_text(worker, which, size_box)
  local size = tonumber(size_box[0])
  for at = 0, size - 1, PIECE do
    file:write(ffi.string(bytes + at, math.min(PIECE, size - at)))
  end
end

local function read_result(worker, part)
  local bytes = C.oc_worker_text(worker, RESULT, size_box)
  local status = C.oc_worker_status(worker)
  local ok, result
  if status == 0 then
    ok, result = pcall(wire.decode, ffi.string(bytes, size_box[0]))
  end
  if ok then return result end
  local how = status > 128 and ("was ended by signal %d"):format(status - 128)
    or ("ended with status %d"):format(status)
  local err = errors.new(("the worker for %s %s: its part is missing in the results"):format(
    part.path, how))
  settings.errors:add(err)
  say("%s", err.message)
end

local function take_errors(list)
  for _, each in ipairs(list) do
    local err = errors.new(each.message, each)
    for _ = 1, each.count do
      if settings.errors:add(err) then io.stderr:write(errors.render(err, settings.read_source)) end
    end
  end
end

local function check_limits(noted)
  for _, aggregate in ipairs(noted.aggregates) do
    if aggregate._keys and aggregate._keys:refused() > 0 then
      local err = errors.new(("%s: which keys are within its limit depends on the workers")
        :format(tostring(aggregate)), { hint = "raise its limit, or leave out --jobs" })
      settings.errors:add(err)
      io.stderr:write("oc: ", errors.render(err))
    end
    local floor = aggregate._kind.name == "topk" and aggregate._kind.facts(aggregate).floor or 0
    if floor > 0 then
      say("%s: more keys came than it keeps, so one worker's counts may differ, within 'error'",
        tostring(aggregate))
    end
  end
end

local function refuse(trace, obstacle_found)
  local place = obstacle_found.line
    and { source = obstacle_found.chunk, currentline = obstacle_found.line } or trace._ran_at
  errors.raise_at(place, obstacle_found.message, obstacle_found)
end

--- Callbacks may fail so often in a run: where one worker would have stopped nobody knows.
local function check_errors(results)
  local count = 0
  for _, result in ipairs(results) do
    for _, each in ipairs(result and result.errors or {}) do count = count + each.count end
  end
  local most = settings.errors.max
  if count < most then return end
  local first
  for _, result in ipairs(results) do first = first or result and result.errors[1] end
  error(errors.new(("callbacks failed %d times: a run ends after %d, and workers do not know "
    .. "each other's"):format(count, most), { chunk = first.chunk, file = first.file,
    line = first.line, hint = "mend them, leave out --jobs, or raise --max-errors" }), 0)
end

--- Results in the order of the parts, printed and merged; the first failure.
local function collect(trace, parts, workers, noted)
  local list, results, failure = {}, {}, nil
  local told = stacks.new(parts[1].is_slice or false)
  trace._told_stacks = told
  for i, worker in ipairs(workers) do results[i] = read_result(worker, parts[i]) or false end
  for _, result in ipairs(results) do
    if result and result.obstacle then refuse(trace, result.obstacle) end
  end
  check_errors(results)
  for i, worker in ipairs(workers) do
    local result = results[i]
    copy_to(io.stdout, worker, OUTPUT)
    copy_to(io.stderr, worker, ERRORS)
    if result then
      take_errors(result.errors)
      if result.aggregates then wire.merge(noted.aggregates, result.aggregates, told) end
      list[#list + 1] = result.facts
      failure = failure or result.failure and errors.new(result.failure.message, result.failure)
    end
  end
  return list, failure
end

--- Raises where it is clear from the beginning that a run cannot be divided.
local function check(trace)
  if not trace._path or trace._source then
    errors.wrong_usage("--jobs is for recorded traces", "as in -i a.data -i b.data --jobs 2")
  elseif settings.run.events then
    errors.wrong_usage("-n counts the events of all parts, and workers do not know each other's",
      "leave out -n or --jobs")
  end
  local function no(place, what, hint)
    errors.raise_at(place, what .. ": with --jobs it cannot be divided", { hint = hint })
  end
  if trace._options.machine then
    no(trace._opened_at, "this trace has a machine or scenarios, whose spans go over its parts",
      "leave out --jobs, or count in aggregates")
  end
  for _, timer in ipairs(trace._timers) do
    local info = debug.getinfo(timer.fn, "S")
    no({ source = info.source, currentline = info.linedefined },
      "trace:every sees what all events before it left",
      "print at the end: trace:at_end, or behind trace:run()")
  end
  if #trace._proxied > 0 then
    no(trace._opened_at, "this trace has events that the script emits", "leave out --jobs")
  end
end

local function callbacks_of(trace)
  local list = {}
  for _, entry in ipairs(trace._registered) do list[#list + 1] = entry.fn end
  for _, proxy in ipairs(trace._proxies) do list[#list + 1] = rawget(proxy, "where") end
  for _, tell in ipairs(trace._told) do list[#list + 1] = tell end
  return list
end

local function run_divided(trace, parts, jobs)
  check(trace)
  local noted = state.note(callbacks_of(trace), guards.functions(trace, own.aggregates()))
  local of_bytes = 0
  for _, part in ipairs(parts) do of_bytes = of_bytes + part.of_bytes end
  local before = C.oc_host_doing(host_pointer, WAITING)
  C.oc_workers_begin(host_pointer, of_bytes)
  progress.start()
  local ok, workers = pcall(run_workers, trace, parts, jobs, noted)
  progress.stop()
  C.oc_workers_begin(host_pointer, 0)
  C.oc_host_doing(host_pointer, ok and before or IN_HOST)
  if not ok then error(workers, 0) end
  local list, failure = collect(trace, parts, workers, noted)
  check_limits(noted)
  return list, failure
end

--- Raises why it is not divided: of a script of oc's own nobody is to change a line.
local function refuse_divided(err)
  local name = type(err) == "table" and err.file and err.file:match("^([%w_]+)%.lua$")
  if name and settings.read_source(err.file) == host.text("scripts/" .. err.file) then
    local why = err.message:gsub(": with %-%-jobs it cannot be divided$", "")
    err = errors.new(("the script '%s' cannot be divided: %s"):format(name, why),
      { hint = "run it without --jobs" })
  end
  error(err, 0)
end

--- Runs a trace over all parts.
---@param trace oc.Trace
function M.run(trace)
  local jobs = settings.run.jobs or 1
  if jobs > 1 then
    local ok, err = pcall(check, trace)
    if not ok then refuse_divided(err) end
  end
  local parts, began = parts_of.of(trace, jobs), C.oc_now()
  if #parts > 1 and trace._options.machine then
    errors.raise_at(trace._opened_at, "a machine, or a scenario, is of one trace",
      { hint = "give one -i, or count in aggregates" })
  end
  trace._starts_paused = trace._phases.is_paused
  local list, failure
  if jobs == 1 or #parts == 1 then
    list, failure = run_in_turn(trace, parts)
  else
    local ok
    ok, list, failure = pcall(run_divided, trace, parts, jobs)
    if not ok then refuse_divided(list) end
  end
  if list[1] then trace._merged = facts.unite(list, parts, C.oc_now() - began) end
  run.conclude(trace)
  if failure then error(failure, 0) end
end

return M
