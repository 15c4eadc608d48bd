--- Watching a value while the trace runs: `trace:live(by_comm)`, in the REPL `live(by_comm)`.
--
--     comm            count       redrawn in place each second, until a key, Ctrl-C or the end
--     dd             81,212
--     gzip               14
--     3.0 s · 27,114 events/s · lost 0
--
-- Not on a terminal the tables come one below the other.

local C = require "oc.abi"
local cells = require "oc.cells"
local errors = require "oc.errors"
local ffi = require "ffi"
local open_options = require "oc.open_options"
local session = require "oc.session"
local settings = require "oc.settings"
local terminal = require "oc.terminal"
local units = require "oc.units"

local M = {}

local STDIN, STDOUT = 0, 1
local SLICE_MS = 50      -- between looks at the keyboard
local LEAST_NS = 1e7
local known_options = { times = "number", show = "function", top = "number" }

local size = ffi.new("oc_terminal")

--- What is written while `body` runs.
local function written(body)
  local before, out = settings.write, {}
  settings.write = function(text) out[#out + 1] = text end
  local ok, err = pcall(body)
  settings.write = before
  if not ok then error(err, 0) end
  return table.concat(out)
end

local function is_printable(value)
  if type(value) ~= "table" then return false end
  local ok, method = pcall(function() return value.print end)
  return ok and type(method) == "function"
end

--- The value as text now; a function is called, and what it writes or returns is shown.
local function text_of(value, options)
  local text = written(function()
    local shown = value
    if type(value) == "function" then
      shown = value()
      if shown == nil then return end
    end
    if options.show then
      settings.write(options.show(shown))
    elseif is_printable(shown) then
      shown:print { top = options.top }
    else
      settings.write(tostring(shown))
    end
  end)
  if text ~= "" and text:sub(-1) ~= "\n" then text = text .. "\n" end
  return text
end

local function grouped(number)
  local text = ("%.0f"):format(number)
  repeat
    local count
    text, count = text:gsub("^(-?%d+)(%d%d%d)", "%1,%2")
  until count == 0
  return text
end

--- What was lost, by event where the kernel says so, and what waits in the spool.
local function trouble(stats)
  local parts = { "lost " .. grouped(stats.lost) }
  local names = {}
  for name in pairs(stats.lost_by_event) do names[#names + 1] = name end
  table.sort(names)
  if #names > 0 then parts[1] = parts[1] .. " (" .. table.concat(names, ", ") .. ")" end
  local spool = stats.spool
  if spool and spool.bytes > spool.limit_bytes / 4 then
    parts[#parts + 1] = ("%s of %s wait"):format(units.write_size(spool.bytes),
      units.write_size(spool.limit_bytes))
  end
  return table.concat(parts, " · ")
end

--- The line below: how long, how many a second since the last look, what was lost.
---@param stats oc.Stats
---@param rate number events a second
---@return string
function M.status(stats, rate)
  return ("%.1f s · %s events/s · %s"):format(stats.span_ns / 1e9, grouped(rate), trouble(stats))
end

--- Clean text in at most so many cells, and how many it takes.
local function cut(clean, columns)
  local out, at, used = {}, 1, 0
  while at <= #clean do
    local length = cells.decode(clean, at) or 1
    local piece = clean:sub(at, at + length - 1)
    local width = cells.width(piece)
    if used + width > columns then break end
    out[#out + 1], used, at = piece, used + width, at + length
  end
  return table.concat(out), used
end

local COLOUR, END_OF_COLOUR = "\27%[[%d;]*m", "\27[0m"

--- `text` in at most so many cells. Nothing in it is for the terminal to obey, but colours.
local function fit(text, columns)
  local has_colour, out, at = terminal.has_colour(STDOUT), {}, 1
  local is_painted = false
  while at <= #text do
    local first, last = text:find(COLOUR, at)
    local piece, used = cut(cells.clean(text:sub(at, (first or 0) - 1)), columns)
    out[#out + 1], columns = piece, columns - used
    if first and has_colour then
      local colour = text:sub(first, last)
      out[#out + 1], is_painted = colour, colour ~= END_OF_COLOUR
    end
    at = (last or #text) + 1
  end
  return table.concat(out) .. (is_painted and END_OF_COLOUR or "")
end

--- What fits the terminal: as many lines of `text` as there is room for above the status.
---@return string[] lines
function M.layout(text, status, columns, rows)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do lines[#lines + 1] = fit(line, columns) end
  local room = math.max(1, rows - 2)
  if #lines > room then
    local left = #lines - room + 1
    for i = #lines, room, -1 do lines[i] = nil end
    lines[room] = fit(("… %d more"):format(left), columns)
  end
  lines[#lines + 1] = fit(status, columns)
  return lines
end

--- A screen in place: `draw(lines)` writes over what was drawn before.
local function new_screen()
  local drawn = 0
  return function(lines)
    local up = drawn > 0 and ("\r\27[%dA"):format(drawn) or "\r"
    io.stdout:write(up, "\27[J", table.concat(lines, "\n"), "\n")
    io.stdout:flush()
    drawn = #lines
  end
end

local function interrupted() return C.oc_host_interrupted(session.host_pointer) ~= 0 end

--- Feeds the trace until `deadline`. Nil when the trace has ended; "key" when one came, or Ctrl-C.
local function wait_until(trace, deadline, has_keys)
  while true do
    local rest = (deadline - C.oc_now_ns()) / 1e6
    if rest <= 0 then return "time" end
    local more = trace:feed(math.min(rest, has_keys and SLICE_MS or rest))
    if interrupted() then return "key" end
    if not more then return nil end
    if has_keys and C.oc_terminal_key(0) >= 0 then return "key" end
  end
end

--- Shows `value` again and again, each `period`; returns when a key came, Ctrl-C, or the end.
---@param trace oc.Trace
---@param value any an aggregate, or a function that prints or returns something
---@param period? string|number "1s"
---@param options? { times: number?, show: fun(value: any): string, top: number? }
function M.watch(trace, value, period, options)
  options = options or {}
  open_options.check(options, known_options, "trace:live")
  local ns = period == nil and 1e9 or type(period) == "string" and units.parse_duration(period)
    or period
  if type(ns) ~= "number" or not (ns >= LEAST_NS and ns < 2 ^ 62) then
    errors.misuse("trace:live wants a time of at least 10 ms, such as \"1s\"", { token = "live" })
  end
  local is_screen = C.oc_terminal_size(STDOUT, size) ~= 0 and not settings.json
  local has_keys = is_screen and C.oc_terminal_size(STDIN, size) ~= 0 and C.oc_terminal_raw(1) ~= 0
  local draw, shown = is_screen and new_screen(), 0
  local last, last_at = trace:stats().events, C.oc_now_ns()
  local function show()
    local stats, now = trace:stats(), C.oc_now_ns()
    local rate = (stats.events - last) / math.max(1e-9, (now - last_at) / 1e9)
    last, last_at, shown = stats.events, now, shown + 1
    local text, status = text_of(value, options), M.status(stats, rate)
    if draw then
      C.oc_terminal_size(STDOUT, size)
      draw(M.layout(text, status, size.columns > 0 and size.columns or 80,
        size.rows > 0 and size.rows or 24))
    else
      settings.write(text)
      if not settings.json and not settings.quiet then io.stderr:write("oc: ", status, "\n") end
    end
  end
  local ok, err = pcall(function()
    local next_at = C.oc_now_ns()
    repeat
      next_at = math.max(next_at + ns, C.oc_now_ns())
      local why = wait_until(trace, next_at, has_keys)
      show()
    until why ~= "time" or shown == options.times
  end)
  if has_keys then C.oc_terminal_raw(0) end
  if not ok then error(err, 0) end
end

return M
