--- Timelines of record-trace's scripts: spans from an event that starts to one that ends, with a
--- child from each event between to the next.
--
--     start          middle         middle          end       the first start of a key counts; one
--       |--- start ---|--- middle ---|--- middle ----|         that comes again is a child
--       |--------------- timeline -------------------|
--
-- Order of tests, as there: at start and between, the event's filter, then that of what was
-- recorded; at the end the span is closed first, then duration, event and record are tested.

local errors = require "oc.errors"
local fields = require "oc.record_trace_fields"

local M = {}

local MOST_OPEN = 2 ^ 20
local MOST_ID_BYTES = 32

--- Adds an event to a timeline.
function M.track(timeline, event, names, flags)
  local full = fields.full_name(event)
  if flags.start and flags.finish then
    errors.misuse(('Event "%s" cannot both start and end, check flags.'):format(full),
      { token = "with_event" })
  elseif flags.start and #flags.record_filters > 0 then
    errors.misuse(('Event "%s" cannot start and filter on record data, check flags.'):format(full),
      { token = "with_event", hint = "nothing is recorded before the start" })
  elseif #names == 0 then
    errors.misuse(('Event "%s" must have an ID field.'):format(full), { token = "with_event" })
  end
  local function copy(list) return { unpack(list) } end
  timeline.events[#timeline.events + 1] = { event = event, names = names, start = flags.start,
    finish = flags.finish, recorded = copy(flags.recorded), filters = copy(flags.filters),
    record_filters = copy(flags.record_filters) }
end

--- Whether the timeline can have spans at all.
function M.check(timeline)
  local starts, ends = false, false
  for _, tracked in ipairs(timeline.events) do
    starts, ends = starts or tracked.start, ends or tracked.finish
  end
  local problem = #timeline.events < 2 and "Timelines must have at least 2 events."
    or not ends and "Timelines must have at least 1 completion event."
    or not starts and "Timelines must have at least 1 start event."
  if problem then errors.misuse(problem, { token = "use_timeline" }) end
end

--- What reads and tests one event of a timeline.
local function prepare(timeline, tracked, kind, known)
  local event = tracked.event
  local made = { name = event.system .. "/" .. event.name, no_stack = event.no_stack }
  local size
  made.key, size = fields.key_reader(kind, event, tracked.names)
  timeline.id_size = timeline.id_size or size
  if size ~= timeline.id_size or size > MOST_ID_BYTES then
    errors.raise_at(event.place, size > MOST_ID_BYTES and "ID must be 32 bytes or less."
      or ('Previous ID was %d bytes, event "%s" ID is %d bytes.'):format(timeline.id_size,
        fields.full_name(event), size), { token = event.name })
  end
  made.fits = fields.event_test(kind, event, tracked.filters)
  made.readers = {}
  for i, name in ipairs(tracked.recorded) do
    local read, field = fields.reader(kind, event, name,
      'Record field "%s" does not exist for event "%s".')
    made.readers[i] = { name, read }
    known[name] = field
  end
  return made
end

local function record_tests(tracked, known)
  local tests = {}
  for i, filter in ipairs(tracked.record_filters) do
    local field = known[filter.field]
    if not field then
      errors.raise_at(tracked.event.place,
        ('Unable to apply record filter: "%s" is not recorded.'):format(filter.field),
        { token = tracked.event.name })
    end
    tests[i] = { filter.field, fields.test(tracked.event, filter, fields.is_text(field)) }
  end
  return function(record)
    for i = 1, #tests do if not tests[i][2](record[tests[i][1]]) then return false end end
    return true
  end
end

local function record_into(made, e, record)
  for _, reader in ipairs(made.readers) do
    local value = reader[2](e)
    if value ~= nil then record[reader[1]] = fields.plain(value) end
  end
end

local function save(trace, timeline, open, finish)
  local machine = trace:machine()
  local attributes = next(open.record) and open.record or nil
  local function span(name, from, till, parent)
    return machine:add_span { kind = timeline.name, name = name, start = from, finish = till,
      parent = parent, pid = open.pid, tid = open.tid, comm = open.comm, cpu = open.cpu,
      stack = not parent and open.stack or nil, attributes = not parent and attributes or nil }
  end
  machine:add_sample { kind = timeline.name, type = "duration", time = finish,
    value = finish - open.time, pid = open.pid, tid = open.tid, comm = open.comm, cpu = open.cpu,
    stack = open.stack or {}, attributes = attributes }
  local id = span(timeline.name, open.time, finish)
  for i, child in ipairs(open.children) do
    local following = open.children[i + 1]
    span(child.name, child.time, following and following.time or finish, id)
  end
end

--- What is open, by key, bounded.
local function new_open(timeline, trace)
  local self = { by_key = {}, count = 0, refused = 0 }
  trace:at_end(function()
    if self.count + self.refused == 0 then return end
    trace:machine():note(("%s: %d without an end, %d beyond the limit"):format(timeline.name,
      self.count, self.refused))
  end)
  return self
end

local function begin(made, open, key, e)
  if open.count >= MOST_OPEN then
    open.refused = open.refused + 1
    return nil
  end
  local stack = not made.no_stack and e:get "stack" or nil
  local values = { time = e.time, pid = e.pid, tid = e.tid, comm = e.comm, cpu = e.cpu,
    stack = stack, record = {}, children = {} }
  open.by_key[key], open.count = values, open.count + 1
  return values
end

local function on_way(tracked, made, open)
  return function(e)
    if not made.fits(e) then return end
    local key = made.key(e)
    local values = open.by_key[key] or tracked.start and begin(made, open, key, e)
    if not values or not made.record_fits(values.record) then return end
    record_into(made, e, values.record)
    values.children[#values.children + 1] = { name = made.name, time = e.time }
  end
end

local function on_end(timeline, trace, made, open)
  return function(e)
    local key = made.key(e)
    local values = open.by_key[key]
    if not values then return end
    open.by_key[key], open.count = nil, open.count - 1
    if e.time - values.time < timeline.min_ns or not made.fits(e)
      or not made.record_fits(values.record) then
      return
    end
    record_into(made, e, values.record)
    save(trace, timeline, values, e.time)
  end
end

--- Registers the timeline's callbacks.
function M.apply(timeline, trace)
  local open, known, made = new_open(timeline, trace), {}, {}
  for i, tracked in ipairs(timeline.events) do
    made[i] = prepare(timeline, tracked, fields.kind_of(trace, tracked.event), known)
  end
  for i, tracked in ipairs(timeline.events) do
    made[i].record_fits = record_tests(tracked, known)
    trace:on(fields.full_name(tracked.event), tracked.finish
      and on_end(timeline, trace, made[i], open) or on_way(tracked, made[i], open))
  end
end

return M
