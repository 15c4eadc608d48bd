--- A one-liner of bpftrace in the short verbs, as far as they are alike: for hints.
--
--     tracepoint:sched:sched_switch { @[comm] = count(); }  →  count("sched:sched_switch", "comm")
--     profile:hz:99 { @[kstack] = count(); }                →  count("cpu", "stack")

local foreign = require "oc.foreign"

local M = {}

local verbs = { count = "count", sum = "sum", hist = "hist", lhist = "hist", avg = "stats",
  stats = "stats", min = "stats", max = "stats" }

--- "tracepoint:sched:sched_switch" as an event of ours; nil where there is none.
local function event_of(probe)
  local kind, rest = probe:match("^(%l+):(.+)$")
  if not kind then return nil end
  if kind == "tracepoint" or kind == "t" or kind == "rawtracepoint" or kind == "rt" then
    return rest:find(":", 1, true) and rest or nil
  elseif kind == "profile" or kind == "p" then
    return "cpu"
  elseif kind == "software" or kind == "s" or kind == "hardware" or kind == "h" then
    return rest:match("^[%w_-]+")
  end
end

--- "args->ret", "args.ret", "kstack(5)", "comm" as the name of a field; nil where it is none.
local function field_of(text)
  local name = text:match("^%s*args%s*%->%s*([%a_][%w_]*)%s*$")
    or text:match("^%s*args%.([%a_][%w_]*)%s*$")
    or text:match("^%s*([%a_][%w_]*)%s*$") or text:match("^%s*([%a_][%w_]*)%s*%b()%s*$")
  return name and (foreign.field(name) or name)
end

--- The call of a verb that does the same; nil where we cannot tell.
---@param source string
---@return string?
function M.translate(source)
  local probe = source:match("^%s*(%l+:[%w_:*.-]+)")
  local event = probe and event_of(probe)
  if not event then
    local said = probe and foreign.event(probe)
    if said then return said end
    if probe and probe:find("^[ku]%l*probe:") then
      return "there are no probes in programs yet; .events lists what there is"
    end
    return nil
  end
  local keys, verb, value = source:match("@[%w_]*%s*(%b[])%s*=%s*(%l+)%((.-)%)%s*[;}]")
  if not verb then verb, value = source:match("@[%w_]*%s*=%s*(%l+)%((.-)%)%s*[;}]") end
  local called = verb and verbs[verb] or "count"
  local arguments = { ("%q"):format(event) }
  if called ~= "count" then
    local field = field_of((value:match("^[^,]*")))
    if not field then return nil end
    arguments[2] = ("%q"):format(field)
  end
  for key in (keys or "[]"):sub(2, -2):gmatch("[^,]+") do
    local field = field_of(key)
    if not field then return nil end
    arguments[#arguments + 1] = ("%q"):format(field)
  end
  return ("%s(%s)"):format(called, table.concat(arguments, ", "))
end

return M
