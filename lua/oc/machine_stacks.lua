--- Places of a machine's samples, for functions that look at one sample after the other: stacks as
--- events have them, functions, modules, addresses.
--
-- A stack of the trace is the trace's: s.stack == e.stack. Those that were added by hand, or come
-- from another tool's profile, are of the machine, which then stands where lua/oc/frames.lua and
-- lua/oc/stack.lua look for a session.

local C = require "oc.abi"
local addr = require "oc.addr"
local ffi = require "ffi"
local frames = require "oc.frames"
local stacks = require "oc.stack"

local M = {}

local OWN = 2 ^ 31  -- Machine::kOwnStack

local function text_of(raw)
  if raw.size_bytes == 0 then return nil end
  return ffi.string(raw.text, raw.size_bytes)
end

-- Stacks of the machine's own ---------------------------------------------------------------------

---@class oc.MachineStacks
---@field machine oc.Machine
---@field number integer as a session's
local Own = {}
Own.__index = Own

--- As `C.oc_session_stack`.
---@return boolean is_known
function Own:look(id, out) return C.oc_machine_stack(self.machine._raw, id, out) == 0 end

local raw_line = ffi.new("oc_machine_line")

local function load_place(machine, id)
  local place = { mark = id }
  while C.oc_machine_frame_line(machine._raw, id, #place, raw_line) == 1 do
    local raw = raw_line
    place[#place + 1] = {
      name = text_of(raw.name), full_name = text_of(raw.full_name),
      module = text_of(raw.module) or "[unknown]", kernel = raw.is_kernel ~= 0,
      file = text_of(raw.file), line = raw.line ~= 0 and raw.line or nil,
      address = raw.has_address ~= 0 and addr(raw.offset) or nil,
      offset = raw.has_address == 0 and tonumber(raw.offset) or nil,
      inline = raw.is_inlined ~= 0 or nil,
    }
  end
  return place
end

--- Made when it is asked for; kept by the machine.
local function own_of(machine)
  local own = rawget(machine, "_stacks")
  if own then return own end
  own = setmetatable({ machine = machine }, Own)
  own.number = frames.register(own, setmetatable({}, { __index = function(known, id)
    local place = load_place(machine, id)
    rawset(known, id, place)
    return place
  end }))
  machine._stacks = own
  return own
end

-- Of a sample -------------------------------------------------------------------------------------

---@param machine oc.Machine
---@param raw ffi.cdata* oc_sample
---@return oc.Stack? nil: it has none
function M.stack(machine, raw)
  if raw.stack == 0 then return nil end
  local session = raw.stack < OWN and machine._owner and machine._owner._session
  local number = session and frames.register(session) or own_of(machine).number
  return stacks.type(raw.stack, number)
end

local symbol, module = ffi.new("oc_text[1]"), ffi.new("oc_text[1]")

--- The function of the innermost frame, as by("symbol") has it, and its module; nil: no stack.
---@param machine oc.Machine
---@param raw ffi.cdata* oc_sample
---@return string? symbol
---@return string? module
function M.place(machine, raw)
  if raw.stack == 0 or C.oc_machine_leaf(machine._raw, raw.stack, symbol, module) == 0 then
    return nil
  end
  return text_of(symbol[0]), text_of(module[0])
end

local address = ffi.new("uint64_t[1]")

---@param machine oc.Machine
---@param raw ffi.cdata* oc_sample
---@return oc.addr? nil: nobody knows where the code of its innermost frame lay
function M.ip(machine, raw)
  if C.oc_machine_ip(machine._raw, raw.context, raw.stack, address) == 0 then return nil end
  return addr(address[0])
end

local group = ffi.new("oc_text[1]")

---@param machine oc.Machine
---@param raw ffi.cdata* oc_sample
---@return string? nil: nobody told
function M.cgroup(machine, raw)
  C.oc_machine_cgroup(machine._raw, raw.context, group)
  return text_of(group[0])
end

--- Looks up the innermost frames of all samples of a selection at once: much quicker than one after
--- the other.
---@param selection ffi.cdata*
function M.name_places(selection) C.oc_selection_name_places(selection) end

return M
