--- `oc help`: the verbs, or one verb's options.

local text_table = require "oc.text_table"

local M = {}

local function overview()
  local rows = {}
  for i, verb in ipairs(require("oc.verbs").verbs) do
    rows[i] = { "  oc " .. verb.name .. " " .. verb.usage, verb.summary }
  end
  return "oc: scripts over system events, live and recorded\n\n"
    .. text_table.render_lines({ {}, {} }, rows)
    .. [[

  oc FILE.lua                              run that script

Examples:
  oc script cpu_top                        who uses the CPU, every second, until Ctrl-C
  oc script cswitch_top -i perf.data       the same kind of question, of a recorded trace
  oc script syscall_latency -- make        of one command and its children
  oc list events 'sched:*' -v              events and their fields

oc help VERB shows a verb's options, oc script NAME --help a script's.
]]
end

---@param argv string[]
function M.run(argv)
  if argv[1] and argv[1] ~= "help" and argv[1]:sub(1, 1) ~= "-" then
    return require("oc.verbs").run(argv[1], { "--help" })
  end
  io.stdout:write(overview())
  return 0
end

return M
