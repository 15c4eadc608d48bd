--- Help on names: what the reference says of them.

local errors = require "oc.errors"
local host = require "oc.host"
local nearest = require "oc.nearest"
local output = require "oc.repl.output"

local M = {}

M.OVERVIEW = [[
A line is Lua; its value is shown. Beside Lua there are, over the trace at hand:
  count(EVENT, KEY…)             how often, by fields    count("sched:sched_switch", "comm")
  sum hist stats (EVENT, FIELD, KEY…)                    hist("block:block_rq_issue", "bytes")
  on(EVENT, fn)                  fn(e) for each event    on("exec", function(e) print(e.comm) end)
  samples{…} graph{…} processes{…} spans{…}              samples{comm="nginx"}:by("symbol")
  trace, m, oc                  a fresh trace, the machine of this one, the module
  _ is the last value; EXPR | less pipes; !ls runs ls; ?count and help(x) tell more; = is left out
Commands:
]]

--- The comment above the definition of a function or method of this name in oc's own modules.
local function find_comment(name)
  local wanted = name:match("([%a_][%w_]*)$")
  if not wanted then return nil end
  for _, path in ipairs(host.files()) do
    local text = path:find("^lua/oc/") and host.text(path)
    local at = text and text:find("\nfunction [%w_]+[.:]" .. wanted .. "%(")
    if at then
      local lines = {}
      for line in text:sub(1, at):gmatch("(.-)\n") do
        if line:find("^%-%-%-") then
          lines[#lines + 1] = line:gsub("^%-%-%-%s?", "")
        else
          lines = {}
        end
      end
      local signature = text:match("function ([^\n]*)", at)
      if #lines > 0 then return signature .. "\n  " .. table.concat(lines, "\n  ") end
    end
  end
end

--- Tells of a name or of a value.
---@param loop oc.repl.Loop
---@param what any
function M.show(loop, what)
  local env = loop.session.env
  if type(what) ~= "string" then
    for name, value in next, env do if value == what then what = name end end
  end
  if type(what) ~= "string" then
    return output.show(require("oc.repl.show").text(what))
  end
  local text = find_comment(what)
  if not text then
    local known = {}
    for name in next, env do known[#known + 1] = tostring(name) end
    error(errors.new(("there is no help on '%s'"):format(what),
      { hint = nearest.hint(what, known) or ".help shows what there is" }), 0)
  end
  output.show(text)
end

return M
