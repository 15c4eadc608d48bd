--- `oc report TRACE`: which functions, processes, … the samples of a trace are of.

local args = require "oc.args"
local errors = require "oc.errors"
local groups = require "oc.query_groups"
local hooks = require "oc.hooks"
local input = require "oc.verbs.machine_input"
local json = require "oc.json"
local scenario = require "oc.scenario"
local terminal = require "oc.terminal"
local text_table = require "oc.text_table"
local units = require "oc.units"

local M = {}

local TOP = 40  -- rows of a table, unless --top says otherwise

local HEAD = [[
--- Which functions, processes, CPUs … the samples of a trace are of.
---
--- Without more: functions with what is spent in them (self) and also in all that they call
--- (total), by self; --sort total puts those first that call most. A table has 40 rows unless
--- --top says otherwise, and tells how many more there are; JSON has all.
--- --by groups by comm, process (pid), thread (tid), symbol, function (inlined ones, too), module,
--- line, cpu, kind, stack, cgroup, time:10ms or attribute:NAME, any of them together. --tree shows
--- who calls whom from the outside in, --callers from a function out to its callers, --callees from
--- a function on. Percentages are of the values (periods) of the samples that the filters let
--- through.
---
--- Example: oc report perf.data
--- Example: oc report perf.data --sort total --top 20
--- Example: oc report perf.data --by comm,symbol --top 30
--- Example: oc report perf.data --comm sort --tree --min 2%
--- Example: oc report perf.data --callers malloc
--- Example: oc report perf.data --time 1s,2s --by cpu --json
]]

local function percent(value, total) return total ~= 0 and 100 * value / total or 0 end

--- A line over each table: the kind, how many samples, what they sum up to.
local function headline(kind, totals, unit, noun)
  return ("%s: %.0f %s, %s\n"):format(kind, totals.count, noun,
    (units.formatter(unit) or units.format_number)(totals.sum))
end

--- The rows of a table of functions, how many there are behind them, and how many below --min.
local function function_rows(graph, total, options)
  local rows, more, below = {}, 0, 0
  local least = options.min and total * options.min / 100
  local by = options.sort or "self"
  for _, at in ipairs(graph:functions(nil, by)) do
    if least and at[by] < least then
      below = below + 1
    elseif #rows < (options.top or math.huge) then
      rows[#rows + 1] = at
    else
      more = more + 1
    end
  end
  return rows, more, below
end

local function show_functions(machine, filter, options, out)
  local graph = machine:graph(filter)
  local total = graph:node().total
  local by_total = options.sort == "total"
  local lines, rows, more, below = {}, function_rows(graph, total, options)
  for i, at in ipairs(rows) do
    local self, all = percent(at.self, total), percent(at.total, total)
    local heat = terminal.heat(by_total and all or self)
    lines[i] = { ("%.2f"):format(self), ("%.2f"):format(all), ("%.0f"):format(at.self_count or 0),
      at.name, at.module, styles = { not by_total and heat or nil, by_total and heat or nil, nil,
        heat == "hot" and "title" or nil, "dim" } }
  end
  out(text_table.render({ { title = "self%", right = true }, { title = "total%", right = true },
    { title = "samples", right = true }, { title = "function", shrink = true },
    { title = "module", shrink = true } }, lines, terminal.layout()))
  if more > 0 then
    out(("… %d more%s\n"):format(more, by_total and "" or "; --sort total puts callers first"))
  end
  if below > 0 then out(("… %d below %.10g%%\n"):format(below, options.min)) end
end

local function functions_json(machine, filter, options)
  local graph = machine:graph(filter)
  local total, list = graph:node().total, {}
  local rows, more = function_rows(graph, total, options)
  for i, at in ipairs(rows) do
    list[i] = { name = at.name, module = at.module, self = at.self, total = at.total,
      samples = at.self_count }
  end
  return { functions = list, total = total, more = more > 0 and more or nil }
end

--- What a tree can have above its stacks: options of graphs.
local OF_TREES = { comm = "by_comm", process = "process", thread = "thread" }

local function is_tree(options) return options.tree or options.callers or options.callees end

--- What does not go together, or would have no effect. What the user's settings say, and what he
--- typed has no use for, is no mistake.
---@param options table
---@param typed table<string, string> as it was written
local function check(options, typed)
  if options.callers and options.callees then
    errors.wrong_usage("--callers and --callees exclude each other", "each is a tree of its own")
  end
  if typed.by and not (typed.tree or options.callers or options.callees) then options.tree = nil end
  if not is_tree(options) then
    if options.by then groups.of_option(options.by) end
    if typed.depth then
      errors.wrong_usage("--depth is of trees", "--tree, --callers and --callees show some")
    end
    if typed.sort and options.by then
      errors.wrong_usage("--sort is of functions, and --by groups by something else",
        "groups are sorted by their sum")
    end
    return
  end
  for _, name in ipairs { "sort", "top" } do
    if typed[name] then
      errors.wrong_usage(("--%s is of tables, and this is a tree"):format(name),
        "--min and --depth make trees smaller")
    end
  end
  for _, group in ipairs(options.by and groups.of_option(options.by) or {}) do
    if not OF_TREES[group] then
      errors.wrong_usage(("a tree cannot be grouped by '%s'"):format(group),
        "by comm, process and thread it can, as in --tree --by comm")
    end
  end
end

local function tree_of(machine, filter, options)
  for _, name in ipairs { "callers", "callees" } do
    if options[name] then filter[name == "callees" and "focus" or name] = options[name] end
  end
  for _, group in ipairs(options.by and groups.of_option(options.by) or {}) do
    filter[OF_TREES[group]] = true
  end
  return machine:graph(filter)
end

--- `levels`: so many below this node.
local function node_json(graph, node, least, levels)
  local children = {}
  for _, child in ipairs(levels > 0 and graph:children(node) or {}) do
    if child.total >= least then
      children[#children + 1] = node_json(graph, child, least, levels - 1)
    end
  end
  return { name = node.name, module = node.what == "function" and node.module or nil,
    self = node.self, total = node.total, samples = node.count,
    children = #children > 0 and children or nil }
end

--- One kind's part of the report.
local function show_kind(machine, kind, options)
  local filter = input.filter(options)
  filter.kind = kind
  local out = function(text) io.stdout:write(text) end
  if options.json then
    local document
    if is_tree(options) then
      local graph = tree_of(machine, filter, options)
      local root = graph:node()
      document = { tree = node_json(graph, root, root.total * (options.min or 0.5) / 100,
        options.depth or math.huge) }
    elseif options.by then
      local result = machine:samples(filter):by(unpack(groups.of_option(options.by)))
        :top(options.top or math.huge, { min = options.min })
      local more = result.totals.groups - #result - result.totals.below
      out(('{"kind":%s,"rows":%s%s}\n'):format(json.encode(kind), result:json(),
        more > 0 and (',"more":%.0f'):format(more) or ""))
      return
    else
      document = functions_json(machine, filter, options)
    end
    document.kind = kind
    out(json.encode(document) .. "\n")
    return
  end
  local totals, unit = machine:samples(filter):top(1).totals, input.unit_of(machine, kind)
  local noun = input.counted(machine) == "entries" and "entries" or "samples"
  out(headline(kind, totals, unit, noun))
  if is_tree(options) then
    local graph = tree_of(machine, filter, options)
    if graph:node().count == 0 then
      out("no stack has such a function\n")
      return false
    end
    local chosen = options.callers or options.callees
    if chosen then
      out(("%s: in stacks of %.0f of them, %.2f %%; shares below are of these\n"):format(chosen,
        graph:node().count, percent(graph:node().total, totals.sum)))
    end
    graph:print { min = options.min or 0.5, depth = options.depth }
  elseif options.by then
    local result = machine:samples(filter):by(unpack(groups.of_option(options.by)))
      :top(options.top, { min = options.min })
    result.unit = unit
    result:print()
  else
    show_functions(machine, filter, options, out)
  end
end

--- Nothing to show: the same shape of document, and on stderr why it may be so.
local function show_nothing(machine, trace, options, path)
  if not options.json then
    io.stdout:write("no samples\n")
  elseif is_tree(options) then
    io.stdout:write('{"tree":{"children":[],"name":"","samples":0,"self":0,"total":0}}\n')
  else
    io.stdout:write(options.by and '{"rows":[]}\n' or '{"functions":[],"total":0}\n')
  end
  io.stdout:flush()
  local why = input.why_none(machine, trace, options, path)
  if not why and options.time then return end  -- the run has told what the trace has
  why = input.nothing_happened(machine, options, path) or why
    or path .. " has no samples; oc record -g records some"
  io.stderr:write("oc: ", why, "\n")
end

--- How the samples of each kind are grouped unless told otherwise.
local function groups_of_scenarios(options, typed)
  local by_of_kind = {}
  local are_given = options.by or is_tree(options) or typed.sort
  for _, name in ipairs(not are_given and input.scenarios(options) or {}) do
    for _, kind in ipairs(input.kinds_of(name)) do by_of_kind[kind] = scenario.find(name).by end
  end
  return by_of_kind
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "report", script_name = "report",
    usage = "TRACE", head = HEAD }
  context:finish()
  local words, options = context.positionals, context.options
  local path = words[1] or options.input or "perf.data"
  if words[2] or context.command then
    errors.wrong_usage(("'%s' is one argument too many"):format(words[2] or "--"),
      "oc report perf.data")
  end
  input.run_scripts(options, "report")
  check(options, context.typed)
  if not options.json then options.top = options.top or TOP end
  local machine, trace = input.load(path, options, { names = not options.by })
  local by_of_kind = groups_of_scenarios(options, context.typed)
  local kinds = input.kinds(machine, options)
  if #kinds == 0 then show_nothing(machine, trace, options, path) end
  local found = false
  for i, kind in ipairs(kinds) do
    if i > 1 and not options.json then io.stdout:write("\n") end
    local asked = setmetatable({ by = options.by or by_of_kind[kind] }, { __index = options })
    local is_there = input.as_usage(show_kind, machine, kind, asked)
    found = found or is_there ~= false
  end
  local pattern = options.callers or options.callees
  if pattern and not found and #kinds > 0 then
    errors.wrong_usage(("no stack has a function '%s'"):format(pattern),
      "oc report shows the functions that there are")
  end
  hooks.call("finished", machine)
  return input.exit_status(options)
end

return M
