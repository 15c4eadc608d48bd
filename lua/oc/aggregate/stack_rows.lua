--- How stacks among the keys are printed: below their row, one line a frame, or folded into one.
--
--     by_stack:print { top = 5 }                     by_stack:print { top = 5, stacks = "folded" }
--
--     comm  count                                    comm  stack           count
--     dd       12                                    dd    main;copy;read     12
--         read (/usr/lib/libc.so.6)
--         copy (/usr/bin/dd)

local errors = require "oc.errors"
local stacks = require "oc.stack"
local cells = require "oc.cells"
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
