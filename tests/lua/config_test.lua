--- Files and variables that set options; the manual's text.

local check = require "check"
local config = require "oc.config"
local manual = require "oc.manual"
local own_options = require "oc.options"

local verbs = { "script", "record" }
local function parse(text) return config.parse(text, "F", verbs) end

local found = parse("frequency = 99\n[record]\r\nbuffer=16MiB # large\n[ script ]\nquiet = yes\n")
check.equal(#found, 3)
check.equal({ found[1].option.name, found[1].value, found[1].verb, found[1].from },
  { "frequency", 99, nil, "F:1" })
check.equal({ found[2].value, found[2].verb, found[2].from }, { 16 * 2 ^ 20, "record", "F:3" })
check.equal({ found[3].value, found[3].verb }, { true, "script" })
check.equal(#parse(""), 0)
check.equal(#parse("\n# frequency = 1\n; frequency = 1\n\t\n"), 0)
check.equal(parse("max_errors = 7")[1].option.name, "max-errors")
check.equal(parse("frequency = '50'")[1].value, 50)

check.error("^F:2: there is no option 'frequncy'\n.*'frequency'", parse, "\nfrequncy = 1")
check.error("^F:1: 'frequency' is not a setting", parse, "frequency")
check.error("^F:1: there is no verb 'rekord'\n.*'record'", parse, "[rekord]")
check.error("^F:1: frequency: ", parse, "frequency =")
check.error("^F:1: quiet: 'maybe'", parse, "quiet = maybe")
check.error("^F:1: ", parse, "[")
check.error("^F:1: ", parse, "\0")
check.error("^F:1: 'help' can be given on the command line only", parse, "help = yes")

local set = config.from_environment(function(name)
  return ({ OC_FREQUENCY = "10k", OC_MAX_ERRORS = "", OC_INPUT = "x", OC_STRICT = "on" })[name]
end)
check.equal(#set, 2)
for _, setting in ipairs(set) do
  check.equal(setting.value, ({ OC_FREQUENCY = 10000, OC_STRICT = true })[setting.from])
end

-- No option takes a name of the environment that means something else.
local taken = {}
for _, name in ipairs(config.reserved) do taken[name] = true end
for _, option in ipairs(own_options) do
  local name = config.variable(option)
  check(not taken[name] and not name:find("^OC_TEST_"), name .. " means something else")
end

check.equal(manual.roff("a-b \\ c"), "a\\-b \\e c")
check.equal(manual.roff(".x\n'y"), "\\&.x\n\\&'y")
check.equal(manual.roff("a…é"), "a...\\[u00E9]")
check.equal(manual.roff("\255"), "\255")

-- Variables that set nothing.
check.equal(config.unknown_variables { "OC_BUFFER", "OC_PATH", "OC_SOMETHING_ELSE" }, {})
check.equal(config.unknown_variables { "OC_BUFFFER", "OC_INPUT" },
  { "OC_BUFFFER sets nothing: did you mean 'OC_BUFFER'?",
    "OC_INPUT sets nothing: --input is for the command line only" })
