--- The kinds of events of a session, as plain Lua data read once through the C face.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local foreign = require "oc.foreign"

---@class oc.Field
---@field name string
---@field type string as the kernel printed it
---@field kind integer oc::event::FieldKind
---@field offset integer bytes from the payload's start
---@field size integer
---@field element_size integer
---@field count integer elements of a fixed array
---@field signed boolean
---@field relative boolean
---@field hex boolean an address or a hash
---@field common boolean one of common_*

---@class oc.Kind
---@field number integer
---@field name string
---@field sample boolean
---@field live boolean of this machine now, not of a file
---@field type integer perf_event_attr.type
---@field config integer perf_event_attr.config, when it fits
---@field places table<string, integer> offsets in the record: ip, addr, id, stream_id, period
---@field parts table<string, true> what a sample has beyond fixed places: weight, callchain, …
---@field read_format integer perf_event_attr.read_format
---@field branch_type integer perf_event_attr.branch_sample_type
---@field regs_user ffi.cdata* perf_event_attr.sample_regs_user, 64 bits
---@field regs_intr ffi.cdata*
---@field has_stacks boolean the run builds stacks of its samples
---@field has_places boolean or at least finds where they were taken
---@field fields oc.Field[]
---@field by_name table<string, oc.Field>
---@field aliases? table<string, string> source of accessors that a canonical event adds, by name
---@field alias_types? table<string, { type: string, field?: string }> of these, for filters

local M = {}

--- Kernel records are numbered below this.
M.KERNEL_RECORDS = 24
--- perf_event_attr.type
M.HARDWARE, M.SOFTWARE, M.TRACEPOINT = 0, 1, 2
--- oc::event::FieldKind
M.INTEGER, M.FLOAT, M.BOOL, M.POINTER, M.CHARS, M.BYTES, M.ARRAY, M.DYNAMIC_CHARS,
  M.DYNAMIC_ARRAY, M.DYNAMIC_BYTES = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9

local FIRST_KINDS = 4096
local ABSENT = 0xffff

--- PERF_SAMPLE_* bits of a sample's varying part.
local part_bits = {
  callchain = 0x20, weight = 0x1004000, data_src = 0x8000, transaction = 0x20000,
  phys_addr = 0x80000, cgroup = 0x200000, data_page_size = 0x400000, code_page_size = 0x800000,
  reads = 0x10, branches = 0x800, user_regs = 0x1000, user_stack = 0x2000, intr_regs = 0x40000,
  aux = 0x100000, ins_lat = 0x1000000, retire_lat = 0x1000000,
}

--- Sources of fields that are made of others, by the record's name. `build_id` is "" where a
--- mapping has none: the kernel then tells device and inode.
local record_aliases = {
  mmap2 = function(kind)
    if not kind.by_name.build_id then return { build_id = 'return function() return "" end' } end
    return { build_id = ([[
local hex = require("oc.sample").hex
return function(d)
  return hex(string(d.payload + %d, math.min(d.payload[%d], %d)))
end]]):format(
      kind.by_name.build_id.offset, kind.by_name.build_id_size.offset,
      kind.by_name.build_id.size) }
  end,
}

--- Raises what a call of the session failed with, at the script's line.
---@param session ffi.cdata*
---@param token? string the text in the line that is to blame
function M.raise(session, token)
  local err = C.oc_session_error(session)
  local hint = token and foreign.event(token) or ffi.string(err.hint)
  errors.misuse(ffi.string(err.what), {
    hint = hint ~= "" and hint or nil, token = token, named = token, code = err.code })
end

local function read_fields(session, kind, count)
  local raw = ffi.new("oc_field")
  for index = 0, count - 1 do
    C.oc_session_field(session, kind.number, index, raw)
    local field = {
      name = ffi.string(raw.name), type = ffi.string(raw.type), kind = raw.kind,
      offset = raw.offset, size = raw.size, element_size = raw.element_size, count = raw.count,
      signed = raw.is_signed ~= 0, relative = raw.is_relative ~= 0, hex = raw.is_hex ~= 0,
      common = raw.is_common ~= 0,
    }
    kind.fields[#kind.fields + 1] = field
    kind.by_name[field.name] = field
  end
end

--- Reads one kind; its fields too.
---@return oc.Kind
function M.read(session, number)
  local raw = ffi.new("oc_kind")
  assert(C.oc_session_kind(session, number, raw) == 0, "no such kind")
  local places = {}
  for _, name in ipairs { "ip", "addr", "id", "stream_id", "period" } do
    if raw[name] ~= ABSENT then places[name] = raw[name] end
  end
  local sample_type, parts = tonumber(raw.sample_type % 2 ^ 32), {}
  for name, bits in pairs(part_bits) do
    if bit.band(sample_type, bits) ~= 0 then parts[name] = true end
  end
  local kind = {
    number = number, name = ffi.string(raw.name), sample = raw.is_sample ~= 0, type = raw.type,
    config = tonumber(raw.config), places = places, parts = parts, fields = {}, by_name = {},
    live = raw.is_live ~= 0,
    read_format = tonumber(raw.read_format), branch_type = tonumber(raw.branch_sample_type),
    regs_user = raw.regs_user, regs_intr = raw.regs_intr,
    has_stacks = raw.has_stacks ~= 0, has_places = raw.has_places ~= 0,
  }
  read_fields(session, kind, raw.fields)
  local aliases = not kind.sample and record_aliases[kind.name]
  if aliases then kind.aliases = aliases(kind) end
  return kind
end

---@param settings? { frequency?: number, period?: number, addresses?: boolean, optional?: boolean }
---@return integer[]? numbers nil with the error kept on the session
function M.find(session, name, settings)
  local s = settings or {}
  local count, capacity, found = FIRST_KINDS, 0
  while count > capacity do
    capacity = count
    found = ffi.new("uint32_t[?]", capacity)
    count = C.oc_session_resolve(session, name, s.frequency or 0, s.period or 1,
      (s.addresses and 1 or 0) + (s.optional and 2 or 0), found, capacity)
    if count < 0 then return nil end
  end
  local numbers = {}
  for i = 0, count - 1 do numbers[i + 1] = found[i] end
  return numbers
end

--- Like `find`, but a name that means nothing is an error at the script's line.
---@return integer[]
function M.resolve(session, name, settings)
  local numbers = M.find(session, name, settings)
  if not numbers then M.raise(session, name) end
  return numbers
end

return M
