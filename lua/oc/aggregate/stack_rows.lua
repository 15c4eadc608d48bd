--- How stacks among the keys are printed: below their row, one line a frame, or folded into one.
--
--     by_stack:print { top = 5 }                     by_stack:print { top = 5, stacks = "folded" }
--
--     comm  count                                    comm  stack           count
--     dd       12                                    dd    main;copy;read     12
--         read (/usr/lib/libc.so.6)
--         copy (/usr/bin/dd)

local cells = require "oc.cells"
local errors = require "oc.errors"
local part_stacks = require "oc.jobs.stacks"
local stacks = require "oc.stack"
local terminal = require "oc.terminal"

local M = {}

local ways = { lines = true, folded = true }
local INDENT = "    "

---@param way? string
function M.check(way)
  if way ~= nil and not ways[way] then
    errors.misuse(("print: stacks cannot be '%s'"):format(tostring(way)),
      { token = "stacks", hint = 'they are "lines" or "folded"' })
  end
end

--- The columns whose keys are stacks that go below their rows; and those that stay.
---@return string[] below
---@return string[] beside
function M.split(self, rows, way)
  local below, beside = {}, {}
  for _, name in ipairs(self.columns) do
    local has_stack = false
    for _, row in ipairs(rows) do has_stack = has_stack or stacks.is(row[name]) end
    local list = has_stack and way ~= "folded" and below or beside
    list[#list + 1] = name
  end
  return below, beside
end

--- Whether a comes before b, as lists of texts.
local function is_before(a, b)
  for i = 1, math.min(#a, #b) do
    if a[i] ~= b[i] then return a[i] < b[i] end
  end
  return #a < #b
end

--- Of stacks that are printed alike the one that stands for all: not by id, which depends on what
--- else was there.
local function first_of(alike)
  local first, order = alike[1], stacks.order(alike[1])
  for i = 2, #alike do
    local its = stacks.order(alike[i])
    if is_before(its, order) then first, order = alike[i], its end
  end
  return first
end

--- What to print of an aggregate: itself, or, where some of its stacks are printed alike (they
--- differ in addresses alone), one in which these are one key.
---@param self oc.Aggregate
---@param way? string how stacks are printed
---@return oc.Aggregate
function M.united(self, way)
  if not self._keys or next(self._keys.sessions) == nil then return self end
  -- Where only some keys are kept, what their counts are at most is said of stacks as recorded.
  if self._kind.leaves_out and self._kind.leaves_out(self) then return self end
  local found, alike, renamed = {}, {}, {}
  for number in pairs(part_stacks.of { self }) do
    found[#found + 1] = stacks.type(number % 2 ^ 32, math.floor(number / 2 ^ 32))
  end
  stacks.resolve(found)
  for _, stack in ipairs(found) do
    local text = way == "folded" and tostring(stack) or stack:text()
    alike[text] = alike[text] or {}
    table.insert(alike[text], stack)
  end
  for _, list in pairs(alike) do
    local first = #list > 1 and first_of(list)
    for i = 1, first and #list or 0 do renamed[stacks.number(list[i])] = first end
  end
  if next(renamed) == nil then return self end
  return self:_renamed(renamed)
end

--- Looks up the names of all stacks of these rows at once.
function M.resolve(self, rows)
  local found = {}
  for _, name in ipairs(self.columns) do
    for _, row in ipairs(rows) do
      if stacks.is(row[name]) then found[#found + 1] = row[name] end
    end
  end
  if #found > 0 then stacks.resolve(found) end
end

--- The lines below a row, each ended.
---@param row table
---@param below string[]
---@param known table<string, string> what lines of stacks before it came to
---@return string
function M.lines(row, below, known)
  local out, columns = {}, #below > 0 and terminal.layout().columns or nil
  for _, name in ipairs(below) do
    local value = row[name]
    local text = stacks.is(value) and value:text() or tostring(value == nil and "-" or value)
    if text == "" then text = "(no stack)" end
    for line in text:gmatch("[^\n]+") do
      local shown = known[line]
      if not shown then
        shown = cells.wrap(INDENT .. cells.clean(line), columns) .. "\n"
        known[line] = shown
      end
      out[#out + 1] = shown
    end
  end
  return table.concat(out)
end

--- A rendered table, header first, with what goes below its rows.
---@param text string
---@param rows table[]
---@param below string[]
---@return string
function M.interleave(text, rows, below)
  if #below == 0 then return text end
  local out, at, known = {}, 0, {}
  for line in text:gmatch("[^\n]*\n") do
    out[#out + 1] = line
    if rows[at] then out[#out + 1] = M.lines(rows[at], below, known) end
    at = at + 1
  end
  return table.concat(out)
end

return M
