-- The reference against the program: every public name has an entry, every entry a name, with the
-- parameters that it has; examples run; the guide's page is what it would be made to now.

local args = require "oc.args"
local check = require "check"
local errors = require "oc.errors"
local faces = require "oc.reference_faces"
local quietly = require "quietly"
local reference = require "oc.reference"
local settings = require "oc.settings"
local short = require "oc.short"

local ROOT = os.getenv "OC_SOURCE_ROOT" or "."
local DEMO = ROOT .. "/examples/traces/demo.data"

--- A value that a function stands on, by its name there, however deep.
local function upvalue(fn, wanted, seen)
  seen = seen or {}
  if seen[fn] then return nil end
  seen[fn] = true
  local functions = {}
  for i = 1, 60 do
    local name, value = debug.getupvalue(fn, i)
    if not name then break end
    if name == wanted then return value end
    if type(value) == "function" then functions[#functions + 1] = value end
  end
  for _, each in ipairs(functions) do
    local found = upvalue(each, wanted, seen)
    if found ~= nil then return found end
  end
end

local function public_names(class)
  local names = {}
  for name in pairs(class) do
    if type(name) == "string" and not name:find("^_") then names[name] = true end
  end
  return names
end

--- `what` and the group of this name have the same names.
local function compare(group_name, names, exceptions)
  local group = assert(reference.group(group_name), group_name)
  for name in pairs(names) do
    check(group.by_name[name] or exceptions and exceptions[name],
      group.name .. " has '" .. name .. "', which the reference does not know")
  end
  for name in pairs(group.by_name) do
    check(names[name] or exceptions and exceptions[name],
      "the reference knows '" .. name .. "', which " .. group.name .. " does not have")
  end
end

local function set(list)
  local names = {}
  for _, name in ipairs(list) do names[name] = true end
  return names
end

package.preload["oc.syscalls"] = function() return { [0] = "read", "write" } end

-- Names ------------------------------------------------------------------------------------------

-- Not methods: fields of what is read, or a module's own.
local others = {
  trace = set { "events", "host", "start_ns", "start_wall_ns" },
  result = set { "totals" }, proxy = set { "name" }, recorder = {}, out = {},
  format = set { "fields", "fixed_size" }, addr = {}, machine = {}, query = {}, graph = {},
  stack = set { "id", "reason", "kernel_frames" }, oc = {}, table = {},
}
for name, class in pairs(faces.classes) do
  local group = assert(reference.group(name), name)
  if others[name] then
    compare(name, public_names(class), others[name])
  else  -- aggregates: what all have, and the method that takes values
    local names = public_names(getmetatable(class))
    names[class._kind.method] = true
    for _, method in ipairs(class._kind.more_methods or {}) do names[method] = true end
    if name == "quantiles" then names.quantile = true end
    for field in pairs(public_names(class)) do names[field] = true end
    compare(name, names)
  end
  check(group.class)
end

do -- events
  local source, view = require "oc.view_source", require "oc.view"
  local names = upvalue(view.new, "make_methods")({ by_name = {} })
  for _, list in ipairs { source.COMMON, source.SAMPLE } do
    for _, name in ipairs(list) do names[name] = true end
  end
  compare("e", names)
end

local function words_of(trace)
  return short.new { trace = trace, machine = trace, is_filled = function() return true end }
end
compare("word", words_of(print).verbs, set { "trace", "machine" })

do -- the commands of the REPL
  local names = {}
  for _, command in ipairs(require("oc.repl.commands").all()) do
    names["." .. command.name] = true
  end
  compare("repl", names)
end

do -- options, and tables that are read
  local machine_add = require "oc.machine_add"
  for group, names in pairs {
    ["oc.OpenOptions"] = upvalue(require("oc.open_options").read, "known_options"),
    ["oc.OnOptions"] = upvalue(require("oc.trace").class.on, "on_options"),
    ["oc.RecorderOptions"] = upvalue(require("oc.recorder").new, "known_options"),
    ["oc.SampleFilter"] = require("oc.selection").keys,
    ["oc.GraphOptions"] = require("oc.graph").keys,
    ["oc.ExportOptions"] = require("oc.export").keys,
    ["oc.NewSample"] = upvalue(machine_add.sample, "sample_fields"),
    ["oc.NewSpan"] = upvalue(machine_add.span, "span_fields"),
    ["oc.Scenario"] = upvalue(require("oc.scenario").declare, "known"),
    ["oc.Hooks"] = set(upvalue(require("oc.hooks").add, "STAGES")),
    ["oc.PrintOptions"] = upvalue(require("oc.aggregate.show").print, "print_options"),
    ["oc.AggregateOptions"] = upvalue(require("oc.aggregate").counter, "common_options"),
    ["oc.TableOptions"] = upvalue(require("oc.aggregate").table, "known"),
    ["oc.ArgumentOptions"] = set(upvalue(args.constructors.number, "known_options")),
    ["oc.SampleView"] = upvalue(upvalue(require("oc.selection").each, "view_type").__index,
      "view_fields"),
  } do
    compare(group, names)
  end
end

-- Signatures -------------------------------------------------------------------------------------

local function parameters_of(fn)
  local info, names = debug.getinfo(fn, "u"), {}
  for i = 1, info.nparams do
    local name = debug.getlocal(fn, i)
    if name ~= "self" then names[#names + 1] = name end
  end
  return names, info.isvararg
end

local renamed = { options_or_fn = "options" }

local function check_parameters(entry, fn)
  local wanted, is_vararg = parameters_of(fn)
  local given = reference.parse(entry.signature)
  for i, name in ipairs(wanted) do
    check.equal(entry.full .. " " .. (given[i] and given[i].name or "nothing"),
      entry.full .. " " .. (renamed[name] or name))
  end
  if is_vararg then
    check(#given > #wanted, entry.full .. " takes more than its entry says")
  else
    check.equal(entry.full .. " " .. #given, entry.full .. " " .. #wanted)
  end
end

local function method_of(class, name)
  return rawget(class, name) or getmetatable(class) and rawget(getmetatable(class), name)
end

for name, class in pairs(faces.classes) do
  for _, entry in ipairs(reference.group(name).entries) do
    local fn = method_of(class, entry.name)
    if entry.signature and type(fn) == "function" then check_parameters(entry, fn) end
  end
end
for name, verb in pairs(words_of(print).verbs) do
  check_parameters(reference.group("word").by_name[name], verb)
end

do -- classes that signatures name exist, and results can be read
  local known = set(reference.OPAQUE)
  for _, group in ipairs(reference.groups()) do known[group.class] = true end
  for _, group in ipairs(reference.groups()) do
    for _, entry in ipairs(group.entries) do
      local texts = { entry.signature or entry.type, unpack(entry.also or {}) }
      for _, text in ipairs(texts) do
        if entry.signature then reference.parse(text) end
        for class in text:gmatch("%f[%w]oc%.%u%w*") do
          check(known[class], entry.full .. " names " .. class .. ", which has no entry")
        end
      end
      check(entry.text:find("[.:]$") or entry.text:find("…$"),
        entry.full .. ": the text is no sentence")
    end
  end
end

-- Examples ---------------------------------------------------------------------------------------

local function run_example(code, name)
  settings.run = { input = not code:find "oc.source" and DEMO or nil }
  settings.errors = errors.Collector.new { max = 20 }
  local context = args.new_context { argv = {}, verb = "eval", script_name = name }
  settings.declare = function(declared) return context:declare(declared) end
  local oc, at_hand = require "oc", nil
  local wants_machine = code:find("machine") or code:find("samples") or code:find("graph")
    or code:find("spans") or code:find("processes") or code:find("export")
  local owner = {}
  function owner.trace()
    if not at_hand or at_hand._is_over then
      at_hand = oc.open { machine = wants_machine and true or nil }
    end
    return at_hand
  end
  function owner.machine()
    local trace = at_hand or owner.trace()
    if not trace._ran then trace:run() end
    return trace:machine()
  end
  function owner.is_filled() return at_hand ~= nil and at_hand._ran end
  local words = short.new(owner)
  local chunk = assert(short.load(code, "=" .. name))
  local value = setfenv(chunk, words:environment())()
  if at_hand and not at_hand._ran and at_hand:has_callbacks() then at_hand:run() end
  words:show_due(true)
  if value ~= nil then tostring(value) end
  return settings.errors.total
end

do
  local real, write = io.stdout, settings.write
  rawset(io, "stdout", { write = function() end, flush = function() real:flush() end })
  settings.write = function() end
  local count, without = 0, {}
  for _, group in ipairs(reference.groups()) do
    for _, entry in ipairs(group.entries) do
      if entry.example then
        count = count + 1
        local ok, result
        quietly(function() ok, result = pcall(run_example, entry.example, entry.full) end)
        check(ok and result == 0, entry.full .. ": its example fails: "
          .. (ok and result .. " errors in callbacks" or errors.render(result)))
      elseif entry.live then
        check(loadstring(entry.live), entry.full .. ": its example is no Lua")
      elseif group.name == "repl" then
        check(not entry.example)  -- it is typed, not run
      elseif entry.signature or not (group.is_table or entry.joint == ".") then
        without[#without + 1] = entry.full
      end
    end
  end
  rawset(io, "stdout", real)
  settings.write = write
  check(count > 100)
  check.equal(without, {})
end

do -- what was counted by one and by the other
  local stats, known = {}, reference.group "oc.RunStats".by_name
  settings.run = { input = DEMO }
  quietly(function() stats = require("oc").open({ stacks = "any" }):run():stats() end)
  for name in pairs(stats) do check(known[name], "stats().'" .. name .. "' has no entry") end
  for name, entry in pairs(known) do
    check(stats[name] ~= nil or entry.type:find("%?$"), "stats() has no '" .. name .. "'")
  end
  local host = require("oc").open({}).host
  for name in pairs(host) do check(reference.group("oc.Host").by_name[name], "host." .. name) end
end

-- Finding ----------------------------------------------------------------------------------------

local oc = require "oc"
local function found(x) return tostring((reference.find(x))) end
check(found("trace:on"):find("^trace:on%(name: string"))
check(found("hist"):find("^hist%(event"))
check(found("m:graph"):find("^machine:graph%("))
check(found("oc.counter"):find("^oc%.counter%("))
check(found("comm"):find("^e%.comm: string"))
check(found("emit"):find("proxy:emit") and found("emit"):find("out:emit"))
check(found(oc.open):find("^oc%.open"))
check(found(oc.open({}).on):find("^trace:on"))
check(found(oc.open({})):find("^A trace"))
check(found(oc.counter("a")):find("^A counter"))
check(found(oc.addr(1)):find("^An address"))
check(found(oc):find("^The module `oc`"))
check(found(nil):find("trace +A trace"))
check((select(2, reference.find "trace:onn")):find "did you mean 'trace:on'")
check.error("no help on 'xyzzy'", reference.help, "xyzzy")
check.error("no help on a number", reference.help, 5)

-- The guide --------------------------------------------------------------------------------------

local file = io.open(ROOT .. "/docs/guide/reference.md")
local page = file and file:read("*a")
check(page == require("oc.reference_page").markdown(),
  "docs/guide/reference.md is stale: build/oc help --reference > docs/guide/reference.md")
