--- `oc repl`: lines read, run and shown, until there are no more.
--
--     repl.run { path = "perf.data" }          -- the exit status
--
-- Where there is a terminal: a prompt, an editor, pages, times. Otherwise (a pipe, --batch) results
-- go to standard output and errors to standard error with the line of the input; exit 1 when one
-- failed.

local C = require "oc.abi"
local cells = require "oc.cells"
local commands = require "oc.repl.commands"
local errors = require "oc.errors"
local evaluate = require "oc.repl.evaluate"
local handles = require "oc.handle"
local hints = require "oc.repl.hints"
local host = require "oc.host"
local output = require "oc.repl.output"
local scan = require("oc.repl.scan").scan
local session = require "oc.session"
local settings = require "oc.settings"
local short = require "oc.short"
local show = require "oc.repl.show"
local terminal = require "oc.terminal"
local units = require "oc.units"

local host_pointer = session.host_pointer
local WAIT_MS, LONGEST_WAIT_MS = 200, 1000
local LINES_ARE_ALL, BESIDE_A_RUN = 1, 2
local QUESTION_NS = 1e9
local FAILED = 1
local SIGNALLED = 128

local M = {}

---@class oc.repl.Loop a session and where its lines come from
---@field session oc.repl.Session
---@field is_interactive boolean
---@field has_editor boolean
---@field prompt string
---@field times "on"|"off"|"auto"
---@field failed integer lines that failed
---@field is_over boolean
---@field where? string[] of a script that stopped: the calls that led there
---@field wants_stop? boolean the script is not to go on
---@field idle? fun(): boolean? called while it waits for keys; true: the line has to begin anew
---@field status? fun(): string before the prompt
local Loop = {}
Loop.__index = Loop

local function complain(text) io.stderr:write("oc: ", text, "\n") end

-- Reading -----------------------------------------------------------------------------------------

--- Completes what is typed: one answer is inserted, several are listed.
local function complete(self, text, cursor)
  local complete_line = require("oc.repl.complete")
  local ok, answer = pcall(complete_line.answer, self.session, text, cursor)
  if not ok or not answer then return host.prompt_beep() end
  if answer.insert ~= "" or answer.erase > 0 then
    host.prompt_replace(answer.erase, answer.insert)
  elseif answer.list then
    host.prompt_above(complete_line.columns(answer.list, terminal.size() or 80))
  else
    host.prompt_beep()
  end
end

--- One line: its text, or nil and why there is none.
---@param prompt string
---@param is_first boolean and not a line that goes on
---@return string? text
---@return string? why "end", "interrupt" or "signal"
function Loop:read_line(prompt, is_first)
  host.prompt_begin(prompt)
  while true do
    local what, text, cursor = host.prompt_next(self:wait_ms())
    if what == "line" then return text end
    if what == "complete" then
      complete(self, text, cursor)
    elseif what == "idle" then
      if self.idle and self.idle(self) then
        host.prompt_begin(is_first and self:prompt_text() or prompt)
      end
      if self.has_editor and self.session.words then
        pcall(require("oc.repl.names").prepare, self.session)
      end
      if is_first and self.status and self.has_editor then host.prompt_text(self:prompt_text()) end
    else
      if what == "end" and text then
        complain("cannot read standard input: " .. text)
        self.failed = self.failed + 1
      end
      return nil, what
    end
  end
end

function Loop:wait_ms()
  local live = self.session.live
  return live and live:wait_ms() or self.idle and WAIT_MS or LONGEST_WAIT_MS
end

function Loop:prompt_text()
  if not self.is_prompting then return "" end
  local before = self.status and self.status() or ""
  return (before ~= "" and before .. " " or "") .. self.prompt
end

--- A whole input of one or more lines: its text, the number of its first line, what it loads to.
--- Nil at the end.
---@return string? source
---@return integer line
---@return oc.repl.Loaded? loaded
function Loop:read()
  local lines = self.session.lines
  local first, source = #lines + 1, nil
  while true do
    local prompt = source and (self.is_prompting and "..> " or "") or self:prompt_text()
    local text, why = self:read_line(prompt, not source)
    if not text then
      if why == "interrupt" then
        C.oc_host_begin_line(host_pointer)
        if self.is_interactive then return "", first end
      end
      if why ~= "interrupt" then self.is_over, self.end_reason = true, why end
      return source, first, source and self.session:load(source, first)
    end
    if #lines == 0 then text = text:gsub("^\239\187\191", "") end  -- an editor's mark of UTF-8
    lines[#lines + 1] = text
    source = source and source .. "\n" .. text or text
    if #lines == first and commands.is_command(text) then return source, first end
    local code = M.code_of(source)
    local loaded = self.session:load(code, first)
    if not loaded.is_open then return source, first, loaded end
  end
end

--- A text's Lua: without "=" in front, without a pipe behind.
---@param source string
---@return string code
---@return string? pipe
function M.code_of(source)
  local code = source:gsub("^%s*=%s*", "")
  local pipe = scan(code).pipe
  if not pipe or code:sub(pipe + 1, pipe + 1) == "|" then return code end  -- || is another mistake
  return code:sub(1, pipe - 1), code:sub(pipe + 1)
end

-- Showing -----------------------------------------------------------------------------------------

--- An error as it fits the terminal: a hint that would go beyond it stands below.
local function fit_error(text)
  local columns = terminal.size(terminal.STDERR)
  if not columns then return text end
  local moved = text:gsub("([^\n]*| *%^) ([^\n]+)", function(mark, hint)
    if cells.width(mark) + 1 + cells.width(hint) <= columns then return nil end
    return (cells.width(mark) <= columns and mark .. "\n" or "") .. "  hint: " .. hint
  end)
  return cells.wrap(moved, columns)
end

---@param err any
---@param source? string the input that it is of
---@param line? integer its first line
function Loop:tell(err, source, line)
  local made = hints.add(errors.make(err), self.session, source, line)
  io.stdout:flush()
  if C.oc_host_interrupted(host_pointer) > 0 and tostring(made.message):find("interrupted") then
    io.stderr:write("interrupted\n")
  else
    local text = errors.render(made, settings.read_source)
    io.stderr:write(fit_error(made.file and text or "oc: " .. text))
    if settings.traceback and made.traceback then io.stderr:write(made.traceback, "\n") end
  end
  self.failed = self.failed + 1
end

--- "5012345 events in 0.21 s (24 million/s)" of the line's run.
local function tell_time(self)
  local ran = self.session.ran
  if not ran or not self.is_interactive and self.times ~= "on" then return end
  if ran.is_cut and self.is_interactive then
    complain(("stopped: this is of the first %s"):format(units.format_duration(ran.span_ns)))
  end
  if self.times == "off" then return end
  io.stdout:flush()
  io.stderr:write(("%.0f records in %.3f s, %.1f million/s\n"):format(ran.events, ran.seconds,
    ran.events / 1e6 / math.max(ran.seconds, 1e-6)))
end

---@return boolean is_something and not a name that nothing is called
function Loop:show_values(values, source)
  local is_something = true
  for i = 1, values.n do
    local value = values[i]
    local is_call = source:find("%)%s*$") ~= nil  -- of a function that gives nothing
    local is_over = handles.is(value) and not self.session.live  -- the line's run was all of it
    if not is_over and (value ~= nil or not is_call) then output.show(show.text(value)) end
    if value == nil and values.n == 1 then
      local hint = hints.of_nothing(source, self.session)
      if hint then complain(hint) end
      is_something = not hint
    end
  end
  if values.n > 0 and values[1] ~= nil then rawset(self.session.env, "_", values[1]) end
  return is_something
end

-- One input ---------------------------------------------------------------------------------------

local function run_code(self, source, line, loaded)
  local ok, result = self.session:run(loaded, source)
  if not ok then return self:tell(result, source, line) end
  if settings.errors.total > 0 and self.session.words then self.failed = self.failed + 1 end
  local shown = true
  if loaded.is_expression then
    local printed, problem = self.session:guarded_show(function()
      shown = self:show_values(result, source)
    end)
    if not printed then
      shown = false
      self:tell(problem, source, line)
    end
  elseif self.is_interactive then
    local hint = hints.of_statement(source)
    if hint then complain(hint) end
  end
  if shown then self.session:keep(source, loaded.is_expression) end
end

--- What is a command: with its dot, or one of the words that are said without.
local function as_command(self, source)
  if commands.is_command(source) then return source end
  local word, rest = source:match("^%s*(%a+)%s*([%w_.:]*)%s*;?%s*$")
  local set = word and rawget(self.session.env, word)
  if (word == "quit" or word == "exit") and rest == "" and set == nil then return ".quit" end
  local is_ours = set == nil or short.name_of(set) == "help"
  return word == "help" and is_ours and ".help " .. rest or nil
end

--- Runs one input.
---@param source string
---@param line integer its first
---@param loaded oc.repl.Loaded?
function Loop:handle(source, line, loaded)
  if not source:find("%S") then return end
  local command = as_command(self, source)
  if command then
    local ok, problem = self.session:guarded(commands.run, self, command)
    if not ok then self:tell(problem) end
    return tell_time(self)
  end
  local code, pipe = M.code_of(source)
  loaded = loaded or self.session:load(code, line)
  if not loaded.chunk then
    return self:tell(hints.syntax_error(loaded.problem, source, self.session))
  end
  local misused = hints.of_dot_call(code, line, self.session)
  if misused then return self:tell(misused) end
  if pipe then
    if not pipe:find("%S") then
      return self:tell(errors.new("a command is missing behind |", { hint = "as in: _ | sort" }))
    end
    local paged = output.is_paged
    output.is_paged = false
    output.pipe_to(pipe, function() run_code(self, code, line, loaded) end)
    output.is_paged = paged
  else
    run_code(self, code, line, loaded)
  end
  io.stdout:flush()
  tell_time(self)
end

--- The same; a Ctrl-C between what can be interrupted ends the line alone.
function Loop:handle_safely(source, line, loaded)
  local ok, problem = pcall(self.handle, self, source, line, loaded)
  if ok then return end
  local is_interrupt = C.oc_host_interrupted(host_pointer) > 0
    and tostring(problem):find("interrupted", 1, true)
  if not is_interrupt then error(problem, 0) end
  self:tell(problem)
end

--- Reads and runs until the end.
function Loop:go()
  while not self.is_over do
    local source, line, loaded = self:read()
    if source and self.has_editor and source:find("%S") then
      local problem = host.prompt_remember(source)
      if problem then complain(problem .. "; what is typed is not kept") end
    end
    if source then
      if self.session.live then self.session.live:feed() end  -- a value shown is that of now
      self:handle_safely(source, line, loaded)
    end
    if C.oc_host_begin_line(host_pointer) ~= 0 then self.is_over = true end
  end
end

-- Beginning ---------------------------------------------------------------------------------------

---@class oc.repl.Options
---@field path? string of a recorded trace
---@field batch? boolean
---@field quiet? boolean
---@field prompt? string
---@field env_table? table of a script that stopped: what lines see

---@param options oc.repl.Options
---@return oc.repl.Loop
function M.new(options)
  local is_terminal = terminal.is_terminal(terminal.STDIN) and not options.batch
  local self = setmetatable({ prompt = options.prompt or "oc> ", times = "auto", failed = 0,
    is_over = false, is_interactive = is_terminal, is_prompting = is_terminal }, Loop)
  local has_editor, problem = host.prompt_open(is_terminal)
  self.has_editor = has_editor
  if is_terminal and not has_editor and not options.quiet then
    complain(problem .. ": lines cannot be edited")
  end
  output.is_paged = is_terminal
  self.session = evaluate.new { name = is_terminal and "repl" or "stdin", path = options.path,
    show = function(value) output.show(show.text(value)) end, env_table = options.env_table,
    goes_on = is_terminal and not options.path and not options.env_table }
  local live = self.session.live
  if live then
    self.idle = function()
      live:idle(self.has_editor)
      return live.was_left
    end
    self.status = function() return live:status() end
  end
  return self
end

--- Without a terminal each question to this machine is a run of its own, which ends.
local function bound_questions(self, options)
  local run = settings.run
  local has_end = run.duration or run.events or run.command and #run.command > 0
  if self.is_interactive or options.path or has_end then return end
  run.duration = QUESTION_NS
  if options.quiet then return end
  complain(("each question runs for %s: -d TIME says otherwise"):format(
    units.format_duration(QUESTION_NS)))
end

--- A session from its banner to its end.
---@param options oc.repl.Options
---@return integer exit_status
function M.run(options)
  local self = M.new(options)
  bound_questions(self, options)
  self.session:trace()  -- what cannot be read is no session
  if self.is_interactive and not options.quiet then
    local banner = require "oc.repl.banner"
    local names = require "oc.repl.names"
    for _, line in ipairs(banner.lines(self.session:trace(), options.path,
      names.events(self.session))) do
      io.stdout:write(cells.wrap(cells.clean(line), terminal.size()), "\n")
    end
    local problem = host.history_open()
    if problem then complain(problem .. "; what is typed is not kept") end
  end
  local live = self.session.live
  C.oc_host_interactive(host_pointer, live and BESIDE_A_RUN or LINES_ARE_ALL)
  if live then live:begin() end
  self:go()
  local signal = C.oc_host_begin_line(host_pointer)
  host.prompt_end()
  C.oc_host_interactive(host_pointer, 0)
  if live then live:finish() end
  if signal ~= 0 then return SIGNALLED + signal end
  return not self.is_interactive and self.failed > 0 and FAILED or 0
end

return M
