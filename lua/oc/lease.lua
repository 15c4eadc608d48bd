--- Leases (`--checked`): each call of a callback gets an event of its own, gone when it returns.
--
--     own = lend(e)     fn(own)     take_back(own)     own.pid: an error with the line of use

local errors = require "oc.errors"
local ffi = require "ffi"

local M = {}

local GONE = -1  -- of _is_copy

-- An event whose fields are all zero, and none of whose offsets lead out of it.
local nothing_bytes = ffi.new("uint8_t[?]", 131072)

--- Stands for events whose bytes are gone.
M.nothing = ffi.new("oc_event[1]", { { record = nothing_bytes, payload = nothing_bytes } })

local lenders = {}

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
  return own
end

function M.take_back(own) own._d, own._is_copy = M.nothing, GONE end

--- Raises when the event is gone; `what` is the name that was asked for.
---@param event ffi.cdata*
---@param what? string
function M.check(event, what)
  if event._is_copy ~= GONE then return end
  errors.misuse(("this event is gone: it was lent to the callback at %s, which has returned")
    :format(lenders[event._lender] or "an unknown line"),
    { token = what, hint = "keep e:copy(), or the numbers and texts that are needed" })
end

--- `index` of an event, which asks first whether it is still there.
function M.checked(index)
  return function(self, name)
    M.check(self, name)
    return index(self, name)
  end
end

return M
