--- `oc help`: the verbs, one verb's options, or what the reference has of a name.

local errors = require "oc.errors"
local help = require "oc.args.help"
local nearest = require "oc.nearest"
local text_table = require "oc.text_table"

local M = {}

local function overview()
  local rows = {}
  for i, verb in ipairs(require("oc.verbs").verbs) do
    rows[i] = { "  oc " .. verb.name .. " " .. verb.usage, verb.summary }
  end
  return "oc: scripts over system events, live and recorded\n\n"
    .. text_table.render_lines({ {}, {} }, rows)
    .. "\n  oc FILE.lua                              run that script\n"
    .. "  oc TRACE                                 oc repl TRACE\n\nExamples:\n"
    .. help.EXAMPLES
    .. "\noc help VERB shows a verb's options, oc script NAME --help a script's,\n"
    .. "oc help trace:on what scripts may call; oc help reference lists that.\n"
end

--- Whether this machine has the event.
local function is_event(word)
  if word:find("[*?%[]") then return false end
  local session = require("oc.session").new()
  return require("oc.abi").oc_session_event_name(session, word, 0) ~= nil
end

--- A verb's options, a script's or an event's help, or the reference's text; a mistake gets the
--- nearest names.
local function of_word(word)
  local verbs, names = require("oc.verbs"), {}
  for i, verb in ipairs(verbs.verbs) do
    if verb.name == word then return verbs.run(word, { "--help" }) end
    names[i] = verb.name
  end
  local found, hint = require("oc.reference").find(word ~= "reference" and word or nil)
  if not found then
    local script = require "oc.verbs.script"
    if script.stock_source(word) then return verbs.run("script", { word, "--help" }) end
    if is_event(word) then return verbs.run("list", { "events", word, "-v" }) end
    for _, name in ipairs(script.stock_names()) do names[#names + 1] = name end
    hint = nearest.hint(word, names) or hint
    errors.wrong_usage(("there is no help on '%s'"):format(word), hint
      or word:find(":", 1, true) and "oc list events shows those of this machine"
      or "oc help reference lists what scripts may call, oc list scripts the scripts")
  end
  io.stdout:write(tostring(found), "\n")
  return 0
end

---@param argv string[]
function M.run(argv)
  if argv[1] and argv[1] ~= "help" and argv[1]:sub(1, 1) ~= "-" then return of_word(argv[1]) end
  if argv[1] == "--man" then
    io.stdout:write(require("oc.manual").page())
    return 0
  elseif argv[1] == "--reference" then
    io.stdout:write(require("oc.reference_page").markdown())
    return 0
  elseif argv[1] == "--markdown" then
    io.stdout:write(require("oc.manual").markdown())
    return 0
  end
  io.stdout:write(overview())
  return 0
end

return M
