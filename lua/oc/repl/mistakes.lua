--- What people type at a prompt who know another one: a shell's, perf's, SQL, bpftrace, Python,
--- JavaScript. Each is told in one line what to say instead.
--
--     mistakes.of_text "for x in list:"    --> "blocks have no colon in Lua: for … do … end"
--     mistakes.of_word("ls", "ls -l")      --> "the shell is behind !: !ls -l"

local bpftrace = require "oc.repl.bpftrace"
local scan = require("oc.repl.scan").scan

local M = {}

local function set(words)
  local made = {}
  for word in words:gmatch("%S+") do made[word] = true end
  return made
end

local HOW = 'as in count("sched:sched_switch", "comm"); .help tells more'

-- Words -------------------------------------------------------------------------------------------

local of_shell = set [[ awk bash cat cd clear cp date df echo env file find free gdb git grep head
  htop id ip kill less ls lsof lscpu man mkdir more mv nano ps pwd rm sed sh strace sudo tail top
  uname uptime vi vim vmstat wc which who ]]

local of_perf = set [[ perf bpftrace record report stat annotate sched archive doctor evlist ]]

local told = {
  cd = "a shell's cd ends with it: give paths as from where oc was begun",
  clear = "Ctrl-L clears the screen",
  history = "the arrows and Ctrl-R find earlier lines; .save FILE keeps those of this session",
  q = ".quit ends the session, and so does Ctrl-D",
  e = "e is what a callback gets: on(EVENT, function(e) print(e.comm) end)",
  man = ".help tells what can be said here, ?count more of a name",
  version = "!oc version tells it",
  comm = 'names of fields are texts: count("sched:sched_switch", "comm")',
}

--- What to say to a name that nothing is called; `source` is the line that begins with it.
---@param word string
---@param source string
---@return string?
function M.of_word(word, source)
  local line = source:match("^%s*([^\n]*)"):gsub("%s+$", "")
  local is_begun = line:match("^([%a_][%w_]*)") == word
  if told[word] then return told[word] end
  if not is_begun then return nil end
  if of_perf[word] then
    local command = (word == "perf" or word == "bpftrace") and line or "oc " .. line
    return ("commands of a shell stand behind !: !%s; .help tells what can be said here"):format(
      command)
  elseif of_shell[word] then
    return ("the shell is behind !: !%s"):format(line)
  elseif word == "puts" or word == "println" or word == "printf" then
    return "print(…) shows values; a value alone is shown, too"
  end
end

-- Texts -------------------------------------------------------------------------------------------

--- Without what stands in quotes and in comments, so that only code is looked at. A comment that
--- begins like an option (--call-graph) is one.
local function code_of(source)
  local parts, at = {}, 1
  while at <= #source do
    local found = source:find("[\"'%-]", at)
    if not found then break end
    local c = source:sub(found, found)
    local stop
    if c == "-" then
      stop = source:find("^%-%-", found) and (source:find("\n", found, true) or #source + 1) - 1
    else
      local from = found + 1
      while true do
        stop = source:find("[\\" .. c .. "\n]", from)
        if not stop or source:sub(stop, stop) ~= "\\" then break end
        from = stop + 2
      end
      stop = stop or #source
    end
    if stop then
      parts[#parts + 1] = source:sub(at, found - 1) .. (c ~= "-" and c .. c or "")
    else
      parts[#parts + 1], stop = source:sub(at, found), found
    end
    at = stop + 1
  end
  parts[#parts + 1] = source:sub(at)
  return table.concat(parts)
end

local blocks = set "if while for elif def class with try switch else foreach"
local BLOCKS = "blocks are if … then … end, for … do … end, function f(x) … end in Lua"

--- Whether a line opens a block as other languages do: no further line can make Lua of it.
---@param source string
---@return boolean
function M.opens_foreign_block(source)
  if source:find("\n.*%S") then return false end
  local code = code_of(source)
  if code:find("^%s*#%s*include%f[%A]") then return true end
  local word = code:match("^%s*(%a+)")
  if not word or not blocks[word] or code:find("%f[%a]then%f[%A]") then return false end
  return code:find(":%s*$") ~= nil or code:find("^%s*%a+%s*%b()%s*{") ~= nil
    or code:find("^%s*def%f[%A]") ~= nil
end

local FUNCTION = "a function is function(x) … end in Lua"
local LOGIC = "Lua says 'and', 'or', 'not'; in the text of a filter && and || are right"
local ADDING = "Lua has no += and no ++: x = x + 1"
local COMMENT = "comments begin with -- in Lua"
local MODULES = "modules are asked for by require; all of oc is in oc already"
local VARIABLE = "variables need no word in front: x = 1"
local LIST = "a list is { 1, 2, 3 } in Lua"
local QUIT = ".quit ends the session, and so does Ctrl-D"
local OPTIONS = "options are for the command line (oc help repl); .help tells what can be said here"

-- Patterns of the code, texts in quotes being empty. The first that is found is told.
local patterns = {
  { "^%s*[@%a_][%w_]*%s*%[.-%]%s*=%s*%a+%(", "bpftrace" },
  { "^%s*%a+:[%w_:*]+%s*/?.-/?%s*{", "bpftrace" }, { "^%s*%l+:hz:%d+%s*$", "bpftrace" },
  { "@[%w_]*%s*%[", "bpftrace" }, { "^%s*@", "bpftrace" }, { "^%s*BEGIN%s*{", "bpftrace" },
  { "^%s*tracepoint:", "bpftrace" }, { "^%s*[ku]%l*probe:", "bpftrace" },
  { "!=", "'not equal' is ~= in Lua" },
  { "[%w_%])]%s*[+%-*/]=[^=]", ADDING }, { "%+%+%s*$", ADDING }, { "&&", LOGIC }, { "||", LOGIC },
  { "^%s*//", COMMENT }, { "^%s*#%s", COMMENT }, { "^%s*/%*", COMMENT },
  { "[%w%])]%s*//%s*[%w(]", "x // y is math.floor(x / y) in Lua; " .. COMMENT },
  { "%*%*", "x ** y is x ^ y in Lua" },
  { "=>", FUNCTION }, { "^%s*lambda%f[%A]", FUNCTION }, { "=%s*lambda%f[%A]", FUNCTION },
  { "^%s*elif%f[%A]", "elif is elseif in Lua" },
  { "^%s*else%s+if%f[%A]", "else if is elseif in Lua" },
  { "%f[%a]function%s*[%w_.:]*%s*%b()%s*{", BLOCKS },
  { "^%s*def%f[%A]", BLOCKS }, { "^%s*class%f[%A]", BLOCKS }, { "^%s*foreach%f[%A]", BLOCKS },
  { "^%s*try%f[%A]", "pcall(fn) catches errors in Lua" },
  { "^%s*if%f[%A].-[:{]", BLOCKS }, { "^%s*while%f[%A].-[:{]", BLOCKS },
  { "^%s*for%f[%A].-%f[%a]in%s*%[", LIST .. ": for _, x in ipairs(list) do … end" },
  { "^%s*for%f[%A].-%f[%a]in%f[%A]",
    "lists are walked through by for i, x in ipairs(list) do … end" },
  { "^%s*for%s*%(", "a loop is for i = 1, 10 do … end in Lua" },
  { "^%s*import%f[%A]", MODULES }, { "^%s*from%s+%S+%s+import", MODULES },
  { "^%s*#%s*include", MODULES },
  { "%f[%w_]let%s+[%a_]", VARIABLE }, { "%f[%w_]const%s+[%a_]", VARIABLE },
  { "%f[%w_]var%s+[%a_]", VARIABLE }, { "^%s*int%s+[%a_]", VARIABLE },
  { "%?[^?]*:", "x ? a : b is x and a or b in Lua" },
  { "[\"']%s*[.:]%s*[%a_]",
    'a text in quotes needs brackets to have methods: ("abc"):upper()' },
  { "%f[%w_]f[\"'][\"']", 'values go into a text by ("%d events"):format(n)' },
  { "[=(,{]%s*%[[^%[=]", LIST }, { "^%s*%[[^%[=]", LIST },
  { "{%s*[\"'%w_]+%s*:[^:]", "a table is { a = 1, b = 2 } in Lua, a list { 1, 2, 3 }" },
  { "^%s*[:\\]q%f[%A]", QUIT }, { "^%s*\\", ".help tells what can be said here" },
  { "^%s*%-%-?%a[%w-]*%s+[%w:]*$", OPTIONS }, { "^%s*%-%a$", OPTIONS },
}

local sql = set "select insert update show describe delete from with"

--- What to say to a line that is another language's.
---@param source string
---@return string?
function M.of_text(source)
  local first = source:match("^%s*([%a_]+)")
  if first and sql[first:lower()] and source:find("^%s*%a+%s+[%w*\"]") then
    return "this is Lua, not SQL: " .. HOW
  end
  local code = code_of(source)
  for _, each in ipairs(patterns) do
    if code:find(each[1]) then
      return each[2] ~= "bpftrace" and each[2]
        or ("bpftrace's words are functions here: %s"):format(bpftrace.translate(source) or HOW)
    end
  end
end

-- Names without quotes ----------------------------------------------------------------------------

--- An event's name ("sched:sched_switch") that stands outside of quotes.
---@param source string
---@return string?
function M.bare_event(source)
  local from = 1
  while true do
    local first, last, word = source:find("([%a_][%w_-]*:[%a_][%w_]*)", from)
    if not first then return nil end
    local found = scan(source:sub(1, first))
    if not found.quote and not found.in_comment and not source:find("^%s*[({\"']", last + 1) then
      return word
    end
    from = last + 1
  end
end

--- Names in code that stand alone: no part of others, no call, no key of a table.
---@param source string
---@return string[]
function M.bare_names(source)
  local found, code = {}, " " .. code_of(source) .. " "
  for before, word, behind in code:gmatch("([^%w_])%f[%a_]([%a_][%w_]*)%f[^%w_]%s*()") do
    local next_one = code:sub(behind, behind)
    local is_part = before == "." or before == ":" or next_one:find("[(%.:\"'{=]")
    if not is_part then found[#found + 1] = word end
  end
  return found
end

return M
