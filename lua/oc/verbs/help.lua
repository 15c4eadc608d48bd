--- `oc help`: the verbs, or one verb's options.

local help = require "oc.args.help"
local text_table = require "oc.text_table"

local M = {}

local function overview()
  local rows = {}
  for i, verb in ipairs(require("oc.verbs").verbs) do
    rows[i] = { "  oc " .. verb.name .. " " .. verb.usage, verb.summary }
  end
  return "oc: scripts over system events, live and recorded\n\n"
    .. text_table.render_lines({ {}, {} }, rows)
    .. "\n  oc FILE.lua                              run that script\n\nExamples:\n"
    .. help.EXAMPLES
    .. "\noc help VERB shows a verb's options, oc script NAME --help a script's.\n"
end

---@param argv string[]
function M.run(argv)
  if argv[1] and argv[1] ~= "help" and argv[1]:sub(1, 1) ~= "-" then
    return require("oc.verbs").run(argv[1], { "--help" })
  end
  if argv[1] == "--man" then
    io.stdout:write(require("oc.manual").page())
    return 0
  elseif argv[1] == "--markdown" then
    io.stdout:write(require("oc.manual").markdown())
    return 0
  end
  io.stdout:write(overview())
  return 0
end

return M
