-- JSON, tables of text, nearest names.

local check = require "check"
local addr = require "oc.addr"
local cells = require "oc.cells"
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
check.equal({ cells.clean("a\0b\200") }, { "a\\x00b?", 7 })
check.equal({ cells.clean("e\204\129") }, { "e\204\129", 1 })
check.equal({ cells.clean("\194\155") }, { "\\x9b", 4 }) -- C1: a terminal's CSI
check.equal(text_table.render_lines({ {}, { right = true } }, {}), "")
-- One very long text neither widens all other lines nor takes time that grows with its square.
local long = ("f;"):rep(50000)
local began = os.clock()
local lines = text_table.render_lines({ {}, { right = true } }, { { long, "1" }, { "a", "2" } })
check.equal(lines, long .. "  1\n" .. "a" .. (" "):rep(199) .. "  2\n")
check(os.clock() - began < 5, "a long text takes long")


check.equal({ cells.shorten("a_long_function_name", 11) }, { "a_lon…_name", 11 })
check.equal({ cells.shorten("short", 11) }, { "short", 5 })
check.equal({ cells.shorten("    a_long_function_name", 15) }, { "    a_lon…_name", 15 })
check.equal({ cells.shorten((" "):rep(30) .. "a_long_function_name", 15) },
  { (" "):rep(30) .. "a_lon…name", 40 })  -- deeper than that is wide: ten cells stay
check.equal({ cells.shorten(("日本"):rep(10), 12) }, { "日本日…日本", 11 })
check.equal({ cells.shorten("eeee\204\129eeeeeeeeeee\204\129e", 10) },
  { "eeee\204\129e…eee\204\129e", 10 })
check.equal({ cells.shorten(("\27\200"):rep(9), 12) }, { "\\x1b?\\…\\x1b?", 12 })
for most = 10, 40 do  -- whatever the width, no line is wider and no character is cut
  for _, text in ipairs { ("é日"):rep(30), ("x\204\129"):rep(50), ("\240\159\152\128a"):rep(20) } do
    local short, width = cells.shorten(text, most)
    check(width <= most and cells.width(short) == width and not short:find("?", 1, true), short)
  end
end

-- A layout: columns that may give way do, the widest first; styles go around the text, not padding.
local wide = { { title = "n", right = true }, { title = "symbol", shrink = true },
  { title = "module", shrink = true } }
local function paint(text, style) return ("<%s>%s</>"):format(style, text) end
check.equal(text_table.render(wide, { { "1", ("s"):rep(60), "/lib/libc.so" },
  { "22", "", "m", styles = { "hot", "hot", "dim" } } }, { columns = 40, paint = paint }), [[
 <title>n</>  <title>symbol</>                  <title>module</>
 1  sssssssssss…ssssssssss  /lib/libc.so
<hot>22</>                          <dim>m</>
]])
check.equal(text_table.render_lines({ {}, { shrink = true }, { shrink = true } },
  { { "1", ("a"):rep(50), ("b"):rep(40) } }, { columns = 45 }),
  "1  aaaaaaaaaa…aaaaaaaaa  bbbbbbbbbb…bbbbbbbbb\n")
check.equal(text_table.render_lines({ { shrink = true } }, { { ("a"):rep(50) } }, { columns = 3 }),
  "aaaaaa…aaaaa\n")  -- but no narrower than can be read
local long_row = { { ("a"):rep(50) } }
check.equal(text_table.render_lines({ {} }, long_row, { columns = 20 }), long_row[1][1] .. "\n")
check.equal(text_table.render_lines({ { shrink = true } }, long_row, {}), long_row[1][1] .. "\n")

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
