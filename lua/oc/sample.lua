--- What a sample holds in its varying part, as plain tables: made when a script asks for them.
--
--     e.reads       { { value =, id =, event =, lost = }, …, enabled =, running = }
--     e.branches    { { from =, to =, mispredicted =, predicted =, in_tx =, abort =, cycles =,
--                       type =, counters = }, …, index = }         the newest first
--     e.user_regs   { ip = oc.addr, sp = …, abi = 64 }   e.intr_regs the same
--     e.user_stack, e.aux                                 bytes as text
--
-- Layouts: include/uapi/linux/perf_event.h; registers: arch/*/include/uapi/asm/perf_regs.h.

local C = require "oc.abi"
local ffi = require "ffi"

local M = {}

local band, rshift = bit.band, bit.rshift
local WORD = 8

-- PERF_FORMAT_*, PERF_SAMPLE_BRANCH_*
local ENABLED, RUNNING, ID, GROUP, LOST = 1, 2, 4, 8, 16
local HW_INDEX = 0x20000

local branch_types = { "cond", "uncond", "ind", "call", "ind_call", "ret", "syscall", "sysret",
  "cond_call", "cond_ret", "eret", "irq", "serror", "no_tx" }

local function words(text)
  local list = {}
  for word in text:gmatch("%S+") do list[#list + 1] = word end
  return list
end

local x86 = words "ax bx cx dx si di bp sp ip flags cs ss ds es fs gs r8 r9 r10 r11 r12 r13 r14 r15"
local arm64, arm = {}, {}
for i = 0, 28 do arm64[i + 1] = "x" .. i end
for _, name in ipairs { "x29", "lr", "sp", "pc" } do arm64[#arm64 + 1] = name end
for i = 0, 10 do arm[i + 1] = "r" .. i end
for _, name in ipairs { "fp", "ip", "sp", "lr", "pc" } do arm[#arm + 1] = name end

--- The registers' names by place, of the machine that the trace is from.
local function register_names(arch)
  if arch:find("^i.86$") or arch == "x86_64" or arch == "x64" then return x86 end
  if arch == "aarch64" or arch == "arm64" then return arm64 end
  if arch:find("^arm") then return arm end
  return {}
end

--- Values by the register's name, "r<place>" where nobody knows that.
local function registers(pointer, count, mask, abi, names)
  if abi == 0 then return nil end
  local out, place, at = { abi = abi == 1 and 32 or 64 }, 0, 0
  local values = ffi.cast("const uint64_t *", pointer)
  while mask ~= 0 and at < count do
    if band(mask, 1) ~= 0 then
      out[names[place + 1] or "r" .. place] = ffi.new("oc_addr", values[at])
      at = at + 1
    end
    mask, place = rshift(mask, 1), place + 1
  end
  return out
end

--- The values of a counter, or of all of its group.
local function reads(pointer, count, format, event_of_id)
  local values, at = ffi.cast("const uint64_t *", pointer), 0
  local function next_word()
    at = at + 1
    return at <= count and tonumber(values[at - 1]) or 0
  end
  local function has(part) return band(format, part) ~= 0 end
  local out = {}
  local function read_value(value)
    local one = { value = value }
    if has(ID) then
      one.id = next_word()
      one.event = event_of_id(one.id)
    end
    if has(LOST) then one.lost = next_word() end
    out[#out + 1] = one
  end
  if count == 0 then return out end
  local first = next_word()
  if has(ENABLED) then out.enabled = next_word() end
  if has(RUNNING) then out.running = next_word() end
  if not has(GROUP) then
    read_value(first)
    return out
  end
  while first > 0 and at < count do
    read_value(next_word())
    first = first - 1
  end
  return out
end

local function branches(pointer, count, counters)
  local entries, out = ffi.cast("const uint64_t *", pointer), {}
  for i = 0, count - 1 do
    local flags = entries[3 * i + 2]
    local low = tonumber(band(flags, 0xffffffffULL))
    out[i + 1] = {
      from = ffi.new("oc_addr", entries[3 * i]), to = ffi.new("oc_addr", entries[3 * i + 1]),
      mispredicted = band(low, 1) ~= 0, predicted = band(low, 2) ~= 0,
      in_tx = band(low, 4) ~= 0, abort = band(low, 8) ~= 0,
      cycles = band(rshift(low, 4), 0xffff), type = branch_types[band(rshift(low, 20), 15)],
      counters = counters and tonumber(counters[i]) or nil,
    }
  end
  return out
end

--- The functions that a session's accessors call: `fun(d, kind)`, by field name. `held[1]` is the
--- session, as long as it lives; `fact(session, name)` tells its facts.
---@param held table
---@param fact fun(session: ffi.cdata*, name: string): string
---@return table<string, fun(d: ffi.cdata*, kind: oc.Kind): any>
function M.readers(held, fact)
  local bytes, number = ffi.new("const uint8_t *[1]"), ffi.new("uint64_t[1]")
  local names

  local function part(d, name)
    if not held[1] then return nil, 0 end
    local size = C.oc_session_tail_bytes(held[1], d, name, bytes, number)
    return bytes[0], size
  end

  local function event_of_id(id)
    local name = C.oc_session_event_of_id(held[1], id)
    if name ~= nil then return ffi.string(name) end
    return nil
  end

  local function regs(d, name, mask)
    local pointer, size = part(d, name)
    names = names or register_names(held[1] and fact(held[1], "arch") ~= "" and
      fact(held[1], "arch") or jit.arch)
    return registers(pointer, size / WORD, mask, tonumber(number[0]), names)
  end

  local function text(name)
    return function(d)
      local pointer, size = part(d, name)
      return size == 0 and "" or ffi.string(pointer, size)
    end
  end

  return {
    reads = function(d, kind)
      local pointer, size = part(d, "reads")
      return reads(pointer, size / WORD, kind.read_format, event_of_id)
    end,
    branches = function(d, kind)
      local counted, of_counters = part(d, "branch_counters")
      local counters = of_counters > 0 and ffi.cast("const uint64_t *", counted) or nil
      local pointer, size = part(d, "branches")
      local out = branches(pointer, size / (3 * WORD), counters)
      -- ~0: the hardware does not say.
      if band(kind.branch_type, HW_INDEX) ~= 0 and number[0] + 1 ~= 0 then
        out.index = tonumber(number[0])
      end
      return out
    end,
    user_regs = function(d, kind) return regs(d, "user_regs", kind.regs_user) end,
    intr_regs = function(d, kind) return regs(d, "intr_regs", kind.regs_intr) end,
    user_stack = text "user_stack",
    aux = text "aux",
  }
end

--- The build ids that a recording stored: { { path =, build_id = "hex", pid =, kernel = }, … }.
---@param session ffi.cdata*
---@return table[]
function M.build_ids(session)
  local raw, list, i = ffi.new("oc_build_id"), {}, 0
  while C.oc_session_build_id(session, i, raw) ~= 0 do
    i = i + 1
    list[i] = {
      path = ffi.string(raw.path), build_id = M.hex(ffi.string(raw.id, raw.id_size)),
      pid = raw.pid >= 0 and raw.pid or nil, kernel = raw.is_kernel ~= 0,
    }
  end
  return list
end

--- Bytes as hex digits.
---@param bytes string
---@return string
function M.hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

return M
