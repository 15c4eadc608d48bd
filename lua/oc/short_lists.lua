--- Processes and spans of a machine as lists: to walk through, and to look at.
--
--     for p in processes { comm = "nginx" } do … end      print(spans { kind = "block_io" })

local errors = require "oc.errors"
local nearest = require "oc.nearest"
local terminal = require "oc.terminal"
local text_table = require "oc.text_table"
local units = require "oc.units"

local M = {}

---@class oc.List of tables; calling it gives the next one
local List = {}
List.__index = List

function List:__call()
  self._at = self._at + 1
  local found = self[self._at]
  if not found then self._at = 0 end
  return found
end

local MOST_SHOWN = 40

--- Columns in which no row has anything are left out.
local function render(self, layout)
  local columns, lines, shown = {}, {}, math.min(#self, MOST_SHOWN)
  if #self == 0 then return "(nothing)" end
  for i = 1, shown do lines[i] = {} end
  for _, column in ipairs(self._columns) do
    local texts, has_some = {}, false
    for i = 1, shown do
      texts[i] = column[2](self[i])
      has_some = has_some or texts[i] ~= ""
    end
    if has_some then
      columns[#columns + 1] = { title = column[1], right = column[3], shrink = not column[3] }
      for i = 1, shown do lines[i][#columns] = texts[i] end
    end
  end
  local text = text_table.render(columns, lines, layout)
  if #self > MOST_SHOWN then text = text .. ("… %d more\n"):format(#self - MOST_SHOWN) end
  return (text:gsub("\n$", ""))
end

List.__tostring = function(self) return render(self) end
--- For stdout: terminal.text_of.
List.__shown = function(self) return render(self, terminal.layout()) end

function List:print() io.stdout:write(List.__shown(self), "\n") end

local function of(columns, next_one, fits)
  local list = setmetatable({ _columns = columns, _at = 0 }, List)
  for one in next_one do
    if not fits or fits(one) then list[#list + 1] = one end
  end
  return list
end

local function time(value) return value and units.format_duration(value) or "" end
local function whole(value) return value and ("%.0f"):format(value) or "" end

--- Processes, in the order in which they became known.
---@param machine oc.Machine
---@param filter? { comm?: string, pid?: integer }
function M.processes(machine, filter)
  return of({
    { "pid", function(p) return whole(p.pid) end, true },
    { "comm", function(p) return p.comm end },
    { "start", function(p) return time(p.start) end, true },
    { "finish", function(p) return time(p.finish) end, true },
    { "threads", function(p) return whole(p.threads) end, true },
    { "samples", function(p) return whole(p.samples.count) end, true },
    { "command line", function(p) return p.command_line or "" end },
  }, machine:processes(filter))
end

local span_filters = { kind = "string", name = "string", comm = "string", min = "number" }

local function glob(pattern, text)
  local C = require "oc.abi"
  return C.oc_glob_text(pattern, #pattern, text, #text) == 1
end

local function span_test(filter)
  local names = {}
  for name in pairs(span_filters) do names[#names + 1] = name end
  table.sort(names)
  local least = type(filter.min) == "string" and units.parse_duration(filter.min) or filter.min
  for name, value in pairs(filter) do
    if not span_filters[name] then
      errors.misuse(("spans cannot be chosen by '%s'"):format(tostring(name)),
        { token = tostring(name), hint = nearest.hint(tostring(name), names)
          or "there are: " .. table.concat(names, ", ") })
    elseif type(name == "min" and least or value) ~= span_filters[name] then
      errors.misuse(("spans: '%s' wants a %s"):format(name, span_filters[name]), { token = name })
    end
  end
  return function(span)
    return (not filter.kind or glob(filter.kind, span.kind))
      and (not filter.name or glob(filter.name, span.name))
      and (not filter.comm or glob(filter.comm, span.comm))
      and (not least or span.duration >= least)
  end
end

--- Spans of a machine, in the order in which they ended.
---@param machine oc.Machine
---@param filter? { kind?: string, name?: string, comm?: string, min?: string|number }
function M.spans(machine, filter)
  return of({
    { "start", function(s) return time(s.start) end, true },
    { "took", function(s) return time(s.duration) end, true },
    { "kind", function(s) return s.kind end },
    { "name", function(s) return s.name end },
    { "comm", function(s) return s.comm or "" end },
    { "tid", function(s) return whole(s.tid) end, true },
  }, machine:spans(), span_test(filter or {}))
end

return M
