--- Runs a chunk of the user's: what `oc script` and `oc eval` share.

local C = require "oc.abi"
local ask = require "oc.ask"
local chunks = require "oc.chunk"
local errors = require "oc.errors"
local host = require "oc.host"
local memory_limit = require "oc.memory_limit"
local own_options = require "oc.options"
local nearest = require "oc.nearest"
local privileges = require "oc.privileges"
local progress = require "oc.progress"
local report = require "oc.report"
local session = require "oc.session"
local settings = require "oc.settings"

local wrong_usage = errors.wrong_usage

local M = {}

local host_pointer = session.host_pointer
local IN_HOST, IN_BODY = 0, 1
local FAILED, INCOMPLETE = 1, 3

--- What tells the kernel what to record cannot change what was recorded. Set once for all, by the
--- environment or a file, it is for live runs.
---@param context oc.args.Context
function M.check_recorded(context)
  for _, option in ipairs(own_options) do
    local shown = option.live and context.typed[(option.name:gsub("-", "_"))]
    if shown then
      wrong_usage(("%s is for a live run, and -i reads a recorded trace"):format(shown),
        "leave out one of the two; oc record takes " .. shown)
    end
  end
end

--- Takes the options into the settings.
---@param context oc.args.Context
function M.take_options(context)
  local options = context.options
  privileges.require_applied(options.user)
  settings.json, settings.verbose, settings.quiet = options.json, options.verbose, options.quiet
  settings.traceback = options.traceback
  settings.use_debuginfod(options.debuginfod)
  settings.errors.max = options.max_errors
  settings.run = {
    input = options.input, inputs = context.inputs, jobs = options.jobs,
    duration = options.duration, events = options.events,
    time = options.time, buffer = options.buffer, command = context.command,
    frequency = options.frequency, paused = options.paused, max_overhead = options.max_overhead,
    spool = options.spool,
    filter = options.filter, asked = ask.of_options(options),
  }
  settings.profile, settings.checked = options.profile_script, options.checked
  if options.memory then host.memory_limit(options.memory) end
end

--- Takes them; what the script did not declare is wrong usage now.
local function apply(context)
  context:finish()
  local options, command = context.options, context.command
  if type(options.input) == "table" then  -- all of them are in settings.run.inputs
    context.inputs, options.input = options.input, options.input[1]
  end
  if context.positionals[1] then
    wrong_usage(("'%s' is one argument too many"):format(context.positionals[1]),
      "a command to run comes after --")
  elseif command and #command == 0 then
    wrong_usage("there is no command behind --", "as in: oc script cpu_top -- make")
  elseif options.input == "-" and context.script == "-" then
    wrong_usage("standard input cannot be both the script and the trace",
      "as in: perf record -o - … | oc script -i - cpu_top")
  elseif command and options.input then
    wrong_usage("a command runs live, and -i reads a recorded trace", "leave out one of the two")
  end
  if options.input and options.live then
    wrong_usage("--live traces this machine, and -i reads a recorded trace",
      "leave out one of the two")
  elseif options.input then
    M.check_recorded(context)
  end
  if (options.jobs or 1) > 1 and (options.profile_script or options.jit_report) then
    wrong_usage("--profile-script and --jit-report look into one process, and --jobs makes more",
      "leave out --jobs")
  elseif (options.jobs or 1) > 1 and privileges.who then
    wrong_usage("--user leaves one process that keeps its rights, for one that asks it",
      "leave out --user or --jobs")
  end
  M.take_options(context)
  if options.jit_report then require("oc.jit_report").start() end
  if options.profile_script then require("oc.script_profile").start() end
  if options.timeout then C.oc_host_timeout(host_pointer, options.timeout) end
end

--- Raises the limits under which LuaJIT would give up compiling large scripts.
function M.tune_jit()
  require("jit.opt").start("maxmcode=16384", "maxtrace=8000", "maxrecord=16000")
end

local function exit_status(context, trace_status)
  if settings.errors.total > 0 or C.oc_host_interrupted(host_pointer) == -1 then return FAILED end
  if context.options.strict and (report.lost > 0 or report.damaged) then return INCOMPLETE end
  if context.options.exit_status and trace_status then return trace_status end
  return 0
end

--- A name that is nothing, and one that is near: of a global that was called or looked into.
local function add_hint(err, names)
  local name = not err.hint and tostring(err.message):match("global '([%w_]+)' %(a nil value%)")
  if not name then return end
  local known = {}
  for each in pairs(names or _G) do known[#known + 1] = tostring(each) end
  err.hint = nearest.hint(name, known)
end

--- An error of the script's body. 130: Ctrl-C ended it before it had results.
local function failed(err, context, chunk, names)
  local made = memory_limit.explain(err, chunk) or errors.make(err)
  add_hint(made, names)
  if made.exit_status then  -- wrong usage, or help: told as such, not as a fault of oc
    made.traceback = nil
    error(made, 0)
  end
  local signal = C.oc_host_interrupted(host_pointer)
  io.stdout:flush()
  if signal > 0 and tostring(made.message):find("interrupted", 1, true) then
    local how = settings.is_stopped and "stopped" or "interrupted"
    io.stderr:write("oc: ", how, " at ", tostring(made.file), ":", tostring(made.line), "\n")
    return 128 + signal
  end
  local text = errors.render(made, settings.read_source)
  io.stderr:write(made.file and text or "oc: " .. text)
  if context.options.traceback and made.traceback then io.stderr:write(made.traceback, "\n") end
  return FAILED
end

---@class oc.Running how a chunk is run that is no script
---@field load fun(source: string, name: string): function?, string?
---@field after fun(...) called with what the chunk returned, when it did
---@field names? table<string, any> what is global in it, where that is not _G
---@field rescue? fun() shows what a run gathered before the chunk failed
---@field of_report fun(trace: oc.Trace): table? what the report of a run leaves out

--- A script of record-trace's verbs has said what it wants, and not that it is to be run.
local function finish_record_trace()
  local record_trace = package.loaded["oc.record_trace"]
  if record_trace then record_trace.finish() end
end

local as_script = { load = chunks.load, after = finish_record_trace, of_report = function() end }

--- A report on the script itself: a document among the others, or text beside the results.
local function tell(inside)
  if settings.json then
    settings.write(inside.json() .. "\n")
  else
    io.stdout:flush()
    io.stderr:write(inside.text())
  end
end

--- Leaves a script that stops uncompiled, which its first run tells: it is much slower.
local function interpret(chunk)
  jit.off(chunk, true)
  local is_told = false
  settings.prepared = function()
    if is_told or settings.quiet or settings.errors.is_silent then return end
    is_told = true
    io.stderr:write("oc: the script is interpreted, not compiled, as it calls oc.repl()\n")
  end
end

--- Runs `source` as chunk `name` ("@path" or "=name").
---@param context oc.args.Context
---@param how? oc.Running
---@return integer exit_status
function M.run(context, source, name, how)
  how = how or as_script
  settings.read_source = function(chunk)
    return (chunk == name or chunk == name:sub(2)) and source or nil
  end
  local trace_status
  settings.declare = function(declared)
    local values = context:declare(declared)
    apply(context)
    return values
  end
  settings.before_open = function() apply(context) end
  settings.finished = function(trace)
    report.finished(trace, how.of_report(trace))
    trace_status = trace:command_status()
  end
  progress.make_way()  -- before the script: it may keep `print` in a local
  local chunk, problem = how.load(source, name)
  if not chunk then return failed(problem, context) end
  -- A script that cannot declare arguments gets its wrong options told before it runs, and other
  -- words as `...`.
  if not source:find("args", 1, true) then
    apply(context)
    if #context.positionals > 0 and not source:find("...", 1, true) then
      wrong_usage(("'%s' is one argument too many"):format(context.positionals[1]),
        "this script takes none; a command comes after --")
    end
  end
  if chunks.has_stops(source) then interpret(chunk) end
  jit.off(chunk)  -- hooks work in interpreted code only: Ctrl-C must reach a loop in the body
  M.tune_jit()
  C.oc_host_doing(host_pointer, IN_BODY)
  local ok, err = xpcall(function()
    how.after(chunk(unpack(context.positionals)))
    require("oc.trace").check_all_ran()
  end, function(raised)
    local made = errors.make(raised)
    if not made.traceback and not made.exit_status then
      made.traceback = debug.traceback("", 2)
    end
    return made
  end)
  if not ok and how.rescue then pcall(how.rescue) end
  C.oc_host_doing(host_pointer, IN_HOST)
  local status = ok and exit_status(context, trace_status) or failed(err, context, chunk, how.names)
  if not settings.quiet then io.stderr:write(settings.errors:summary()) end
  if context.options.jit_report then tell(require "oc.jit_report") end
  if context.options.profile_script then tell(require "oc.script_profile") end
  return status
end

return M
