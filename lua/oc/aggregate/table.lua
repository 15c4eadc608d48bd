--- `oc.table`: rows that a script made itself, shown as aggregates are.
--
--     local shown = oc.table("call", { values = { "calls", "errors", "time" },
--       units = { time = "ns" } })
--     shown:row { call = "read", calls = 3, errors = 1, time = 5000 }
--     shown:print { sort = "time", top = 10 }          -- JSON under --json

local core = require "oc.aggregate.core"
local errors = require "oc.errors"
local show = require "oc.aggregate.show"

---@class oc.Table
---@field columns string[] names of the keys
local Table = {}
Table.__index = Table

local M = {}

local known = { values = "table", units = "table", title = "string" }

---@param ... string|table names of the keys; then { values = {…}, units = { name = unit } }
---@return oc.Table
function M.make(...)
  local columns = { ... }
  local options = table.remove(columns)
  if type(options) ~= "table" or type(options.values) ~= "table" or not options.values[1] then
    errors.misuse("oc.table wants { values = { … } } behind the names of its keys",
      { token = "table", hint = 'as in oc.table("call", { values = { "calls" } })' })
  end
  for name, value in pairs(options) do
    if known[name] ~= type(value) then
      errors.misuse(("oc.table: '%s' is wrong"):format(tostring(name)),
        { token = tostring(name), hint = "options are values, units (tables) and title" })
    end
  end
  local kind = { name = "table", fields = options.values, unit_fields = {}, units = options.units }
  local made = { columns = columns, options = options, _kind = kind, _rows = {} }
  return core.note(setmetatable(made, Table))
end

--- Adds a row. Values that it does not name are 0.
---@param row table
function Table:row(row)
  local kept = {}
  for _, name in ipairs(self.columns) do kept[name] = row[name] end
  for _, name in ipairs(self._kind.fields) do
    local value = row[name] or 0
    if type(value) ~= "number" then
      errors.misuse(("the value '%s' of a row wants a number, not a %s"):format(name, type(value)),
        { token = name })
    end
    kept[name] = value
  end
  self._rows[#self._rows + 1] = kept
end

function Table:clear() self._rows = {} end

--- An empty one with the same keys and values.
---@return oc.Table
function Table:fresh()
  local made = { columns = self.columns, options = self.options, _kind = self._kind, _rows = {} }
  return core.note(setmetatable(made, Table))
end

--- Adds the rows of another table with the same keys and values behind those that are there.
---@param other oc.Table
function Table:merge(other)
  local function names_of(shown)
    return table.concat(shown.columns, "\0") .. "\1" .. table.concat(shown._kind.fields, "\0")
  end
  if getmetatable(other) ~= Table or names_of(other) ~= names_of(self) then
    errors.misuse("only an oc.table with the same keys and values can be merged into an oc.table",
      { token = "merge" })
  end
  for _, row in ipairs(other._rows) do
    local copy = {}
    for name, value in pairs(row) do copy[name] = value end
    self._rows[#self._rows + 1] = copy
  end
end

--- The rows, sorted by a value from the largest, or by a key.
---@param sort? string
---@return table[]
function Table:rows(sort) return self:_sorted(sort) end

function Table:_sorted(sort, ordered)
  local rows = {}
  for i, row in ipairs(self._rows) do
    rows[i] = {}
    for key, value in pairs(row) do rows[i][key] = value end
  end
  show.sort(self, rows, sort, ordered)
  return rows
end

--- The sum of the first value.
function Table:total()
  local total = 0
  for _, row in ipairs(self._rows) do total = total + row[self._kind.fields[1]] end
  return total
end

function Table:print(options) show.print(self, options or {}) end
function Table:json(options) return show.json(self, options or {}) end

return M
