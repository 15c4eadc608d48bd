--- Operators of Rhai that do otherwise than Lua's: `+` joins texts, too; `/` and `%` of whole
--- numbers give whole numbers, towards zero.
--
--     7 / 2 --> 3      7.0 / 2 --> 3.5      -7 % 3 --> -1      "a" + 1 + 2 --> "a12"
--
-- A number does not know whether it was written with a dot: one without a fraction is whole, unless
-- the script's text says otherwise (the translation then asks for divide_floats).

local errors = require "oc.errors"

local M = {}

local is_number = { number = true, cdata = true }

local function check(a, b, sign)
  if is_number[type(a)] and is_number[type(b)] then return end
  errors.misuse(("'%s' wants numbers, not a %s and a %s"):format(sign, type(a), type(b)),
    { token = sign })
end

function M.add(a, b)
  if type(a) == "string" or type(b) == "string" then return tostring(a) .. tostring(b) end
  check(a, b, "+")
  return a + b
end

local function is_whole(a) return type(a) == "number" and a == math.floor(a) end

function M.divide(a, b)
  check(a, b, "/")
  if not is_whole(a) or not is_whole(b) then return a / b end  -- int64_t does as Rhai does
  if b == 0 then errors.misuse("division by zero", { token = "/" }) end
  local quotient = a / b
  return quotient < 0 and math.ceil(quotient) or math.floor(quotient)
end

function M.divide_floats(a, b)
  check(a, b, "/")
  return a / b
end

function M.remainder(a, b)
  check(a, b, "%")
  if type(a) == "cdata" or type(b) == "cdata" then return a % b end
  if b == 0 and is_whole(a) then errors.misuse("division by zero", { token = "%" }) end
  return math.fmod(a, b)
end

return M
