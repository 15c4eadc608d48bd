--- The progress bar of a long read: when there is one, and that results never meet it.
--
-- It is drawn by a thread of the host's (src/lua/progress_bar.h), on stderr, when that is a
-- terminal, without -q, after a second. What a script writes to the same terminal erases it first:
-- so `print`, `io.write` and `write` of stdout and stderr are wrapped, where there can be a bar.

local host = require "oc.host"
local settings = require "oc.settings"
local terminal = require "oc.terminal"

local M = {}

local is_shown = false

--- Tells the bar where the write left the cursor, and passes its results on.
local function written(at_line_start, ...)
  host.bar_end_write(at_line_start)
  return ...
end

local function ends_line(...)
  local count = select("#", ...)
  return count == 0 or tostring((select(count, ...))):sub(-1) == "\n"
end

--- Wraps what writes, once, before a script can take hold of it.
function M.make_way()
  if M._is_made or not terminal.is_terminal(terminal.STDERR) then return end
  M._is_made = true
  local results_too = terminal.is_terminal(terminal.STDOUT)
  local methods = getmetatable(io.stdout).__index
  local raw_print, raw_write, raw_method = print, io.write, methods.write
  function methods.write(file, ...)
    local is_ours = file == io.stderr or results_too and file == io.stdout
    if not (is_shown and is_ours) then return raw_method(file, ...) end
    host.bar_begin_write()
    return written(ends_line(...), raw_method(file, ...))
  end
  if not results_too then return end
  function _G.print(...)
    if not is_shown then return raw_print(...) end
    host.bar_begin_write()
    return written(true, raw_print(...))
  end
  rawset(io, "write", function(...)
    if not is_shown then return raw_write(...) end
    host.bar_begin_write()
    return written(ends_line(...), raw_write(...))
  end)
end

--- In a worker: the first process has the bar.
function M.leave() M._is_made, is_shown = false, false end

--- A recorded trace is being read from now on.
function M.start()
  is_shown = M._is_made and not settings.quiet
  if is_shown then host.bar_start() end
end

function M.stop()
  if is_shown then host.bar_stop() end
  is_shown = false
end

return M
