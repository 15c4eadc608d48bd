-- What Lua makes of a C face that has more to tell than the first buffer holds. No session here:
-- the face is a table in C's place, so that the numbers can be any.

local check = require "check"
local C = require "oc.abi"
local ffi = require "ffi"

local fake = setmetatable({}, { __index = function(_, name) return C[name] end })
package.loaded["oc.abi"] = fake
local kinds, session = require "oc.kinds", require "oc.session"

do -- losses: each by its CPU, those with an event by that too, however many there are
  local event = ffi.new("char[?]", 20, "sched:sched_switch")
  local count
  function fake.oc_session_stats() end
  function fake.oc_session_losses(_, out, capacity)
    for i = 0, math.min(count, capacity) - 1 do
      out[i].cpu, out[i].records, out[i].event = i, 2, i % 2 == 0 and event or nil
    end
    return count
  end
  for _, number in ipairs { 0, 1, 64, 65, 5000 } do
    count = number
    local stats = session.stats(nil)
    local cpus, lost = 0, 0
    for _, records in pairs(stats.lost_by_cpu) do cpus, lost = cpus + 1, lost + records end
    check.equal({ cpus, lost }, { number, 2 * number })
    check.equal(stats.lost_by_event["sched:sched_switch"] or 0, 2 * math.ceil(number / 2))
  end
end

do -- kinds: all that a glob means
  function fake.oc_session_resolve(_, _, _, _, _, out, capacity)
    for i = 0, math.min(10000, capacity) - 1 do out[i] = i * 3 end
    return 10000
  end
  local numbers = kinds.find(nil, "*")
  check.equal({ #numbers, numbers[1], numbers[10000] }, { 10000, 0, 29997 })
  function fake.oc_session_resolve() return -1 end
  check.equal(kinds.find(nil, "*"), nil)
end
do -- a recording whose sched_switch is not the kernel's: accessors only where the field fits
  local kept, formats = {}, {}
  local function text(value)
    kept[#kept + 1] = ffi.new("char[?]", #value + 1, value)
    return kept[#kept]
  end
  local function add(name, fields) formats[#formats + 1] = { name = name, fields = fields } end
  function fake.oc_session_kind_count() return kinds.KERNEL_RECORDS + #formats end
  function fake.oc_session_has_switch_records() return 0 end
  function fake.oc_session_is_damaged() return 0 end
  function fake.oc_session_kind(_, number, out)
    local format = formats[number - kinds.KERNEL_RECORDS + 1]
    out.name, out.is_sample, out.type = text(format.name), 1, kinds.TRACEPOINT
    out.fields = #format.fields
    return 0
  end
  function fake.oc_session_field(_, number, index, out)
    local field = formats[number - kinds.KERNEL_RECORDS + 1].fields[index + 1]
    out.name, out.type, out.kind, out.size = text(field[1]), text "", field[2], field[3]
    return 0
  end
  local canonical = require "oc.canonical"
  local function aliases(fields, name)
    formats = {}
    add("sched:sched_switch_foo", {})
    add(name or "sched:sched_switch", fields)
    local found = canonical.resolve(nil, "cswitch", { live = false, path = "x" })
    check.equal({ #found, found[1].name }, { 1, name or "sched:sched_switch" })
    local names = {}
    for alias in pairs(found[1].aliases) do names[#names + 1] = alias end
    table.sort(names)
    return table.concat(names, " ")
  end
  local int, chars = kinds.INTEGER, kinds.CHARS
  local good = { { "prev_pid", int, 4 }, { "next_pid", int, 4 }, { "prev_state", int, 8 },
    { "next_comm", chars, 16 } }
  check.equal(aliases(good), "exited next_comm next_tid preempted prev_tid")
  check.equal(aliases(good, "sched:sched_switch:u"), "exited next_comm next_tid preempted prev_tid")
  check.equal(aliases { { "prev_pid", int, 2 }, { "next_pid", chars, 4 },
    { "prev_state", int, 1 }, { "next_comm", int, 8 } }, "")
  check.equal(aliases { { "prev_pid", int, 1 }, { "next_pid", int, 8 },
    { "next_comm", kinds.DYNAMIC_CHARS, 4 } }, "next_tid")
  formats = {}
  add("sched:sched_switch_foo", good)
  check.error("nothing that serves as 'cswitch'", function()
    canonical.resolve(nil, "cswitch", { live = false, path = "x" })
  end)
end
package.loaded["oc.abi"] = C
