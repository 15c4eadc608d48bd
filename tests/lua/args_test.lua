-- The command line: oc's options, a script's arguments, help.

local check = require "check"
local args = require "oc.args"
local oc = args.constructors

local function context(...)
  return args.new_context {
    argv = { ... }, head = "--- Shows the top.\n--- More.\n--- Example: oc x\n\n--- no",
  }
end

local function declare(...)
  local c = context("top.lua", ...)
  return c:declare {
    top = oc.number(10, "rows to print", { short = "t", min = 1, max = 100 }),
    every = oc.duration("1s", "how often"),
    size = oc.size("8MiB"),
    share = oc.percent("1%"),
    all = oc.flag(false, "everything", { short = "a" }),
    color = oc.flag(true, "colors"),
    by = oc.choice({ "cpu", "comm" }, "cpu", "group by"),
    names = oc.list({}, "names"),
    pids = oc.pids(nil, "processes", { short = "p" }),
    on_event = oc.event("sched:sched_switch"),
    out = oc.file(nil, "where"),
    text = oc.string("x", "text"),
  }, c
end

do -- defaults and all spellings
  local v = declare()
  check.equal(v, {
    top = 10, every = 1e9, size = 8 * 2 ^ 20, share = 1, all = false, color = true, by = "cpu",
    names = {}, on_event = "sched:sched_switch", text = "x",
  })
  for _, words in ipairs {
    { "--top", "5" }, { "--top=5" }, { "-t", "5" }, { "-t5" }, { "-t=5" },
  } do
    check.equal(declare(unpack(words)).top, 5)
  end
  v = declare("-at7", "--no-color", "--every=250ms", "--by", "comm", "--names", "a, b,,c", "-p1,42",
    "--on_event", "a:b", "--share", "2.5", "--size=1K", "--out", "f", "--text=")
  check.equal({ v.all, v.top, v.color, v.every, v.by }, { true, 7, false, 250e6, "comm" })
  check.equal({ v.names, v.pids, v.on_event, v.share },
    { { "a", "b", "c" }, { 1, 42 }, "a:b", 2.5 })
  check.equal({ v.size, v.out, v.text }, { 1024, "f", "" })
  check.equal(declare("--on-event=c:d").on_event, "c:d")
  check.equal(declare("--all=no").all, false)
  check.equal(declare("--top", "5", "--top", "6").top, 6)
end

do -- wrong usage says what is right
  local function wrong(pattern, ...)
    local err = check.error(pattern, declare, ...)
    check.equal(err and err.exit_status, 2)
  end
  wrong("unknown option %-%-tpo.*%-%-top", "--tpo", "5")
  wrong("unknown option %-%-durration.*%-%-duration", "--durration", "5")
  wrong("unknown option %-z.*%-%-help", "-z")
  wrong("%-%-top needs a value.*rows to print", "--top")
  wrong("%-%-top needs a value", "--top", "--")
  wrong("%-%-top: 'x' is not a number: write", "--top", "x")
  wrong("%-%-top must be at least 1", "--top", "0")
  wrong("%-%-top must be at most 100", "--top=101")
  wrong("%-%-every: '1x' is not a duration", "--every", "1x")
  wrong("%-%-by: 'wall' is none of: cpu, comm", "--by", "wall")
  wrong("%-p: 'x' is not a process id", "-p", "1,x")
  wrong("no process id", "-p", ",")
  wrong("neither yes nor no", "--all=perhaps")
  wrong("takes no value", "--no-all=yes")
  wrong("is not an event", "--on-event", "a b")
  wrong("a file needs a name", "--out=")
  wrong("'extra' is one argument too many", "extra")
  wrong("unknown option %-k\na command to run comes after %-%-, as in: "
    .. "oc script top.lua %-%- make all %-k", "make", "--top", "5", "all", "-k")
  wrong("option %-%-tpo\na command .* oc script top.lua %-%- make %-%-tpo=5", "make", "--tpo=5")
end

do -- oc's options before and after; the script's own win after its name
  local c = context("-i", "perf.data", "--json", "-d", "10s", "top.lua", "-q", "-n5", "--",
    "make", "-j")
  check.equal(c.script, "top.lua")
  c:finish()
  check.equal({ c.options.input, c.options.json, c.options.duration, c.options.quiet },
    { { "perf.data" }, true, 10e9, true })
  check.equal({ c.options.events, c.options.max_errors, c.options.strict }, { 5, 20, false })
  check.equal(c.command, { "make", "-j" })
  c = context("-F", "49", "top.lua", "-n", "3", "--freq", "5")
  local v = c:declare { number = oc.number(1, "n", { short = "n" }) }
  check.equal({ v.number, c.options.events, c.options.frequency }, { 3, nil, 5 })
  c = context("-F", "49", "top.lua")
  check.equal(c:declare({ frequency = oc.number(99) }).frequency, 49)
  c = context("top.lua", "-F", "49")
  check.equal(c:declare({ frequency = oc.number(99, "hz", { short = "F" }) }).frequency, 49)
  c = context("top.lua", "a", "-", "-5")
  c:finish()
  c:finish()
  check.equal(c.positionals, { "a", "-", "-5" })
  check.error("unknown option %-%-tpo", function() context("--tpo", "x.lua") end)
  check.error("unknown option %-%-bogus", function() context("x.lua", "--bogus"):finish() end)
  check.error("option %-k\na command .* oc script x.lua %-%- make %-k", function()
    context("x.lua", "make", "-k"):finish()
  end)
  check.error("unknown option %-%-jsno\ndid you mean %-%-json", function()
    context("x.lua", "word", "--jsno"):finish()
  end)
  check.equal(context("--", "ls").command, { "ls" })
  check.equal(context().script, nil)
  check.equal(context("x.lua", "--").command, nil)
  check.error("called before", function()
    local again = context("x.lua")
    again:declare {}
    again:declare {}
  end)
  c = args.new_context { argv = { "-q", "--", "ls" }, script_name = "(eval)", verb = "eval" }
  c:finish()
  check.equal({ c.script, c.options.quiet, c.command }, { "(eval)", true, { "ls" } })
end

do -- positionals
  local function place(...)
    return context("x.lua", ...):declare {
      path = oc.file(nil, "what", { positional = true, required = true }),
      rest = oc.list(nil, "more", { positional = true }),
      token = oc.string(nil, "t", {}),
    }
  end
  check.equal(place("a"), { path = "a" })
  check.equal(place("a", "b", "--token", "t", "c"),
    { path = "a", rest = { "b", "c" }, token = "t" })
  check.error("PATH is missing.*what", place)
  check.error("unknown option %-%-tokn\ndid you mean %-%-token", place, "a", "b", "c", "--tokn")
  check.error("%-%-key is missing", function()
    context("x.lua"):declare { key = oc.string(nil, "k", { required = true }) }
  end)
end

do -- only what was declared can be read
  local v = declare()
  check.equal({ v.top, v.pids == nil, v.out == nil }, { 10, true, true })
  check.error("args_test.lua:%d+: there is no argument 'tpo'\ndid you mean 'top'", function()
    return v.tpo
  end)
  check.error("no argument 'on%-event'\ndid you mean 'on_event'", function()
    return v["on-event"]
  end)
  check.error("no argument '1'\noc.args", function() return v[1] end)
end

do -- misuse by the script names its line
  check.error("args_test.lua:%d+: oc.number has no option 'shrt'.*'short'", function()
    oc.number(1, "x", { shrt = "n" })
  end)
  check.error("one letter", function() oc.number(1, "x", { short = "no" }) end)
  check.error("help of oc.number is a table", function() oc.number(1, {}) end)
  check.error("default of oc.duration: '1x'", function() oc.duration("1x") end)
  check.error("default of oc.flag cannot be a number", function() oc.flag(1) end)
  check.error("default of oc.number: 'x'", function() oc.number("x") end)
  check.error("list of words", function() oc.choice("cpu") end)
  check.error("none of: a", function() oc.choice({ "a" }, "b") end)
  check.error("argument 'top' is a number", function() context("x"):declare { top = 5 } end)
  check.error("cannot be the name", function() context("x"):declare { oc.number(1) } end)
  check.error("oc.args needs a table", function() context("x"):declare(5) end)
  check.error("short name %-n", function()
    local function n() return oc.number(1, "", { short = "n" }) end
    context("x"):declare { a = n(), b = n() }
  end)
end

do -- help: nothing is opened
  local err = check.error("Shows the top", declare, "--help")
  check.equal(err.exit_status, 0)
  check(err.is_help)
  local text = err.message
  local order = { "Shows the top.", "More.", "Usage: oc script top.lua", "Arguments:",
    "-t, --top N", "rows to print (default 10, at least 1, at most 100)", "--every TIME",
    "(default 1s)", "(default 8MiB)", "(default 1%)", "-a, --all", "--no-color", "--by cpu|comm",
    "--names", "Options of oc:", "-i, --input FILE", "--max-errors N", "(default 20", "Examples:",
    "oc x" }
  local at = 1
  for _, wanted in ipairs(order) do
    local found = text:find(wanted, at, true)
    check(found, "help lacks, or has too early: " .. wanted)
    at = found or at
  end
  check(not text:find("no", at, true))
  check.error("Usage: oc script NAME", function() context("--help") end)
  check.error("Usage: oc script x.lua", function() context("x.lua", "-h"):finish() end)
  check.equal(context("--help", "x.lua").options.help, true)
end
