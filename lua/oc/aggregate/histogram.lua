--- `oc.histogram("comm", { unit = "ns" })`: how values are spread, for each tuple of keys.
--
-- Buckets are powers of two, or `{ linear = { min = 0, max = 100, step = 5 } }`. Drawn as bpftrace
-- does:
--
--     [4, 8)        12 |@@@@@@@@@@@@                                        |

local bars = require "oc.bars"
local buckets = require "oc.aggregate.buckets"
local cells = require "oc.cells"
local core = require "oc.aggregate.core"
local errors = require "oc.errors"
local show = require "oc.aggregate.show"
local stack_rows = require "oc.aggregate.stack_rows"
local units = require "oc.units"

-- A row has 68 counts: the limit is smaller than that of other kinds.
local M = {
  name = "histogram", method = "add", element = "double", place = "values", limit = 200000,
  options = { linear = true }, fields = { "count", "buckets" }, unit_fields = {},
}

function M.prepare(self)
  local linear = self.options.linear
  if linear == nil then
    self._buckets = buckets.log2
  else
    local min, max, step = type(linear) == "table" and linear.min or 0,
      type(linear) == "table" and linear.max, type(linear) == "table" and linear.step
    local is_good = type(min) == "number" and type(max) == "number" and type(step) == "number"
      and step > 0 and max > min and (max - min) / step <= 10000
    if not is_good then
      errors.misuse("linear needs min, max and step: max above min, and at most 10000 steps", {
        token = "linear", hint = "as in { linear = { min = 0, max = 100, step = 5 } }",
      })
    end
    self._buckets = buckets.linear(min, max, step)
  end
  self._stride, self._shape = self._buckets.count, self._buckets.shape
end

function M.make_update(self)
  local stride, index_of = self._stride, self._buckets:indexer()
  return function(t, row, value)
    local at = row * stride + index_of(value)
    local values = t.values
    values[at] = values[at] + 1
  end
end

function M.read(self, row, into)
  local list, count = {}, 0
  for i = 0, self._stride - 1 do
    local n = self._values[row * self._stride + i]
    if n > 0 then
      local from, to = self._buckets:bounds(i)
      list[#list + 1] = { from = from, to = to, count = n }
      count = count + n
    end
  end
  into.count, into.buckets = count, list
end

function M.merge(self, row, other, other_row)
  for i = 0, self._stride - 1 do
    local at = row * self._stride + i
    self._values[at] = self._values[at] + other._values[other_row * self._stride + i]
  end
end

function M.total(self)
  local total = 0
  for at = 0, (self._keys:size() + 1) * self._stride - 1 do total = total + self._values[at] end
  return total
end

local function bound_formatter(self)
  if self.options.unit == "ns" then return units.format_duration end
  if self.options.unit == "bytes" then return units.write_size end
  if self.options.unit then return units.formatter(self.options.unit) end
  return self._shape == "log2" and bars.binary_text or units.format_number
end

--- All buckets from the first to the last that has something, empty ones between them too.
local function draw_row(self, row)
  local counts, first, last = {}, nil, nil
  local at = {}
  for _, bucket in ipairs(row.buckets) do at[bucket.from .. " " .. bucket.to] = bucket.count end
  for i = 0, self._stride - 1 do
    local from, to = self._buckets:bounds(i)
    counts[i] = at[from .. " " .. to] or 0
    if counts[i] > 0 then first, last = first or i, i end
  end
  local drawn = {}
  for i = first or 0, last or -1 do
    local from, to = self._buckets:bounds(i)
    -- Between whole numbers there is nothing in [0] to (0, 1): only drawn when something fell
    -- there.
    if not (self._shape == "log2" and i == 2 and counts[i] == 0) then
      drawn[#drawn + 1] = { from = from, to = to, count = counts[i] }
    end
  end
  return bars.draw(drawn, bound_formatter(self))
end

function M.draw(self, rows, options)
  local out, shown, total = {}, {}, options.percent and self:total()
  local below, beside = stack_rows.split(self, rows, options.stacks)
  for _, row in ipairs(rows) do
    local head = {}
    for i, column in ipairs(beside) do
      head[i] = column .. " " .. (cells.clean(show.key_text(row[column])))
    end
    if total then head[#head + 1] = ("%.1f%%"):format(100 * row.count / total) end
    if #head > 0 then out[#out + 1] = table.concat(head, ", ") .. ":\n" end
    out[#out + 1] = stack_rows.lines(row, below, shown)
    out[#out + 1] = draw_row(self, row)
  end
  return table.concat(out, "")
end

---@class oc.Histogram : oc.Aggregate
---@field add fun(self: oc.Histogram, value: number, ...: any) one value more for these keys

---@type fun(...: string|table): oc.Histogram
return core.define(M)
