-- The ExportMachine in scripts: on a recording of ours, on what a script adds, on scenarios.

local check = require "check"
local oc = require "oc"
local settings = require "oc.settings"

local root = os.getenv("OC_SOURCE_ROOT") or "."
settings.finished = function() end
settings.quiet = true

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  check(not ok, "fails")
  local message = type(err) == "table" and err.message .. " " .. (err.hint or "") or tostring(err)
  for _, part in ipairs { ... } do check(message:find(part, 1, true), message) end
end

local function machine_of(name)
  local trace = oc.open { input = root .. "/tests/fixtures/" .. name, machine = true }
  return trace:run():machine(), trace
end

do -- counts are those of callbacks, whatever groups are asked for
  local m = machine_of "stacks.data"
  local counter, samples = oc.counter("comm"), 0
  local trace = oc.open { input = root .. "/tests/fixtures/stacks.data" }
  trace:on("page-faults", function(e)
    counter:count(e.comm)
    samples = samples + 1
  end)
  trace:run()
  local rows = m:samples { kind = "page-faults" }:by("comm"):rows()
  check.equal(#rows, #counter:rows())
  for _, row in ipairs(rows) do check.equal(row.count, counter:get(row[1])) end
  check.equal(m:samples { kind = "page_fault" }:total(), samples)  -- the canonical name
  for _, groups in ipairs { { "comm", "symbol" }, { "module", "cpu", "process" },
    { "time:1ms", "thread" }, { "stack" }, { "line" },
    { function(s) return s.comm:sub(1, 1) end } } do
    local sum = 0
    for _, row in ipairs(m:samples { kind = "page-faults" }:by(unpack(groups)):rows()) do
      sum = sum + row.count
    end
    check.equal(sum, samples)
  end
end

do -- filters, also by a function of the script's
  local m = machine_of "stacks.data"
  local gzip = m:samples { comm = "gz*", kind = "page-faults" }
  check.equal(gzip:total(), m:samples { kind = "page-faults",
    where = function(s) return s.comm == "gzip" end }:total())
  check(gzip:total() > 10)
  local early = m:samples { time = { nil, "10ms" } }:total()
  local late = m:samples { time = { "10ms" } }:total()
  check.equal(early + late, m:stats().samples)
  check(early > 0 and late > 0)
  fails(function() return m:samples { kind = "page-fault" } end)
  fails(function() return m:samples { com = "x" } end)
  fails(function() return m:samples():by("simbol"):rows() end)
  fails(function() return m:sampels() end)
end

do -- quantiles and histograms of values
  local trace = oc.open { machine = true, source = oc.source { events = { tick = {} },
    next = function(out) out:emit { event = "tick", time = 5, pid = 1, comm = "a" } end } }
  local m = trace:run():machine()
  for i = 1, 100 do
    m:add_sample { kind = "size", type = "bytes", time = i, value = i, pid = i % 2 + 1,
      comm = "p" .. i % 2, stack = { "main", i % 2 == 0 and "even" or "odd" },
      attributes = { color = i % 4 == 0 and "red" or "blue" } }
  end
  local top = m:samples { kind = "size" }:by("comm"):count():mean():quantiles(0.5, 1):histogram()
    :top(5)
  check.equal(#top, 2)
  check.equal({ top[1].count, top[1].max }, { 50, top[1].p100 })
  check(top[1].p50 == 49 or top[1].p50 == 50)
  check.equal(m:samples { attribute = { color = "red" } }:total(), 25)
  check.equal(m:samples { symbol = "even" }:total(), 50)
  local by_color = m:samples { kind = "size" }:by("attribute:color"):rows()
  check.equal({ by_color[1][1], by_color[1].count }, { "blue", 75 })
  check(tostring(top):find("p50", 1, true))
  check.equal(select(2, top:json():gsub('"count"', "")), 2)
  local graph = m:graph { kind = "size" }
  check.equal(graph:node().total, 5050)
  local main = graph:children()[1]
  check.equal({ main.name, #graph:children(main), main.self }, { "main", 2, 0 })
  check.equal(graph:focus("even"):children()[1].total, 2550)
  check.equal(graph:callers("odd"):children()[1].total, 2500)
  local functions = graph:functions()
  check.equal({ #functions, functions[1]._first, graph:node()._next }, { 3, nil, nil })
  check(tostring(functions):find("^ +total +self +function +module *\n"), tostring(functions))
  check(tostring(functions):find("100.00%%  +0.00%%  main"), tostring(functions))
  check(graph:text { min = "0%" }:find("even", 1, true))
  fails(function() return m:add_sample { value = 1 } end)
  fails(function() return m:add_sample { kind = "x", valeu = 1 } end)
  -- Spans with parents.
  local parent = m:add_span { kind = "request", name = "GET", start = 10, finish = 50, pid = 1 }
  m:add_span { kind = "request", name = "query", start = 20, finish = 30, pid = 1,
    parent = parent }
  local spans = {}
  for span in m:spans() do spans[#spans + 1] = span end
  check.equal({ spans[2].parent, spans[1].duration }, { parent, 40 })
end

do -- processes: who ran, from when to when
  local m = machine_of "sched.data"
  local comms, samples = {}, 0
  for process in m:processes() do
    comms[process.comm] = process
    samples = samples + process.samples.count
    local of_kinds = 0
    for _, of_kind in pairs(process.samples.kinds) do of_kinds = of_kinds + of_kind.count end
    check.equal(of_kinds, process.samples.count)
    check.equal(process.samples.sum, nil)  -- of faults and switches: that means nothing
  end
  check(comms.sort and comms.sort.finish, "sort ended within the trace")
  check.equal(samples, m:stats().samples)
  for process in m:processes { comm = "sort" } do check.equal(process.comm, "sort") end
  local threads = 0
  for thread in m:threads() do
    threads = threads + 1
    check(thread.process > 0)
  end
  check.equal(threads, m:stats().threads)
  check(m:mappings()() ~= nil)
end

do -- everything in order of time
  local m = machine_of "stacks.data"
  local last, counts = -math.huge, {}
  for what, _, time in m:replay { kind = "page-faults" } do
    check((time or -math.huge) >= last, "in order")
    last = time or last
    counts[what] = (counts[what] or 0) + 1
  end
  local stats = m:stats()
  check.equal({ counts.sample, counts.process_start, counts.thread_start, counts.map },
    { 484, stats.processes, stats.threads, stats.mappings })
end

do -- what a machine lends keeps it alive; what is added meanwhile is not visited
  local function replayed() return machine_of("stacks.data"):replay() end
  local next_moment, count = replayed(), 0
  collectgarbage()
  collectgarbage()
  for _ in next_moment do count = count + 1 end
  check(count > 484)
  local m = machine_of "stacks.data"
  local before, visits = m:stats().samples, 0
  local rows = m:samples():by(function(s)
    visits = visits + 1
    for _ = 1, 50 do m:add_sample { kind = "more", time = s.time, pid = 1, comm = "x" } end
    return s.comm
  end):rows()
  check.equal(visits, before)
  check(#rows > 1)
  local query = m:samples { kind = "page-faults" }
  fails(function() query:each(function() error("no") end) end)
  local again = 0
  query:each(function() again = again + 1 end)
  check.equal(again, 484)
  fails(function() m:add_sample { kind = "bad", value = 0 / 0, pid = 1 } end)
  check(#m:samples { kind = "page-faults" }:by("time:1ns"):rows() > 100)
end

do -- a trace without a machine says how to have one
  local trace = oc.open { input = root .. "/tests/fixtures/sched.data" }
  fails(function() return trace:machine() end)
  local other = oc.open { input = root .. "/tests/fixtures/sched.data", machine = true }
  local early = other:machine()
  fails(function() return early:samples() end)
  other:on("sched:sched_switch", function(e) early:add_sample { kind = "mine", event = e } end)
  trace:run()
  other:run()
  check(rawequal(other:machine(), early))
  check.equal(early:samples { kind = "mine" }:total(), 29)
  check.equal(early:samples { kind = "mine", comm = "sh" }:total(), 9)
end

do -- notes tell what was lost
  local trace = oc.open { input = root .. "/tests/fixtures/lost.data", machine = true }
  local notes = trace:run():machine():notes()
  check.equal(notes[1], "833 records were lost (68.1 % of what came)")
  check.equal(trace:stats().lost, 833)
end

do -- a scenario pairs events by key, with a minimum, and tells what has no partner
  local events = { ["disk:begin"] = { { "sector", "u64" }, { "dev", "u32" } },
    ["disk:middle"] = { { "sector", "u64" }, { "dev", "u32" } },
    ["disk:end"] = { { "sector", "u64" }, { "dev", "u32" } } }
  local feed = {
    { "begin", 100, 7, 1 }, { "begin", 110, 7, 2 }, { "middle", 120, 7, 1 }, { "end", 150, 7, 1 },
    { "end", 115, 7, 2 }, { "end", 160, 9, 9 }, { "begin", 170, 8, 1 } }
  table.sort(feed, function(a, b) return a[2] < b[2] end)
  local at = 0
  local source = oc.source { events = events, next = function(out)
    at = at + 1
    local one = feed[at]
    if not one then return false end
    out:emit { event = "disk:" .. one[1], time = one[2], pid = 5, tid = 5, comm = "dd",
      sector = one[3], dev = one[4] }
    return true
  end }
  oc.scenario { name = "test_disk", events = { "disk:begin", "disk:end" },
    span = { from = "disk:begin", to = "disk:end", middle = { "disk:middle" },
      key = { "dev", "sector" }, min = "10ns", name = "io" } }
  local trace = oc.open { source = source }
  trace:use "test_disk"
  local m = trace:run():machine()
  local rows = m:samples { kind = "test_disk" }:by("comm"):rows()
  check.equal({ #rows, rows[1].count, rows[1].sum }, { 1, 1, 50 })
  local spans = {}
  for span in m:spans() do spans[#spans + 1] = span end
  check.equal({ #spans, spans[1].name, spans[1].duration }, { 2, "io", 50 })
  check.equal({ spans[2].parent, spans[2].start, spans[2].duration }, { 1, 120, 30 })
  check(m:notes()[1]:find("1 still open when the trace ended, 1 without a beginning", 1, true),
    m:notes()[1])
  fails(function() oc.scenario { name = "bad", events = {} } end)
  fails(function() oc.scenario { name = "bad", events = { "a" }, spam = 1 } end)
  fails(function() oc.open { source = source }:use "test_dsik" end)
end

do -- formats that a script writes stand beside the built-in ones
  oc.exporter { name = "test_rows", extension = ".rows.txt", write = function(m, out)
    for _, row in ipairs(m:samples():by("comm"):rows()) do
      out:write(row[1], " ", row.count, "\n")
    end
  end }
  local m = machine_of "clock.data"
  local path = os.tmpname()
  local file = path .. ".rows.txt"
  m:export(file)
  local text = io.open(file):read("*a")
  check.equal(select(2, text:gsub("\n", "\n")), #m:samples():by("comm"):rows())
  fails(function() m:export(file) end)  -- it is there
  m:export(file, { force = true })
  fails(function() m:export(path, { format = "tset_rows" }) end)
  fails(function() oc.exporter { name = "collapsed", write = function() end } end)
  oc.exporter { name = "test_fails", write = function(_, out)
    out:write("half")
    error("no more")
  end }
  fails(function() m:export(path .. ".half", { format = "test_fails" }) end)
  check(not io.open(path .. ".half"), "nothing is left of a file that failed")
  os.remove(file)
  os.remove(path)
end
do -- retention bounds what a script adds, too; what is kept is what it was
  local trace = oc.open { input = root .. "/tests/fixtures/sched.data", machine = true }
  local m = trace:run():machine()
  m:retain { time = "5s" }
  local kept = m:attributes { kept = "yes" }
  local early = m:samples { comm = "tool*" }
  check.equal(early:total(), 0)
  local last, half
  for i = 1, 40000 do
    local time = i * 1e6
    m:add_sample { kind = "work", time = time, pid = 100000 + i, comm = "tool" .. i % 7,
      attributes = { number = i } }
    last = m:add_span { kind = "work", start = time, finish = time + 1, parent = last,
      pid = 100000 + i, comm = "tool" .. i % 7 }
    if i == 20000 then half = m:stats() end
  end
  local stats = m:stats()
  check(stats.dropped > 0 and stats.spans < 12000, stats.spans)
  check(stats.processes < 30000 and stats.bytes < half.bytes * 1.6, stats.bytes / half.bytes)
  check.equal(kept:get "kept", "yes")
  check.equal(early:total(), m:samples { kind = "work" }:total())  -- a query that was made before
  local wrong, count = 0, 0
  m:samples({ kind = "work" }):each(function(s)
    local i = s.attributes.number
    if s.pid ~= 100000 + i or s.comm ~= "tool" .. i % 7 then wrong = wrong + 1 end
    count = count + 1
  end)
  for span in m:spans() do
    local i = span.start / 1e6
    if span.pid ~= 100000 + i or span.comm ~= "tool" .. i % 7 then wrong = wrong + 1 end
    last = span.id
  end
  check.equal(wrong, 0)
  check(count > 5000)
  check.equal(last, 40000)
end

