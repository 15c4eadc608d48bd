--- What `oc report`, `oc export` and `oc diff` share: a trace read into a machine, and the filters
--- of their options.

local C = require "oc.abi"
local ask = require "oc.ask"
local chunks = require "oc.chunk"
local errors = require "oc.errors"
local hooks = require "oc.hooks"
local query_units = require "oc.query_units"
local report = require "oc.report"
local scenario = require "oc.scenario"
local session = require "oc.session"
local settings = require "oc.settings"

local M = {}

local FAILED, INCOMPLETE = 1, 3

--- Words of an option that may be given again, each a list by commas.
local function words(list)
  local found = {}
  for _, text in ipairs(list or {}) do
    for word in text:gmatch("[^,]+") do found[#found + 1] = word end
  end
  return #found > 0 and found or nil
end

--- Runs the files of --script: they declare what the verb then uses. Before anything is checked.
---@param options table
---@param verb string
function M.run_scripts(options, verb)
  for _, path in ipairs(options.script or {}) do
    local file, problem = io.open(path, "rb")
    if not file then errors.wrong_usage("cannot read " .. problem, "--script wants a Lua file") end
    local source = file:read("*a")
    file:close()
    settings.read_source = function(chunk) return chunk == "@" .. path and source or nil end
    local chunk, syntax = chunks.load(source, "@" .. path)
    if not chunk then error(errors.make(syntax), 0) end
    jit.off(chunk)
    local ok, err = pcall(chunk)
    if not ok then error(errors.make(err), 0) end
  end
  hooks.settle(options, function(before, hook)
    require("oc.hook_settings").read(options, before, verb, hook)
  end)
end

--- The signal that ended the reading; what was read until then is shown. 0: none.
---@return integer
function M.signal()
  return math.max(0, C.oc_host_interrupted(session.host_pointer))
end

--- Whether a result is poorer where samples have no stacks.
local function needs_stacks(options)
  local by_stack = options.by and ("," .. options.by .. ","):find(",stack,", 1, true)
  return options.output or options.tree or options.callers or options.callees or by_stack
    or options.call_graph or options.frame_pointers
end

local function is_narrowed(options)
  return options.event or options.pid or options.tid or options.comm or options.cpu
    or options.symbol or options.module
end

--- What the stacks lack is of no interest where no sample is chosen.
local function say_stacks_of_chosen(machine, trace, options, also)
  if also.is_told or not needs_stacks(options) or not is_narrowed(options) then return end
  local ok, count = pcall(function() return machine:samples(M.filter(options, machine)):total() end)
  if ok and count > 0 then report.say_about_stacks(trace) end
end

--- Whether the stacks of all samples are asked for.
local function takes_all(options)
  return not options.time and not options.filter and next(M.filter(options)) == nil
end

--- Reads a trace; what it lost or what is damaged is told as after any run.
---@param path string
---@param options table of the command line
---@param also? { machine?: boolean, built?: fun(trace: oc.Trace), is_told?: boolean,
---  names?: boolean } machine false: none is needed, so that --comm chooses while it is read;
---  is_told: losses and damage are known; names: those of all stacks will be asked for
---@return oc.Machine?
---@return oc.Trace
function M.load(path, options, also)
  also = also or {}
  local has_machine = also.machine ~= false
  local names = M.scenarios(options)  -- wrong usage, before anything is read
  settings.json, settings.verbose, settings.quiet = options.json, options.verbose, options.quiet
  settings.run = { input = path, time = options.time, filter = options.filter }
  settings.finished = function(trace)
    if also.is_told then return end
    report.finished(trace, { stacks = needs_stacks(options) and not is_narrowed(options),
      covered_ns = has_machine and trace:machine():stats().last })
  end
  local stacks = options.frame_pointers and "fp" or options.call_graph or "any"
  local trace = require("oc.trace").open { input = path,
    comm = not has_machine and words(options.comm) or nil,
    machine = has_machine and (options.records and { records = true } or true) or nil,
    stacks = has_machine and stacks:match("^%a+") or nil }
  if #names > 0 then trace:use(unpack(names)) end
  if has_machine and also.names and takes_all(options) then
    C.oc_session_expect_names(trace._session)
  end
  if also.built then also.built(trace) end
  hooks.call("built", trace)
  trace:run()
  if not has_machine then return nil, trace end
  local machine = trace:machine()
  say_stacks_of_chosen(machine, trace, options, also)
  hooks.call("parsed", machine, trace)
  return machine, trace
end

--- CPUs as in "0,2-3".
local function cpus(list)
  local found = {}
  for _, word in ipairs(words(list) or {}) do
    local first, last = word:match("^(%d+)%-(%d+)$")
    first = tonumber(first or word)
    last = tonumber(last) or first
    if not first or last < first or last > 65534 then
      errors.wrong_usage(("'%s' names no CPUs"):format(word), "as in -C 0,2-3")
    end
    for cpu = first, last do found[#found + 1] = cpu end
  end
  return #found > 0 and found or nil
end

local function numbers(list, option)
  local found = words(list)
  for _, word in ipairs(found or {}) do
    if not word:find("^%d+$") then
      errors.wrong_usage(("%s wants numbers, not '%s'"):format(option, word))
    end
  end
  return found
end

--- The events of -e; nil: it was not given.
---@param options table
---@return string[]?
function M.events(options)
  if not options.event then return nil end
  local names = {}
  for _, text in ipairs(options.event) do
    for _, name in ipairs(ask.split(text)) do names[#names + 1] = name end
  end
  return names
end

--- The scenarios of --scenario, each once.
---@param options table
---@return string[] names
function M.scenarios(options)
  local names, seen = {}, {}
  for _, name in ipairs(words(options.scenario) or {}) do
    if not seen[name] then
      M.kinds_of(name)
      names[#names + 1] = name
    end
    seen[name] = true
  end
  return names
end

--- What the samples of a scenario are called: of some they are the events themselves. One's own may
--- call them as they like, which is known behind `load`.
---@param name string
---@return string[]
function M.kinds_of(name)
  local found, hint = scenario.find(name)
  if not found then errors.wrong_usage(("there is no scenario '%s'"):format(name), hint) end
  return scenario.kinds(name)
end

local function has_some(machine, kind)
  local is_known, count = pcall(function() return machine:samples({ kind = kind }):total() end)
  return is_known and count > 0
end

--- The kinds of the samples of --scenario.
---@param options table
---@param machine? oc.Machine with it, those of which it has some
---@return string[]
local function kinds_of_scenarios(options, machine)
  local found = {}
  for _, name in ipairs(M.scenarios(options)) do
    for _, kind in ipairs(M.kinds_of(name)) do
      if not machine or has_some(machine, kind) then found[#found + 1] = kind end
    end
  end
  return found
end

--- What is said where nothing of --scenario happened; nil: something did, or none was asked for.
---@param machine oc.Machine
---@param options table
---@param path string
---@return string?
function M.nothing_happened(machine, options, path)
  local names = M.scenarios(options)
  if #names == 0 or options.event or #kinds_of_scenarios(options, machine) > 0 then return nil end
  return ("nothing of %s happened in %s"):format(table.concat(names, ", "), path)
end

--- The samples that the command line asks for.
---@param options table
---@param machine? oc.Machine with it, of several scenarios those of which something happened
---@return oc.SampleFilter
function M.filter(options, machine)
  local kind = M.events(options)
  if not kind and options.scenario then
    kind = kinds_of_scenarios(options, machine)
    if #kind == 0 then kind = kinds_of_scenarios(options) end  -- not everything
  end
  if kind and #kind == 1 then kind = kind[1] end
  return { kind = kind, task = words(options.comm), pid = numbers(options.pid, "-p"),
    tid = numbers(options.tid, "-t"), cpu = cpus(options.cpu), symbol = options.symbol,
    module = options.module }
end

--- Why no sample is left; nil: there are none, and no filter is to blame.
---@param machine oc.Machine
---@param trace oc.Trace
---@param options table
---@param path string
---@return string?
function M.why_none(machine, trace, options, path)
  local count, events = machine:stats().samples, trace:stats()
  if count == 0 and options.filter and events.filtered > 0 then
    return ("none of the %.0f samples passes --filter"):format(events.filtered)
  end
  if count == 0 then return nil end
  local has_cpu = not options.cpu
  for _, row in ipairs(has_cpu and {} or machine:samples():by("cpu"):count():rows()) do
    has_cpu = has_cpu or row[1] ~= nil
  end
  if not has_cpu then
    return ("the samples of %s do not tell their CPU, so -C can choose none; oc record, or perf "
      .. "record --sample-cpu, records it"):format(path)
  end
  return ("none of the %.0f samples passes the filters"):format(
    machine:samples():total())
end

--- The same choice as a filter of events, but for `--comm`: who has which name is known to the
--- session. Nil: all.
---@param options table
---@return string?
function M.event_filter(options)
  local wanted, parts = M.filter(options), {}
  for _, name in ipairs { "pid", "tid", "cpu" } do
    if wanted[name] then
      parts[#parts + 1] = ("%s in (%s)"):format(name, table.concat(wanted[name], ", "))
    end
  end
  return #parts > 0 and table.concat(parts, " && ") or nil
end

local of_cpus = { ["cpu-clock"] = true, ["task-clock"] = true, cycles = true,
  ["cpu-cycles"] = true, ["ref-cycles"] = true }

--- Where the CPUs spent their time: "cpu-clock:ppp", "cycles:u", "cpu_core/cycles/".
local function is_cpu(name)
  return of_cpus[name:gsub(":%a*$", ""):match("^cpu[%w_]*/([%w-]+)/$") or name:match("^[^:]*")]
end

--- The kinds that a table is made of each: those asked for, otherwise all that there are, samples
--- of the CPUs first, then the one with most samples.
---@param machine oc.Machine
---@param options table
---@return string[]
function M.kinds(machine, options)
  if options.event then return M.events(options) end
  if options.scenario then return kinds_of_scenarios(options, machine) end
  local kinds, others = {}, {}
  local wanted = M.filter(options)
  -- Also where one counts unless another is asked for.
  if #machine:kinds() > 0 then wanted.kind = "*" end
  for _, row in ipairs(machine:samples(wanted):by("kind"):count():rows()) do
    table.insert(is_cpu(row[1]) and kinds or others, row[1])
  end
  for _, name in ipairs(others) do kinds[#kinds + 1] = name end
  return kinds
end

local USAGE = 5  -- oc_error.code

--- What the C face calls wrong usage is so for the command line, too.
function M.as_usage(fn, ...)
  local results = { pcall(fn, ...) }
  if results[1] then return unpack(results, 2) end
  local err = results[2]
  if type(err) == "table" and err.code == USAGE then errors.wrong_usage(err.message, err.hint) end
  error(err, 0)
end

--- What counts of a machine's samples are, as its kinds have it.
---@param machine oc.Machine
---@return string "samples", "perhaps" or "entries"
function M.counted(machine)
  local found = "samples"
  for _, kind in ipairs(machine:kinds()) do
    if kind.counted ~= "samples" then found = kind.counted end
  end
  return found
end

--- The unit of a kind's values; nil where they are counts.
---@return string?
function M.unit_of(machine, kind) return query_units.of(machine, kind) end

--- The exit status of a verb that read traces to their end. Callbacks of --script may have failed.
function M.exit_status(options)
  if settings.errors.total > 0 then
    if not options.quiet then io.stderr:write(settings.errors:summary()) end
    return FAILED
  end
  if options.strict and (report.lost > 0 or report.damaged) then return INCOMPLETE end
  return 0
end

return M
