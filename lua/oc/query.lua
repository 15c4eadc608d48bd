--- Questions to the samples of a machine: groups, numbers of each group, tables.
--
--     m:samples { kind = "cpu" }:by("module", "symbol"):top(20)

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local members = require "oc.members"
local json = require "oc.json"
local query_groups = require "oc.query_groups"
local query_rows = require "oc.query_rows"
local query_units = require "oc.query_units"
local selection = require "oc.selection"
local terminal = require "oc.terminal"
local text_table = require "oc.text_table"
local units = require "oc.units"

local M = {}

---@class oc.Query
local Query = {}

-- Building ----------------------------------------------------------------------------------------

local function copy(self)
  local made = {}
  for key, value in pairs(self) do made[key] = value end
  made._groups, made._metrics = { unpack(self._groups) }, { unpack(self._metrics) }
  return setmetatable(made, Query)
end

--- Groups by each of these: "symbol", "function" (inlined ones, too), "module", "line", "stack",
--- "comm", "process" (or "pid"), "thread" (or "tid"), "cpu", "kind", "cgroup", "time:10ms",
--- "attribute:NAME", or a function of a sample.
---@return oc.Query
function Query:by(...)
  local made = copy(self)
  for i = 1, select("#", ...) do
    local group = select(i, ...)
    if type(group) == "string" then
      local name, problem, hint = query_groups.read(group)
      if not name then errors.misuse(problem, { token = group, hint = hint }) end
      group = name
    elseif type(group) ~= "function" then
      errors.misuse("by wants names of groups or functions", { token = "by" })
    end
    made._groups[#made._groups + 1] = group
  end
  return made
end

local function with(self, metric)
  local made = copy(self)
  made._metrics[#made._metrics + 1] = metric
  return made
end

--- What is shown of each group; without any: count and sum.
function Query:count() return with(self, { name = "count" }) end
function Query:sum() return with(self, { name = "sum" }) end
function Query:min() return with(self, { name = "min" }) end
function Query:max() return with(self, { name = "max" }) end
function Query:mean() return with(self, { name = "mean" }) end
function Query:histogram() return with(self, { name = "histogram" }) end

--- Values below which these shares (0 to 1) of a group's samples lie; exact.
function Query:quantiles(...)
  local made = self
  for i = 1, select("#", ...) do
    local share = select(i, ...)
    if type(share) ~= "number" or not (share >= 0 and share <= 1) then
      errors.misuse("quantiles wants numbers from 0 to 1", { token = "quantiles" })
    end
    made = with(made, { name = ("p%g"):format(share * 100), share = share })
  end
  return made
end

-- Running -----------------------------------------------------------------------------------------

--- Groups that a function of the user's gives: their numbers by sample, their values.
local function ask_groups(self, fn)
  local stats = self._machine:stats()
  local numbers = ffi.new("uint32_t[?]", math.max(stats.samples, 1))
  local known, values = {}, { [0] = "" }
  selection.each(self._machine, self._selection, function(s)
    local index = s.number - stats.dropped
    local value = fn(s)
    if value == nil or index < 0 or index >= stats.samples then return end
    local number = known[value]
    if not number then
      number = #values + 1
      known[value], values[number] = number, value
    end
    numbers[index] = number
  end)
  return numbers, stats.samples, values
end

local function add_group(self, raw, group, given, i)
  if type(group) == "function" then
    local numbers, count, values = ask_groups(self, group)
    C.oc_query_by_given(raw, numbers, count)
    given[i] = values
    return
  end
  local name, width = group:match("^(time):(.+)$")
  local ns = width and units.parse_duration(width) or 0
  if C.oc_query_by(raw, name or group, ns) ~= 0 then self._machine._raise(self._machine) end
end

local numeric = { cpu = true, process = true, thread = true }

local function key_of(raw, row, i, group, given)
  if given[i] then return given[i][C.oc_query_number(raw, row, i - 1)] end
  if group == "cpu" then
    local cpu = C.oc_query_number(raw, row, i - 1)
    return cpu ~= 65535 and cpu or nil
  end
  if group:find("^time") then return C.oc_query_number(raw, row, i - 1) end
  local size = ffi.new("size_t[1]")
  local words = C.oc_query_text(raw, row, i - 1, size)
  return ffi.string(words, size[0])
end

local function histogram_of(machine, raw, row)
  local counts, i = {}, 0
  while true do
    local count = C.oc_query_histogram(raw, row, i)
    if count == -2 then machine._raise(machine) end
    if count < 0 then return counts end
    counts[i + 1] = count
    i = i + 1
  end
end

local function read_row(self, raw, i, given, quantiles, shares)
  local numbers = ffi.new("oc_row")
  C.oc_query_row(raw, i, numbers)
  local row = { count = numbers.count, sum = numbers.sum, min = numbers.min, max = numbers.max,
    squares = numbers.squares,
    mean = numbers.sum / numbers.count }
  for g, group in ipairs(self._groups) do
    row[g] = key_of(raw, i, g, group, given)
    if numeric[group] then row["id_" .. g] = C.oc_query_number(raw, i, g - 1) end
  end
  for s = 1, #shares do row[shares[s].name] = quantiles[i * #shares + s - 1] end
  for _, metric in ipairs(self._metrics) do
    if metric.name == "histogram" then row.histogram = histogram_of(self._machine, raw, i) end
  end
  return row
end

--- The first rows: so many, of groups that have at least so many percent of all.
---@param most? integer
---@param least? number percent
local function run(self, most, least)
  selection.tell_names(self._machine)  -- of what came since the samples were chosen, live
  local raw = ffi.gc(C.oc_query_new(self._selection), C.oc_query_close)
  local given = {}
  for i, group in ipairs(self._groups) do add_group(self, raw, group, given, i) end
  local first = self._metrics[1]
  local count = C.oc_query_run(raw, first and first.name == "count" and 1 or 0)
  if count < 0 then self._machine._raise(self._machine) end
  local shares = {}
  for _, metric in ipairs(self._metrics) do
    if metric.share then shares[#shares + 1] = metric end
  end
  local quantiles
  if #shares > 0 then
    local list = ffi.new("double[?]", #shares)
    for i, metric in ipairs(shares) do list[i - 1] = metric.share end
    quantiles = C.oc_query_quantiles(raw, list, #shares)
    if quantiles == nil then self._machine._raise(self._machine) end
  end
  local totals = ffi.new("oc_row")
  C.oc_query_totals(raw, totals)
  local by = first and first.name == "count" and "count" or "sum"
  local rows, from, below = {}, totals[by] * (least or 0) / 100, 0
  for i = 0, math.min(count, most or math.huge) - 1 do
    local row = read_row(self, raw, i, given, quantiles, shares)
    if least and row[by] < from then  -- and so all that follow
      below = count - i
      break
    end
    rows[i + 1] = row
  end
  return rows, { count = totals.count, sum = totals.sum, squares = totals.squares,
    groups = count, below = below }
end

--- The kinds whose values would be added, though they have nothing in common; nil when none are.
local function mixed_kinds(self)
  local adds = #self._metrics == 0
  for _, metric in ipairs(self._metrics) do adds = adds or metric.name ~= "count" end
  for _, group in ipairs(self._groups) do adds = adds and group ~= "kind" end
  if not adds or self._is_of_kind then return nil end
  local kinds = selection.kinds(self._machine, self._selection)
  return #kinds > 1 and kinds or nil
end

--- The same of the samples of one kind.
local function of_kind(self, kind)
  local made = copy(self)
  made._filter, made._is_of_kind = selection.of_kind(self._filter, kind), true
  made._selection = selection.make(self._machine, made._filter)
  return made
end

--- All groups: tables with the groups' values as 1, 2, …, and count, sum, min, max, mean.
---@return table[]
function Query:rows()
  local kinds = mixed_kinds(self)
  if kinds then selection.tell_mixed(self._machine, kinds) end
  return (run(self))
end

--- How many samples there are in all.
---@return number
function Query:total() return C.oc_selection_count(self._selection) end

--- Calls `fn(sample)` for each sample; lent for the call.
---@param fn fun(s: oc.SampleView)
function Query:each(fn)
  if type(fn) ~= "function" then
    errors.misuse("each wants a function of a sample", { token = "each",
      hint = "as in samples():each(function(s) print(s.comm, s.value) end)" })
  end
  selection.each(self._machine, self._selection, fn)
end

-- Showing -----------------------------------------------------------------------------------------

---@class oc.QueryResult rows, to be printed
---@field unit? string of the values: "ns", "bytes"
---@field totals { count: number, sum: number, groups: number }
local Result = {}
Result.__index = Result

local function shown_columns(self)
  if #self._metrics > 0 then return self._metrics end
  return { { name = "count" }, { name = "sum" } }
end

local function group_title(group) return type(group) == "string" and group or "group" end

local function shown_key(group, value)
  if value == nil or value == "" then
    local name = type(group) == "string" and (group:match("^attribute:(.*)") or group) or "value"
    return ("(no %s)"):format(name)
  end
  if type(group) == "string" and group:find("^time") then return units.write_duration(value) end
  return tostring(value)
end

local render, result  -- below

--- A table for each kind.
local function text_by_kind(self, kinds, layout)
  local parts = {}
  for i, kind in ipairs(kinds) do
    parts[i] = kind .. "\n" .. render(result(of_kind(self._query, kind), self._most, self._least),
      layout)
  end
  return table.concat(parts, "\n")
end

--- Which groups and numbers have columns: a terminal shows stacks below their rows, histograms are
--- drawn there everywhere.
local function arrange(self, metrics, layout)
  local columns, shown, groups, stacks = { { title = "%", right = true } }, {}, {}, {}
  for _, metric in ipairs(metrics) do
    if metric.name ~= "histogram" then
      shown[#shown + 1] = metric
      columns[#columns + 1] = { title = metric.name, right = true }
    end
  end
  for g, group in ipairs(self._query._groups) do
    if group == "stack" and layout and layout.columns then
      stacks[#stacks + 1] = g
    else
      groups[#groups + 1] = g
      columns[#columns + 1] = { title = group_title(group), shrink = true }
    end
  end
  return columns, shown, groups, stacks
end

--- As text: the groups, then the numbers; the first one also in percent.
function render(self, layout)
  local kinds = mixed_kinds(self._query)
  if kinds then return text_by_kind(self, kinds, layout) end
  local metrics = shown_columns(self._query)
  local by_value = metrics ~= self._query._metrics or metrics[1].name ~= "count"
  local total = by_value and self.totals.sum or self.totals.count
  local columns, shown, groups, stacks = arrange(self, metrics, layout)
  local lines, below, kind_column = {}, {}, nil
  for g, group in ipairs(self._query._groups) do
    if group == "kind" then kind_column = g end
  end
  for r, row in ipairs(self) do
    local weight = by_value and row.sum or row.count
    local unit = self.unit or kind_column and query_units.of(self._query._machine, row[kind_column])
    local numbers = query_units.formatter(unit)
    local percent = total ~= 0 and 100 * weight / total
    local line = { percent and ("%.2f"):format(percent) or "",
      styles = { terminal.heat(percent or 0) } }
    for _, metric in ipairs(shown) do
      line[#line + 1] = (metric.name == "count" and query_units.plain or numbers)(row[metric.name])
    end
    for _, g in ipairs(groups) do
      line[#line + 1] = shown_key(self._query._groups[g], row[g])
    end
    lines[r], below[r] = line, query_rows.below(row, stacks, #shown < #metrics, unit)
  end
  local has_table = #groups + #shown > 0  -- a histogram of all stands alone
  local text = has_table and query_rows.interleave(text_table.render(columns, lines, layout), below)
    or table.concat(below)
  local too_small = self.totals.below
  local rest = self.totals.groups - #self - too_small
  if rest > 0 then text = text .. ("… %.0f more\n"):format(rest) end
  if too_small > 0 then text = text .. ("… %.0f below %g%%\n"):format(too_small, self._least) end
  return text
end

Result.__tostring = function(self) return render(self) end
--- For stdout: terminal.text_of.
Result.__shown = function(self) return render(self, terminal.layout()) end
Result.__concat = function(a, b) return tostring(a) .. tostring(b) end

--- As JSON: one object a row.
function Result:json()
  local kinds = mixed_kinds(self._query)
  if kinds then selection.tell_mixed(self._query._machine, kinds) end
  local out = {}
  for i, row in ipairs(self) do
    local object = { count = row.count, sum = row.sum, min = row.min, max = row.max,
      mean = row.mean, histogram = row.histogram }
    for _, metric in ipairs(self._query._metrics) do object[metric.name] = row[metric.name] end
    for g, group in ipairs(self._query._groups) do
      object[type(group) == "string" and group or "group_" .. g] = row[g]
    end
    out[i] = object
  end
  return json.encode(out)
end

function Result:print() io.stdout:write(Result.__shown(self)) end

function result(self, most, least)
  if most ~= nil and type(most) ~= "number" then
    errors.misuse(("top wants a number of rows, not a %s"):format(type(most)), { token = "top" })
  end
  local rows, totals = run(self, most, least)
  local first = self._groups[1]
  if type(first) == "string" and first:find("^time") then
    table.sort(rows, function(a, b) return a[1] < b[1] end)
  end
  rows._query, rows._most, rows._least, rows.totals = self, most, least, totals
  rows.unit = query_units.of(self._machine, self._filter and self._filter.kind)
  return setmetatable(rows, Result)
end

--- The first rows, to be printed or read. `min`: of groups that have so many percent of all.
---@param most? integer 10
---@param options? { min?: string|number }
---@return oc.QueryResult
function Query:top(most, options)
  local min = nil
  if options ~= nil then
    errors.want_table(options, "top", 'as in top(10, { min = "1%" })')
    min = options.min and require("oc.graph").percent_of(options.min)
  end
  return result(self, most or 10, min)
end

--- All rows, to be printed.
function Query:print(options) result(self, options and options.top):print() end
function Query:json() return result(self):json() end
Query.__tostring = function(self) return tostring(result(self, 20)) end
Query.__shown = function(self) return Result.__shown(result(self, 20)) end

M.class, M.result_class = Query, Result

Query.__index = members.of(Query, "samples have")

--- `raw`: a finished selection, of `filter`.
---@return oc.Query
function M.new(machine, raw, filter)
  return setmetatable({ _machine = machine, _selection = raw, _filter = filter,
    _groups = {}, _metrics = {} }, Query)
end

return M
