--- Which events of a trace go into its machine, and under which names they are known there.

local C = require "oc.abi"
local canonical = require "oc.canonical"
local kinds = require "oc.kinds"

local M = {}

-- Canonical names that samples can have; the kernel's own records are no samples.
local GROUPS = { "cpu", "cswitch", "page_fault" }

--- The names of all kinds that samples come from.
---@param trace oc.Trace
---@return string[]
function M.names(trace)
  local names, seen = {}, {}
  for number = kinds.KERNEL_RECORDS, C.oc_session_kind_count(trace._session) - 1 do
    local name = kinds.read(trace._session, number).name
    if not seen[name] then names[#names + 1] = name end
    seen[name] = true
  end
  return names
end

--- With --filter the machine gets the events that a callback would get.
---@param trace oc.Trace
function M.choose(trace)
  local is_live = not trace._path and not trace._source
  if is_live then return end  -- there the kernel filters, and scenarios have filters of their own
  C.oc_session_machine_chosen(trace._session)
  local session = trace._session
  local function take(e) C.oc_session_machine_take(session, e._d) end
  for _, name in ipairs(M.names(trace)) do trace:on(name, { optional = true }, take) end
end

--- Asks for all samples of a recorded trace; live, for those of `-e` or `events`, or of the CPU
--- clock where no callback asked for any.
---@param trace oc.Trace
function M.want(trace)
  C.oc_session_declare_machine(trace._session)
  local how = trace._options.machine
  if type(how) == "table" and how.records then C.oc_session_machine_records(trace._session) end
  local is_live = not trace._path and not trace._source
  if is_live then
    local names = trace._asked.events or (#trace._handlers == 0 and { "cpu" } or {})
    for _, name in ipairs(names) do
      local found = canonical.is(name)
        and canonical.resolve(trace._session, name, { live = true,
          frequency = trace._asked.frequency, period = trace._asked.period })
        or kinds.resolve(trace._session, name, { frequency = trace._asked.frequency })
      for _, kind in ipairs(found) do
        C.oc_session_want(trace._session, type(kind) == "table" and kind.number or kind)
      end
    end
    return
  end
  for number = kinds.KERNEL_RECORDS, C.oc_session_kind_count(trace._session) - 1 do
    C.oc_session_want(trace._session, number)
  end
end

--- After the start: which kinds are "cpu" and the like.
---@param trace oc.Trace
function M.tell_groups(trace)
  for _, name in ipairs(GROUPS) do
    for _, number in ipairs(canonical.held(trace._session, name)) do
      if number >= kinds.KERNEL_RECORDS then
        C.oc_session_machine_group(trace._session, number, name)
      end
    end
  end
end

return M
