--- Events with one name and one set of fields, whatever the kernel or a recording calls them.
--
--     name        live                          recorded: the first of these that the trace has
--     cpu         cpu-clock at a frequency      cpu-clock, task-clock, cycles, ref-cycles
--     cswitch     sched:sched_switch, else      sched:sched_switch, SWITCH records
--                 SWITCH records
--     cswitch_in  SWITCH records                SWITCH records
--     page_fault  page-faults, every one,       page-faults, minor-faults, major-faults
--                 with the address
--     exec fork exit comm mmap lost             the kernel's own records of these
--
-- Fields beside the common ones:
--
--     cswitch     prev_tid, next_tid, next_comm, preempted (it could have run on), exited (it will
--                 never run again). e.tid and e.comm are of the thread that stopped running. SWITCH
--                 records name no next_comm (""), know of none that it exited, and those of a
--                 single task know no next_tid (-1).
--     cswitch_in  none; e.tid and e.comm are of the thread that begins to run. cswitch is of the
--                 one that leaves the CPU to it: where only some are traced it does not tell that;
--                 and of the whole system a few sched_switch are missing (seen with Linux 6.18,
--                 also by perf), SWITCH records are not.
--     page_fault  addr, ip
--     exec comm   comm is the new name; args.pid, args.tid
--     fork        pid, tid, comm of the parent; args.pid and args.tid of the child
--     exit        args.ppid, args.ptid
--     mmap        args.filename, addr, len, pgoff
--     lost        args.lost: how many records

local C = require "oc.abi"
local errors = require "oc.errors"
local kinds = require "oc.kinds"
local session_of = require "oc.session"
local settings = require "oc.settings"

local M = {}

local CPU_CLOCK, TASK_CLOCK, PAGE_FAULTS, MINOR_FAULTS, MAJOR_FAULTS = 0, 1, 2, 5, 6
local CYCLES, REF_CYCLES = 0, 9
local DEFAULT_HZ = 999

local function software(config)
  return function(kind) return kind.type == kinds.SOFTWARE and kind.config == config end
end

local function hardware(config, pattern)
  return function(kind)
    return (kind.type == kinds.HARDWARE and kind.config % 2 ^ 32 == config)
      or (kind.type > kinds.TRACEPOINT and kind.name:find(pattern) ~= nil)
  end
end

--- A recording's name may carry modifiers: "sched:sched_switch:u".
local function tracepoint(name)
  return function(kind)
    return kind.type == kinds.TRACEPOINT
      and (kind.name == name or kind.name:sub(1, #name + 1) == name .. ":")
  end
end

--- The kinds that the first matcher with any match finds.
local function first_match(session, matchers)
  local count = C.oc_session_kind_count(session)
  for _, matches in ipairs(matchers) do
    local found = {}
    for number = kinds.KERNEL_RECORDS, count - 1 do
      if matches(kinds.read(session, number)) then found[#found + 1] = number end
    end
    if #found > 0 then return found end
  end
  return nil
end

--- The numbers of several kernel records.
local function records(session, names)
  local found = {}
  for _, name in ipairs(names) do
    for _, number in ipairs(kinds.resolve(session, name)) do found[#found + 1] = number end
  end
  return found
end

-- Accessors (see view.lua) of cswitch by what the kind is.
local function int32_at(base, offset)
  return ([[
local T = ffi.typeof("const int32_t *")
return function(d) return cast(T, %s + %d)[0] end]]):format(base, offset)
end

local SWITCH_PREEMPT = 0x4000  -- PERF_RECORD_MISC_SWITCH_OUT_PREEMPT
local TASK_STATES = 0xff       -- of prev_state; above are the kernel's own marks
local EXITED_STATES = 0x30     -- EXIT_DEAD, EXIT_ZOMBIE (linux/sched.h)

--- The field when it is as the accessors read it. The format comes with the recording, and with a
--- shorter field they would read past the payload's end.
local function field_of(kind, name, field_kind, least_size)
  local field = kind.by_name[name]
  return field and field.kind == field_kind and field.size >= least_size and field or nil
end

--- Whether some bits of prev_state are set (or, with "==", none).
local function state_bits(field, bits, relation)
  return field and ([[
local T = ffi.typeof("const uint32_t *")
return function(d)
  return bit.band(cast(T, d.payload + %d)[0], %d) %s 0
end]]):format(field.offset, bits, relation)
end

local function sched_switch_aliases(kind)
  local prev, next_ = field_of(kind, "prev_pid", kinds.INTEGER, 4),
    field_of(kind, "next_pid", kinds.INTEGER, 4)
  local state, comm = field_of(kind, "prev_state", kinds.INTEGER, 4),
    field_of(kind, "next_comm", kinds.CHARS, 1)
  return {
    prev_tid = prev and int32_at("d.payload", prev.offset),
    next_tid = next_ and int32_at("d.payload", next_.offset),
    next_comm = comm and ([[
local T = ffi.typeof("const char *")
return function(d)
  local p = cast(T, d.payload + %d)
  return string(p, strnlen(p, %d))
end]]):format(comm.offset, comm.size),
    preempted = state_bits(state, TASK_STATES, "=="),
    exited = state_bits(state, EXITED_STATES, "~="),
  }
end

local function switch_record_aliases(kind)
  return {
    prev_tid = "return function(d) return d.tid end",
    next_tid = kind.by_name.next_tid and int32_at("d.payload", kind.by_name.next_tid.offset)
      or "return function() return -1 end",
    next_comm = 'return function() return "" end',
    preempted = ([[
local T = ffi.typeof("const uint16_t *")
return function(d) return bit.band(cast(T, d.record + 4)[0], %d) ~= 0 end]]):format(SWITCH_PREEMPT),
    exited = "return function() return false end",
  }
end

local said_records = false

--- Says once, with the reason that the session kept, why SWITCH records have to serve.
local function say_records(session)
  if said_records or settings.quiet then return end
  said_records = true
  io.stderr:write("oc: cswitch by SWITCH records, which know no next_comm: ",
    session_of.problem(session), "\n")
end

local function kernel_record(...)
  local names = { ... }
  return {
    live = function(session) return records(session, names) end,
    recorded = function(session) return records(session, names) end,
    wanted = names[1] .. " records",
  }
end

local entries = {
  cpu = {
    live = function(session, options)
      local frequency = options.frequency or (not options.period and DEFAULT_HZ or nil)
      return kinds.resolve(session, "cpu-clock",
        { frequency = frequency, optional = options.optional })
    end,
    recorded = function(session)
      return first_match(session, { software(CPU_CLOCK), software(TASK_CLOCK),
        hardware(CYCLES, "cycles"), hardware(REF_CYCLES, "ref%-cycles") })
    end,
    wanted = "cpu-clock, task-clock, cycles or ref-cycles",
    record_with = "oc record -a -e cpu",
  },
  cswitch = {
    live = function(session)
      local found = kinds.find(session, "sched:sched_switch")
      if found then return found end
      say_records(session)
      return records(session, { "switch_out", "switch_out_wide" })
    end,
    recorded = function(session)
      local found = first_match(session, { tracepoint("sched:sched_switch") })
      if found or C.oc_session_has_switch_records(session) == 0 then return found end
      return records(session, { "switch_out", "switch_out_wide" })
    end,
    wanted = "sched:sched_switch or SWITCH records",
    record_with = "oc record -a -e sched:sched_switch",
    alias_types = {
      prev_tid = { type = "integer", field = "prev_pid" },
      next_tid = { type = "integer", field = "next_pid" },
      next_comm = { type = "text", field = "next_comm" }, preempted = { type = "bool" },
      exited = { type = "bool" },
    },
    aliases = function(kind)
      return kind.sample and sched_switch_aliases(kind) or switch_record_aliases(kind)
    end,
  },
  cswitch_in = {
    live = function(session) return records(session, { "switch_in", "switch_in_wide" }) end,
    recorded = function(session)
      if C.oc_session_has_switch_records(session) == 0 then return nil end
      return records(session, { "switch_in", "switch_in_wide" })
    end,
    wanted = "SWITCH records",
    record_with = "oc record --scenario off_cpu",
  },
  page_fault = {
    live = function(session) return kinds.resolve(session, "page-faults", { addresses = true }) end,
    recorded = function(session)
      return first_match(session,
        { software(PAGE_FAULTS), software(MINOR_FAULTS), software(MAJOR_FAULTS) })
    end,
    wanted = "page-faults, minor-faults or major-faults",
    record_with = "oc record -a -e page_fault",
  },
  exec = kernel_record("exec"),
  fork = kernel_record("fork"),
  exit = kernel_record("exit"),
  comm = kernel_record("comm", "exec"),
  mmap = kernel_record("mmap", "mmap2"),
  lost = kernel_record("lost"),
}

--- Their names, sorted.
M.names = {}
for name in pairs(entries) do M.names[#M.names + 1] = name end
table.sort(M.names)

---@param name string
---@return boolean
function M.is(name) return entries[name] ~= nil end

--- The numbers of the kinds that stand for it among those that the session has already.
---@return integer[]
function M.held(session, name) return entries[name].recorded(session) or {} end

local MOST_SHOWN = 12

local function held_by(session)
  local held = {}
  for number = kinds.KERNEL_RECORDS, C.oc_session_kind_count(session) - 1 do
    local held_name = kinds.read(session, number).name
    if not held_name:find("^dummy:") then held[#held + 1] = held_name end
  end
  if #held <= MOST_SHOWN then return table.concat(held, ", ") end
  return ("%s and %d more"):format(table.concat(held, ", ", 1, MOST_SHOWN), #held - MOST_SHOWN)
end

--- The kinds that a canonical event means in this session, with the accessors that it adds.
---@param options { live: boolean, path: string, frequency?: integer, period?: integer,
---  optional?: boolean }
---@return oc.Kind[]
function M.resolve(session, name, options)
  local entry = entries[name]
  local numbers
  if options.live then
    numbers = entry.live(session, options)
  else
    numbers = entry.recorded(session)
    if not numbers then
      local problem = ("%s has nothing that serves as '%s' (%s); it holds: %s"):format(
        options.path, name, entry.wanted, held_by(session))
      local is_damaged = C.oc_session_is_damaged(session) ~= 0
      local hint = is_damaged and session_of.notes(session)[1]
        or "record it with: " .. entry.record_with .. " -o FILE"
      errors.misuse(problem, { token = name, named = name, hint = hint })
    end
  end
  local found = {}
  for i, number in ipairs(numbers) do
    local kind = kinds.read(session, number)
    if entry.aliases then
      kind.aliases, kind.alias_types = entry.aliases(kind), entry.alias_types
    end
    found[i] = kind
  end
  return found
end

return M
