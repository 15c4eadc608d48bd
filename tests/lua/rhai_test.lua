-- Record-trace's scripts in Rhai, as Lua: what they do, where their mistakes are told.

local check = require "check"
local rhai = require "oc.rhai"

--- Runs a script; what it printed.
local function run(text)
  local lua, problem = rhai.translate(text, "x.rhai")
  if not lua then return problem end
  local out = {}
  local environment = setmetatable({
    require = function(name)
      return name == "oc.rhai_operators" and require(name) or { globals = function() end }
    end,
    print = function(...)
      for _, value in ipairs { ... } do out[#out + 1] = tostring(value) end
    end,
    twice = { thrice = function(n) return n * 3 end },
  }, { __index = _G })
  setfenv(assert(loadstring(lua, "=x")), environment)()
  return table.concat(out, ",")
end

check.equal(run 'let a = 5; const B = 0x10; a += B * 2; print(a);', "37")
check.equal(run 'let a = -(3 - 1) * 2; a -= 1; a *= 2; a /= 5; print(a % 4);', "-2")
check.equal(run 'let x = 10; x -= 3 - 1; print(x); x *= 1 + 2; print(x); x /= 2 + 3; print(x);',
  "8,24,4")
check.equal(run 'let x = 17; x %= 2 * 5; print(x); x += 1 - 3; print(x);', "7,5")
check.equal(run 'print(7 / 2); print(-7 / 2); print(-7 % 3); print(7 % -3); print(2 * 7 / 4 * 2);',
  "3,-3,-1,1,6")
check.equal(run 'print(7.0 / 2); let f = 7.0; print(f / 2); print(1 / 2.0); f /= 2; print(f);',
  "3.5,3.5,0.5,3.5")
check.equal(run 'print(10 - 2 - 3); print(2 + 3 * 4 - 1); print(20 / 2 / 5); print(- -3);',
  "5,13,2,3")
check.equal(run 'print("a" + 1 + 2); print(1 + 2 + "a"); let s = "x"; s += 1 + 2; print(s);',
  "a12,3a,x3")
check.equal(run 'let s = "n=" + 7 / 2 + "," + (1 == 1); print(s);', "n=3,true")
check.equal(run 'if true == 1 < 2 && 1 + 1 == 2 { print(1); }', "1")
check.equal(run [[let s = "it's \"a\" \\ tab\t"; print("<" + s + ">");]], "<it's \"a\" \\ tab\t>")
check.equal(run [[print('c');]], "c")
check.equal(run [[if 1 == 1 && !false || nothing { print("y"); } else { print("n"); }]], "y")
check.equal(run 'let n = 4; if n < 3 { print(1); } else if n >= 4 { print(2); } else { print(3); }',
  "2")
check.equal(run 'if 1 != 1 { print(1); } else { print(2); }', "2")
check.equal(run 'for x in ["a", "b"] { print(x); }', "a,b")
check.equal(run 'for i in 1..4 { print(i); }', "1,2,3")
check.equal(run 'let i = 0; while i < 9 { i += 1; if i > 2 { break; } print(i); }', "1,2")
check.equal(run 'let i = 0; loop { i += 1; if i == 3 { break; } } print(i);', "3")
check.equal(run 'fn add(a, b) { return a + b; } print(add(1, 2));', "3")
check.equal(run [[let n = 2; print(add(n, 1));
  fn add(a, b) { let n = 40; return a + b + more(n); }
  let m = n + 5; let n; print(m); print(n == nothing);
  fn more(n) { if n > 1 { return n; } return 1; }
  print(add(m, 0));]], "43,7,true,47")
check.equal(run 'print(twice.thrice(5));', "15")
check.equal(run 'let a = [1, [2, 3]]; print(a[1][0]);', "2")
check.equal(run 'let end = 1; let then = 2; print(end + then);', "3")
check.equal(run '/* a /* b */ c */ print(1); // print(2);', "1")
check.equal(run '', "")
check.equal(run ';;;', "")

-- Lines stay where they were, so that errors of what runs point into the script.
local lua = rhai.translate("// one\nlet a = 1;\n\n/*\n*/ print(a); nothing(\n);\n", "x.rhai")
local number = 0
for line in (lua .. "\n"):gmatch("(.-)\n") do
  number = number + 1
  if line:find("local a", 1, true) then check.equal(number, 2) end
  if line:find("nothing", 1, true) then check.equal(number, 5) end
end

for text, problem in pairs {
  ["let a = 1"] = "x.rhai:1: ';' is expected before 'the end of the file'",
  ["\n\nswitch a { }"] = "x.rhai:3: 'switch' cannot be carried over",
  ["let a = `b`;"] = "x.rhai:1: a text in ` cannot be carried over; write it with \"",
  ['let a = "b'] = "x.rhai:1: a text without an end",
  ['let a = "b\n";'] = "x.rhai:1: a text without an end",
  ['let a = "\\q";'] = "x.rhai:1: '\\q' in a text",
  ["/* /* */"] = "x.rhai:1: a comment without an end",
  ["let a = #{ b: 1 };"] = "x.rhai:1: '#{' cannot be carried over",
  ["if a { b(); "] = "x.rhai:1: 'the end of the file' cannot be carried over",
  ["if a { fn f() { } }"] = "x.rhai:1: a function inside of a block cannot be carried over",
  ["fn f(a) { a * 2 }"] = "x.rhai:1: 'a' cannot be carried over",
  ["let let = 1; let x ="] = "x.rhai:1: 'the end of the file' cannot be carried over",
  ["a = \1;"] = "x.rhai:1: '\1' is no word of Rhai",
  [("("):rep(300000)] = "x.rhai:1: brackets are nested too deeply",
} do
  check.equal({ rhai.translate(text, "x.rhai") }, { nil, problem })
end

do -- damaged scripts are told so, or are other scripts; what comes out is always Lua
  local file = assert(io.open((os.getenv "OC_SOURCE_ROOT" or ".") .. "/examples/failed_opens.rhai"))
  local text = file:read("*a") .. 'if a != 1 { for x in [1, 2] { f(x)[0].g("\\n"); } } else { }\n'
  file:close()
  check(loadstring((rhai.translate(text, "x.rhai"))))
  math.randomseed(7)
  local translated = 0
  for _ = 1, 1500 do
    local at, what = math.random(#text), math.random(3)
    local insert = what == 1 and "" or what == 2 and string.char(math.random(255))
      or text:sub(at, at + math.random(9))
    local damaged = text:sub(1, at) .. insert .. text:sub(at + math.random(4))
    local result, problem = rhai.translate(damaged, "x.rhai")
    if result then
      translated = translated + 1
      local loaded, why = loadstring(result)
      -- Names that Lua sees twice, or calls on other lines, are no mistake of the translation.
      check(loaded or why:find("ambiguous"), tostring(why) .. "\n" .. damaged)
    else
      check(problem:find("^x%.rhai:%d+: "), problem)
    end
  end
  check(translated > 50)
end
