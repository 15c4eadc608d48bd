--- What `--help` prints: the script's own words, its arguments, and oc's options in short.

local kinds = require "oc.args.kinds"
local own_options = require "oc.options"
local text_table = require "oc.text_table"

local M = {}

--- Command lines to begin with: also in the manual.
M.EXAMPLES = [[
  oc script cpu_top                        who uses the CPU, every second, until Ctrl-C
  oc script cswitch_top -i perf.data       the same kind of question, of a recorded trace
  oc script syscall_latency -- make        of one command and its children
  oc list events 'sched:*' -v              events and their fields
  oc doctor                                what works here, and how to mend the rest
]]

--- The leading `---` lines of a source: the first is the summary, `Example:` begins an example.
---@param source? string
---@return { summary?: string, text: string[], examples: string[] }
function M.head(source)
  local head = { text = {}, examples = {} }
  for line in ((source or "") .. "\n"):gmatch("(.-)\r?\n") do
    local text = line:match("^%-%-%-%s?(.*)$")
    if text then
      local example = text:match("^%s*Examples?:%s*(.*)$")
      if example then
        if example ~= "" then head.examples[#head.examples + 1] = example end
      elseif not head.summary then
        head.summary = text
      else
        head.text[#head.text + 1] = text
      end
    elseif not line:find("^#!") then
      break
    end
  end
  while head.text[1] == "" do table.remove(head.text, 1) end
  while head.text[#head.text] == "" do head.text[#head.text] = nil end
  return head
end

--- What stands for the value: "HZ".
---@param argument oc.Argument|oc.Option
---@return string
function M.placeholder(argument)
  if argument.placeholder then return argument.placeholder end
  if argument.kind == "choice" then return table.concat(argument.choices, "|") end
  return kinds[argument.kind].placeholder
end

--- "-F, --frequency HZ", or the name of a positional.
local function names(argument)
  if argument.positional then return argument.name:upper() end
  local short = argument.short and "-" .. argument.short .. ", " or "    "
  local long = argument.kind == "flag" and argument.default == true and "--no-" or "--"
  local value = argument.kind == "flag" and "" or " " .. M.placeholder(argument)
  return short .. long .. argument.name .. value
end

--- Its help with default and limits.
---@param argument oc.Argument|oc.Option
---@return string
function M.description(argument)
  local notes = {}
  local kind, default = kinds[argument.kind], argument.default
  if argument.required then
    notes[1] = "required"
  elseif default ~= nil and argument.kind ~= "flag" and default ~= "" then
    notes[1] = "default " .. (kind.write and kind.write(default) or tostring(default))
  end
  if argument.min then notes[#notes + 1] = "at least " .. kind.write(argument.min) end
  if argument.max then notes[#notes + 1] = "at most " .. kind.write(argument.max) end
  local text = argument.help
  if #notes > 0 then
    text = text .. (text ~= "" and " " or "") .. "(" .. table.concat(notes, ", ") .. ")"
  end
  return text
end

--- One argument on one line, as hint of an error.
---@param argument oc.Argument|oc.Option
---@return string
function M.option_line(argument)
  return (names(argument):gsub("^ +", "")) .. ": " .. M.description(argument)
end

local function lines_of(arguments)
  local rows = {}
  for i, argument in ipairs(arguments) do
    rows[i] = { "  " .. names(argument), M.description(argument) }
  end
  return text_table.render_lines({ {}, {} }, rows)
end

local function usage(context, arguments)
  if context.usage then return ("Usage: oc %s %s\n"):format(context.verb, context.usage) end
  local parts = { "Usage: oc " .. context.verb, context.script or "NAME" }
  if context.verb == "eval" then parts[2] = "CODE" end
  parts[#parts + 1] = "[options]"
  for _, argument in ipairs(arguments) do
    if argument.positional then
      local rest = (argument.kind == "list" or argument.kind == "pids") and "…" or ""
      local name = argument.name:upper() .. rest
      parts[#parts + 1] = argument.required and name or "[" .. name .. "]"
    end
  end
  parts[#parts + 1] = "[-- COMMAND…]"
  return table.concat(parts, " ") .. "\n"
end

--- The whole text of `--help`.
---@param context oc.args.Context
---@param arguments oc.Argument[] in the order of declaration
---@return string
function M.text(context, arguments)
  local head, out = M.head(context.head), {}
  if head.summary then out[#out + 1] = head.summary .. "\n\n" end
  if #head.text > 0 then out[#out + 1] = table.concat(head.text, "\n") .. "\n\n" end
  out[#out + 1] = usage(context, arguments)
  if #arguments > 0 then out[#out + 1] = "\nArguments:\n" .. lines_of(arguments) end
  local own, taken, shorts = {}, {}, {}
  for _, argument in ipairs(arguments) do
    taken[argument.name] = true
    if argument.short then shorts[argument.short] = true end
  end
  for _, option in ipairs(own_options) do
    local fits = not option.verbs
    for _, verb in ipairs(option.verbs or {}) do fits = fits or verb == context.verb end
    if fits and not taken[option.name] then
      local hides_short = option.short and shorts[option.short]
      own[#own + 1] = setmetatable({ short = not hides_short and option.short or false },
        { __index = option })
    end
  end
  out[#out + 1] = "\nOptions of oc:\n" .. lines_of(own)
  if #head.examples > 0 then
    out[#out + 1] = "\nExamples:\n  " .. table.concat(head.examples, "\n  ") .. "\n"
  end
  return table.concat(out)
end

return M
