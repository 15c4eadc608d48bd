--- Unwind rules that a script gives: how code that no table describes leads to its caller.
--
--     trace:add_unwind_rules("//anon", {
--       { offset = address, size = 64, cfa = "sp+48" },
--       { offset = 0, size = 0x1000, cfa = "fp+16", fp = -16 },
--     })
--
-- Rules, not functions: they are compiled into the loop that walks stacks, which never calls Lua.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local nearest = require "oc.nearest"

local M = {}

local WORD = 8
local KEPT = -32768
local OUTERMOST = 2
local bases = { sp = 0, fp = 1 }
local fields = { offset = true, size = true, cfa = true, ra = true, fp = true }
local address_type = ffi.typeof("oc_addr")
local HINT = 'as in { offset = 0x1000, size = 64, cfa = "sp+48" }: the CFA is the caller\'s stack '
  .. "pointer; ra (-8) and fp are where the return address and the caller's frame pointer lie, "
  .. "from there"

local function wrong(i, problem, hint)
  errors.misuse(("add_unwind_rules: the rule %d %s"):format(i, problem),
    { token = "add_unwind_rules", hint = hint or HINT })
end

local function words(i, name, value)
  if type(value) ~= "number" or value % WORD ~= 0 or math.abs(value) > 32767 * WORD then
    wrong(i, ("wants %s as a multiple of %d bytes, not %s"):format(name, WORD, tostring(value)))
  end
  return value / WORD
end

local function check_fields(i, rule)
  if type(rule) ~= "table" then wrong(i, "is a " .. type(rule)) end
  for name in pairs(rule) do
    if not fields[name] then
      wrong(i, ("has no '%s'"):format(tostring(name)),
        nearest.hint(tostring(name), { "offset", "size", "cfa", "ra", "fp" }))
    end
  end
end

local function read(i, rule, raw)
  check_fields(i, rule)
  raw.base, raw.ra, raw.fp = OUTERMOST, -1, KEPT
  if rule.cfa ~= "none" then
    local base, sign, bytes = tostring(rule.cfa):match("^([sf]p)([+-])(%d+)$")
    if not base then wrong(i, ("wants cfa as \"sp+N\", \"fp+N\" or \"none\", not %s"):format(
      tostring(rule.cfa))) end
    raw.base = bases[base]
    raw.cfa = words(i, "cfa", tonumber(sign .. bytes))
  end
  if rule.ra ~= nil then raw.ra = words(i, "ra", rule.ra) end
  if rule.fp ~= nil then raw.fp = words(i, "fp", rule.fp) end
  local place = ffi.istype(address_type, rule.offset) and rule.offset.v or rule.offset
  local is_place = type(place) == "cdata" or type(place) == "number" and place >= 0
    and place % 1 == 0
  if not is_place or type(rule.size) ~= "number" or rule.size < 1 then
    wrong(i, "wants offset and size")
  end
  raw.offset, raw.size_bytes = place, rule.size
end

--- Gives the rules of code in modules of this path, or that match it as a glob.
---@param session ffi.cdata*
---@param module string
---@param rules oc.UnwindRule[]
function M.add(session, module, rules)
  if type(module) ~= "string" or type(rules) ~= "table" then
    errors.misuse("add_unwind_rules wants the path of a module and a table of rules",
      { token = "add_unwind_rules", hint = HINT })
  end
  local raw = ffi.new("oc_unwind_rule[?]", #rules)
  for i, rule in ipairs(rules) do read(i, rule, raw[i - 1]) end
  local bad = C.oc_session_add_unwind_rules(session, module, raw, #rules)
  if bad > 0 then wrong(bad, "is for no place in memory") end
  if bad < 0 then errors.misuse("add_unwind_rules: no memory for these rules", {}) end
end

return M
