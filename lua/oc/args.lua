--- The one parser of command lines: oc's own options (lua/oc/options.lua) and a script's arguments.
--
--     oc script [oc's options] SCRIPT [oc's and the script's options, positionals] [-- COMMAND…]
--
-- Two steps, since what a script declares is known only when it runs: `new_context` takes what
-- comes before the script's name; `declare` (which scripts call as `oc.args`) or `finish` (for
-- scripts that never do) takes the rest. After the script's name its own options win over oc's.
--
--     local context = args.new_context { argv = { "-i", "perf.data", "top.lua", "--top", "5" } }
--     context.script              --> "top.lua"
--     local opt = context:declare { top = oc.number(10, "rows") }      --> { top = 5 }
--     context:finish()
--     context.options.input       --> "perf.data"
--
-- Wrong usage raises an `oc.Error` with `exit_status = 2`; `--help` raises one with `exit_status =
-- 0` whose message is the help: the host prints it and ends, and nothing was opened.

local config = require "oc.config"
local declare = require "oc.args.declare"
local errors = require "oc.errors"
local help = require "oc.args.help"
local kinds = require "oc.args.kinds"
local nearest = require "oc.nearest"
local own_options = require "oc.options"
local privileges = require "oc.privileges"
local settings = require "oc.settings"

---@class oc.args.Context
---@field verb string
---@field script? string the script's name as given; nil when there was none
---@field options table<string, any> oc's own, by name with "_" for "-"
---@field given table<string, true> which of oc's options the user chose (also in oc.config)
---@field typed table<string, string> those of the command line, as they were written
---@field positionals string[] what the script did not declare, once finished
---@field command? string[] what stands behind "--"
---@field usage? string what follows the verb in the help; made from the arguments when absent
---@field head? string the script's source: its leading `---` lines are the help's text
local Context = {}
Context.__index = Context

-- `oc.number`, `oc.flag`, … are `constructors.number`, …
local M = { constructors = declare }

local wrong_usage = errors.wrong_usage

local function key_of(name) return (name:gsub("-", "_")) end
local function dashed(name) return (name:gsub("_", "-")) end

--- By long name, alias and short name; `--no-NAME` is made by the parser.
local function index_own(verb)
  local by_long, by_short = {}, {}
  for _, option in ipairs(own_options) do
    local fits = not option.verbs
    for _, known in ipairs(option.verbs or {}) do fits = fits or known == verb end
    if fits then
      local entry = setmetatable({ key = key_of(option.name), is_own = true }, { __index = option })
      by_long[option.name] = entry
      for _, alias in ipairs(option.aliases or {}) do by_long[alias] = entry end
      if option.short then by_short[option.short] = entry end
    end
  end
  return by_long, by_short
end

local function merged(over, under)
  return setmetatable({}, { __index = function(_, key) return over[key] or under[key] end })
end

--- One word of the command line as an option.
---@return table? entry nil when nobody knows it
---@return string shown as the user wrote it, without a value
---@return string? value joined with it
---@return boolean? negated
---@return string? rest letters of "-abc" behind the first, which is a flag
local function recognise(word, by_long, by_short)
  if word:sub(1, 2) == "--" then
    local name, value = word:match("^%-%-([^=]*)=(.*)$")
    name = dashed(name or word:sub(3))
    local entry = by_long[name]
    if entry then return entry, "--" .. name, value end
    local positive = name:match("^no%-(.+)$")
    entry = positive and by_long[positive]
    if entry and entry.kind == "flag" then return entry, "--" .. name, value, true end
    return nil, "--" .. name
  end
  local letter, rest = word:sub(2, 2), word:sub(3)
  local entry = by_short[letter]
  if not entry or rest == "" then return entry, "-" .. letter end
  if entry.kind == "flag" then return entry, "-" .. letter, nil, nil, rest end
  return entry, "-" .. letter, (rest:gsub("^=", ""))
end

local function is_option(word) return word:find("^%-[^%d.]") ~= nil and word ~= "-" end

local function store(into, entry, shown, text)
  local value, err = kinds[entry.kind].parse(text, entry)
  if value == nil then
    wrong_usage(shown .. (err:find("^must") and " " or ": ") .. err)
  end
  errors.add_typed(shown, value)
  if entry.repeats and into[entry.key] then
    for _, item in ipairs(value) do table.insert(into[entry.key], item) end
  else
    into[entry.key] = value
  end
end

--- Takes words from `at` on. Options go to `own` or `theirs`; other words to `on_word`, which may
--- say "stop". Unknown options go to `on_unknown`.
local function scan(words, at, by_long, by_short, sink)
  while at <= #words do
    local word = words[at]
    at = at + 1
    if word == "--" then
      sink.command(at)
      return at
    elseif not is_option(word) then
      if sink.word(word) == "stop" then return at end
    else
      local entry, shown, value, negated, rest = recognise(word, by_long, by_short)
      if not entry then
        sink.unknown(shown, word)
      elseif entry.kind == "flag" then
        if negated and value then wrong_usage(shown .. " takes no value") end
        sink.value(entry, shown, negated and "no" or value or "yes")
        if rest then
          at = at - 1
          words[at] = "-" .. rest
        end
      else
        if value == nil then
          value = words[at]
          if value == nil or value == "--" then
            wrong_usage(shown .. " needs a value", help.option_line(entry))
          end
          at = at + 1
        end
        sink.value(entry, shown, value)
      end
    end
  end
  return at
end

local function unknown(shown, names, other_hint)
  local wrong = shown:gsub("^%-+", "")
  local hint = #wrong > 1 and nearest.hint(wrong, names)
  wrong_usage("unknown option " .. shown,
    hint and hint:gsub("'(.-)'", "--%1") or other_hint or "--help shows what there is")
end

-- Verbs that run a command.
local launching = { script = true, eval = true, record = true, repl = true }

--- What to say of an unknown option behind words that nothing takes: they look like a command.
---@param context oc.args.Context
---@param words string[] of the command line, the option not among them
---@param option string as the user wrote it
---@return string?
local function command_hint(context, words, option)
  if #words == 0 or not launching[context.verb] then return nil end
  local trace = context.verb == "repl" and #words == 1 and io.open(words[1], "rb")
  if trace then return trace:close() and nil end
  local before = context.verb == "script" and "script " .. tostring(context.script)
    or context.verb .. " …"
  return ("a command to run comes after --, as in: oc %s -- %s %s"):format(before,
    table.concat(words, " "), option)
end

--- The last of a script's positional arguments takes all words that are left when it is a list.
local function takes_rest(argument) return argument.kind == "list" or argument.kind == "pids" end

---@param context oc.args.Context
local function own_sink(context)
  return {
    value = function(entry, shown, text)
      store(context.options, entry, shown, text)
      context.given[entry.key], context.typed[entry.key] = true, shown
    end,
    command = function(at)
      context.command = { unpack(context._words, at) }
    end,
  }
end

local function long_names(...)
  local names = {}
  for i = 1, select("#", ...) do
    for name in pairs((select(i, ...))) do names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- Files that were left out and variables that set nothing, said once.
local function tell_once(notes)
  for i = #notes, 1, -1 do io.stderr:write("oc: ", table.remove(notes, i), "\n") end
end

---@class oc.args.Input
---@field argv string[] everything behind the verb
---@field verb? string "script" unless told
---@field script_name? string when the verb itself names it (`oc top.lua`, `oc eval`): argv has none
---@field head? string source of the script, for its help; may be set later
---@field usage? string for verbs without a script: what follows the verb in the help

--- Takes oc's options up to the script's name. Raises on wrong usage, and on --help without a
--- script.
---@param input oc.args.Input
---@return oc.args.Context
function M.new_context(input)
  local verb = input.verb or "script"
  local words = { unpack(input.argv) }
  local context = setmetatable({
    verb = verb, script = input.script_name, head = input.head, usage = input.usage,
    options = {}, given = {}, typed = {}, positionals = {}, _words = words, _at = 1,
  }, Context)
  context._long, context._short = index_own(verb)
  for _, entry in pairs(context._long) do
    if entry.default ~= nil then context.options[entry.key] = entry.default end
    if entry.kind == "flag" then context.options[entry.key] = false end
    local setting = config.find(entry, verb)
    if setting then
      context.options[entry.key], context.given[entry.key] = setting.value, true
    end
  end
  if context._long.user then
    privileges.require_applied(context.options.user or privileges.named(words))
  end
  tell_once(select(2, config.load()))
  if context.script then return context end
  local sink = own_sink(context)
  function sink.word(word)
    context.script = word
    return "stop"
  end
  function sink.unknown(shown) unknown(shown, long_names(context._long)) end
  context._at = scan(words, 1, context._long, context._short, sink)
  if context.command then context._at = #words + 1 end
  if not context.script and context.options.help then context:_show_help({}) end
  return context
end

function Context:_show_help(arguments)
  error(errors.new(help.text(self, arguments), { exit_status = 0, is_help = true }), 0)
end

--- A script's arguments in the order of declaration, indexed as the parser wants them.
local function index_declared(declared)
  local arguments = {}
  for name, argument in pairs(declared) do
    if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
      errors.misuse(("'%s' cannot be the name of an argument"):format(tostring(name)), {
        hint = "write oc.args { name = oc.number(10, \"help\") }",
      })
    end
    if not declare.is(argument) then
      errors.misuse(("argument '%s' is a %s"):format(name, type(argument)), {
        token = name, hint = "make it with oc.number, oc.string, oc.flag, oc.duration, …",
      })
    end
    if name == "user" then
      errors.misuse("no argument can be called user: --user says who runs the script",
        { token = name })
    end
    argument.key, argument.name = name, dashed(name)
    arguments[#arguments + 1] = argument
  end
  table.sort(arguments, function(a, b) return a.serial < b.serial end)
  local by_long, by_short, positionals = {}, {}, {}
  for _, argument in ipairs(arguments) do
    if by_long[argument.name] then
      errors.misuse("two arguments are called --" .. argument.name, { token = argument.key })
    end
    if argument.short and by_short[argument.short] then
      errors.misuse("two arguments have the short name -" .. argument.short)
    end
    if argument.positional then positionals[#positionals + 1] = argument end
    by_long[argument.name] = argument
    if argument.short then by_short[argument.short] = argument end
  end
  return arguments, by_long, by_short, positionals
end

--- Positional words to their arguments; the last one takes all that is left when it is a list.
local function place_words(words, positionals, values)
  local at = 1
  for i, argument in ipairs(positionals) do
    if at > #words then break end
    local is_rest = i == #positionals and takes_rest(argument)
    local text = is_rest and table.concat(words, ",", at) or words[at]
    store(values, argument, argument.name:upper(), text)
    at = is_rest and #words + 1 or at + 1
  end
  if at <= #words then
    wrong_usage(("'%s' is one argument too many"):format(words[at]),
      #positionals == 0 and "this script takes options only; a command comes after --" or nil)
  end
end

--- The values, where reading a name that was not declared is misuse; a declared one may be nil.
local function only_declared(values, declared)
  return setmetatable(values, { __index = function(_, name)
    if declared[name] then return nil end
    local names = {}
    for known in pairs(declared) do names[#names + 1] = known end
    name = tostring(name)
    errors.misuse(("there is no argument '%s'"):format(name), {
      token = name,
      hint = nearest.hint(name, names) or "oc.args { … } declares what there is",
    })
  end })
end

--- What scripts call as `oc.args { name = oc.number(…), … }`: their values, by name.
---@param declared table<string, oc.Argument>
---@return table<string, any>
function Context:declare(declared)
  if type(declared) ~= "table" then
    errors.misuse("oc.args needs a table", {
      hint = 'as in oc.args { top = oc.number(10, "rows") }',
    })
  end
  if self._is_done then
    errors.misuse("oc.args was called before", { hint = "declare all arguments in one table" })
  end
  self._is_done = true
  local arguments, by_long, by_short, positionals = index_declared(declared)
  local values, words, given = {}, {}, {}
  local sink = own_sink(self)
  local to_own = sink.value
  function sink.value(entry, shown, text)
    if entry.is_own then return to_own(entry, shown, text) end
    given[entry.key] = true
    store(values, entry, shown, text)
  end
  function sink.word(word) words[#words + 1] = word end
  function sink.unknown(shown, word)
    local last = positionals[#positionals]
    local has_more = #words > #positionals and not (last and takes_rest(last))
    unknown(shown, has_more and {} or long_names(by_long, self._long),
      has_more and command_hint(self, words, word))
  end
  scan(self._words, self._at, merged(by_long, self._long), merged(by_short, self._short), sink)
  settings.color = self.options.color  -- of all that prints, whatever the verb
  if self.options.help and not by_long.help then self:_show_help(arguments) end
  -- `-F 99 top.lua`: what stands before the name is for the script when it declares it.
  for _, argument in ipairs(arguments) do
    local key = argument.key
    if not given[key] and self.given[key] and self._long[argument.name]
      and self._long[argument.name].kind == argument.kind then
      values[key] = self.options[key]
    end
  end
  place_words(words, positionals, values)
  for _, argument in ipairs(arguments) do
    if values[argument.key] == nil then
      if argument.required then
        wrong_usage((argument.positional and argument.name:upper() or "--" .. argument.name)
          .. " is missing", help.option_line(argument))
      end
      values[argument.key] = argument.default
    end
  end
  return only_declared(values, declared)
end

--- For the host, before it opens anything: takes what is left when the script never called
--- `oc.args`.
function Context:finish()
  if self._is_done then return end
  self._is_done = true
  local sink = own_sink(self)
  function sink.word(word) self.positionals[#self.positionals + 1] = word end
  function sink.unknown(shown, word)
    unknown(shown, long_names(self._long), command_hint(self, self.positionals, word))
  end
  scan(self._words, self._at, self._long, self._short, sink)
  settings.color = self.options.color
  if self.options.help then self:_show_help({}) end
end

return M
