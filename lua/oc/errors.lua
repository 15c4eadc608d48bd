--- Errors that name the user's line, quote it, point at the cause and say what to do.
--
--     cpu_top.lua:12: event 'sched:sched_switch' has no field 'next_pdi'
--        12 |   counts:add(e.next_pdi)
--           |                ^ did you mean 'next_pid' or 'next_prio'?
--
-- Our modules raise tables made by `errors.raise` and `errors.misuse`; what Lua itself raises is
-- text "file:line: message", taken apart by `errors.make`. The source comes from a function, so
-- that chunks from standard input and `oc eval` are quoted too.

---@class oc.Error
---@field message string one sentence, without place
---@field hint? string what the user can do
---@field token? string the text in the line that is to blame
---@field chunk? string the chunk's name as Lua keeps it ("@path", "=name")
---@field file? string as shown
---@field line? integer
---@field traceback? string
---@field exit_status? integer what the program should end with
local Error = {}
Error.__index = Error
Error.__tostring = function(self)
  return self.file and self.file .. ":" .. self.line .. ": " .. self.message or self.message
end

---@class oc.errors
local M = {}

--- What the user typed on the command line, by value: where ("-e", "--by", "EVENTS").
---@type table<string, string>
M.typed = {}

-- All modules of oc share what comes before "errors.lua" in this one's chunk name.
local own_prefix = debug.getinfo(1, "S").source:gsub("errors%.lua.*$", "")

--- The name for a chunk that a module of oc generates, so that `misuse` passes over it.
---@param name string
---@return string
function M.own_chunk(name) return own_prefix .. name end

--- A chunk's name for people: no "@", "=", and the first line of a text only.
---@param chunk string
---@return string
local function file_of(chunk)
  if chunk:find("^[@=]") then return chunk:sub(2) end
  return '[string "' .. (chunk:match("^[^\r\n]*")) .. '"]'
end

M.file_of = file_of

local function place(err, info)
  if info and info.currentline and info.currentline > 0 then
    err.chunk, err.file, err.line = info.source, file_of(info.source), info.currentline
  end
  return err
end

--- Gives an error without a line that of a function: LuaJIT tells none where compiled code failed.
---@param err oc.Error
---@param fn function
function M.place_at(err, fn)
  local info = debug.getinfo(fn, "S")
  return place(err, { source = info.source, currentline = info.linedefined })
end

local function build(message, options)
  local err = setmetatable({ message = message }, Error)
  for key, value in pairs(options or {}) do err[key] = value end
  return err
end

--- An error without a place: of the command line, of the host. Raise it with `error(err, 0)`.
---@param message string
---@param fields? table hint, exit_status, …
---@return oc.Error
function M.new(message, fields) return build(message, fields) end

--- Raises wrong usage of the command line: exit status 2, and no line is to blame.
---@param message string
---@param hint? string
function M.wrong_usage(message, hint)
  error(build(message, { hint = hint, exit_status = 2 }), 0)
end

--- Raises an error at the place `level` steps up: 1 is the caller of this, 2 its caller, as
--- `error`.
---@param level integer
---@param message string
---@param options? { hint?: string, token?: string }
function M.raise(level, message, options)
  error(place(build(message, options), debug.getinfo(level + 1, "Sl")), 0)
end

--- Raises an error at a place that was kept: what `debug.getinfo(…, "Sl")` said.
---@param info table
---@param message string
---@param options? { hint?: string, token?: string }
function M.raise_at(info, message, options) error(place(build(message, options), info), 0) end

--- Keeps where on the command line a value, or each text of a list, was given.
---@param shown string
---@param value any
function M.add_typed(shown, value)
  for _, text in ipairs(type(value) == "table" and value or { value }) do
    if type(text) == "string" then M.typed[text] = shown end
  end
end

--- The innermost line that is not oc's own; nil when all are.
---@return table? info as of debug.getinfo
function M.script_line()
  local level, info = 2
  repeat
    info = debug.getinfo(level, "Sl")
    level = level + 1
  until not info or (info.what ~= "C" and info.source:sub(1, #own_prefix) ~= own_prefix)
  return info
end

--- Raises an error at the innermost line that is not oc's own: the script's. `named` is a name that
--- means nothing: when the user typed it, no line of the script is to blame.
---@param message string
---@param options? { hint?: string, token?: string, named?: string }
function M.misuse(message, options)
  local shown = options and options.named and M.typed[options.named]
  if shown then error(build(shown .. ": " .. message, options), 0) end
  error(place(build(message, options), M.script_line()), 0)
end

--- Misuse where something else than a table, or nothing, is given.
---@param value any
---@param who string
---@param hint? string
function M.want_table(value, who, hint)
  if value == nil or type(value) == "table" then return end
  M.misuse(("%s wants a table, not a %s"):format(who, type(value)), { hint = hint })
end

--- What a script is told that uses `oc` before it has it.
local function missing_require(message)
  return message:find("^attempt to index global 'oc' %(a nil value%)")
    and 'a script begins with: local oc = require "oc"' or nil
end

--- Any error value as an `oc.Error`; text "file:line: message" is taken apart.
---@param value any
---@return oc.Error
function M.make(value)
  if getmetatable(value) == Error then return value end
  if type(value) ~= "string" then return build("error object: " .. tostring(value)) end
  local text, trace = value:match("^(.-)\nstack traceback:\n(.*)$")
  local file, line, message = (text or value):match("^(.-):(%d+): (.*)$")
  if file and file:find("\n", 1, true) then file = nil end
  message = file and message or text or value
  local err = build(message, { traceback = trace, hint = missing_require(message) })
  if file then err.file, err.line = file, tonumber(line) end
  return err
end

--- What Lua's own message blames, as in "… field 'next_pdi' (a nil value)".
local function token_of(err)
  return err.token or err.message:match("^attempt to .* '([%w_]+)' %(")
    or err.message:match(" near '([^']+)'$")
end

--- Where `token` stands in `text` as a word; nil when nowhere or more than once.
local function column_of(text, token)
  if not token or token == "" then return nil end
  local found, from = nil, 1
  while true do
    local first, last = text:find(token, from, true)
    if not first then return found end
    local is_word = not (token:find("^[%w_]") and text:sub(first - 1, first - 1):find("[%w_]"))
      and not (token:find("[%w_]$") and text:sub(last + 1, last + 1):find("[%w_]"))
    if is_word then
      if found then return nil end
      found = first
    end
    from = last + 1
  end
end

--- The text of one line.
---@param source string
---@param wanted integer
---@return string?
local function source_line(source, wanted)
  local number = 0
  for text in (source .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    if number == wanted then return text end
  end
  return nil
end

M.source_line = source_line

--- Terminals obey control characters, and what is quoted may come from a foreign trace.
local function printable(text)
  return (text:gsub("[%z\1-\8\11-\31\127]", function(c)
    return string.format("\\x%02x", c:byte())
  end))
end

local WIDTH = 160

--- At most WIDTH bytes of a line with the column in them, and the column there.
local function clip(text, column)
  if #text <= WIDTH then return text, column end
  local first = math.max(1, math.min((column or 1) - WIDTH / 2, #text - WIDTH + 1))
  local last = first + WIDTH - 1
  while first > 1 and text:find("^[\128-\191]", first) do first = first + 1 end
  while last < #text and text:find("^[\128-\191]", last + 1) do last = last - 1 end
  local before, behind = first > 1 and "…" or "", last < #text and "…" or ""
  if column then column = column - first + 1 + (first > 1 and 1 or 0) end
  return before .. text:sub(first, last) .. behind, column
end

--- The error as text for people: several lines, each ended.
---@param value any an `oc.Error` or what Lua raised
---@param read_source? fun(chunk: string): string? the text of a chunk by its name (shown or Lua's)
---@return string
function M.render(value, read_source)
  local err = M.make(value)
  local out = { printable(tostring(err)), "\n" }
  local hint = err.hint and printable(err.hint)
  local source = err.file and read_source and (read_source(err.chunk or err.file))
  local text = source and source_line(source, err.line)
  if text then
    text = printable(text:gsub("\t", "  "))
    local number = string.format("%4d", err.line)
    local shown, column = clip(text, column_of(text, token_of(err)))
    out[#out + 1] = number .. " | " .. shown .. "\n"
    if column then
      out[#out + 1] = (" "):rep(#number) .. " | " .. (" "):rep(column - 1) .. "^"
        .. (hint and " " .. hint or "") .. "\n"
      hint = nil
    end
  end
  if hint then out[#out + 1] = "  hint: " .. hint .. "\n" end
  return table.concat(out)
end

--- Counts errors of callbacks: each place is reported once, and the run ends when the budget is
--- spent.
---@class oc.errors.Collector
---@field max integer
---@field total integer
local Collector = {}
Collector.__index = Collector
M.Collector = Collector

---@param options? { max?: integer }
---@return oc.errors.Collector
function Collector.new(options)
  return setmetatable({ max = options and options.max or 20, total = 0, _places = {} }, Collector)
end

--- Takes one error. The place is its file and line: messages differ by value, the cause does not.
---@param value any
---@return boolean is_new report it now
---@return boolean is_over the budget is spent: end the run
function Collector:add(value)
  local err = M.make(value)
  local key = err.file and err.file .. ":" .. err.line or err.message
  local entry = self._places[key]
  self.total = self.total + 1
  if not entry then
    entry = { error = err, count = 0, key = key }
    self._places[key] = entry
    self._places[#self._places + 1] = entry
  end
  entry.count = entry.count + 1
  return entry.count == 1, self.total >= self.max
end

--- One line for each place that failed more than once, and one when the budget ended the run.
---@return string text empty when there is nothing to say
function Collector:summary()
  local out = {}
  for _, entry in ipairs(self._places) do
    if entry.count > 1 then
      out[#out + 1] = string.format("%s: %d times in all: %s\n", printable(entry.key), entry.count,
        printable(entry.error.message))
    end
  end
  if self.total >= self.max then
    out[#out + 1] = string.format("stopped after %d error%s (--max-errors)\n", self.total,
      self.total == 1 and "" or "s")
  end
  return table.concat(out)
end

return M
