--- What to say, and do, when a script's memory is used up (`--memory`, src/lua/script_memory.h).

local errors = require "oc.errors"
local host = require "oc.host"

local M = {}

local TOLD, REFUSED = "the script's memory is used up (--memory)", "not enough memory"

local function shown(bytes)
  if bytes < 2 ^ 30 then return ("%.0f MiB"):format(bytes / 2 ^ 20) end
  return ("%.1f GiB"):format(bytes / 2 ^ 30)
end

--- The error as it is told when memory was its cause; nil when it was not. `fn` is what ran: an
--- allocation that was refused has no line.
---@param err any
---@param fn? function
---@param ran_at? table where the run was called, as of debug.getinfo: what oc's loop is blamed as
---@return oc.Error?
function M.explain(err, fn, ran_at)
  if not host.memory then return nil end
  local _, limit, was_exceeded = host.memory()
  if not was_exceeded then return nil end
  local made = errors.make(err)
  if made.message ~= TOLD and made.message ~= REFUSED then return nil end
  host.memory_reserve()  -- results are still to be shown
  local is_of_run = ran_at and made.file == errors.file_of(ran_at.source)
    and made.line == ran_at.currentline
  local info = (not made.file or is_of_run) and fn and debug.getinfo(fn, "S")
  local fields = { chunk = made.chunk, file = made.file, line = made.line,
    hint = "keep less of each event (an aggregate instead of a table), or allow more: --memory "
      .. shown(limit * 2):gsub(" ", "") }
  if info and info.what ~= "C" then
    fields.chunk, fields.file = info.source, errors.file_of(info.source)
    fields.line = math.max(1, info.linedefined)
  end
  return errors.new(("the script's memory is used up: it may have %s (--memory)"):format(
    shown(limit)), fields)
end

return M
