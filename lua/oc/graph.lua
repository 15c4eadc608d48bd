--- Callers and callees of samples, as a tree.
--
--     local g = m:graph { kind = "cpu", comm = "nginx" }
--     g:focus("json_parse"):print { min = "1%" }

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local members = require "oc.members"
local selection = require "oc.selection"
local terminal = require "oc.terminal"
local text_table = require "oc.text_table"
local units = require "oc.units"

local M = {}

---@class oc.GraphOptions
---@field inverted? boolean the innermost functions on top, their callers below
---@field inlined? boolean false: without inlined functions
---@field process? boolean nodes of processes above the stacks
---@field thread? boolean
---@field by_comm? boolean
---@field lines? boolean places of a function apart
---@field fold? boolean a function that calls itself is one node
---@field kernel? boolean false: without frames of the kernel
---@field user? boolean false: without frames of user space
---@field focus? string glob: stacks with such a function, which becomes the root
---@field callers? string glob: who calls such functions, inverted
---@field hide? string glob: functions that are left out
---@field hide_module? string

M.keys = { inverted = true, inlined = true, process = true, thread = true, by_comm = true,
  lines = true, fold = true, kernel = true, user = true, focus = true, callers = true, hide = true,
  hide_module = true }

---@class oc.Graph
local Graph = {}

local function text(raw) return ffi.string(raw.text, raw.size_bytes) end

local function flag(value) return value and 1 or 0 end

local function build(machine, raw_selection, options)
  local raw = ffi.new("oc_graph_options")
  raw.is_inverted = flag(options.inverted or options.callers)
  raw.no_inlined = flag(options.inlined == false)
  raw.by_process, raw.by_thread = flag(options.process), flag(options.thread)
  raw.by_comm, raw.by_line = flag(options.by_comm), flag(options.lines)
  raw.fold_recursion = flag(options.fold)
  raw.no_kernel, raw.no_user = flag(options.kernel == false), flag(options.user == false)
  for _, name in ipairs { "focus", "callers", "hide", "hide_module" } do
    local value = options[name]
    if value ~= nil and type(value) ~= "string" then
      errors.misuse(("%s wants a name, not a %s"):format(name, type(value)), { token = name })
    end
  end
  raw.focus, raw.callers_of = options.focus, options.callers
  raw.hide, raw.hide_module = options.hide, options.hide_module
  local graph = C.oc_graph_new(raw_selection, raw)
  if graph == nil then machine._raise(machine) end
  return ffi.gc(graph, C.oc_graph_close)
end

local function new(machine, raw_selection, options, filter)
  return setmetatable({ _machine = machine, _selection = raw_selection, _options = options,
    _filter = filter,
    _raw = build(machine, raw_selection, options) }, Graph)
end

local function changed(self, key, value)
  local options = {}
  for name, old in pairs(self._options) do options[name] = old end
  options[key] = value
  return new(self._machine, self._selection, options, self._filter)
end

--- Stacks with such a function only, which becomes their root.
---@param pattern string a glob
---@return oc.Graph
function Graph:focus(pattern) return changed(self, "focus", pattern) end
--- Who calls such functions: the function on top, its callers below.
function Graph:callers(pattern) return changed(self, "callers", pattern) end
--- Without such functions; what they call stays.
function Graph:hide(pattern) return changed(self, "hide", pattern) end
--- A function that calls itself is one node.
function Graph:fold() return changed(self, "fold", true) end
function Graph:invert() return changed(self, "inverted", not self._options.inverted) end

local noun_of_types = { count = "counts", duration = "ns", bytes = "bytes",
  number = "numbers of a unit of their own" }

--- What the values of some graphs are: of each type the first kind of it, as "ns (cpu-clock)".
local function value_types(machine, graphs)
  local types, found, seen = {}, {}, {}
  for _, kind in ipairs(machine:kinds()) do types[kind.name] = kind.type end
  for _, graph in ipairs(graphs) do
    for _, name in ipairs(selection.kinds(machine, graph._selection)) do
      local type = types[name]
      if type and not seen[type] then
        found[#found + 1] = ("%s (%s)"):format(noun_of_types[type], name)
        seen[type] = true
      end
    end
  end
  return found
end

--- This graph and another one of the same machine, weights added.
---@param other oc.Graph
---@return oc.Graph
function Graph:merge(other)
  if self._machine ~= other._machine then
    errors.misuse("only graphs of one machine can be merged", { token = "merge" })
  end
  local types = value_types(self._machine, { self, other })
  if #types > 1 then
    errors.misuse(("graphs of values of different units cannot be merged: %s"):format(
      table.concat(types, " and ")), { token = "merge",
      hint = 'choose kinds of one unit, as in m:graph { kind = "cpu" }' })
  end
  local made = new(self._machine, self._selection, self._options)
  C.oc_graph_merge(made._raw, other._raw)
  return made
end

local what_names = { [0] = "root", "process", "thread", "comm", "function" }
local raw_node = ffi.new("oc_graph_node")

---@class oc.GraphNode
---@field id integer
---@field name string
---@field module string
---@field self number weight of the node alone
---@field total number with all below it
---@field count number samples, with all below it
---@field what string "function", "process", "thread", "comm" or "root"

local function read(raw)
  local node = { name = text(raw.name), module = text(raw.module), what = what_names[raw.what],
    self = raw.self, total = raw.total, count = raw.total_count, self_count = raw.self_count,
    kernel = raw.is_kernel ~= 0, parent = raw.parent, _first = raw.first_child, _next = raw.next }
  if raw.line > 0 then node.file, node.line = text(raw.file), raw.line end
  return node
end

--- A node by its id; the root, with the total of all, without one.
---@param id? integer
---@return oc.GraphNode?
function Graph:node(id)
  if C.oc_graph_node_at(self._raw, id or 0, raw_node) == 0 then return nil end
  local node = read(raw_node)
  node.id = id or 0
  return node
end

--- The children of a node, the heaviest first.
---@param node? oc.GraphNode the root without one
---@return oc.GraphNode[]
function Graph:children(node)
  local children, id = {}, (node or self:node())._first
  while id ~= 0 do
    children[#children + 1] = self:node(id)
    id = children[#children]._next
  end
  return children
end

local function sort_by_total(list, most)
  for i, node in ipairs(list) do node.rank = i end
  table.sort(list, function(a, b)
    if a.total ~= b.total then return a.total > b.total end
    return a.rank < b.rank
  end)
  for i = #list, 1, -1 do
    list[i].rank = nil
    if i > (most or math.huge) then list[i] = nil end
  end
end

--- Inclusive (total) and exclusive (self) weights by function, the heaviest first; a function that
--- is in a stack more than once counts once in total.
---@param most? integer
---@param order? string "self", or "total": which of them is the heavier
---@return oc.GraphNode[]
function Graph:functions(most, order)
  if order ~= nil and order ~= "self" and order ~= "total" then
    errors.misuse(("functions are in the order of 'self' or 'total', not '%s'"):format(
      tostring(order)), { token = "functions" })
  end
  local list, limit = {}, order ~= "total" and most or math.huge
  while #list < limit and C.oc_graph_function(self._raw, #list, raw_node) == 1 do
    list[#list + 1] = read(raw_node)
  end
  if order == "total" then sort_by_total(list, most) end
  return list
end

--- A share in percent, as a number or as "1%".
---@param min string|number
---@return number
function M.percent_of(min)
  local percent = min
  if type(min) == "string" then percent = units.parse_percent(min) end
  if type(percent) ~= "number" or not (percent >= 0 and percent <= 100) then
    errors.misuse(("min: '%s' is no percentage"):format(tostring(min)),
      { token = "min", hint = 'as in { min = "1%" }, or { min = 1 }: from 0 to 100' })
  end
  return percent
end

local function walk(self, node, depth, state)
  for _, child in ipairs(self:children(node)) do
    if child.total < state.least then
      state.below = state.below + 1
    elseif #state.rows >= state.most then
      state.more = state.more + 1
    else
      local name = child.name
      if child.file then name = ("%s  %s:%d"):format(name, child.file, child.line) end
      local percent, own = 100 * child.total / state.total, 100 * child.self / state.total
      state.rows[#state.rows + 1] = { ("%.2f%%"):format(percent),
        own > 0 and ("%.2f%%"):format(own) or "", ("  "):rep(depth) .. name,
        styles = { terminal.heat(percent), terminal.heat(own) } }
      if depth + 1 < state.depth then walk(self, child, depth + 1, state) end
    end
  end
end

local render  -- below

--- A tree for each kind: their values have nothing in common.
local function text_by_kind(self, kinds, options, layout)
  local parts = {}
  for i, kind in ipairs(kinds) do
    local raw = selection.make(self._machine, selection.of_kind(self._filter, kind), M.keys)
    parts[i] = kind .. "\n" .. render(new(self._machine, raw, self._options), options, layout)
  end
  return table.concat(parts, "\n")
end

local LEAST = 0.5  -- percent

local print_options = { min = "string or number", depth = "number", most = "number" }

local function check_print(options)
  errors.want_table(options, "a graph's text", 'as in { min = "1%" }')
  for name, value in pairs(options) do
    local wanted = print_options[name]
    if not wanted then
      errors.misuse(("a graph's text has no option '%s'"):format(tostring(name)),
        { token = tostring(name), hint = "there are: min, depth, most" })
    elseif not wanted:find(type(value), 1, true) then
      errors.misuse(("%s wants a %s, not a %s"):format(name, wanted, type(value)),
        { token = name })
    end
  end
end

function render(self, options, layout)
  options = options or {}
  check_print(options)
  local kinds = self._filter and selection.kinds(self._machine, self._selection) or {}
  if #kinds > 1 then return text_by_kind(self, kinds, options, layout) end
  local root, least = self:node(), M.percent_of(options.min or LEAST)
  local state = { rows = {}, total = root.total, least = root.total * least / 100,
    depth = options.depth or 200, most = options.most or 10000, below = 0, more = 0 }
  walk(self, root, 0, state)
  local columns = { { title = "total", right = true }, { title = "self", right = true },
    { title = "function", shrink = true } }
  local shown = text_table.render(columns, state.rows, layout)
  if #state.rows == 0 and state.below + state.more == 0 then return "(nothing)\n" end
  if state.below > 0 then
    shown = shown .. ("… %d branches below %g%%\n"):format(state.below, least)
  end
  if state.more > 0 then shown = shown .. ("… %d branches more\n"):format(state.more) end
  return shown
end

--- The tree as text, plain and as wide as it is: total, self, name.
--- `min`: branches of so many percent or more; `depth`: so many levels.
---@param options? { min?: string|number, depth?: integer, most?: integer }
---@return string
function Graph:text(options) return render(self, options) end

function Graph:print(options) io.stdout:write(render(self, options, terminal.layout())) end
Graph.__tostring = function(self) return render(self) end
--- For stdout: terminal.text_of.
Graph.__shown = function(self) return render(self, nil, terminal.layout()) end

M.class = Graph

Graph.__index = members.of(Graph, "a graph has")

--- Of a machine's samples.
---@param machine oc.Machine
---@param options? table
---@return oc.Graph
function M.make(machine, options)
  errors.want_table(options, "graph", 'as in graph { comm = "bash" }')
  local filter, shape = {}, {}
  for name, value in pairs(options or {}) do
    if M.keys[name] then shape[name] = value else filter[name] = value end
  end
  return new(machine, selection.make(machine, filter, M.keys), shape, filter)
end

return M
