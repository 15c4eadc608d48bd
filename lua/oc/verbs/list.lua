--- `oc list [events|scripts|scenarios|formats] [GLOB] [-v]`: what can be asked for here, or what a
--- trace holds.

local C = require "oc.abi"
local aggregate = require "oc.aggregate"
local args = require "oc.args"
local canonical = require "oc.canonical"
local errors = require "oc.errors"
local ffi = require "ffi"
local help = require "oc.args.help"
local json = require "oc.json"
local kinds = require "oc.kinds"
local nearest = require "oc.nearest"
local open_trace = require("oc.trace").open
local progress = require "oc.progress"
local report = require "oc.report"
local session_of = require "oc.session"
local settings = require "oc.settings"
local text_table = require "oc.text_table"

local M = {}

local HEAD = [[
--- What can be asked for here, or what a trace holds (-i).
---
--- Events are listed unless told otherwise; -v shows their fields: type, offset and size in bytes.
--- With --time those that happened in this part of the trace, and how often.
---
--- Example: oc list events 'sched:*' -v
--- Example: oc list events -i perf.data
--- Example: oc list events -i perf.data --time -1s,
--- Example: oc list scripts
]]

local function field_rows(kind)
  local rows = {}
  for _, field in ipairs(kind.fields) do
    if not field.common then
      local type_name = field.count > 0 and ("%s[%d]"):format(field.type, field.count) or field.type
      rows[#rows + 1] = { "    " .. field.name, type_name, tostring(field.offset),
        tostring(field.size), field.hex and "address" or field.signed and "signed" or "" }
    end
  end
  return rows
end

--- What to say of events that this machine does not have: they are looked for one by one.
local function missing(session, name)
  if name:find(":", 1, true) then return "" end  -- tracepoints are those that there are
  return ffi.string(C.oc_session_event_missing(session, name))
end

local function verbose(session, name)
  local numbers = kinds.find(session, name)
  local problem = missing(session, name)
  io.stdout:write(name, problem ~= "" and "  (" .. problem .. ")" or "", "\n")
  if not numbers then return end
  local rows = field_rows(kinds.read(session, numbers[1]))
  if #rows > 0 then
    local columns = { {}, {}, { right = true }, { right = true }, {} }
    io.stdout:write(text_table.render_lines(columns, rows))
  end
end

local function as_json(session, name)
  local problem = missing(session, name)
  local entry = { name = name, fields = {}, missing = problem ~= "" and problem or nil }
  local numbers = kinds.find(session, name)
  for i, field in ipairs(numbers and kinds.read(session, numbers[1]).fields or {}) do
    entry.fields[i] = { name = field.name, type = field.type, offset = field.offset,
      size = field.size, count = field.count, signed = field.signed, address = field.hex }
  end
  io.stdout:write(json.encode(entry), "\n")
end

--- With --time: the events of that part of the trace, and how often they happened.
local function list_part(context, glob)
  settings.run = { input = context.options.input, time = context.options.time }
  settings.quiet, settings.finished = context.options.quiet, report.finished
  progress.make_way()
  local trace = open_trace {}
  local by_event = aggregate.counter("event")
  trace:on(glob or "*", function(e) by_event:count(e.event) end)
  trace:run()
  local rows = {}
  for i, row in ipairs(by_event:rows()) do
    rows[i] = { row.event, tostring(row.count) }
    if context.options.json then
      io.stdout:write(json.encode { name = row.event, count = row.count }, "\n")
    end
  end
  if not context.options.json then
    io.stdout:write(text_table.render_lines({ {}, { right = true } }, rows))
  end
  return 0
end

local function list_events(context, glob)
  if context.options.time then return list_part(context, glob) end
  local path = context.options.input
  local session = session_of.new(path)
  local names = session_of.event_names(session, glob or "*")
  if #names == 0 then
    local all = session_of.event_names(session, "*")
    local problem = glob and ("no event matches '%s'"):format(glob) or "there are no events"
    error(errors.new(path and problem .. " in " .. path or problem, {
      hint = glob and nearest.hint(glob, all)
        or (path or #all > 0) and "oc list events shows all"
        or "tracepoints need root and a mounted tracefs: oc doctor tells what is missing",
    }), 0)
  end
  for _, name in ipairs(names) do
    if context.options.json then
      as_json(session, name)
    elseif context.options.verbose then
      verbose(session, name)
    else
      local problem = missing(session, name)
      io.stdout:write(name, problem ~= "" and "  (" .. problem .. ")" or "", "\n")
    end
  end
  for _, note in ipairs(path and session_of.notes(session) or {}) do
    io.stderr:write("oc: ", note, "\n")
  end
  if not glob and not context.options.json and not context.options.quiet then
    io.stderr:write("oc: also, live and recorded: ", table.concat(canonical.names, ", "), "\n")
    if not path then
      io.stderr:write("oc: also syscall:NAME, rNNN, UNIT/TERM=VALUE,…/, mem:ADDRESS[/LENGTH][:rwx] "
        .. "and modifiers, as in cycles:u: see docs/guide/events.md\n")
    end
  end
  return 0
end

--- Names with a word about each, those that match: `what` they are, in the singular.
local function list_names(context, glob, all, what)
  local rows = {}
  for _, row in ipairs(all) do
    if C.oc_glob_text(glob or "*", #(glob or "*"), row[1], #row[1]) == 1 then
      rows[#rows + 1] = row
    end
  end
  if #rows == 0 then error(errors.new(("no %s matches '%s'"):format(what, glob)), 0) end
  for _, row in ipairs(context.options.json and rows or {}) do
    io.stdout:write(json.encode({ name = row[1], summary = row[2] }), "\n")
  end
  if not context.options.json then
    io.stdout:write(text_table.render_lines({ {}, {}, {} }, rows))
  end
  return 0
end

local function list_scripts(context, glob)
  local script = require "oc.verbs.script"
  local all = {}
  for i, name in ipairs(script.stock_names()) do
    all[i] = { name, help.head(script.stock_source(name)).summary or "" }
  end
  return list_names(context, glob, all, "script")
end

local function list_scenarios(context, glob)
  local all = {}
  for i, known in ipairs(require("oc.scenario").all()) do
    all[i] = { known.name, known.summary or "" }
  end
  return list_names(context, glob, all, "scenario")
end

local function list_formats(context, glob)
  local all = {}
  for i, known in ipairs(require("oc.export").formats()) do
    all[i] = { known.name, known.summary, table.concat(known.extensions, " ") }
  end
  return list_names(context, glob, all, "format")
end

local lists = { events = list_events, scripts = list_scripts, scenarios = list_scenarios,
  formats = list_formats }
local LISTS = { "events", "scripts", "scenarios", "formats" }

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "list", script_name = "list",
    usage = "[events|scripts|scenarios|formats] [GLOB] [options]", head = HEAD }
  context:finish()
  require("oc.verbs.machine_input").run_scripts(context.options, "list")
  local words = context.positionals
  local what = words[1] or "events"
  local hint = nearest.hint(what, LISTS)
  if not lists[what] and not words[2] and not hint then
    return list_events(context, what)  -- a glob alone is one of events
  end
  if not lists[what] then
    errors.wrong_usage(("oc list cannot list '%s'"):format(what),
      hint or "it lists events, scripts, scenarios and formats")
  end
  if words[3] then
    errors.wrong_usage(("'%s' is one argument too many"):format(words[3]))
  end
  return lists[what](context, words[2])
end

return M
