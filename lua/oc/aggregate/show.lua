--- Aggregates as text and JSON: order of rows, columns, percentages.

local addr = require "oc.addr"
local cells = require "oc.cells"
local errors = require "oc.errors"
local json = require "oc.json"
local nearest = require "oc.nearest"
local settings = require "oc.settings"
local terminal = require "oc.terminal"
local text_table = require "oc.text_table"
local units = require "oc.units"
local stacks = require "oc.stack"
local stack_rows = require "oc.aggregate.stack_rows"
local ffi = require "ffi"

local M = {}

local print_options = { top = true, percent = true, sort = true, title = true, stacks = true }

--- Keys of different types have an order too: nil, booleans, numbers, 64-bit integers, addresses,
--- text.
local function rank(value)
  local kind = type(value)
  if kind == "nil" then return 0 end
  if kind == "boolean" then return 1 end
  if kind == "number" then return 2 end
  if kind == "cdata" then
    if stacks.is(value) then return 8 end
    return addr.is(value) and 5 or ffi.istype("uint64_t", value) and 4 or 3
  end
  return kind == "string" and 6 or 7
end

--- Whether a comes before b, after it (both false when equal).
local function compare(a, b)
  local rank_a, rank_b = rank(a), rank(b)
  if rank_a ~= rank_b then return rank_a < rank_b, rank_b < rank_a end
  if rank_a == 0 then return false, false end
  if rank_a == 1 then return b and not a, a and not b end
  if rank_a == 2 and (a ~= a or b ~= b) then return a == a and b ~= b, b == b and a ~= a end
  return a < b, b < a
end

local function all_names(self)
  local names = {}
  for _, name in ipairs(self.columns) do names[#names + 1] = name end
  for _, name in ipairs(self._kind.fields) do names[#names + 1] = name end
  return names
end

--- The first texts of two lists that differ; nil behind a list's end.
local function first_difference(a, b)
  for i = 1, #a do
    if a[i] ~= b[i] then return a[i], b[i] end
  end
  return nil, b[#a + 1]
end

--- Whether x comes before y. Where `order` is given it tells stacks apart; else they are all equal,
--- as is what comes behind them.
local function is_before(x, y, names, is_downwards, order)
  for i, name in ipairs(names) do
    local a, b = x[name], y[name]
    if stacks.is(a) and stacks.is(b) then
      if not order then return false end
      a, b = first_difference(order[a], order[b])
    end
    local before, after = compare(a, b)
    if before or after then
      if i == 1 and is_downwards then return after end
      return before
    end
  end
  return false
end

--- Texts that stacks are sorted by, made when they are looked at.
local function order_of_stacks(rows, from, to, names)
  local found = {}
  for i = from, to do
    for _, name in ipairs(names) do
      if stacks.is(rows[i][name]) then found[#found + 1] = rows[i][name] end
    end
  end
  stacks.resolve(found)
  local texts = {}
  return setmetatable({}, { __index = function(_, stack)
    local number = stacks.number(stack)
    texts[number] = texts[number] or stacks.order(stack)
    return texts[number]
  end })
end

--- Sorts in two steps: names of stacks are looked up only of rows that are equal but for these, and
--- that are wanted.
local function sort_by(rows, names, is_downwards, ordered)
  table.sort(rows, function(x, y) return is_before(x, y, names, is_downwards) end)
  local from = 1
  while from <= ordered and from < #rows do
    local to = from
    while to < #rows and not is_before(rows[to], rows[to + 1], names, is_downwards) do
      to = to + 1
    end
    if to > from then
      local order, equal = order_of_stacks(rows, from, to, names), {}
      for i = from, to do equal[#equal + 1] = rows[i] end
      table.sort(equal, function(x, y) return is_before(x, y, names, is_downwards, order) end)
      for i, row in ipairs(equal) do rows[from + i - 1] = row end
    end
    from = to + 1
  end
end

--- Sorts rows: values from the largest, keys from the smallest; ties by the keys from left to
--- right.
---@param self oc.Aggregate
---@param rows table[]
---@param by? string
---@param ordered? integer how many of the first are wanted in order; nil: all
function M.sort(self, rows, by, ordered)
  local name, turned, is_value = M.order(self, by)
  sort_by(rows, { name, unpack(self.columns) }, is_value ~= turned, ordered or #rows)
end

--- What "-name" means here: the column or value, whether turned around, whether a value.
---@param self oc.Aggregate
---@param by? string
---@return string name
---@return boolean turned
---@return boolean is_value
function M.order(self, by)
  by = by or self._kind.fields[1]
  local turned = type(by) == "string" and by:sub(1, 1) == "-"
  local name = turned and by:sub(2) or by
  local names, is_known, is_value = all_names(self), false, false
  for i, known in ipairs(names) do
    if known == name and known ~= "buckets" then
      is_known, is_value = true, i > #self.columns
    end
  end
  if not is_known then
    errors.misuse(("cannot sort by '%s'"):format(tostring(name)), {
      token = tostring(name),
      hint = nearest.hint(tostring(name), names) or "there are: " .. table.concat(names, ", "),
    })
  end
  return name, turned, is_value
end

---@param value any
---@return string
function M.key_text(value)
  if value == nil then return "-" end
  if type(value) == "number" then return units.format_number(value) end
  if type(value) == "cdata" then return (tostring(value):gsub("U?LL$", "")) end
  return tostring(value)
end

local function check_one(self, name, value)
  if not print_options[name] then
    errors.misuse(("print has no option '%s'"):format(tostring(name)), {
      token = tostring(name),
      hint = nearest.hint(tostring(name), { "top", "percent", "sort", "stacks", "title" })
        or "it has: percent, sort, stacks, title, top",
    })
  end
  if name == "stacks" then
    stack_rows.check(value)
  elseif name == "sort" then
    M.order(self, value)
  elseif name == "top" and (type(value) ~= "number" or value < 0) then
    errors.misuse("top must be a number of rows", { token = "top" })
  end
end

local function sorted_names(options)
  local names = {}
  for name in pairs(options) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

--- Raises what is wrong with options of printing.
---@param self oc.Aggregate
---@param options table
function M.check(self, options)
  errors.want_table(options, "print", "as in c:print { top = 10 }")
  for _, name in ipairs(sorted_names(options)) do check_one(self, name, options[name]) end
end

--- Those that are right, and what is wrong with the first of the others: what was counted is shown
--- all the same, for it may have taken an hour.
---@return table right
---@return oc.Error? problem
local function right_options(self, options)
  errors.want_table(options, "print", "as in c:print { top = 10 }")
  local right, problem = {}, nil
  for _, name in ipairs(sorted_names(options)) do
    local ok, err = pcall(check_one, self, name, options[name])
    if ok then right[name] = options[name] else problem = problem or err end
  end
  return right, problem
end

--- The rows to show, and how many are left out. "(other)" is never left out.
local function cut(rows, top)
  if not top or #rows <= top then return rows, 0 end
  local shown, last = {}, rows[#rows]
  for i = 1, math.floor(top) do shown[i] = rows[i] end
  local left_out = #rows - #shown
  if last.other and #shown < #rows then
    shown[#shown + 1], left_out = last, left_out - 1
  end
  return shown, left_out
end

--- How many keys were turned away; only aggregates have a limit.
local function refused_of(self) return self._keys and self._keys:refused() or 0 end

--- The share of a row; nil when this kind has nothing that adds up.
local function percent_of(self, row, total)
  local share = self._kind.share and self._kind.share(row) or row[self._kind.fields[1]]
  return total ~= 0 and 100 * share / total or 0
end

local function table_text(self, rows, options, total)
  local columns = {}
  local below, beside = stack_rows.split(self, rows, options.stacks)
  for i, name in ipairs(beside) do
    local right = #rows > 0
    for _, row in ipairs(rows) do
      local kind = stacks.is(row[name]) and "string" or type(row[name])
      if not row.other and kind ~= "number" and kind ~= "cdata" and kind ~= "nil" then
        right = false
      end
    end
    columns[i] = { title = name, right = right, shrink = not right }
  end
  local formatters = {}
  for _, field in ipairs(self._kind.fields) do
    columns[#columns + 1] = { title = field, right = true }
    local own = self._kind.units  -- of oc.table, by field
    formatters[field] = units.formatter(own and own[field]
      or self._kind.unit_fields[field] and self.options.unit or nil)
  end
  if options.percent then columns[#columns + 1] = { title = "percent", right = true } end
  local lines = {}
  for i, row in ipairs(rows) do
    local line = {}
    for k, name in ipairs(beside) do line[k] = M.key_text(row[name]) end
    for _, field in ipairs(self._kind.fields) do line[#line + 1] = formatters[field](row[field]) end
    if options.percent then
      local percent = percent_of(self, row, total)
      line[#line + 1] = string.format("%.1f%%", percent)
      line.styles = { [#line] = terminal.heat(percent) }
    end
    lines[i] = line
  end
  return stack_rows.interleave(text_table.render(columns, lines, terminal.layout()), rows, below)
end

local function print_right(self, options)
  if settings.json then
    settings.write(M.json(self, options) .. "\n")
    return
  end
  self = stack_rows.united(self, options.stacks)
  local rows, left_out = cut(self:_sorted(options.sort, options.top), options.top)
  local title = options.title or self.options.title
  local out = {}
  if title then out[#out + 1] = cells.clean(tostring(title)) .. "\n" end
  stack_rows.resolve(self, rows)
  if #rows == 0 then
    out[#out + 1] = left_out == 0 and "(nothing)\n" or ""
  elseif self._kind.draw then
    out[#out + 1] = self._kind.draw(self, rows, options)
  else
    out[#out + 1] = table_text(self, rows, options, self:total())
  end
  if left_out > 0 then out[#out + 1] = ("… %d more\n"):format(left_out) end
  local footnote = #rows > 0 and self._kind.footnote and self._kind.footnote(self)
  if footnote then out[#out + 1] = footnote .. "\n" end
  if refused_of(self) > 0 then
    out[#out + 1] = ("(other): %.0f events had new keys after %d rows, the limit\n"):format(
      refused_of(self), self._keys.limit)
  end
  settings.write(table.concat(out))
end

--- Of a mistaken option the error is raised behind the table, which is without it.
---@param self oc.Aggregate
---@param options table
function M.print(self, options)
  local right, problem = right_options(self, options)
  print_right(self, right)
  if problem then error(problem, 0) end
end

---@param self oc.Aggregate
---@param options table
---@return string
function M.json(self, options)
  M.check(self, options)
  local total = self:total()
  local rows, left_out = cut(self:_sorted(options.sort, options.top), options.top)
  stack_rows.resolve(self, rows)
  for _, row in ipairs(rows) do
    for _, name in ipairs(self.columns) do
      if row[name] == nil then row[name] = json.null end
      if stacks.is(row[name]) then row[name] = stacks.plain(row[name]) end
    end
    if options.percent then row.percent = percent_of(self, row, total) end
    json.object(row)
  end
  local refused = refused_of(self)
  local document = self._kind.facts and self._kind.facts(self) or {}
  for name, value in pairs {
    kind = self._kind.name, title = options.title or self.options.title, unit = self.options.unit,
    units = self._kind.units, columns = self.columns, rows = rows, total = total,
    more = left_out > 0 and left_out or nil, refused = refused > 0 and refused or nil,
  } do document[name] = value end
  return assert(json.encode(document))
end

return M
