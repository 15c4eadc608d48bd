--- `oc repl [TRACE]`, and `oc TRACE`: questions a line at a time.

local args = require "oc.args"
local errors = require "oc.errors"
local report = require "oc.report"
local runner = require "oc.verbs.runner"

local M = {}

local INCOMPLETE = 3

local HEAD = [[
--- Questions to a recorded trace, or to this machine, a line at a time.
---
--- A line is Lua, and its value is shown. The short verbs of oc eval stand bare: on, count, sum,
--- hist, samples and the others; what those of a line ask for is read in one pass. .help tells the
--- rest.
--- Without a TRACE one trace of this machine goes on while lines are typed: it begins with the
--- first question, or at once with -e, --syscalls, -F or -g. A value is shown as it is now, live(x)
--- watches it, h:off() and h.filter change a callback; losses are in the prompt.
--- Lines that come from a pipe are run without a prompt.
---
--- Example: oc repl perf.data
--- Example: oc perf.data
--- Example: oc repl -e sched:sched_switch
--- Example: echo 'count("sched:sched_switch", "comm")' | oc repl perf.data
]]

local function check_readable(path)
  local file, problem = io.open(path, "rb")
  if not file then errors.wrong_usage("cannot read " .. problem) end
  file:close()
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "repl", script_name = "repl",
    usage = "[TRACE] [options]", head = HEAD }
  context:finish()
  local options, words = context.options, context.positionals
  if words[2] then errors.wrong_usage(("'%s' is one argument too many"):format(words[2])) end
  if words[1] and options.input then
    errors.wrong_usage("two traces: " .. words[1] .. " and -i " .. options.input,
      "leave out one of the two")
  end
  options.input = words[1] or options.input
  if options.input == "-" then
    errors.wrong_usage("standard input cannot be both the trace and the lines",
      "write the trace to a file first")
  end
  if context.command and options.input then
    errors.wrong_usage("a command runs live, and " .. options.input .. " is a recorded trace")
  end
  if options.input then
    runner.check_recorded(context)
    check_readable(options.input)
  end
  runner.take_options(context)
  runner.tune_jit()
  local status = require("oc.repl").run { path = options.input, batch = options.batch,
    quiet = options.quiet }
  if status == 0 and options.strict and (report.lost > 0 or report.damaged) then
    return INCOMPLETE
  end
  return status
end

return M
