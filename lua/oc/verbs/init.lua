--- The program's verbs: the command line's first word chooses one.

local errors = require "oc.errors"
local foreign = require "oc.foreign"
local nearest = require "oc.nearest"
local privileges = require "oc.privileges"

local wrong_usage = errors.wrong_usage

local M = {}

--- In the order of the help. `completes` says what a shell offers behind the verb: "script",
--- "verb", "event", "none", or files when absent; `words` lists words beside.
M.verbs = {
  { name = "script", usage = "NAME|FILE|-  [options] [-- CMD…]",
    summary = "run a script, live or on a trace (-i)", completes = "script" },
  { name = "eval", usage = "CODE  [options] [-- CMD…]",
    summary = "run a line of Lua, as in 'count(\"exec\", \"comm\")'", completes = "none" },
  { name = "repl", usage = "[TRACE]  [options]",
    summary = "questions to a trace, or to this machine, a line at a time" },
  { name = "record", usage = "[-e EVENT,…] [-o FILE]  [options] [-- CMD…]",
    summary = "record a trace that oc and perf read (perf.data)" },
  { name = "report", usage = "TRACE  [filters] [--by comm,symbol…] [--tree]",
    summary = "which functions, processes … the samples of a trace are of" },
  { name = "export", usage = "TRACE -o OUT…  [filters]",
    summary = "files for other tools: pprof, flame graphs, …" },
  { name = "diff", usage = "BEFORE AFTER  [filters] [--by symbol]",
    summary = "what changed from one trace to another; exit status for CI" },
  { name = "archive", usage = "TRACE [-o OUT]",
    summary = "a trace with what another machine needs to name its samples" },
  { name = "list", usage = "[events|scripts|scenarios|formats] [GLOB] [-v]",
    summary = "what can be asked for here, or what a trace holds (-i)",
    completes = "event", words = { "events", "scripts", "scenarios", "formats" } },
  { name = "types", usage = "[GLOB] [-o FILE] [--luarc]",
    summary = "types for editors: of oc, and of this machine's or a trace's events",
    completes = "event" },
  { name = "symbols", usage = "FILE [ADDRESS|NAME…] or TRACE [MODULE…]",
    summary = "functions and lines of a program, or where a trace's names come from" },
  { name = "doctor", usage = "[--json]",
    summary = "what works here, what does not, and the command that mends it",
    completes = "none" },
  { name = "config", usage = "[get OPTION|path]",
    summary = "every option, its value and where that comes from",
    words = { "get", "path" }, completes = "none" },
  { name = "completion", usage = "bash|zsh|fish",
    summary = "what the shell needs to complete oc's command lines",
    words = { "bash", "zsh", "fish" }, completes = "none" },
  { name = "help", usage = "[VERB|NAME]",
    summary = "show this, a verb's options, or what scripts call; --man: the manual",
    completes = "verb" },
  { name = "version", usage = "", summary = "show the version", completes = "none" },
}

local by_name, names = {}, {}
for i, verb in ipairs(M.verbs) do
  by_name[verb.name] = verb
  names[i] = verb.name
end

local aliases = { ["--help"] = "help", ["-h"] = "help", ["--version"] = "version",
  ["-V"] = "version", ["-e"] = "eval" }

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

--- The verb's module and the arguments behind it. A file stands for itself.
local function choose(word, argv)
  local name = aliases[word] or word
  if by_name[name] then
    privileges.apply(name, argv)
    return require("oc.verbs." .. name), argv
  end
  if exists(word) then
    if word:find("%.lua$") then
      table.insert(argv, 1, word)
      privileges.apply("script", argv)
      return require "oc.verbs.script", argv
    end
    table.insert(argv, 1, word)
    privileges.apply("repl", argv)
    return require "oc.verbs.repl", argv
  end
  if word:find("%.lua$") or word:find("/", 1, true) then
    wrong_usage("there is no file " .. word, "oc list scripts shows oc's own scripts")
  end
  if word:find("^%-") then wrong_usage("unknown option " .. word, "oc help shows what there is") end
  wrong_usage(("oc has no verb '%s', and there is no such file"):format(word),
    foreign.verb(word) or nearest.hint(word, names) or "oc help shows what there is")
end

--- Runs a verb; wrong usage and failures end here, as text on stderr.
---@param word string
---@param argv string[]
---@return integer exit_status
function M.run(word, argv)
  local ok, status = xpcall(function()
    local verb, arguments = choose(word, argv)
    return verb.run(arguments)
  end, function(err)
    local made = errors.make(err)
    -- A text is what Lua itself raised: a fault of oc, unless a script was to blame (see runner).
    if type(err) == "string" then
      made.traceback = debug.traceback("", 2)
    end
    return made
  end)
  if ok then return status end
  local err = status
  -- Here, for the C face is a third of the start-up and many a verb does without.
  local host_pointer = require("oc.session").host_pointer
  local signal = require("oc.abi").oc_host_interrupted(host_pointer)
  if signal > 0 and tostring(err.message):find("interrupted", 1, true) then
    io.stdout:flush()
    io.stderr:write("oc: ", err.exit_status and err.message or "interrupted", "\n")
    return 128 + signal
  end
  if err.is_help then
    io.stdout:write(err.message)
    return 0
  end
  if err.traceback and not err.exit_status then
    error(errors.render(err) .. err.traceback, 0)
  end
  local text = errors.render(err)
  io.stderr:write(err.file and text or "oc: " .. text)
  return err.exit_status or 1
end

return M
