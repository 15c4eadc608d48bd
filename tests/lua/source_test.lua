-- Traces that a Lua function feeds: formats by hand, order, names, losses, errors, the end.

local check = require "check"
local ffi = require "ffi"
local errors = require "oc.errors"
local oc = require "oc"
local quietly = require "quietly"
local settings = require "oc.settings"

settings.errors.max = 1e9
local finished
settings.finished = function(trace) finished = trace:stats() end

--- A source of lists of records, one list a call of next.
local function listed(rounds, events, more)
  local at = 0
  local options = { events = events, next = function(out)
    at = at + 1
    for _, record in ipairs(rounds[at] or {}) do out:emit(record) end
    return at < #rounds
  end }
  for key, value in pairs(more or {}) do options[key] = value end
  return oc.source(options)
end

-- Formats ----------------------------------------------------------------------------------------

local function packed(fields, record)
  local buffer = ffi.new("uint8_t[65536]")
  ffi.fill(buffer, 65536, 0xee)
  local size = oc.format(fields).pack(record, buffer)
  return ffi.string(buffer, size)
end

check.equal(packed({ { "a", "u8" }, { "b", "u32" }, { "c", "i16" } }, { a = 1, b = 2, c = -3 }),
  "\1\0\0\0\2\0\0\0\253\255")
check.equal(packed({ { "s", "string" }, { "n", "u8" } }, { s = "hey", n = 9 }),
  "\5\0\4\0\9hey\0")
check.equal(packed({ { "a", "u16[3]" } }, { a = { 1, 258 } }), "\1\0\2\1\0\0")
check.equal(packed({ { "a", "u16[]" } }, { a = { 1, 258 } }), "\4\0\4\0\1\0\2\1")
check.equal(packed({ { "c", "char[4]" } }, { c = "abcdef" }), "abcd")
check.equal(packed({ { "b", "bool" }, { "d", "u8", 7 } }, { b = false }), "\0\7")
check.equal(packed({ { "w", "u64" } }, { w = 0xfedcba9876543210ULL }),
  "\16\50\84\118\152\186\220\254")
check.equal(packed({ { "w", "addr" } }, { w = "0xffffffffffffffff" }), ("\255"):rep(8))
check.equal(packed({ { "w", "i64" } }, { w = -1 }), ("\255"):rep(8))
-- A field that a common name hides is taken from args.
check.equal(packed({ { "pid", "u8" } }, { pid = 300, args = { pid = 3 } }), "\3")

for value, problem in pairs { [256] = "cannot hold 256", [-1] = "cannot hold %-1",
  [1.5] = "cannot hold 1.5", x = 'not "x"', [0 / 1] = false } do
  if problem then
    check.error("field 'a' .*" .. problem, packed, { { "a", "u8" } }, { a = value })
  end
end
for _, edge in ipairs { 2 ^ 64, -1, 0 / 0, math.huge } do
  check.error("cannot hold", packed, { { "a", "u64" } }, { a = edge })
end
check.error("'b' is missing.*did you mean 'bb'", packed, { { "b", "u8" } }, { bb = 1 })
check.error("wants a text, not a number", packed, { { "s", "string" } }, { s = 5 })
check.error("wants true or false", packed, { { "s", "bool" } }, { s = 1 })
check.error("room for 2 elements, not for 3", packed, { { "s", "u8[2]" } }, { s = { 1, 2, 3 } })
check.error("longer than 65000", packed, { { "s", "string" } }, { s = ("x"):rep(65000) })
check.error("longer than 65000", packed, { { "s", "u64[]" } },
  { s = setmetatable({}, { __index = function() return 1 end, __len = function() return 1e5 end })
    and (function() local t = {} for i = 1, 9000 do t[i] = 1 end return t end)() })

check.error("type 'u65', which does not exist.*did you mean 'u64'", oc.format, { { "a", "u65" } })
check.error("type 'char%[%]'", oc.format, { { "a", "char[]" } })
check.error("type 'u8%[0%]'", oc.format, { { "a", "u8[0]" } })
check.error("type 'u8%[99999%]'", oc.format, { { "a", "u8[99999]" } })
check.error("is there twice", oc.format, { { "a", "u8" }, { "a", "u8" } })
check.error("'1a' cannot be a field's name", oc.format, { { "1a", "u8" } })
check.error("word of the language", oc.format, { { "end", "u8" } })
check.error("field 1 is not written as", oc.format, { { "a" } })
check.error("a list of fields", oc.format, { a = "u8" })
check.error("wants a table of fields", oc.format, "u8")
check.error("take 65536 bytes", oc.format, (function()
  local fields = {}
  for i = 1, 16 do fields[i] = { "f" .. i, "u8[4096]" } end
  return fields
end)())

-- Values -----------------------------------------------------------------------------------------

do
  local fields = {
    { "u8", "u8" }, { "i8", "i8" }, { "u16", "u16" }, { "i16", "i16" }, { "u32", "u32" },
    { "i32", "i32" }, { "u64", "u64" }, { "i64", "i64" }, { "f", "float" }, { "d", "double" },
    { "yes", "bool" }, { "no", "bool" }, { "c", "char[8]" }, { "s", "string" }, { "b", "bytes" },
    { "where", "addr" }, { "four", "u8[4]" }, { "many", "i32[]" }, { "pid", "u32" },
  }
  local given = {
    event = "t:all", time = 5, cpu = 1, pid = 7, tid = 8, comm = "me", u8 = 255, i8 = -128,
    u16 = 65535, i16 = -32768, u32 = 4294967295, i32 = -2147483648, u64 = 2 ^ 53, i64 = -2 ^ 53,
    f = 0.5, d = 1e300, yes = true, no = false, c = "12345678", s = "text", b = "\0\1\2",
    where = oc.addr "0xffffffff81000001", four = { 1, 2, 3, 4 }, many = { -1, 2 },
    args = { pid = 99 }, period = 4,
  }
  local trace = oc.open { source = listed({ { given } }, { ["t:all"] = fields }) }
  local seen, text, json
  trace:on("t:all", function(e) seen, text, json = e:table(), e:text(), e:json() end)
  trace:run()
  given.where, seen.where = nil, tostring(seen.where)
  check.equal(seen.where, "0xffffffff81000001")
  seen.where = nil
  check.equal(seen, given)
  check(text:find("s=text", 1, true) and text:find("many={-1, 2}", 1, true), text)
  check(json:find('"where":"0xffffffff81000001"', 1, true), json)
  check(json:find('"args":{"pid":99}', 1, true), json)
end

-- Order, names, time -----------------------------------------------------------------------------

local tick = { tick = { { "n", "u32" } } }
local function at(time, cpu, n, comm, pid)
  return { event = "tick", time = time, cpu = cpu, pid = pid or 7, comm = comm, n = n or time }
end

--- What a script sees of records: "time:comm:cpu …", timers and the end.
local function seen_of(rounds, more, also)
  local seen = {}
  local trace = oc.open { source = listed(rounds, tick, more) }
  trace:on("tick", function(e) seen[#seen + 1] = e.time .. ":" .. e.comm .. ":" .. e.cpu end)
  if also then also(trace, seen) end
  trace:at_end(function() seen[#seen + 1] = "end" end)
  trace:run()
  return table.concat(seen, " "), finished
end

-- Within a call any order will do; each record has the name that it was given.
check.equal(seen_of { { at(10, 0, 1, "a"), at(30, 0, 1, "a"), at(20, 1, 1, "b") } },
  "10:a:0 20:b:1 30:a:0 end")
-- Across calls too, as far as the call before.
check.equal(seen_of { { at(10, 0), at(40, 0) }, { at(20, 1), at(50, 0) }, { at(45, 1) } },
  "10::7:0 20::7:1 40::7:0 45::7:1 50::7:0 end")
-- What is older than that comes late, and is counted.
local rounds = { { at(10, 0) }, { at(40, 0) }, { at(50, 0) } }
for i = 4, 600 do rounds[i] = {} end  -- more than are asked for at once
rounds[601] = { at(20, 1) }
local text, stats = seen_of(rounds)
check.equal(text, "10::7:0 40::7:0 50::7:0 20::7:1 end")
check.equal({ stats.late, stats.events }, { 1, 4 })
-- With a window it does not.
text, stats = seen_of(rounds, { window = 35 })
check.equal({ text, stats.late }, { "10::7:0 20::7:1 40::7:0 50::7:0 end", 0 })
-- Time 0 is a time; many calls that give nothing are no end.
check.equal(seen_of { { at(0, 0) }, {}, {}, { at(5, 0) } }, "0::7:0 5::7:0 end")
check.equal(seen_of {}, "end")

check.equal(seen_of({ { at(10, 0), at(2010, 0) } }, {}, function(trace, seen)
  trace:every(1000, function(time) seen[#seen + 1] = "timer" .. time end)
end), "10::7:0 timer1000 timer2000 2010::7:0 end")
check.equal(seen_of({ { at(1, 0) }, { at(2, 0) }, { at(3, 0) } }, {}, function(trace)
  trace:on("tick", function(e) if e.time == 2 then trace:stop() end end)
end), "1::7:0 2::7:0 end")

do -- the clocks
  local trace = oc.open { source = listed({ { at(5, 0) } }, tick,
    { start_ns = 5e9, start_wall_ns = 1.7e18 }) }
  local wall
  trace:on("tick", function() wall = trace.start_wall_ns end)
  trace:run()
  check.equal({ trace.start_ns, wall, trace:is_recorded() }, { 5e9, 1.7e18, true })
end

do -- more events than a batch holds, from one call
  local source = oc.source { events = tick, next = function(out)
    for i = 40000, 1, -1 do out:emit { event = "tick", time = i, pid = i % 50, n = i } end
  end }
  local trace, count, in_order, last = oc.open { source = source }, 0, true, 0
  trace:on("tick", function(e)
    count, in_order, last = count + 1, in_order and e.time == last + 1 and e.n == e.time, e.time
  end)
  trace:run()
  check.equal({ count, in_order, finished.late }, { 40000, true, 0 })
end

-- Kernel records, canonical names, losses --------------------------------------------------------

do
  local source = listed({ {
    { event = "comm", time = 1, pid = 5, tid = 5, comm = "father" },
    { event = "fork", time = 2, pid = 5, tid = 5, args = { pid = 6, tid = 6 } },
    { event = "cpu-clock", time = 3, pid = 6, tid = 6, cpu = 2, ip = "0xffff0000", period = 100 },
    { event = "exec", time = 4, pid = 6, tid = 6, comm = "child" },
    { event = "mmap", time = 5, pid = 6, tid = 6, args = { addr = 4096, len = 8192, pgoff = 0,
      filename = "/bin/child" } },
    { event = "cpu-clock", time = 6, pid = 6, tid = 6, cpu = 2, ip = 5 },
    { event = "lost", time = 7, cpu = 2, lost = 11, of = "cpu-clock" },
    { event = "lost", time = 8, cpu = 1, lost = 4 },
    { event = "exit", time = 9, pid = 6, tid = 6, args = { ppid = 5, ptid = 5 } },
  } }, { ["cpu-clock"] = { ip = true } })
  local trace, seen = oc.open { source = source }, {}
  for _, name in ipairs { "comm", "fork", "exit", "mmap", "cpu" } do
    trace:on(name, function(e)
      seen[#seen + 1] = ("%s %d %s %d"):format(name, e.time, e.comm, e.tid)
      if name == "cpu" then
        seen[#seen] = seen[#seen] .. " " .. tostring(e.ip) .. " " .. e.period
      end
      if name == "mmap" then seen[#seen] = seen[#seen] .. " " .. e.filename .. " " .. e.len end
    end)
  end
  trace:run()
  check.equal(seen, { "comm 1 father 5", "fork 2 father 5", "cpu 3 father 6 0xffff0000 100",
    "comm 4 child 6", "mmap 5 child 6 /bin/child 8192", "cpu 6 child 6 0x5 1", "exit 9 child 6" })
  check.equal({ finished.lost, finished.lost_by_cpu, finished.lost_by_event },
    { 15, { [1] = 4, [2] = 11 }, { ["cpu-clock"] = 11 } })
end

-- Errors -----------------------------------------------------------------------------------------

local here = debug.getinfo(1, "S").short_src:match("[^/]+$"):gsub("%p", "%%%0")
do -- of next: told once a place, and it is asked again
  local calls, sum = 0, 0
  local source = oc.source { events = tick, next = function(out)
    calls = calls + 1
    if calls % 2 == 0 then error("line " .. calls .. " is odd") end
    out:emit(at(calls, 0))
    return calls < 9
  end }
  local trace = oc.open { source = source }
  trace:on("tick", function(e) sum = sum + e.n end)
  local said = quietly(function() trace:run() end)
  check.equal({ calls, sum }, { 9, 25 })
  check(said:find(here .. ":%d+: line 2 is odd"), said)
  check(not said:find("line 4"), said)
end
do -- and the budget ends the run
  settings.errors = errors.Collector.new { max = 5 }
  local calls = 0
  local trace = oc.open { source = oc.source { events = tick, next = function()
    calls = calls + 1
    error "no"
  end } }
  quietly(function() trace:run() end)
  check.equal(calls, 5)
  settings.errors = errors.Collector.new { max = 1e9 }
end

local function emitting(record)
  settings.errors = errors.Collector.new { max = 1e9 }
  local trace = oc.open { source = listed({ { record } }, tick) }
  trace:on("tick", function() end)
  return quietly(function() trace:run() end)
end
for pattern, record in pairs {
  ["no event 'tock'.*did you mean 'tick'"] = { event = "tock", time = 1 },
  ["no event 'nil'"] = { time = 1 },
  ["'time', and has none"] = { event = "tick", n = 1 },
  ["'time', not %-1"] = { event = "tick", n = 1, time = -1 },
  ["'time', not nan"] = { event = "tick", n = 1, time = math.abs(0 / 0) },
  ["'pid', not 1.5"] = { event = "tick", n = 1, time = 1, pid = 1.5 },
  ["'cpu', not \"x\""] = { event = "tick", n = 1, time = 1, cpu = "x" },
  ["'comm', not 5"] = { event = "tick", n = 1, time = 1, comm = 5 },
  ["'period', not %-5"] = { event = "tick", n = 1, time = 1, period = -5 },
  ["'n' is missing"] = { event = "tick", time = 1 },
  ["the new name"] = { event = "comm", time = 1, pid = 1 },
  ["pid and tid of the child"] = { event = "fork", time = 1, pid = 1 },
  ["a record of 70009 bytes is too long"] = { event = "comm", time = 1, pid = 1,
    comm = ("x"):rep(70000) },
} do
  local said = emitting(record)
  check(said:find(pattern) and said:find(here), said .. "\n  expected " .. pattern)
end
check(emitting("x"):find("wants a table, not a string"))

local next = function() end
check.error("has no option 'nxt'.*'next'", oc.source, { nxt = next, events = tick })
check.error("needs 'next'", oc.source, { events = tick })
check.error("needs 'events'", oc.source, { next = next })
check.error("has no events", oc.source, { next = next, events = {} })
check.error("'next' wants a function", oc.source, { next = 5, events = tick })
check.error("'cpu' has a meaning", oc.source, { next = next, events = { cpu = {} } })
check.error("'fork' has a meaning", oc.source, { next = next, events = { fork = {} } })
check.error("'a b' cannot be", oc.source, { next = next, events = { ["a b"] = {} } })
check.error("is not a duration", oc.source, { next = next, events = tick, window = "soon" })
check.error("start_ns must be", oc.source, { next = next, events = tick, start_ns = 0 })
check.error("'source' wants what oc%.source returns", oc.open, { source = {} })
check.error("has no event 'tock'; it holds: tick.*did you mean tick", function()
  oc.open { source = listed({}, tick) }:on("tock", print)
end)
settings.run.input = "x"
check.error("neither %-i nor a command", oc.open, { source = listed({}, tick) })
settings.run.input = nil

do -- a format writes bytes, and reads them
  local format = oc.format { { "a", "u8" }, { "b", "i64" }, { "where", "addr" },
    { "name", "string" }, { "tags", "u16[2]" }, { "rest", "i32[]" }, { "ok", "bool", true },
    { "half", "float" } }
  local bytes = format:write { a = 7, b = -5, where = "0xffffffff81000000", name = "né",
    tags = { 1 }, rest = { -1, 2 }, half = 0.5 }
  local record = format:read(bytes)
  check.equal(tostring(record.where), "0xffffffff81000000")
  record.where = nil
  check.equal(record, { a = 7, b = -5, name = "né", tags = { 1, 0 }, rest = { -1, 2 }, ok = true,
    half = 0.5 })
  check.equal({ format:read(bytes:sub(1, 20)) }, { nil,
    "the fields take " .. format.fixed_size .. " bytes, there are 20" })
  -- What says where text lies may lie: nothing is read beyond the bytes.
  local cut = format:read(bytes:sub(1, format.fixed_size))
  check.equal({ cut.name, cut.rest, cut.a }, { "", {}, 7 })
  for i = 1, #bytes do
    format:read(bytes:sub(1, i - 1) .. "\255" .. bytes:sub(i + 1))
  end
  check.error("wants a string, or bytes and how many", format.read, format, 5)
  check.error("wants a table of fields", format.write, format, 5)
  check.error("field 'a' is missing", format.write, format, { b = 1 })
end
