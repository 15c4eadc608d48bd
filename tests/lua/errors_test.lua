-- Errors as users see them.

local check = require "check"
local errors = require "oc.errors"

local source = "local a = 1\n  counts:add(e.next_pdi)\n\tx(\27)\r\nlast"
local function read(name)
  if name == "cpu_top.lua" or name == "@cpu_top.lua" then return source end
  return nil
end

local function made(fields)
  return errors.new(fields.message, fields)
end

check.equal(errors.render(made {
  message = "event 'sched:sched_switch' has no field 'next_pdi'", token = "next_pdi",
  hint = "did you mean 'next_pid' or 'next_prio'?", file = "cpu_top.lua", line = 2,
}, read), [[
cpu_top.lua:2: event 'sched:sched_switch' has no field 'next_pdi'
   2 |   counts:add(e.next_pdi)
     |                ^ did you mean 'next_pid' or 'next_prio'?
]])
check.equal(errors.render("cpu_top.lua:2: attempt to index local 'e' (a nil value)", read), [[
cpu_top.lua:2: attempt to index local 'e' (a nil value)
   2 |   counts:add(e.next_pdi)
     |              ^
]])
check.equal(errors.render("cpu_top.lua:3: bad", read), "cpu_top.lua:3: bad\n   3 |   x(\\x1b)\n")
check.equal(errors.render("cpu_top.lua:99: bad", read), "cpu_top.lua:99: bad\n")
check.equal(errors.render("other.lua:1: bad", read), "other.lua:1: bad\n")
check.equal(errors.render("no place", read), "no place\n")
check.equal(errors.render(made { message = "cannot", hint = "try" }), "cannot\n  hint: try\n")
check.equal(errors.render(made { message = "m", token = "add", hint = "h", file = "cpu_top.lua",
  line = 1 }, read), "cpu_top.lua:1: m\n   1 | local a = 1\n  hint: h\n")

do -- long lines: what is around the token
  local function quoted(text, token)
    local err = made { message = "m", token = token, file = "a.lua", line = 1 }
    return errors.render(err, function() return text end)
  end
  local function x(count) return ("x"):rep(count) end
  check.equal(quoted(x(160)), "a.lua:1: m\n   1 | " .. x(160) .. "\n")
  check.equal(quoted(x(161)), "a.lua:1: m\n   1 | " .. x(160) .. "…\n")
  check.equal(quoted(x(500) .. " bad " .. x(500), "bad"), "a.lua:1: m\n   1 | …" .. x(79)
    .. " bad " .. x(76) .. "…\n     | " .. (" "):rep(81) .. "^\n")
  check.equal(quoted(x(500) .. " bad", "bad"), "a.lua:1: m\n   1 | …" .. x(156)
    .. " bad\n     | " .. (" "):rep(158) .. "^\n")
  check.equal(quoted(("ü"):rep(90) .. "x"), "a.lua:1: m\n   1 | " .. ("ü"):rep(80) .. "…\n")
  check.equal(quoted("x" .. ("ü"):rep(90)), "a.lua:1: m\n   1 | x" .. ("ü"):rep(79) .. "…\n")
end
check.equal(errors.render({}, read):find("error object") ~= nil, true)
check.equal(errors.render(nil, read), "error object: nil\n")
check.equal(errors.make("a.lua:3: msg\nstack traceback:\n\t[C]").traceback, "\t[C]")
check.equal(errors.make("a.lua:3: msg\nstack traceback:\n\t[C]").message, "msg")
check.equal(errors.make('[string "x"]:3: msg').line, 3)

check.equal(errors.make("a.lua:3: attempt to index global 'oc' (a nil value)").hint,
  'a script begins with: local oc = require "oc"')
check.equal(errors.make("a.lua:3: attempt to index global 'ox' (a nil value)").hint, nil)

local function raiser() errors.raise(2, "wrong", { hint = "h" }) end
local err = check.error("errors_test.lua:%d+: wrong", function()
  raiser()
end)
check.equal(err.line, debug.getinfo(1, "l").currentline - 2)
check.equal(err.hint, "h")
local text_chunk = loadstring("local e = require 'oc.errors'\ne.misuse('bad')", "=eval")
check.equal(check.error("eval:2: bad", text_chunk).chunk, "=eval")

local collector = errors.Collector.new { max = 4 }
check.equal({ collector:add("a.lua:1: bad 5") }, { true, false })
check.equal({ collector:add("a.lua:1: bad 6") }, { false, false })
check.equal({ collector:add("a.lua:2: bad 6") }, { true, false })
check.equal({ collector:add("a.lua:1: bad 7") }, { false, true })
check.equal(collector:summary(),
  "a.lua:1: 3 times in all: bad 5\nstopped after 4 errors (--max-errors)\n")
check.equal(errors.Collector.new():summary(), "")
collector = errors.Collector.new { max = 1 }
check.equal({ collector:add("a.lua:1: bad") }, { true, true })
check.equal(collector:summary(), "stopped after 1 error (--max-errors)\n")
