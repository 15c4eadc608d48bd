--- LuaJIT's reasons for giving up a trace, in plain words, with what to do about them.
--
-- By LuaJIT's own sentences (jit/vmdef.lua, of the LuaJIT that runs): numbers differ by version.

local M = {}

local has_names, vmdef = pcall(require, "jit.vmdef")

local PER_NAME = 6  -- of vmdef.bcnames: letters for each instruction

--- The name of an instruction.
local function instruction(number)
  if not has_names then return tostring(number) end
  local name = vmdef.bcnames:sub(number * PER_NAME + 1, (number + 1) * PER_NAME)
  return (name:gsub("%s", ""))
end

local instructions = {
  FNEW = { "a function is made here each time", "make it once, outside of the callback or loop" },
  UCLO = { "a loop ends that has made functions over its variables",
    "make the function once, outside of the loop" },
  VARG = { "a variable number of arguments is stored here",
    "name the arguments, or take them one by one with select" },
  TSETM = { "a table is made of a variable number of values",
    "name the values, or fill the table in a loop" },
  CALLM = { "a call gets a variable number of arguments", "name the arguments" },
  CALLMT = { "a call gets a variable number of arguments", "name the arguments" },
  RETM = { "a variable number of values is returned", "return a known number of values" },
  ITERN = { "pairs() is not compiled by this LuaJIT", "keep an array beside, and use ipairs()" },
  ISNEXT = { "pairs() is not compiled by this LuaJIT", "keep an array beside, and use ipairs()" },
  CAT = { "texts are joined here", "use an aggregate with several keys instead of a joined text" },
}

--- { what LuaJIT says begins so, plain words, advice, whether memory for code ran out }
local sentences = {
  { "leaving loop in root trace", "a short inner loop, which is compiled with what is around it",
    "nothing to do unless it goes on: LuaJIT tries again from the outer loop" },
  { "inner loop in root trace", "a loop within a loop: the inner one is compiled first",
    "nothing to do" },
  { "loop unroll limit", "an inner loop that runs a different number of times each time",
    "nothing to do unless it is hot; then make its body a function of its own" },
  { "call unroll limit", "functions call each other too deep", "use a loop instead of recursion" },
  { "down-recursion", "recursion, which is compiled anew for its way back", "nothing to do" },
  { "blacklisted", "it calls what was given up for good: a loop, or a C function that called Lua",
    "mend the other lines told here; no Lua function may be called from C" },
  { "error thrown or hook called", "an error was raised here, or Ctrl-C came",
    "errors cost much: test before instead of catching them" },
  { "bad argument type", "a function got an argument of an unexpected type",
    "give it the type that it wants" },
  { "missing metamethod", "an operation on a value that has none such", "check the value's type" },
  { "JIT compilation disabled", "the function is never compiled (the script's body is not)",
    "put the work into a function or callback" },
  { "NYI: unsupported variant of FastFunc",
    "a library function used in a way that is not compiled", "use a simpler form of it" },
  { "NYI: return to lower frame", "a function returns to where no trace began", "nothing to do" },
  { "store with nil or NaN key", "a table is written with nil or NaN as key", "check the key" },
  { "looping index lookup", "__index leads in a circle", "make the chain of tables shorter" },
  { "NYI: mixed sparse/dense table", "a table is made of a list with other keys in it",
    "fill the table after it was made" },
  { "NYI: unsupported C type", "a conversion between C types that is not compiled",
    "use plain numbers" },
  { "NYI: unsupported C function", "a C function of a kind that is not compiled",
    "wrap it into one that takes numbers and pointers" },
  { "guard would always fail", "a test that never holds in compiled code", "nothing to do" },
  { "too many PHIs", "too many variables change in one loop", "split the loop or function" },
  { "too many spill slots", "too many values at once", "split the function" },
  { "too many snapshots", "too many branches in one loop", "split the function" },
  { "persistent type instability", "a variable changes its type from turn to turn",
    "keep a variable a number, or a text, all the time" },
  { "trace too long", "too much code for one piece", "split the function" },
  { "trace too deep", "functions call each other too deep", "call fewer functions in a row" },
  { "trace too short", "nothing worth compiling", "nothing to do" },
  { "failed to allocate mcode", "no memory for machine code near the library", nil, true },
  { "machine code too long", "too much machine code in one piece", "split the function", true },
  { "hit mcode limit", "memory for machine code ran out: all is compiled anew",
    "fewer or smaller callbacks", true },
  { "retry recording", "LuaJIT tried another way", "nothing to do" },
}

--- The name of a C or library function.
---@param func function
---@return string
function M.function_name(func)
  local info = require("jit.util").funcinfo(func)
  if info.ffid and has_names then return vmdef.ffnames[info.ffid] end
  return info.loc or "a function in C"
end

local advice_for_calls = {
  ["string.match"] = "compare plain texts, or do it in every and at_end",
  ["string.gsub"] = "do it in every and at_end, once for each key instead of each event",
  ["string.gmatch"] = "do it in every and at_end",
  ["string.find"] = "with true as fourth argument it looks for plain text, which is compiled",
  ["unpack"] = "name the elements: t[1], t[2]",
  ["tostring"] = "do it in every and at_end, where it is shown",
  ["ffi.meta.__tostring"] = "do it in every and at_end, where it is shown",
  ["table.sort"] = "sort in every and at_end",
  ["pcall"] = "test before instead of catching",
}

--- What to say of a trace that ended in a call.
---@param name string
---@return string words
---@return string? advice
function M.stitched(name)
  return ("%s is not compiled: the code leaves for it and comes back"):format(name),
    advice_for_calls[name]
end

--- What to say of a trace that was given up.
---@param code integer
---@param detail any
---@return string reason, string words, string? advice, boolean? memory_ran_out
function M.explain(code, detail)
  local reason = has_names and vmdef.traceerr[code] or ("reason " .. tostring(code))
  if reason:find("^NYI: bytecode") and type(detail) == "number" then
    local name = instruction(detail)
    local known = instructions[name] or {}
    return "NYI: bytecode " .. name, known[1] or "an operation that is not compiled: " .. name,
      known[2]
  end
  if reason:find("%%[dsx]") then
    local shown = type(detail) == "function" and M.function_name(detail) or tostring(detail)
    reason = reason:gsub("%%[dsx]", (shown:gsub("%%", "%%%%")), 1)
  end
  for _, known in ipairs(sentences) do
    if reason:sub(1, #known[1]) == known[1] then return reason, known[2], known[3], known[4] end
  end
  return reason, reason
end

local for_good = { IFORL = true, IITERL = true, IITERN = true, ILOOP = true, IFUNCF = true,
  IFUNCV = true }

--- Whether an instruction that begins a loop or function says that it was given up for good.
---@param word? integer what jit.util.funcbc gives
---@return boolean
function M.is_blacklisted(word)
  return word ~= nil and for_good[instruction(bit.band(word, 0xff))] or false
end

return M
