--- `oc diff A B`: what changed from one trace to another, and whether that can be chance.

local args = require "oc.args"
local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local input = require "oc.verbs.machine_input"
local json = require "oc.json"
local settings = require "oc.settings"
local terminal = require "oc.terminal"
local text_table = require "oc.text_table"
local units = require "oc.units"

local M = {}

local HEAD = [[
--- What changed from one trace to another: shares of functions (inlined ones, too),
--- processes, modules, stacks.
---
--- Shares of the whole are compared; with --per-second values per second of the trace. A change
--- counts only where both together have --min-samples and chance alone would not do it: a two-sided
--- z-test, with the variance of the samples' values, below --significance. With --fail-above, exit
--- status 4 when such a group grew by more than that: in points of the whole, or with --per-second
--- in percent of what it was. -o writes a differential flame graph.
---
--- Example: oc diff before.data after.data
--- Example: oc diff before.data after.data --by comm --top 10
--- Example: oc diff before.data after.data --fail-above 5% --json
--- Example: oc diff before.data after.data -o diff.svg
]]

local GREW = 4
local MIN_SAMPLES, SIGNIFICANCE, TOP = 20, 5, 40

-- The test ----------------------------------------------------------------------------------------

--- The probability that |z| of a normal distribution is as large (Abramowitz and Stegun 7.1.26;
--- error below 1.5e-7).
local function two_sided(z)
  local x = math.abs(z) / math.sqrt(2)
  local t = 1 / (1 + 0.3275911 * x)
  local poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t
    + 0.254829592) * t
  return poly * math.exp(-x * x)
end

--- What can be told of two numbers with these variances: the probability that they are one. 1 where
--- nothing varies.
local function chance(from, to, variance)
  return variance > 0 and two_sided((to - from) / math.sqrt(variance)) or 1
end

--- The variance of a group's share of the whole, of samples that weigh their values: each sample is
--- one draw (delta method; with values of 1 it is p (1 - p) / n). `row` nil: there are none.
---@param row? table sum, squares
---@param all table sum, squares
function M.variance_of_share(row, all)
  if all.sum == 0 then return 0 end
  local squares = row and row.squares or 0
  local share = (row and row.sum or 0) / all.sum
  return ((1 - share) ^ 2 * squares + share ^ 2 * (all.squares - squares)) / all.sum ^ 2
end

--- "cpu-clock:ppp" of one recorder is cpu-clock of another.
local function base_of(kind) return (kind:gsub(":[ukhIGHpPSDWeb]+$", "")) end

-- Comparing ---------------------------------------------------------------------------------------

local function key_of(row, groups)
  local words = {}
  for i = 1, #groups do words[i] = tostring(row[i] or "") end
  return table.concat(words, "\0"), words
end

local function rows_of(machine, filter, groups, options)
  local found, query = {}, machine:samples(filter):by(unpack(groups))
  local count, sum, squares = 0, 0, 0
  for _, row in ipairs(query:rows()) do
    local key, words = key_of(row, groups)
    -- Groups of different ids may have one name: processes, functions of two modules.
    local known = found[key]
    if known then
      known.count, known.sum = known.count + row.count, known.sum + row.sum
      known.squares = known.squares + row.squares
    else
      found[key] = { names = words, count = row.count, sum = row.sum, squares = row.squares }
    end
    count, sum, squares = count + row.count, sum + row.sum, squares + row.squares
  end
  local counted = input.counted(machine)
  if counted == "entries" then  -- nobody knows how many samples they are of
    count = 0
    for _, row in pairs(found) do row.count = 0 end
  end
  return { rows = found, count = count, sum = sum, squares = squares, counted = counted,
    has_samples = counted == "samples" or counted == "perhaps" and options.counts }
end

local function seconds_of(machine)
  local stats = machine:stats()
  return stats.samples > 1 and (stats.last - stats.first) / 1e9 or 0
end

--- What a group weighs: percent of the whole, or value per second.
local function weigher(side, machine, options)
  if options.per_second then
    local seconds = seconds_of(machine)
    if seconds == 0 then
      errors.wrong_usage("--per-second needs traces whose samples have times")
    end
    return function(row) return row and row.sum / seconds or 0 end
  end
  return function(row) return row and side.sum ~= 0 and 100 * row.sum / side.sum or 0 end
end

--- How likely both are one: of shares, or of values per second (whose samples come independently).
local function chance_of(change, a, b, before, after, seconds)
  if not before.has_samples or not after.has_samples then return 1 end
  if seconds then
    return chance(change.before, change.after, (a and a.squares or 0) / seconds[1] ^ 2
      + (b and b.squares or 0) / seconds[2] ^ 2)
  end
  return chance(change.before / 100, change.after / 100,
    M.variance_of_share(a, before) + M.variance_of_share(b, after))
end

local function compare(before, after, machines, options)
  local weigh_before = weigher(before, machines[1], options)
  local weigh_after = weigher(after, machines[2], options)
  local seconds = options.per_second and { seconds_of(machines[1]), seconds_of(machines[2]) }
  local keys, changes = {}, {}
  for key in pairs(before.rows) do keys[key] = true end
  for key in pairs(after.rows) do keys[key] = true end
  for key in pairs(keys) do
    local a, b = before.rows[key], after.rows[key]
    local from, to = weigh_before(a), weigh_after(b)
    local change = { names = (a or b).names, before = from, after = to, change = to - from,
      samples_before = a and a.count or 0, samples_after = b and b.count or 0 }
    change.chance = chance_of(change, a, b, before, after, seconds)
    change.significant = change.samples_before + change.samples_after >= options.min_samples
      and change.chance < options.significance / 100
    -- Of shares in points; per second in percent of what it was.
    change.growth = not seconds and change.change
      or from > 0 and 100 * change.change / from or math.huge
    changes[#changes + 1] = change
  end
  table.sort(changes, function(x, y)
    local left, right = math.abs(x.change), math.abs(y.change)
    if left ~= right then return left > right end
    left, right = math.max(x.before, x.after), math.max(y.before, y.after)
    if left ~= right then return left > right end
    return table.concat(x.names, "\0") < table.concat(y.names, "\0")
  end)
  return changes
end

-- Showing -----------------------------------------------------------------------------------------

local function shown_change(change)
  if change.before == 0 then return "new" end
  if change.after == 0 then return "gone" end
  return ("%+.1f%%"):format(100 * (change.after / change.before - 1))
end

--- Why nothing is called significant; otherwise what the column says.
local function words_about_chance(totals, paths)
  for i, side in ipairs(totals) do
    if not side.has_samples then
      return side.counted == "perhaps"
        and ("-, since %s does not tell whether its numbers are samples: --counts says so"):format(
          paths[i]) or ("-, since %s does not tell of how many samples it is"):format(paths[i])
    end
  end
  return "-, where it may be chance or there are few samples"
end

--- Numbers as a column has them: percent, or so much a second.
local function writer_of(unit, options)
  if not options.per_second then return function(value) return ("%.2f"):format(value) end end
  local format = units.formatter(unit) or units.format_number
  return function(value) return (value < 0 and "-" or "") .. format(math.abs(value)) .. "/s" end
end

local function count_text(side)
  return side.counted == "entries" and "?" or ("%.0f"):format(side.count)
end

local function show(kind, changes, totals, groups, options)
  io.stdout:write(("%s: %s samples before, %s after\n"):format(kind.name, count_text(totals[1]),
    count_text(totals[2])))
  local number = writer_of(kind.unit, options)
  local columns, lines = {}, {}
  for _, title in ipairs { "before", "after", "change", "relative", "chance" } do
    columns[#columns + 1] = { title = title, right = true }
  end
  for _, group in ipairs(groups) do columns[#columns + 1] = { title = group, shrink = true } end
  for _, change in ipairs(changes) do
    if #lines >= options.top then break end
    if math.abs(change.change) >= (options.min or 0) then
      local line = { number(change.before), number(change.after),
        (change.change >= 0 and "+" or "") .. number(change.change), shown_change(change),
        change.significant and ("%.2g"):format(change.chance) or "-" }
      local worse = change.significant and (change.change > 0 and "bad" or "good") or nil
      line.styles = { nil, nil, worse, worse }
      for i = 1, #groups do line[5 + i] = change.names[i] end
      lines[#lines + 1] = line
    end
  end
  io.stdout:write(text_table.render(columns, lines, terminal.layout()))
  io.stdout:write(("(%s; chance: %s)\n"):format(
    options.per_second and "value per second" or "percent of all",
    words_about_chance(totals, options.paths)))
end

local function write_json(kind, changes, totals, groups, options)
  local rows = {}
  for i, change in ipairs(changes) do
    if i > options.top then break end
    local row = { before = change.before, after = change.after, change = change.change,
      samples_before = change.samples_before, samples_after = change.samples_after,
      chance = change.chance, significant = change.significant }
    for g, group in ipairs(groups) do row[group] = change.names[g] end
    rows[i] = row
  end
  io.stdout:write(json.encode { kind = kind.name, samples_before = totals[1].count,
    samples_after = totals[2].count, rows = rows }, "\n")
end

local function write_flame_graph(machines, kind, options)
  local graphs = {}
  for i, machine in ipairs(machines) do
    local filter = input.filter(options)
    filter.kind = kind[i]
    graphs[i] = machine:graph(filter)
  end
  local before, after = graphs[1], graphs[2]
  local raw = ffi.new("oc_diff_options")
  raw.overwrites = options.force and 1 or 0
  local title = kind.name .. ": before and after"
  raw.title = title
  for _, known in ipairs(machines[2]:kinds()) do
    if base_of(known.name) == base_of(kind[2]) then
      raw.type = ({ count = 0, duration = 1, bytes = 2, number = 3 })[known.type]
    end
  end
  local unit = base_of(kind[2])
  raw.unit = unit
  local path = options.output
  local bytes = C.oc_graph_write_diff(before._raw, after._raw, path, raw)
  if bytes < 0 then machines[2]._raise(machines[2]) end
  if not settings.quiet then
    io.stderr:write(("oc: wrote %s (%s)\n"):format(path, units.format_size(bytes)))
  end
end

--- The kinds of one side. Collapsed stacks do not tell theirs: -e is about the other side.
local function kinds_of_side(machine, path, options)
  local is_unnamed = input.counted(machine) == "perhaps"
  local count, wanted = machine:samples():total(), input.filter(options, machine)
  if is_unnamed then wanted.kind = nil end
  if input.as_usage(function() return machine:samples(wanted):total() end) == 0 then
    error(errors.new("there is nothing to compare: " .. (count == 0 and path .. " has no samples"
      or ("none of the %.0f samples of %s passes the filters"):format(count, path))), 0)
  end
  if is_unnamed then return { machine:kinds()[1].name, is_unnamed = true } end
  return input.kinds(machine, options)
end

--- With what an unnamed kind is compared: what the other side has, if that is one.
local function pair_unnamed(sides, options)
  local named = sides[1].is_unnamed and 2 or 1
  if #sides[named] > 1 then
    errors.wrong_usage(("%s does not tell of what its numbers are, and %s has several kinds: %s")
      :format(options.paths[3 - named], options.paths[named], table.concat(sides[named], ", ")),
      "choose one with -e")
  end
  return { { sides[1][1], sides[2][1], name = base_of(sides[named][1]) } }
end

--- The kinds that both have, without modifiers, and their names before and after: those asked for,
--- otherwise all.
local function kinds_of(machines, options)
  local sides = {}
  for i, machine in ipairs(machines) do
    sides[i] = kinds_of_side(machine, options.paths[i], options)
  end
  if sides[1].is_unnamed ~= sides[2].is_unnamed then return pair_unnamed(sides, options) end
  local there, shared = {}, {}
  for _, kind in ipairs(sides[2]) do there[base_of(kind)] = true end
  for _, kind in ipairs(sides[1]) do
    kind = base_of(kind)
    if there[kind] then
      shared[#shared + 1], there[kind] = { kind, kind, name = kind }, nil
    end
  end
  if #shared == 0 then
    errors.wrong_usage("the two traces have no kind of samples in common",
      "oc report shows what each of them has")
  end
  return shared
end

--- What cannot be written is told before anything is read: there is one format.
local function check_output(path, options)
  local format = C.oc_format_of_path(path)
  if format == nil or ffi.string(format) ~= "flamegraph" then
    errors.wrong_usage(("-o writes a flame graph, and %s is no name of one"):format(path),
      "name it .svg; the table goes to standard output, --json makes JSON of it")
  end
  if C.oc_path_kind(path) == 1 and not options.force then
    errors.wrong_usage(path .. " is there already", "--force replaces it")
  end
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "diff", script_name = "diff",
    usage = "BEFORE AFTER", head = HEAD }
  context:finish()
  local words, options = context.positionals, context.options
  if not words[2] or words[3] or context.command then
    errors.wrong_usage("oc diff compares two traces", "oc diff before.data after.data")
  end
  if options.output then check_output(options.output, options) end
  input.run_scripts(options, "diff")
  options.min_samples = options.min_samples or MIN_SAMPLES
  options.significance = options.significance or SIGNIFICANCE
  options.top = options.top or TOP
  options.paths = { words[1], words[2] }
  local groups = require("oc.query_groups").of_option(options.by or "function")
  local machines = { (input.load(words[1], options)) }
  if input.signal() > 0 then
    error(errors.new(("interrupted before %s was read: there is nothing to compare"):format(
      words[2]), { exit_status = 128 + input.signal() }), 0)
  end
  machines[2] = input.load(words[2], options)
  local grew = false
  for i, kind in ipairs(kinds_of(machines, options)) do
    local totals = {}
    for side, machine in ipairs(machines) do
      local filter = input.filter(options)
      filter.kind = kind[side]
      totals[side] = input.as_usage(rows_of, machine, filter, groups, options)
    end
    kind.unit = input.unit_of(machines[2], kind[2])
    local changes = compare(totals[1], totals[2], machines, options)
    for _, change in ipairs(changes) do
      local is_over = options.fail_above and change.significant
        and change.growth > options.fail_above
      grew = grew or is_over
    end
    if options.json then
      write_json(kind, changes, totals, groups, options)
    else
      if i > 1 then io.stdout:write("\n") end
      show(kind, changes, totals, groups, options)
    end
    if options.output and i == 1 then write_flame_graph(machines, kind, options) end
  end
  return grew and GREW or input.exit_status(options)
end

return M
