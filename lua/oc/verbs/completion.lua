--- `oc completion bash|zsh|fish`: what the shell needs to complete oc's command lines.

local args = require "oc.args"
local errors = require "oc.errors"
local nearest = require "oc.nearest"

local M = {}

local HEAD = [[
--- What the shell needs to complete verbs, options, scripts, events and files.
---
--- Example: source <(oc completion bash)
--- Example: oc completion zsh > ~/.zsh/functions/_oc
--- Example: oc completion fish > ~/.config/fish/completions/oc.fish
]]

local shells = { "bash", "zsh", "fish" }

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "completion", script_name = "completion",
    usage = "bash|zsh|fish", head = HEAD }
  context:finish()
  local shell = context.positionals[1]
  local is_known = false
  for _, known in ipairs(shells) do is_known = is_known or known == shell end
  if not is_known then
    errors.wrong_usage(shell and ("oc does not know the shell '%s'"):format(shell)
      or "for which shell?", shell and nearest.hint(shell, shells) or "bash, zsh or fish")
  elseif context.positionals[2] then
    errors.wrong_usage(("'%s' is one argument too many"):format(context.positionals[2]))
  end
  io.stdout:write(require("oc.completion." .. shell)())
  return 0
end

return M
