--- Events are lent: to a callback, until its batch is handled, and no longer.
--
--     release(view)     view.pid: an error with the line of use
--
-- Leases (`--checked`) are stricter: each call of a callback gets an event of its own, gone when it
-- returns.
--
--     own = lend(e)     fn(own)     take_back(own)     own.pid: an error with the line of use

local errors = require "oc.errors"
local ffi = require "ffi"

local M = {}

local RECORD_BYTES = 65536  -- no record is longer, nor does any offset in one lead further

local nothing_type = ffi.typeof("struct { oc_event event[1]; uint8_t bytes[$]; }", 2 * RECORD_BYTES)

-- An event whose fields are all zero, and its record: in one, so that both live as long.
-- In the module's table, for the pointers to it keep nothing alive.
M._kept = nothing_type()
M._kept.event[0].record, M._kept.event[0].payload = M._kept.bytes, M._kept.bytes

--- Stands for events whose bytes are gone.
M.nothing = ffi.cast("const oc_event *", M._kept.event)

local nothing = M.nothing
local lenders, lent = {}, {}

--- A number for who lends events: the place of the callback.
---@param place string file:line
---@return integer
function M.new_lender(place)
  lenders[#lenders + 1] = place
  return #lenders
end

---@param event ffi.cdata* a view
---@param lender integer
---@return ffi.cdata* own
function M.lend(event, lender)
  local own = ffi.typeof(event)(0)
  own._d, own._lender = event._d, lender
  lent[#lent + 1] = own
  return own
end

local function take_last()
  local last = lent[#lent]
  lent[#lent] = nil
  last._d = nothing
  return last
end

--- Takes an event back, and those that were lent behind it to callbacks that failed.
function M.take_back(own)
  while #lent > 0 and not rawequal(take_last(), own) do end
end

--- No callback runs: what one that failed was lent is gone as well.
function M.take_all_back()
  while #lent > 0 do take_last() end
end

local args_of = setmetatable({}, { __mode = "k" })

--- Of a view: the `e.args` that its events share.
function M.shares_args(event, args) args_of[event] = args end

--- The event that a view showed is gone.
function M.release(event)
  event._d = nothing
  local args = args_of[event]
  if args then args._d = nothing end
end

--- What callbacks were lent is gone: the batch, or what a hook emitted.
---@param views table<string, ffi.cdata*>
function M.release_all(views)
  M.take_all_back()
  for _, event in pairs(views) do M.release(event) end
end

--- Raises when the event is gone; `what` is the name that was asked for.
---@param event ffi.cdata*
---@param what? string
function M.check(event, what)
  if event._d == nothing then M.raise_gone(what, event._lender) end
end

---@param what? string
---@param lender? integer
function M.raise_gone(what, lender)
  local place = lenders[lender]
  errors.misuse("this event is gone: it was lent to "
    .. (place and "the callback at " .. place or "a callback") .. ", which has returned",
    { token = what, hint = "keep e:copy(), or the numbers and texts that are needed" })
end

return M
