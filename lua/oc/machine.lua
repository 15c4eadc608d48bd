--- The ExportMachine of a trace: processes, samples and spans as they were, for queries, graphs and
--- exports.
--
--     local m = trace:run():machine()
--     print(m:samples { kind = "cpu" }:by("comm", "symbol"):top(20))
--
-- Times are ns since the session began, as e.time.

local C = require "oc.abi"
local add = require "oc.machine_add"
local errors = require "oc.errors"
local ffi = require "ffi"
local members = require "oc.members"
local graph = require "oc.graph"
local query = require "oc.query"
local selection = require "oc.selection"
local units = require "oc.units"

local M = {}

---@class oc.Machine
local Machine = {}

local function text(raw) return ffi.string(raw.text, raw.size_bytes) end
local function text_or_nil(raw) return raw.size_bytes > 0 and text(raw) or nil end

local function raise(self)
  local failure = C.oc_machine_error(self._raw)
  local hint = ffi.string(failure.hint)
  error(errors.new(ffi.string(failure.what),
    { hint = hint ~= "" and hint or nil, code = failure.code }), 0)
end

-- What there is -----------------------------------------------------------------------------------

---@class oc.Process a process in one of its lives
---@field id integer
---@field pid integer
---@field comm string the latest name of its first thread
---@field start? number nil: before the trace
---@field finish? number nil: after the trace
---@field parent? integer id of who forked it
---@field threads integer
---@field command_line? string
---@field cgroup? string
---@field ns_pid? integer as it sees itself
---@field samples { count: integer, kinds: table<string, { count: integer, sum: number }> }

local raw_process = ffi.new("oc_machine_process_info")

local function finite(value) return value > -math.huge and value < math.huge and value or nil end

local function read_process(self, id)
  if C.oc_machine_process(self._raw, id, raw_process) == 0 then return nil end
  local raw = raw_process
  return { id = id, pid = raw.pid, comm = text(raw.comm), start = finite(raw.start_ns),
    finish = finite(raw.end_ns), parent = raw.parent ~= 0 and raw.parent or nil,
    threads = raw.threads, command_line = text_or_nil(raw.command_line),
    cgroup = text_or_nil(raw.cgroup), ns_pid = raw.ns_pid ~= 0 and raw.ns_pid or nil,
    samples = nil }
end

--- Whether it is of a profile that another tool wrote: an entry there stands for many samples.
---@return boolean
function Machine:is_profile() return self._is_profile end

--- How many samples each process has, by its id: values of different kinds are not added.
local function samples_by_process(self)
  local found = {}
  for _, row in ipairs(self:samples():by("process", "kind"):rows()) do
    local samples = found[row.id_1] or { count = 0, kinds = {} }
    found[row.id_1] = samples
    samples.count = samples.count + row.count
    samples.kinds[row[2]] = { count = row.count, sum = row.sum }
  end
  return found
end

local process_filters = { comm = true, pid = true }

--- Iterates over processes, in the order in which they became known.
---@param filter? { comm?: string, pid?: integer }
---@return fun(): oc.Process?
function Machine:processes(filter)
  errors.want_table(filter, "processes", 'as in processes { comm = "bash" }')
  filter = filter or {}
  for name in pairs(filter) do
    if not process_filters[name] then
      errors.misuse(("processes cannot be chosen by '%s'"):format(tostring(name)),
        { token = tostring(name), hint = "there are: comm, pid" })
    end
  end
  local id, samples = 0, nil
  return function()
    while true do
      id = id + 1
      local process = read_process(self, id)
      if not process then return nil end
      local fits = (not filter.pid or process.pid == filter.pid)
        and (not filter.comm or C.oc_glob_text(filter.comm, #filter.comm, process.comm,
          #process.comm) == 1)
      if fits then
        samples = samples or samples_by_process(self)
        process.samples = samples[id] or { count = 0, kinds = {} }
        return process
      end
    end
  end
end

---@class oc.MachineThread
---@field id integer
---@field tid integer
---@field name string
---@field process integer
---@field start? number
---@field finish? number

--- Iterates over threads.
---@return fun(): oc.MachineThread?
function Machine:threads()
  local id, raw = 0, ffi.new("oc_machine_thread_info")
  return function()
    id = id + 1
    if C.oc_machine_thread(self._raw, id, raw) == 0 then return nil end
    return { id = id, tid = raw.tid, name = text(raw.name), process = raw.process,
      start = finite(raw.start_ns), finish = finite(raw.end_ns) }
  end
end

local function hex(bytes, count)
  local out = {}
  for i = 0, count - 1 do out[i + 1] = ("%02x"):format(bytes[i]) end
  return table.concat(out)
end

--- Iterates over mappings of code, of all times.
function Machine:mappings()
  local index, raw = -1, ffi.new("oc_machine_mapping_info")
  return function()
    index = index + 1
    if C.oc_machine_mapping(self._raw, index, raw) == 0 then return nil end
    local addr = require "oc.addr"
    return { process = raw.process ~= 0 and raw.process or nil, path = text(raw.path),
      start = addr(raw.start), finish = addr(raw["end"]), offset = tonumber(raw.offset),
      build_id = raw.build_id_size > 0 and hex(raw.build_id, raw.build_id_size) or nil,
      from = finite(raw.from_ns), till = finite(raw.until_ns) }
  end
end

local counted_as = { [0] = "samples", "perhaps", "entries" }
local value_types = { [0] = "count", "duration", "bytes", "number" }

--- The kinds of samples, by id.
--- `counted`: what counts of them are. "samples"; "perhaps" where the file has numbers and does not
--- tell of what (collapsed stacks); "entries" where these are sums of nobody knows how many.
---@return { name: string, group?: string, type: string, period?: number, counted: string }[]
function Machine:kinds()
  local raw, kinds = ffi.new("oc_machine_kind_info"), {}
  while C.oc_machine_kind(self._raw, #kinds + 1, raw) == 1 do
    kinds[#kinds + 1] = { name = text(raw.name), group = text_or_nil(raw.group),
      type = value_types[raw.type], counted = counted_as[raw.counted],
      period = raw.period > 0 and raw.period or nil }
  end
  return kinds
end

---@class oc.Span
---@field id integer
---@field name string
---@field kind string
---@field start number
---@field finish number
---@field duration number
---@field parent? integer

--- Iterates over spans, in the order in which they ended.
---@return fun(): oc.Span?
function Machine:spans()
  local id, raw = C.oc_machine_dropped_spans(self._raw), ffi.new("oc_machine_span_info")
  return function()
    id = id + 1
    if C.oc_machine_span(self._raw, id, raw) == 0 then return nil end
    return { id = id, name = text(raw.name), kind = text(raw.kind), start = raw.start_ns,
      finish = raw.end_ns, duration = raw.end_ns - raw.start_ns,
      parent = raw.parent ~= 0 and raw.parent or nil,
      pid = raw.context ~= 0 and raw.pid or nil, tid = raw.context ~= 0 and raw.tid or nil,
      comm = text(raw.comm), attributes = M.attributes(self, raw.attributes) }
  end
end

--- The attributes of a set, by name.
function M.attributes(self, set)
  if set == 0 then return nil end
  local raw, found, i = ffi.new("oc_attribute"), {}, 0
  while C.oc_machine_attribute(self._raw, set, i, raw) == 1 do
    found[text(raw.name)] = raw.text.text ~= nil and text(raw.text) or raw.number
    i = i + 1
  end
  return found
end

--- Numbers of the machine.
---@return { samples: number, dropped: number, spans: number, bytes: number }
function Machine:stats()
  local raw = ffi.new("oc_machine_numbers")
  C.oc_machine_measure(self._raw, raw)
  return { samples = raw.samples, dropped = raw.dropped, spans = raw.spans,
    processes = raw.processes, threads = raw.threads, mappings = raw.mappings,
    stacks = raw.stacks, bytes = raw.bytes,
    first = raw.samples > 0 and raw.first_ns or nil,
    last = raw.samples > 0 and raw.last_ns or nil }
end

-- Asking ------------------------------------------------------------------------------------------

--- The samples for which all of this holds; then :by(…), :top(…), :each().
---@param filter? oc.SampleFilter
---@return oc.Query
function Machine:samples(filter)
  return query.new(self, selection.make(self, filter), filter)
end

--- Callers and callees of the chosen samples, as a tree.
---@param options? table oc.SampleFilter and oc.GraphOptions
---@return oc.Graph
function Machine:graph(options) return graph.make(self, options) end

local moments = { [0] = "process_start", "thread_start", "map", "span_start", "sample",
  "span_end", "unmap", "thread_end", "process_end" }

--- Iterates over everything in order of time: what happens ("process_start", "thread_start", "map",
--- "span_start", "sample", "span_end", "unmap", "thread_end", "process_end"), the id of what it
--- happens to, the time (nil: before the trace). Of samples those that the filter lets through.
---@param filter? oc.SampleFilter
---@return fun(): string?, number, number?
function Machine:replay(filter)
  local CAPACITY = 1024
  local kept = { selection.make(self, filter), self }  -- as long as this iterates
  local raw = ffi.gc(C.oc_replay_new(kept[1]), C.oc_replay_close)
  local batch, count, at = ffi.new("oc_moment[?]", CAPACITY), 0, 0
  return function()
    if at == count then
      count, at = C.oc_replay_next(raw, batch, CAPACITY), 0
      if count == 0 then
        kept[1] = nil
        return nil
      end
    end
    local moment = batch[at]
    at = at + 1
    return moments[moment.what], moment.id, finite(moment.time)
  end
end

--- Writes a file: its format by the extension or `format`.
---@param path string "-": standard output
---@param options? table oc.SampleFilter, and format, force, inlined, counts, title
---@return number bytes
function Machine:export(path, options)
  return require("oc.export").write(self, path, options)
end

-- Adding ------------------------------------------------------------------------------------------

Machine.add_sample, Machine.add_span = add.sample, add.span
Machine.attributes = add.attributes

--- A sentence that goes with every result and export: what limits them.
---@param sentence string
function Machine:note(sentence) C.oc_machine_note(self._raw, tostring(sentence)) end

--- What was noted in the machine itself.
---@param self oc.Machine
---@return string[]
function M.own_notes(self)
  local notes = {}
  while true do
    local sentence = C.oc_machine_note_at(self._raw, #notes)
    if sentence == nil then return notes end
    notes[#notes + 1] = ffi.string(sentence)
  end
end

--- Sentences about damage or limits, and what the trace lost.
---@return string[]
function Machine:notes()
  local notes, trace = M.own_notes(self), self._owner
  local stats = trace and trace.stats and trace:stats()
  if stats and stats.lost > 0 then
    table.insert(notes, 1, ("%.0f records were lost (%.1f %% of what came)"):format(stats.lost,
      100 * stats.lost / (stats.records + stats.lost)))
  end
  return notes
end

--- Keeps so much only: the oldest samples and spans go first, and what ran, was mapped or named
--- before that. Ids of processes and threads are others then.
---@param limits { time?: number|string, samples?: number, bytes?: number|string }
function Machine:retain(limits)
  add.check(limits, { time = "number or string", samples = "number", bytes = "number or string" },
    "retain")
  local function number(value, parse, what)
    if type(value) ~= "string" then return value or 0 end
    return parse(value)
      or errors.misuse(("retain: '%s' is no %s"):format(value, what), { token = value })
  end
  C.oc_machine_retain(self._raw, number(limits.time, units.parse_duration, "duration"),
    limits.samples or 0, number(limits.bytes, units.parse_size, "size"))
end

Machine.__tostring = function(self)
  local stats, kinds = self:stats(), {}
  for i, kind in ipairs(self:kinds()) do kinds[i] = kind.name end
  return ("machine: %.0f samples (%s), %.0f spans, %.0f processes"):format(stats.samples,
    #kinds > 0 and table.concat(kinds, ", ") or "of no kind", stats.spans, stats.processes)
end

M.class = Machine

local member = members.of(Machine, "a machine has")

--- A session makes its machine when it starts: before, there is nothing to ask.
local function load_raw(self)
  local trace = self._owner
  local raw = trace._loop and C.oc_session_machine(trace._session)
  if not raw or raw == nil then
    errors.misuse("the machine is empty before trace:run()", { token = "machine",
      hint = "use it in callbacks, in trace:at_end, or behind trace:run()" })
  end
  self._raw, self._kinds, self._frames = raw, {}, {}
  return raw
end

Machine.__index = function(self, name)
  if name == "_raw" then return load_raw(self) end
  return member(self, name)
end

--- `raw`: an oc_machine*, nil: the one of `owner`, a trace, which is kept as long as this is.
---@param raw? ffi.cdata*
---@param owner any
---@param is_profile? boolean
---@return oc.Machine
function M.new(raw, owner, is_profile)
  return setmetatable({ _raw = raw, _owner = owner, _is_profile = is_profile or false,
    _kinds = {}, _frames = {}, _raise = raise }, Machine)
end

return M
