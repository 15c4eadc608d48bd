-- Stacks in scripts, on a recording of ours with call chains (tests/fixtures/clock.data).

local check = require "check"
local json = require "oc.json"
local oc = require "oc"
local printed = require "printed"
local settings = require "oc.settings"
local stack = require "oc.stack"

local root = os.getenv("OC_SOURCE_ROOT") or "."
local path = root .. "/tests/fixtures/clock.data"
settings.finished = function() end
settings.quiet = true

local function open(options)
  options.input = path
  return oc.open(options)
end

do -- a stack is an id: equal ones are equal keys, however they are combined
  local trace = open { stacks = "any" }
  local by_stack, by_both = oc.counter("stack"), oc.counter("comm", "stack")
  local by_three = oc.counter("comm", "stack", "cpu")
  local spread, time = oc.histogram("stack"), oc.sum("stack")
  local seen, samples, depths = {}, 0, 0
  trace:on("cpu", function(e)
    by_stack:count(e.stack)
    by_both:count(e.comm, e.stack)
    by_three:count(e.comm, e.stack, e.cpu)
    spread:add(#e.stack, e.stack)
    time:add(e.period, e.stack)
    samples, depths = samples + 1, depths + #e.stack
    local text = ("%d"):format(e.stack.id)
    seen[text] = (seen[text] or 0) + 1
    check(e.stack == e.stack, "equal to itself")
    check(#e.stack <= #e.callchain, "as long as its chain at most")
    check.equal(#e:copy().stack, #e.stack)
  end)
  trace:run()
  check(samples > 40, "samples")
  -- All of this works after the run.
  check.equal(by_stack:total(), samples)
  local rows, sum = by_stack:rows(), 0
  for _, row in ipairs(rows) do
    check.equal(seen[("%d"):format(row.stack.id)], row.count)
    check.equal(by_stack:get(row.stack), row.count)
    sum = sum + row.count * #row.stack
    check.equal(#row.stack:frames(), #row.stack)
  end
  check.equal(sum, depths)
  check.equal({ by_both:total(), by_three:total() }, { samples, samples })
  local merged = oc.counter("stack")
  merged:merge(by_stack)
  merged:merge(by_stack)
  check.equal(merged:total(), 2 * samples)

  local top = rows[1].stack
  check(tostring(top) == top:text { folded = true })
  check.equal(select(2, tostring(top):gsub(";", ";")), #top - 1)
  check.equal(select(2, top:text():gsub("\n", "\n")), #top - 1)
  check.equal(top.reason, "complete")
  check(top.kernel_frames <= #top, "the kernel's part is a part")
  local frame = top:frames()[1]
  check(frame.module:find("/") and frame.offset > 0 and not frame.kernel, "a frame of a file")
  check.error("a stack has no 'frame'.*did you mean 'frames'", function() return top.frame end)
  check.error("text has no option 'fold'.*'folded'", function() return top:text { fold = 1 } end)
  check(top ~= 3 and top ~= rows[2].stack, "unequal")
  check((top < rows[2].stack) ~= (rows[2].stack < top), "one order")

  -- Printing: below the row, or folded in it.
  local text = printed(by_stack, { top = 2, percent = true })
  check(text:find("^count  percent\n +%d+ +%d+%.%d%%\n    [^\n]+\n"), text)
  check(printed(by_both, { top = 1, stacks = "folded" }):find("^comm +stack +count\n"), "folded")
  check(printed(by_both, { top = 1 }):find("^comm +count\n%S+ +%d+\n    %S"), "with another key")
  check(printed(spread, { top = 1 }):find("\n    %S.-|@"), "histograms")
  check(printed(time, { top = 1 }):find("^ *sum\n *%d+\n    %S"), "sums")
  check.error("stacks cannot be 'tree'", function() by_stack:print { stacks = "tree" } end)
  local document = by_stack:json { top = 1 }
  check(document:find('"stack":{"frames":[{"module":"/', 1, true) or
    document:find('"stack":{"frames":[{"file"', 1, true), document)
  check(document:find('"reason":"complete"', 1, true), document)
  check(json.encode(stack.plain(top)):find('"frames":', 1, true), "plain")

  local stats = trace:stats().stacks
  check.equal({ stats.samples, stats.ends.complete }, { samples, samples })
  check(stats.stacks == #rows and stats.bytes > 0 and stats.frames == depths, "numbers")
end

do -- stacks that are printed alike are one row, and `top` counts those
  local trace = open { stacks = "any" }
  local by_stack, by_both = oc.counter("stack"), oc.counter("comm", "stack")
  local top, spread = oc.topk(1000, "stack"), oc.histogram("stack")
  trace:on("cpu", function(e)
    by_stack:count(e.stack)
    by_both:count(e.comm, e.stack)
    top:count(e.stack)
    spread:add(#e.stack, e.stack)
  end)
  trace:run()
  local function sums_by(text_of, rows)
    local wanted, kinds = {}, 0
    for _, row in ipairs(rows) do
      local text = text_of(row)
      kinds = kinds + (wanted[text] and 0 or 1)
      wanted[text] = (wanted[text] or 0) + row.count
    end
    return wanted, kinds
  end
  local folded, count = sums_by(function(row) return tostring(row.stack) end, by_stack:rows())
  check(count < #by_stack:rows(), "some differ in addresses alone")
  for _, aggregate in ipairs { by_stack, top } do
    local seen, before = {}, math.huge
    for text, n in printed(aggregate, { stacks = "folded" }):gmatch("([^\n]-) +(%d+)[ %d]*\n") do
      check.equal(seen[text], nil)
      check(tonumber(n) <= before, "in order")
      seen[text], before = tonumber(n), tonumber(n)
    end
    check.equal(seen, folded)
  end
  local _, texts = sums_by(function(row) return row.stack:text() end, by_stack:rows())
  check.equal(select(2, printed(by_stack, {}):gsub("\n *%d+%f[\n]", "")), texts)
  check(printed(by_stack, { top = 2, stacks = "folded" }):find(("… %d more"):format(count - 2)),
    "of those that are left out")
  local pairs_of = select(2, sums_by(function(row) return row.comm .. tostring(row.stack) end,
    by_both:rows()))
  check(printed(by_both, { top = 2, stacks = "folded" }):find(("… %d more"):format(pairs_of - 2)),
    "with another key")
  local heads = "\n" .. printed(spread, { stacks = "folded" })
  check.equal(select(2, heads:gsub("\nstack ", "")), count)
  -- What was counted is as it was, and goes on.
  check.equal(#top:rows(), #by_stack:rows())
  local total = by_stack:total()
  by_stack:count(by_stack:rows()[1].stack)
  check.equal(by_stack:total(), total + 1)
end

do -- names outlive the trace as long as an aggregate holds stacks
  local by_stack = oc.counter("stack")
  do
    local trace = open { stacks = "fp" }
    trace:on("cpu", function(e) by_stack:count(e.stack) end)
    trace:run()
  end
  collectgarbage()
  collectgarbage()
  check(tostring(by_stack:rows()[1].stack) ~= "(no stack)", "still there")
end

do -- symbols without stacks
  local trace = open { symbols = true }
  local modules = oc.counter("module", "symbol")
  trace:on("cpu", function(e) modules:count(e.module, e.symbol) end)
  trace:run()
  local rows = modules:rows()
  check(#rows > 1 and rows[1].module:find("/") and #rows[1].symbol > 0, "modules")
end

do -- scripts name what oc cannot
  local trace = open { stacks = "any" }
  local by_stack = oc.counter("stack")
  local leaf
  trace:on("cpu", function(e)
    leaf = leaf or e.stack
    by_stack:count(e.stack)
  end)
  trace:add_symbols("/no/such/module", { { offset = 0, size = 1, name = "nothing" } })
  local asked = 0
  trace:symbol_source(function(frame)
    asked = asked + 1
    return frame.kernel and "in_kernel" or { name = "place_" .. (frame.offset or 0), line = 7 }
  end)
  trace:run()
  for _, row in ipairs(by_stack:rows()) do
    for _, frame in ipairs(row.stack:frames()) do check(frame.name, "each frame has a name") end
  end
  local before = asked
  check(#leaf:frames() > 0 and asked == before and asked > 0, "each place is asked once")
end

do -- machines, queries, graphs and exports have the names that scripts give
  local trace = open { stacks = "any", machine = true }
  local by_stack, asked, machine = oc.counter("stack"), 0, nil
  trace:on("cpu", function(e) by_stack:count(e.stack) end)
  local function name_of(frame) return "place_" .. (frame.offset or "x") end
  trace:symbol_source(function(frame)
    asked = asked + 1
    if machine then machine:samples():by("symbol"):rows() end  -- does no harm
    return frame.module:find("mawk") and { name = name_of(frame), file = "mine.c", line = 7 }
  end)
  trace:run()
  machine = trace:machine()
  local wanted, folded = {}, {}
  for _, row in ipairs(by_stack:rows()) do
    local text = tostring(row.stack)
    wanted[text] = (wanted[text] or 0) + row.count
  end
  local before = asked
  for _, row in ipairs(machine:samples():by("stack"):rows()) do folded[row[1]] = row.count end
  check.equal(folded, wanted)
  check(before > 0 and asked == before, "each place is asked once")
  local symbols, lines = {}, {}
  for _, row in ipairs(machine:samples():by("symbol", "module", "line"):rows()) do
    symbols[row[1]], lines[row[3]] = row[2], true
  end
  local found = 0
  for name, module in pairs(symbols) do
    check.equal(name:find("^place_") ~= nil, module:find("mawk") ~= nil)
    found = found + (name:find("^place_") and 1 or 0)
  end
  check(found > 2 and lines["mine.c:7"] and symbols["[mawk]"] == nil, "names and lines")
  check(machine:samples { symbol = "place_*" }:total() > 0, "chosen by such a name")
  local functions = 0
  for _, each in ipairs(machine:graph():functions(1000)) do
    functions = functions + (each.name:find("^place_") and 1 or 0)
  end
  check(functions >= found, "in graphs")
  -- Files that are written at the same time, on threads that may not ask.
  local paths, base = {}, os.tmpname()
  for i, ending in ipairs { ".folded", ".pprof", ".csv", ".html" } do paths[i] = base .. ending end
  require("oc.export").write_all(machine, paths, {}, function() end)
  for _, name in ipairs { paths[1], paths[3], paths[4] } do
    local file = assert(io.open(name))
    local text = file:read("*a")
    file:close()
    check(text:find("place_%d") and not text:find("[mawk]", 1, true), name)
  end
  local profile = oc.open { input = paths[2], machine = true }
  profile:run()
  check(profile:machine():samples { symbol = "place_*" }:total() > 0, "in a profile")
  for _, name in ipairs { base, unpack(paths) } do os.remove(name) end
  -- Another source: what the first one said is forgotten.
  machine = nil
  trace:symbol_source(function() return "anything" end)
  symbols = {}
  for _, row in ipairs(trace:machine():samples():by("symbol"):rows()) do symbols[row[1]] = true end
  check(symbols.anything and not next(symbols):find("^place_"), "the second one's names")
  trace:symbol_source(function() error("no such luck") end)
  check.error("no such luck", function() trace:machine():graph() end)
end

do -- functions of a sample ask where it was taken
  local trace = open { stacks = "any", machine = true }
  local events, i = {}, 0
  trace:on("cpu", function(e)
    events[#events + 1] = { stack = e.stack, ip = e.ip + 0, module = e.module }
  end)
  trace:run()
  local machine = trace:machine()
  local symbols, modules = {}, {}
  machine:samples():each(function(s)
    i = i + 1
    local event = events[i]
    check(s.stack == event.stack and #s.stack == #event.stack, "the event's stack")
    check(s.ip == event.ip, "and its address")
    check.equal({ s.module, s.cgroup }, { event.module, nil })
    symbols[s.symbol] = (symbols[s.symbol] or 0) + 1
    modules[s.module] = (modules[s.module] or 0) + 1
  end)
  check(i == #events and i > 40, "all samples")
  for name, found in pairs { symbol = symbols, module = modules } do
    local wanted, given = {}, {}
    for _, row in ipairs(machine:samples():by(name):rows()) do wanted[row[1]] = row.count end
    for _, row in ipairs(machine:samples():by(function(s) return s[name] end):rows()) do
      given[row[1]] = row.count
    end
    check.equal(found, wanted)
    check.equal(given, wanted)
  end
  local mawk = machine:samples { where = function(s) return s.module == "/usr/bin/mawk" end }
  check.equal(mawk:total(), modules["/usr/bin/mawk"])
  -- Of samples that were added by hand, too.
  machine:add_sample { kind = "mark", value = 1, pid = 1, comm = "me", stack = { "main", "work" } }
  machine:add_sample { kind = "mark", value = 1, pid = 1, comm = "me" }
  local own, by_stack = {}, oc.counter("stack")
  machine:samples { kind = "mark" }:each(function(s)
    own[#own + 1] = { s.stack and tostring(s.stack) or "none", s.symbol or "none", s.ip or "none" }
    by_stack:count(s.stack)
  end)
  check.equal(own, { { "main;work", "work", "none" }, { "none", "none", "none" } })
  check(printed(by_stack, {}):find("\n    work.*\n    main"), "printed")
end

do -- symbols that a script adds win
  local trace = open { stacks = "any" }
  local first
  trace:on("cpu", function(e)
    if not first and #e.stack > e.stack.kernel_frames then first = e.stack end
  end)
  trace:run()
  for _, module in ipairs { "/usr/bin/mawk", "/usr/bin/dash", "/usr/bin/xz", "/usr/bin/seq" } do
    trace:add_symbols(module, { { offset = 0, size = 2 ^ 31, name = "all_of_it" } })
  end
  local frame = first:frames()[first.kernel_frames + 1]
  check.equal({ frame.name, frame.source }, { "all_of_it", "given" })
  check.equal(frame.function_offset, frame.offset)
  check.error("wants the path of a module", function() trace:add_symbols({}) end)
  check.error("the symbol 1 wants offset, size and name",
    function() trace:add_symbols("x", { { offset = -1, size = 1, name = "f" } }) end)
  local function rule(fields)
    return function() trace:add_unwind_rules("x", { fields }) end
  end
  check.error("wants the path of a module", function() trace:add_unwind_rules({}) end)
  check.error("the rule 1 wants offset and size", rule { offset = -1, size = 1, cfa = "sp+8" })
  check.error("the rule 1 wants cfa as", rule { offset = 1, size = 1, cfa = "rbx+8" })
  check.error("the rule 1 wants cfa as a multiple", rule { offset = 1, size = 1, cfa = "sp+7" })
  check.error("the rule 1 wants ra as a multiple",
    rule { offset = 1, size = 1, cfa = "sp+8", ra = 2 ^ 20 })
  check.error("the rule 1 has no 'rax'", rule { offset = 1, size = 1, cfa = "sp+8", rax = 1 })
  check.error("the rule 1 is a number", rule(7))
  check.error("the rule 2 is for no place in memory", function()
    trace:add_unwind_rules("x", { { offset = 1, size = 1, cfa = "sp+8" },
      { offset = 0ULL - 1ULL, size = 2, cfa = "sp+8" } })
  end)
  check.equal(frame.reason ~= nil, frame.file == nil)
  trace:add_unwind_rules("x", { { offset = frame.offset, size = 1, cfa = "fp+16", fp = -16 } })
  check.error("symbol_source wants a function", function() trace:symbol_source(1) end)
end

-- Nothing was declared.
check.error("e%.stack needs stacks, and nobody asked for them.*oc%.open", function()
  local trace = open {}
  trace:on("cpu", function() end)
  return trace:event("cpu"):field "stack"
end)
check.error("stacks cannot be 'all'.*\"any\"", function() open { stacks = "all" } end)
