--- The manual: a page for `man`, and the options as Markdown, from the same tables as the help.

local C = require "oc.abi"
local config = require "oc.config"
local ffi = require "ffi"
local help = require "oc.args.help"
local own_options = require "oc.options"
local surface = require "oc.surface"
local cells = require "oc.cells"

local M = {}

--- Text as roff: what it would obey is escaped, what is not ASCII is named.
---@param text string
---@return string
function M.roff(text)
  local out, at = {}, 1
  while at <= #text do
    local length, code = cells.decode(text, at)
    local piece = text:sub(at, at + (length or 1) - 1)
    if piece == "\\" then piece = "\\e" end
    if piece == "-" then piece = "\\-" end
    if code == 0x2026 then
      piece = "..."  -- terminals of ASCII have no ellipsis
    elseif code and code > 126 then piece = ("\\[u%04X]"):format(code) end
    out[#out + 1] = piece
    at = at + (length or 1)
  end
  return (table.concat(out):gsub("\n([.'])", "\n\\&%1"):gsub("^[.']", "\\&%0"))
end

local roff = M.roff

--- "-F HZ, --frequency HZ" in bold and italics.
local function roff_names(option)
  local value = ""
  if option.kind ~= "flag" then value = " \\fI" .. roff(help.placeholder(option)) .. "\\fR" end
  local names = {}
  for i, name in ipairs(surface.names(option)) do
    names[i] = "\\fB" .. roff(name) .. "\\fR" .. value
  end
  for _, alias in ipairs(option.aliases or {}) do
    names[#names + 1] = "\\fB" .. roff("--" .. alias) .. "\\fR" .. value
  end
  return table.concat(names, ", ")
end

--- The verbs that have the option, where not all do.
local function verbs_of(option)
  if not option.verbs then return nil end
  local names = {}
  for _, verb in ipairs(surface.verbs()) do
    if surface.fits(option, verb.name) then names[#names + 1] = verb.name end
  end
  return table.concat(names, ", ")
end

local function roff_options()
  local out = {}
  for _, option in ipairs(own_options) do
    local verbs = verbs_of(option)
    out[#out + 1] = (".TP\n%s\n%s.%s\n"):format(roff_names(option),
      roff(help.description(option)), verbs and "\nOf " .. roff(verbs) .. "." or "")
  end
  return table.concat(out)
end

local function roff_verbs()
  local out = {}
  for _, verb in ipairs(surface.verbs()) do
    out[#out + 1] = (".TP\n\\fBoc %s\\fR %s\n%s.\n"):format(roff(verb.name), roff(verb.usage),
      roff(verb.summary))
  end
  return table.concat(out)
end

local function roff_environment()
  local out = {}
  for _, option in ipairs(own_options) do
    if config.can_be_set(option) then out[#out + 1] = roff(config.variable(option)) end
  end
  return table.concat(out, ", ")
end

local function roff_examples()
  local out = {}
  for command, meaning in help.EXAMPLES:gmatch("  (oc .-)  +([^\n]+)\n") do
    out[#out + 1] = (".TP\n\\fB%s\\fR\n%s\n"):format(roff(command), roff(meaning))
  end
  return table.concat(out)
end

local PAGE = [[
.\" Made by `oc help --man` from the tables of verbs and options.
.TH OC 1 "" "oc %s" "User Commands"
.SH NAME
oc \- scripts over system events, live and recorded
.SH SYNOPSIS
.B oc
.I VERB
.RI [ options ]
.RI [ arguments ]
.RB [ \-\-
.IR COMMAND ...]
.SH DESCRIPTION
oc traces the system, or one command, or reads what perf recorded, and hands every event that a
script asked for to its callbacks. A file stands for itself:
.B oc
.I FILE.lua
runs that script.
.SH VERBS
%s.SH OPTIONS
Options may stand before or after a script's name; behind it, those that the script declares win.
.B oc help
.I VERB
shows those of one verb.
%s.SH ENVIRONMENT
.TP
OC_\fIOPTION\fR
sets an option that the command line does not: %s.
.TP
OC_CONFIG
is read instead of the two files below.
.TP
XDG_CONFIG_HOME
is where the user's file is looked for; $HOME/.config when it is not set.
.TP
NO_COLOR
set to anything: no colours on a terminal, unless \-\-color always.
.SH FILES
.TP
$XDG_CONFIG_HOME/oc/config, /etc/oc/config
Lines of NAME = VALUE; those below [VERB] count for that verb only.
.B oc config
shows what they set.
.SH EXIT STATUS
.TP
0
good, also after the first interrupt, which ends a run with its results.
.TP
1
failed.
.TP
2
wrong usage: nothing was opened.
.TP
3
the result is incomplete and \-\-strict was given.
.TP
128+n
signal n cut it short.
.SH EXAMPLES
%s.SH SEE ALSO
.BR perf (1),
.BR perf_event_open (2)
]]

--- The page as roff, for `man -l`.
---@return string
function M.page()
  return PAGE:format(ffi.string(C.oc_version()), roff_verbs(), roff_options(), roff_environment(),
    roff_examples())
end

--- docs/guide/options.md.
---@return string
function M.markdown()
  local out = {
    "# Options\n\nMade by `oc help --markdown`. `oc help VERB` shows those of one verb;\n",
    "[configuration](configuration.md) tells how to set them once for all.\n\n",
    "| option | meaning | of |\n|---|---|---|\n",
  }
  for _, option in ipairs(own_options) do
    local value = option.kind == "flag" and "" or " " .. help.placeholder(option)
    local names = {}
    for i, name in ipairs(surface.names(option)) do names[i] = "`" .. name .. value .. "`" end
    for _, alias in ipairs(option.aliases or {}) do
      names[#names + 1] = "`--" .. alias .. value .. "`"
    end
        local row = { table.concat(names, ", "), help.description(option),
      verbs_of(option) or "every verb" }
    for i, cell in ipairs(row) do row[i] = cell:gsub("|", "\\|") end
    out[#out + 1] = "| " .. table.concat(row, " | ") .. " |\n"
  end
  return table.concat(out)
end

return M
