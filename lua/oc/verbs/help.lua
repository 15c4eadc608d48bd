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
    .. "oc help --OPTION what an option does, oc help trace:on what scripts may call;\n"
    .. "oc help reference lists that.\n"
end

--- Whether this machine has the event.
local function is_event(word)
  if word:find("[*?%[]") then return false end
  local session = require("oc.session").new()
  return require("oc.abi").oc_session_event_name(session, word, 0) ~= nil
end

--- The option of that spelling, -F, --freq or --frequency, as each verb has it.
local function of_option(word)
  local found, known, seen = {}, {}, {}
  for _, option in ipairs(require "oc.options") do
    local spellings = { "--" .. option.name, option.short and "-" .. option.short or nil }
    for _, alias in ipairs(option.aliases or {}) do spellings[#spellings + 1] = "--" .. alias end
    local verbs = option.verbs and "oc " .. table.concat(option.verbs, ", ") or "everywhere"
    for _, spelling in ipairs(spellings) do
      known[#known + 1] = spelling
      local line = ("%s\n    (%s)\n"):format(help.option_line(option), verbs)
      if spelling == word and not seen[line] then
        found[#found + 1], seen[line] = line, true
      end
    end
  end
  if #found == 0 then
    errors.wrong_usage(("oc has no option %s"):format(word),
      nearest.hint(word, known) or "oc help VERB shows a verb's options")
  end
  io.stdout:write(table.concat(found))
  return 0
end

--- The format of that name or extension, and how it is written; nil when there is none.
local function of_format(word)
  for _, format in ipairs(require("oc.export").formats()) do
    local fits = format.name == word
    for _, extension in ipairs(format.extensions) do fits = fits or extension:sub(2) == word end
    if fits then
      return ("%s: %s\n    oc export TRACE -o OUT%s\n"):format(format.name, format.summary,
        format.extensions[1] or " --format " .. format.name)
    end
  end
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
    local format = of_format(word)
    if format then
      io.stdout:write(format)
      return 0
    end
    if is_event(word) then return verbs.run("list", { "events", word, "-v" }) end
    for _, name in ipairs(script.stock_names()) do names[#names + 1] = name end
    for _, each in ipairs(require("oc.export").formats()) do names[#names + 1] = each.name end
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
  local word = argv[1]
  if word and word:find("^%-") and word ~= "--help" and word ~= "-h" then return of_option(word) end
  io.stdout:write(overview())
  return 0
end

return M
