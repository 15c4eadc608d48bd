--- `--user NAME`: gives up this process's rights before anything of a script runs.
--
-- Found on the command line before any verb looks at it, for the words of a script's own are known
-- only when that runs: so `--user` counts wherever it stands before "--", and no script may have an
-- option of that name.

local args_kinds = { "script", "eval", "record", "repl", "report", "export", "diff", "list",
  "doctor" }

local M = {}

local takes_user = {}
for _, verb in ipairs(args_kinds) do takes_user[verb] = true end

--- What `--user` says on a command line; nil when it is not there.
---@param argv string[]
---@return string?
function M.named(argv)
  local found
  for i, word in ipairs(argv) do
    if word == "--" then break end
    if word == "--user" then found = argv[i + 1] or "" end
    found = word:match("^%-%-user=(.*)$") or found
  end
  return found
end

--- What the environment or a file says.
local function configured(verb)
  local config = require "oc.config"
  for _, option in ipairs(require "oc.options") do
    if option.name == "user" then
      local setting = config.find(setmetatable({ key = "user" }, { __index = option }), verb)
      return setting and setting.value
    end
  end
end

--- Becomes who was asked for. Requires: nothing of a script has run.
---@param verb string
---@param argv string[] behind it
function M.apply(verb, argv)
  if not takes_user[verb] then return end
  local name = M.named(argv) or configured(verb)
  if not name then return end
  local errors = require "oc.errors"
  if name == "" or name:find("^%-") then
    errors.wrong_usage("--user needs a name", "as in: sudo oc script cpu_top --user nobody")
  end
  local C = require "oc.abi"
  local ffi = require "ffi"
  local failure, who = ffi.new("oc_error"), ffi.new("const char *[1]")
  if C.oc_privileges_drop(name, failure, who) ~= 0 then
    local hint = ffi.string(failure.hint)
    errors.wrong_usage("--user: " .. ffi.string(failure.what), hint ~= "" and hint or nil)
  end
  M.who = ffi.string(who[0])
end

--- Raises where somebody asked for a user and nobody became it: nothing of a script has run.
---@param user? string
function M.require_applied(user)
  if user and not M.who then
    require("oc.errors").wrong_usage("--user " .. user .. " was not followed: nothing was run",
      "this is a fault of oc: please report the command line")
  end
end

return M
