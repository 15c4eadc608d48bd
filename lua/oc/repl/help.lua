--- Help at the prompt: the reference, and what a session says of itself.

local errors = require "oc.errors"
local output = require "oc.repl.output"
local reference = require "oc.reference"
local terminal = require "oc.terminal"

local M = {}

M.OVERVIEW = [[
A line is Lua; its value is shown. Beside Lua there are, over the trace at hand:
  count(EVENT, KEY…)             how often, by fields    count("sched:sched_switch", "comm")
  sum hist stats (EVENT, FIELD, KEY…)                    hist("block:block_rq_issue", "bytes")
  on(EVENT, fn)                  fn(e) for each event    on("exec", function(e) print(e.comm) end)
  samples{…} graph{…} processes{…} spans{…}              samples{comm="nginx"}:by("symbol")
  trace, m, oc                   a fresh trace, the machine of this one, the module
  help(x), ?trace:on             what there is to know of a name or a value; help() lists all
  _ is the last value; EXPR | less pipes; !ls runs ls; Ctrl-C stops a line
Commands:
]]

--- Tells of a name.
---@param name string
function M.show(name)
  local found, hint = reference.find(name)
  if not found then
    error(errors.new(("there is no help on '%s'"):format(name), {
      hint = hint or "help() lists what there is" }), 0)
  end
  output.show(terminal.text_of(found))
end

return M
