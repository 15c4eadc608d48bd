--- What begins with "." at the prompt: about the session and the trace, not a question in Lua.
--
--     .events sched:*      .fields sched:sched_switch      .run cpu_top --top 5
--     !ls                  ?count                          the shell; help

local cells = require "oc.cells"
local errors = require "oc.errors"
local ffi = require "ffi"
local nearest = require "oc.nearest"
local output = require "oc.repl.output"
local shell = require "oc.repl.shell"
local terminal = require "oc.terminal"
local text_table = require "oc.text_table"

local M = {}

---@class oc.repl.Command
---@field name string
---@field usage string
---@field summary string
---@field completes? string "file", "event", "script", "help"
---@field of_script? boolean where a script stopped, and nowhere else
---@field of_all? boolean there, too
---@field run fun(loop: oc.repl.Loop, argument: string)

local function fail(message, hint) error(errors.new(message, { hint = hint }), 0) end

--- A file as it is typed: perhaps in quotes, perhaps in the home folder.
local function path_of(argument)
  local path = argument:match('^"(.*)"$') or argument:match("^'(.*)'$") or argument
  local home = os.getenv "HOME"
  return home and path:gsub("^~/", function() return home .. "/" end) or path
end

local function status_of(command)
  local status = os.execute(command)
  if type(status) == "number" and status > 255 then status = math.floor(status / 256) end
  return status
end

-- About the trace ---------------------------------------------------------------------------------

local function glob(pattern, text)
  local C = require "oc.abi"
  return C.oc_glob_text(pattern, #pattern, text, #text) == 1
end

--- What a live trace runs, with how often it came.
local function show_running(list)
  local rows = {}
  for i, row in ipairs(list) do
    rows[i] = { row.name, ("%.0f"):format(row.seen), ("%.0f"):format(row.lost),
      ("%d"):format(row.callbacks) }
  end
  if #rows == 0 then return false end
  output.show(text_table.render({ { title = "event" }, { title = "kernel saw", right = true },
    { title = "lost", right = true }, { title = "callbacks", right = true } }, rows)
    .. ".events '*' lists all that can be asked for")
  return true
end

--- What runs live, also where a script stopped; nil of a recorded trace.
local function running(loop)
  if loop.session.live then return loop.session.live:events() end
  local changes = require "oc.changes"
  local trace = loop.where and changes.running_trace()
  return trace and not trace:is_recorded() and changes.events(trace) or nil
end

local function show_events(loop, argument)
  local rows = argument == "" and running(loop)
  if rows and show_running(rows) then return end
  argument = argument:match("^'(.*)'$") or argument:match('^"(.*)"$') or argument
  local all, found = require("oc.repl.names").events(loop.session), {}
  local pattern = argument ~= "" and argument or "*"
  for _, name in ipairs(all) do
    if glob(pattern, name) then found[#found + 1] = name end
  end
  if #found == 0 then
    fail(("no event matches '%s'"):format(argument), nearest.hint(argument, all)
      or ("there are %d: .events '*' lists them"):format(#all))
  end
  output.show(table.concat(found, "\n"))
end

local function show_fields(loop, argument)
  if argument == "" then fail("fields of which event?", "as in .fields sched:sched_switch") end
  local rows = {}
  for _, field in ipairs(loop.session:trace():event(argument).format) do
    if not field.common then
      local type_name = field.count > 0 and ("%s[%d]"):format(field.type, field.count) or field.type
      rows[#rows + 1] = { field.name, type_name, tostring(field.size),
        field.hex and "address" or field.signed and "signed" or "" }
    end
  end
  output.show(cells.wrap(text_table.render({ { title = "field" }, { title = "type" },
    { title = "bytes", right = true }, { title = "" } }, rows)
    .. "beside: time cpu pid tid comm, and ip stack period where it is sampled so",
    terminal.layout().columns))
end

local function export(loop, argument)
  if argument == "" then fail("to which file?", "as in .export out.pb.gz") end
  local path, force = argument:gsub("%s+%-%-force$", "")
  path = path_of(path)
  if force == 0 and require("oc.abi").oc_path_kind(path) == 1 then
    fail(path .. " is there already", ".export " .. path .. " --force replaces it")
  end
  if path:find("%.events%.[^/]*$") or path:find("%.data$") then
    local trace = loop.session:trace()
    trace:export(path, { force = force > 0 or nil })
    trace:run()
    return output.show(path .. ": written")
  end
  local bytes = loop.session:machine():export(path, { force = force > 0 or nil })
  if path ~= "-" then
    output.show(("%s: %s"):format(path, require("oc.units").format_size(bytes)))
  end
end

-- Scripts and files -------------------------------------------------------------------------------

local function show_scripts()
  local help, script = require "oc.args.help", require "oc.verbs.script"
  local rows = {}
  for i, name in ipairs(script.stock_names()) do
    rows[i] = { name, help.head(script.stock_source(name)).summary or "" }
  end
  output.show(cells.wrap(text_table.render_lines({ {}, {} }, rows), terminal.layout().columns))
end

ffi.cdef [[ ssize_t readlink(const char *path, char *target, size_t size); ]]

--- This program, for a shell. Behind `--user` a process may look at itself, and no other at it.
local function own_program()
  local user = require("oc.privileges").who or ""
  if user == "" then return ("/proc/%d/exe"):format(require("oc.abi").oc_host_pid()) end
  local path = ffi.new("char[4096]")
  local size = tonumber(ffi.C.readlink("/proc/self/exe", path, 4096))
  local found = size > 0 and size < 4096 and ffi.string(path, size)
  if not found or status_of("test -x " .. shell.quoted(found)) ~= 0 then
    fail("this user may not run oc" .. (found and ", which is " .. found or ""),
      "install it where that user may read it, or run oc script in a shell")
  end
  return shell.quoted(found)
end

local function run_script(loop, argument)
  local name, rest = argument:match("^(%S+)%s*(.*)$")
  if not name then fail("which script?", ".scripts shows oc's own; or a file") end
  local user = require("oc.privileges").who or ""
  if not loop.session.path and user ~= "" then
    fail(".run starts another oc, and this user has no rights to trace this machine",
      "in a shell: oc script " .. name .. " --user …; of a trace .run works")
  end
  local input = loop.session.path and " -i " .. shell.quoted(loop.session.path) or ""
  io.stdout:flush()
  local status = status_of(("%s script%s %s %s </dev/null"):format(own_program(), input,
    shell.quoted(name), rest))
  if status ~= 0 and loop.is_interactive then
    io.stderr:write(("oc: the script ended with status %d\n"):format(status))
  elseif status ~= 0 then
    fail(("the script '%s' ended with status %d"):format(name, status))
  end
end

local function load_file(loop, argument)
  if argument == "" then fail("which file?", "as in .load my.lua") end
  argument = path_of(argument)
  local file, problem = io.open(argument, "rb")
  if not file then fail("cannot read " .. problem) end
  local text = file:read("*a")
  file:close()
  if not text then fail(argument .. " is no file of lines") end
  loop.session:load_text(text:gsub("^#![^\n]*", ""), "@" .. argument)
  loop.session:keep("", false, argument)
end

local function save(loop, argument)
  if argument == "" then fail("to which file?", "as in .save questions.lua") end
  argument = path_of(argument)
  local text = require("oc.repl.saved").text(loop.session)
  local there = io.open(argument, "rb")
  if there then
    there:close()
    fail(argument .. " is there already", "another name, or: !rm " .. argument)
  end
  local file, problem = io.open(argument, "wb")
  if not file then fail("cannot write " .. problem) end
  local ok, failure = file:write(text)
  ok = file:close() and ok
  if not ok then fail("cannot write " .. argument .. ": " .. tostring(failure)) end
  output.show(("%s: oc script %s runs it"):format(argument, argument))
end

-- The session -------------------------------------------------------------------------------------

local function set_times(loop, argument)
  if argument == "" then
    return output.show("times are " .. (loop.times == "off" and "off" or "on"))
  end
  if argument ~= "on" and argument ~= "off" then fail(".time is on or off") end
  loop.times = argument
  output.show("times are " .. argument)
end

local function show_more()
  if not output.more() then fail("there is no more of it") end
end

local function restart(loop)
  if not loop.session.live then fail(".restart is of a live session", "oc repl without a TRACE") end
  loop.session.live:restart()
end

local function quit(loop) loop.is_over, loop.wants_stop = true, true end
local function continue(loop) loop.is_over = true end
local function show_where(loop) output.show(table.concat(loop.where, "\n")) end

local commands  -- below

--- Whether a command makes sense: of a script that stopped, or of a session.
local function fits(loop, command)
  if command.of_all then return true end
  return (command.of_script or false) == (loop.where ~= nil)
end

local function show_help(loop, argument)
  if argument ~= "" then return require("oc.repl.help").show(argument) end
  local rows = {}
  for _, command in ipairs(commands) do
    if fits(loop, command) then
      rows[#rows + 1] = { "  ." .. command.name .. " " .. command.usage, command.summary }
    end
  end
  local overview = loop.where and "" or require("oc.repl.help").OVERVIEW
  local text = overview .. text_table.render_lines({ {}, {} }, rows)
  output.show(cells.wrap(text, terminal.layout().columns))
end

---@type oc.repl.Command[]
commands = {
  { name = "continue", usage = "", summary = "the script goes on; so does Ctrl-D", of_script = true,
    run = continue },
  { name = "stop", usage = "",
    summary = "the run ends here, and end hooks are called; in its body, the script",
    of_script = true, run = quit },
  { name = "where", usage = "", summary = "the calls that led there", of_script = true,
    run = show_where },
  { name = "events", usage = "[GLOB]", summary = "the events of the trace; live, those that run",
    completes = "event", run = show_events, of_all = true },
  { name = "fields", usage = "EVENT", summary = "its fields", completes = "event",
    run = show_fields, of_all = true },
  { name = "run", usage = "SCRIPT [options]", summary = "a script on this trace, as oc script",
    completes = "script", run = run_script },
  { name = "scripts", usage = "", summary = "oc's own scripts", run = show_scripts },
  { name = "export", usage = "PATH [--force]",
    summary = "the whole trace for other tools, by the name's end",
    completes = "file", run = export },
  { name = "load", usage = "FILE", summary = "run a file of Lua here", completes = "file",
    run = load_file },
  { name = "save", usage = "FILE", summary = "what was typed and went well, as a script",
    completes = "file", run = save },
  { name = "restart", usage = "", summary = "live: another trace, begun by the next question",
    run = restart },
  { name = "time", usage = "[on|off]", summary = "how long each question took", run = set_times },
  { name = "more", usage = "", summary = "the next page of what was cut", of_all = true,
    run = show_more },
  { name = "help", usage = "[NAME]", summary = "this, or more of a name", of_all = true,
    completes = "help", run = show_help },
  { name = "quit", usage = "", summary = "end", run = quit, of_all = true },
}

local by_name, names = {}, {}
for i, command in ipairs(commands) do
  by_name[command.name] = command
  names[i] = command.name
end
by_name.exit, by_name.q = by_name.quit, by_name.quit
by_name.c, by_name.bt = by_name.continue, by_name.where
table.sort(names)

---@return oc.repl.Command[]
function M.all() return commands end

---@return string[] sorted
function M.names() return names end

--- What the argument of a command is.
function M.completes(name) return by_name[name] and by_name[name].completes end

--- Whether an input is one, and not Lua. Numbers begin with a dot, too.
---@param source string
---@return boolean
function M.is_command(source)
  return source:find("^%s*%.[%a]") ~= nil or source:find("^%s*%.%s*$") ~= nil
    or source:find("^%s*[!?]") ~= nil
end

---@param loop oc.repl.Loop
---@param source string
function M.run(loop, source)
  local mark, text = source:match("^%s*([!?])%s*(.-)%s*$")
  if mark == "?" then return show_help(loop, text) end
  if mark == "!" then
    io.stdout:flush()
    local status = status_of(text)
    if status == 0 then return end
    return io.stderr:write(("oc: the command ended with status %d\n"):format(status))
  end
  local name, argument = source:match("^%s*%.([%w_]*)%s*(.-)%s*$")
  local command = by_name[name]
  if not command then
    local is_script = false
    for _, known in ipairs(require("oc.verbs.script").stock_names()) do
      is_script = is_script or known == name
    end
    fail(("there is no command .%s"):format(name),
      is_script and ".run " .. name .. " runs that script" or nearest.hint(name, names)
      or ".help shows what there is")
  end
  if not fits(loop, command) then
    fail(loop.where and "." .. name .. " is of a session: here a script stopped"
      or "." .. name .. " is where a script stopped at oc.repl()")
  end
  local pipe = argument:match("|%s*(.+)$")
  if not pipe or name == "run" then return command.run(loop, argument) end
  output.pipe_to(pipe, function() command.run(loop, (argument:gsub("%s*|.*$", ""))) end)
end

return M
