-- The generated loop, the callbacks, the field loads and the aggregates compile together: once
-- warm, batches are walked by compiled code only.

local C = require "oc.abi"
local check = require "check"
local aggregate = require "oc.aggregate"
local dispatch = require "oc.dispatch"
local ffi = require "ffi"
local filter_source = require "oc.filter_source"
local kinds = require "oc.kinds"
local session = require "oc.session"
local util = require "jit.util"
local view = require "oc.view"

local EVENTS, BATCHES = 8192, 40
local UNROLL_LIMIT = 9  -- of LuaJIT's lj_traceerr.h

local runtime = view.runtime(session.new())
for i = 0, 63 do runtime.names[i] = "thread-" .. i end

local function field(name, kind, offset, size, more)
  local f = { name = name, type = "?", kind = kind, offset = offset, size = size,
    element_size = size, count = 0, signed = true, relative = false, hex = false }
  for key, value in pairs(more or {}) do f[key] = value end
  return f
end

local function new_kind(number, fields)
  local kind = { number = number, name = "test:" .. number, sample = true, places = { ip = 0 },
    parts = {}, fields = fields, by_name = {}, has_stacks = true, has_places = true }
  for _, f in ipairs(fields) do kind.by_name[f.name] = f end
  return kind
end

local function kind(number)
  return new_kind(number, {
    field("id", kinds.INTEGER, 8, 8), field("next_pid", kinds.INTEGER, 0, 4),
    field("next_comm", kinds.CHARS, 16, 16), field("where", kinds.POINTER, 8, 8, { hex = true }),
    field("ok", kinds.BOOL, 8, 1), field("nr", kinds.INTEGER, 8, 8, { type = "int" }),
    field("file", kinds.DYNAMIC_CHARS, 32, 4, { element_size = 1 }),
  })
end

local loop = ffi.new("oc_loop")
local events, payloads = ffi.new("oc_event[?]", EVENTS), ffi.new("uint8_t[?]", EVENTS * 48)
for i = 0, EVENTS - 1 do
  local p = payloads + i * 48
  ffi.cast("int32_t *", p)[0] = i * 13 % 50
  ffi.cast("int64_t *", p + 8)[0] = i * 7 % 40
  ffi.copy(p + 16, "task-" .. i % 30)
  ffi.cast("uint32_t *", p + 32)[0] = 36 + 4 * 0x10000
  ffi.copy(p + 36, "abc")
  local e = events[i]
  e.record, e.payload, e.payload_size, e.time = p, p, 48, i
  e.event, e.comm, e.tid, e.cpu = 20 + i % 3, i % 40, i % 60, i % 4
  e.stack, e.frame = i % 50, i % 35
end
loop.events, loop.deadline = events, math.huge

local aborts, stitches, loops
local function watch(what, trace, func, _, code)
  if what == "abort" then
    local info = debug.getinfo(func, "S")
    -- A rare side exit that leads back into the loop may be given up ("loop unroll limit"): it
    -- stays interpreted to the next event. The callbacks themselves must not.
    if code == UNROLL_LIMIT and info.source:find("loop$") then return end
    aborts[#aborts + 1] = tostring(code) .. " in " .. info.short_src .. ":" .. info.linedefined
  elseif what == "stop" then
    local link = util.traceinfo(trace).linktype
    if link == "loop" then loops = loops + 1 end
    if link == "stitch" then stitches = stitches + 1 end
  end
end

local function walk(step, batches)
  for _ = 1, batches do
    loop.at, loop.count, loop.callback = 0, EVENTS, 1
    step()
  end
end

--- Callbacks by kind's number, each a list.
local function compiles(what, callbacks, fire, filters)
  local handlers = {}
  for number = 20, 22 do
    if callbacks[number] then
      local own_view, calls = view.new(kind(number), runtime), {}
      for i, fn in ipairs(callbacks[number]) do
        calls[i] = { fn = fn, view = own_view, filter = filters and filters[number] }
      end
      handlers[#handlers + 1] = { number = number, calls = calls }
    end
  end
  jit.flush()
  local step = dispatch.compile(loop, handlers, fire)
  aborts, stitches, loops = {}, 0, 0
  jit.attach(watch, "trace")
  walk(step, 2)
  jit.flush()  -- as run.lua does when the first events are handled
  loops = 0
  walk(step, BATCHES)
  check(loops >= 1, what .. " was not compiled")
  check(stitches == 0, what .. " is stitched")
  aborts, stitches = {}, 0
  walk(step, BATCHES)
  check(#aborts == 0, what .. " aborts: " .. table.concat(aborts, "; "))
  check(stitches == 0, what .. " is stitched")
  jit.attach(watch)
end

local function counting(what, counter, count)
  compiles(what, { [20] = { function(e) count(counter, e) end } })
  local expected = math.ceil(EVENTS / 3) * (2 * BATCHES + 2)
  check.equal(counter:total(), expected)
end

counting("an integer", aggregate.counter("a"), function(c, e) c:count(e.next_pid) end)
counting("a long", aggregate.counter("a"), function(c, e) c:count(e.id) end)
counting("an int of a system call", aggregate.counter("a"), function(c, e) c:count(e.nr) end)
counting("64 bits", aggregate.counter("a"), function(c, e) c:count(e:u64 "id") end)
counting("an address", aggregate.counter("a"), function(c, e) c:count(e.where) end)
counting("comm", aggregate.counter("a"), function(c, e) c:count(e.comm) end)
counting("comm and id", aggregate.counter("a", "b"), function(c, e) c:count(e.comm, e.id) end)
counting("a stack", aggregate.counter("a"), function(c, e) c:count(e.stack) end)
counting("comm and stack", aggregate.counter("a", "b"),
  function(c, e) c:count(e.comm, e.stack) end)
counting("a function", aggregate.counter("a"), function(c, e) c:count(e.symbol) end)
counting("text", aggregate.counter("a"), function(c, e) c:count(e.next_comm) end)
counting("dynamic text", aggregate.counter("a"), function(c, e) c:count(e.file) end)
counting("e.args", aggregate.counter("a"), function(c, e) c:count(e.args.next_pid) end)
counting("e:get", aggregate.counter("a"), function(c, e) c:count(e:get "next_pid") end)
counting("time and cpu", aggregate.sum("a"),
  function(c, e) c:add(e.time >= 0 and 1 or 0, e.cpu) end)
counting("bool", aggregate.counter("a"), function(c, e) c:count(e.ok and 1 or 2) end)

local by_pid, by_id, spread = aggregate.counter("a"), aggregate.counter("a"), aggregate.histogram()
compiles("three kinds, several callbacks", {
  [20] = { function(e) by_pid:count(e.next_pid) end, function(e) spread:add(e.time) end },
  [21] = { function(e) by_id:count(e.id) end },
  [22] = { function(e) by_id:count(e.tid) end },
})
check.equal(by_pid:total(), math.ceil(EVENTS / 3) * (2 * BATCHES + 2))

local fired, began, longest = 0, {}, 0
loop.deadline = 1000
compiles("plain tables, with timers", {
  [20] = { function(e) began[e.tid] = e.time end },
  [21] = { function(e)
    local start = began[e.tid - 1]
    if start then longest = math.max(longest, e.time - start) end
  end },
}, function(time)
  fired = fired + 1
  loop.deadline = time > EVENTS - 2000 and 1000 or time + 1000
end)
check(fired > 0 and longest > 0)

-- Filters: fields by their index in `kind`, from 0.
local ID, NEXT_PID, NEXT_COMM, FILE = 0, 1, 2, 6
local AND, EQUAL, LESS, TEXT_EQUAL, CONTAINS, STARTS_WITH, GLOB = 2, 4, 6, 10, 11, 12, 14
local PAYLOAD, COMMON, COMM = 0, 2, 5

local function number(op, index, size, bits)
  return { op = op, type = 0, place = PAYLOAD, index = index, size = size, is_signed = 1,
    bits = ffi.cast("uint64_t", bits), negated = 0 }
end
local function text(op, place, index, constant)
  return { op = op, type = 3, place = place, index = index, negated = 0, text = constant,
    text_size = #constant }
end

local function filtered(what, nodes, wanted)
  nodes[0] = table.remove(nodes, 1)
  local source = filter_source.write(nodes, kind(20))
  local filter = { test = assert(loadstring(source))(ffi, C, runtime, {}) }
  local passed = 0
  for i = 0, EVENTS - 1 do
    if i % 3 == 0 and wanted(i) then passed = passed + 1 end
  end
  check(passed > 0 and passed < EVENTS / 3, what)
  local counter = aggregate.counter("a")
  loop.filtered = 0
  compiles("filter: " .. what, { [20] = { function(e) counter:count(e.next_pid) end } }, nil,
    { [20] = filter })
  check.equal(counter:total(), passed * (2 * BATCHES + 2), what)
  check.equal(loop.filtered, (math.ceil(EVENTS / 3) - passed) * (2 * BATCHES + 2), what)
end

filtered("4 bytes", { number(EQUAL, NEXT_PID, 4, 26) }, function(i) return i * 13 % 50 == 26 end)
filtered("8 bytes", { number(LESS, ID, 8, 20) }, function(i) return i * 7 % 40 < 20 end)
filtered("text", { text(TEXT_EQUAL, PAYLOAD, NEXT_COMM, "task-12") },
  function(i) return i % 30 == 12 end)
filtered("the beginning of text", { text(STARTS_WITH, PAYLOAD, NEXT_COMM, "task-2") },
  function(i) return i % 30 == 2 or i % 30 >= 20 end)
filtered("text inside", { text(CONTAINS, PAYLOAD, NEXT_COMM, "-1") },
  function(i) return i % 30 == 1 or (i % 30 >= 10 and i % 30 < 20) end)
filtered("a thread's name", { text(TEXT_EQUAL, COMMON, COMM, "thread-3") },
  function(i) return i % 40 == 3 end)
filtered("a glob of a thread's name", { text(GLOB, COMMON, COMM, "thr?ad-3*") },
  function(i) return i % 40 == 3 or i % 40 >= 30 end)
filtered("a glob of text", { text(GLOB, PAYLOAD, NEXT_COMM, "t*k-?") },
  function(i) return i % 30 < 10 end)
filtered("dynamic text and a number", { { op = AND, count = 2 },
  text(TEXT_EQUAL, PAYLOAD, FILE, "abc"), number(EQUAL, NEXT_PID, 4, 26) },
  function(i) return i * 13 % 50 == 26 end)
