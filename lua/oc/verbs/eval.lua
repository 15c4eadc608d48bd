--- `oc eval CODE`: a line of Lua with `oc` at hand.

local args = require "oc.args"
local errors = require "oc.errors"
local runner = require "oc.verbs.runner"

local M = {}

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "eval" }
  if not context.script then
    errors.wrong_usage("eval wants a line of Lua", "as in: oc eval 'print(oc.addr(4096))'")
  end
  local code = context.script
  context.head = "--- A line of Lua."
  _G.oc = require "oc"
  return runner.run(context, code, "=eval")
end

return M
