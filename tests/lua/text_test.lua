-- JSON, tables of text, nearest names.

local check = require "check"
local addr = require "oc.addr"
local json = require "oc.json"
local nearest = require "oc.nearest"
local text_table = require "oc.text_table"

check.equal(json.encode({ b = 1, a = { 1, "x", true }, c = {} }), '{"a":[1,"x",true],"b":1,"c":[]}')
check.equal(json.encode(json.object({})), "{}")
check.equal(json.encode(nil), "null")
check.equal(json.encode({ json.null }), "[null]")
check.equal(json.encode({ 0 / 0, 1 / 0, -1 / 0, -0 }), "[null,null,null,0]")
check.equal(json.encode({ 0.1, 1e300, 2 ^ 53, 1 / 3 }),
  "[0.1,1e+300,9007199254740992,0.33333333333333331]")
check.equal(json.encode({ 18446744073709551615ULL, -5LL, addr.make "0xff" }),
  '["18446744073709551615","-5","0xff"]')
check.equal(json.encode('a"\\\n\1\127'), '"a\\"\\\\\\n\\u0001\\u007f"')
check.equal(json.encode("ü€😀"), '"ü€😀"')
check.equal(json.encode("a\255b\195"), '"a\239\191\189b\239\191\189"')
check.equal(json.encode("\237\160\128"), '"\239\191\189\239\191\189\239\191\189"') -- a surrogate
check.equal(json.encode({ [2] = "x" }), '{"2":"x"}')
local circle = {}
circle.me = circle
check.equal((json.encode(circle)), nil)
check(select(2, json.encode(circle)):find("contains itself"))
check(select(2, json.encode(print)):find("function has no JSON"))

check.equal(text_table.render({ { title = "comm" }, { title = "n", right = true } },
  { { "dd", "5" }, { "日本", "12" }, { "é\27[1m", "1" } }), [[
comm       n
dd         5
日本      12
é\x1b[1m   1
]])
check.equal({ text_table.clean("a\0b\200") }, { "a\\x00b?", 7 })
check.equal({ text_table.clean("e\204\129") }, { "e\204\129", 1 })
check.equal({ text_table.clean("\194\155") }, { "\\x9b", 4 }) -- C1: a terminal's CSI
check.equal(text_table.render_lines({ {}, { right = true } }, {}), "")
-- One very long text neither widens all other lines nor takes time that grows with its square.
local long = ("f;"):rep(50000)
local began = os.clock()
local lines = text_table.render_lines({ {}, { right = true } }, { { long, "1" }, { "a", "2" } })
check.equal(lines, long .. "  1\n" .. "a" .. (" "):rep(199) .. "  2\n")
check(os.clock() - began < 5, "a long text takes long")

check.equal(nearest.distance("next_pdi", "next_pid"), 1)
check.equal(nearest.distance("abc", "acb"), 1)
check.equal(nearest.distance("", "abc"), 3)
check.equal(nearest.distance("kitten", "sitting"), 3)
check.equal(nearest.distance("CPU", "cpu"), 0)
check(nearest.distance("completely", "different!", 2) > 2)
check.equal(nearest.find("next_pdi", { "next_pid", "next_prio", "prev_pid", "comm" })[1],
  "next_pid")
check.equal(nearest.find("zzz", { "next_pid" }), {})
check.equal(nearest.find("a", {}), {})
check.equal(#nearest.find("aaaa", { "aaab", "aaac", "aaad", "aaae" }), 3)
check.equal(nearest.find("sched:sched_s", { "sched:sched_switch", "sched:sched_stat_runtime" }),
  { "sched:sched_stat_runtime", "sched:sched_switch" })
check.equal(nearest.hint("tpo", { "top", "to" }), "did you mean 'to' or 'top'?")
check.equal(nearest.hint("tpo", { "top" }), "did you mean 'top'?")
check.equal(nearest.hint("q", { "abcdef" }), nil)
