--- Names of a trace for completion and hints: sorted lists, made once, searched by halving.

local sessions = require "oc.session"

local M = {}

local caches = setmetatable({}, { __mode = "k" })  -- by session of lines

local function cache_of(session)
  caches[session] = caches[session] or {}
  return caches[session]
end

--- Another machine has other names.
function M.forget(session) caches[session] = nil end

--- Only what can be typed and shown: names come from foreign traces.
local function is_plain(name) return name ~= "" and not name:find("[%z\1-\31\127]") end

--- Sorted, each once.
---@param names string[] is changed
---@return string[]
function M.sorted(names)
  table.sort(names)
  local out, last = {}, nil
  for _, name in ipairs(names) do
    if name ~= last and is_plain(name) then out[#out + 1] = name end
    last = name
  end
  return out
end

--- The names of the events that the trace has, or that can be asked for live.
---@param session oc.repl.Session
---@return string[]
function M.events(session)
  local cache = cache_of(session)
  if not cache.events then
    cache.events = M.sorted(sessions.event_names(session:trace()._session, "*"))
  end
  return cache.events
end

local common = { "addr", "args", "callchain", "cgroup", "comm", "cpu", "event", "ip", "period",
  "pid", "stack", "tid", "time" }

--- Fields of an event: those of its payload, and those that all have.
---@param session oc.repl.Session
---@param event string
---@return string[]
function M.fields(session, event)
  local cache = cache_of(session)
  cache.fields = cache.fields or {}
  if not cache.fields[event] then
    local names = { unpack(common) }
    local ok, found = pcall(function() return session:trace():event(event) end)
    if ok then
      for _, field in ipairs(found.format) do
        if not field.common then names[#names + 1] = field.name end
      end
    end
    cache.fields[event] = M.sorted(names)
  end
  return cache.fields[event]
end

--- Groups of a query's rows as names; none before the machine was asked for.
local function of_machine(session, group)
  local machine = session:machine_at_hand()
  if not machine then return {} end
  local cache = cache_of(session)
  if not cache[group] then
    local names = {}
    for i, row in ipairs(machine:samples({}):by(group):count():rows()) do names[i] = row[1] end
    cache[group] = M.sorted(names)
  end
  return cache[group]
end

--- Names of processes and of threads: `comm` is either's.
function M.comms(session)
  local machine = session:machine_at_hand()
  if not machine then return {} end
  local cache = cache_of(session)
  if not cache.comms then
    local names = {}
    for process in machine:processes() do names[#names + 1] = process.comm end
    for thread in machine:threads() do names[#names + 1] = thread.name end
    cache.comms = M.sorted(names)
  end
  return cache.comms
end

function M.symbols(session) return of_machine(session, "symbol") end
function M.modules(session) return of_machine(session, "module") end

local MOST_SAMPLES = 1e6  -- of a machine whose names are sorted without being asked for

--- Sorts what completion may want, once there is a machine: while nobody types.
---@param session oc.repl.Session
function M.prepare(session)
  local machine, cache = session:machine_at_hand(), cache_of(session)
  if not machine or cache.is_prepared then return end
  cache.is_prepared = true
  if machine:stats().samples > MOST_SAMPLES then return end
  M.events(session)
  M.comms(session)
  M.symbols(session)
  M.modules(session)
end

--- Where the first name stands that is not before `prefix`.
local function lower_bound(names, prefix)
  local first, last = 1, #names + 1
  while first < last do
    local middle = math.floor((first + last) / 2)
    if names[middle] < prefix then first = middle + 1 else last = middle end
  end
  return first
end

--- First and last place of the names that begin with `prefix`; last < first when none does.
---@param names string[] sorted
---@param prefix string
---@return integer first
---@return integer last
function M.range(names, prefix)
  local first = lower_bound(names, prefix)
  if prefix == "" then return first, #names end
  -- What begins with the prefix comes before the prefix with bytes behind it that no text has.
  return first, lower_bound(names, prefix .. "\255\255") - 1
end

return M
