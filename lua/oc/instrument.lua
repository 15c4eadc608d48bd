--- What is put around callbacks to see inside: a clock (`--profile-script`), a lease (`--checked`).
--
--     fn(e)      is called as     own = lend(e)  began = clock()  fn(own)  …  take_back(own)
--
-- One generated function a callback, so that LuaJIT compiles it into the loop as it compiles the
-- callback: closures over one function would share their compiled code (docs/design/inside.md).

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local lease = require "oc.lease"
local settings = require "oc.settings"

local M = {}

---@class oc.instrument.Row what a callback or hook took
---@field what string name of the event, "every 1s", "at_end"
---@field where string file:line of the function
---@field numbers ffi.cdata* calls, total_ns, longest_ns

--- In the order in which the callbacks were bound.
---@type oc.instrument.Row[]
M.rows = {}

local number_type = ffi.typeof("struct { double calls, total_ns, longest_ns; }")

local clock = [[
local began = C.oc_clock_ns()
%s
  local took = C.oc_clock_ns() - began
  row.calls, row.total_ns = row.calls + 1, row.total_ns + took
  if took > row.longest_ns then row.longest_ns = took end]]

local leased = [[
local own = lend(e, lender)
  %s
  take_back(own)]]

--- Where a function was written.
---@param fn function
---@return string
local function place_of(fn)
  local info = debug.getinfo(fn, "S")
  return errors.file_of(info.source) .. ":" .. info.linedefined
end

local function new_row(what, fn)
  local row = { what = what, where = place_of(fn), numbers = number_type() }
  M.rows[#M.rows + 1] = row
  return row.numbers
end

local function wrapped(fn, body, argument, row, lender)
  local source = ([[
local fn, C, row, lend, take_back, lender = ...
return function(%s)
  %s
end]]):format(argument, body)
  local chunk = assert(loadstring(source, errors.own_chunk("instrument")))
  return chunk(fn, C, row, lease.lend, lease.take_back, lender)
end

--- The callback with what the command line wants around it.
---@param what string the event's name
---@param fn fun(e: oc.Event)
---@param script_fn function the script's own, where `fn` calls it
---@return fun(e: oc.Event)
function M.callback(what, fn, script_fn)
  if not (settings.profile or settings.checked) then return fn end
  local call = settings.checked and "fn(own)" or "fn(e)"
  local body = settings.profile and clock:format(call) or call
  if settings.checked then body = leased:format(body) end
  local lender = settings.checked and lease.new_lender(place_of(script_fn))
  return wrapped(fn, body, "e", settings.profile and new_row(what, script_fn), lender)
end

--- The same of a timer or an end hook.
---@param what string
---@param fn fun(time?: number)
---@return fun(time?: number)
function M.hook(what, fn)
  if not settings.profile then return fn end
  return wrapped(fn, clock:format("fn(e)"), "e", new_row(what, fn))
end

return M
