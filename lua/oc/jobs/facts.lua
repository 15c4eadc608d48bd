--- Numbers and sentences of the parts of a run, added up.

local session = require "oc.session"

local M = {}

---@class oc.jobs.Facts of one part, or of all
---@field stats oc.Stats
---@field notes string[]
---@field is_damaged boolean
---@field start_ns number
---@field start_wall_ns number?

---@param trace oc.Trace whose part is over
---@return oc.jobs.Facts
function M.of(trace)
  return { stats = trace:stats(), notes = trace:notes(), is_damaged = trace:is_damaged(),
    start_ns = session.start_ns(trace._session),
    start_wall_ns = session.start_wall_ns(trace._session) }
end

local function add(into, from)
  for name, value in pairs(from) do
    if type(value) == "number" then into[name] = (into[name] or 0) + value
    elseif type(value) == "table" then
      into[name] = into[name] or {}
      if value[1] ~= nil then  -- phases: one after the other
        for _, item in ipairs(value) do table.insert(into[name], item) end
      else
        add(into[name], value)
      end
    end
  end
end

--- What is read of one file by all slices, the last of which looks at all of it, is read once.
local once = { "records", "bytes", "lost", "unknown", "malformed", "late", "throttled" }

local function unite_slices(stats, list)
  for _, name in ipairs(once) do
    stats[name] = 0
    for _, facts in ipairs(list) do stats[name] = math.max(stats[name], facts.stats[name] or 0) end
  end
  stats.span_ns = 0
  for _, facts in ipairs(list) do
    local finish_ns = facts.start_ns + facts.stats.span_ns
    stats.span_ns = math.max(stats.span_ns, finish_ns - list[1].start_ns)
    if facts.stats.lost == stats.lost then
      stats.lost_by_cpu, stats.lost_by_event = facts.stats.lost_by_cpu, facts.stats.lost_by_event
    end
  end
end

--- All parts as one.
---@param list oc.jobs.Facts[] in the order of the parts, at least one
---@param parts oc.jobs.Part[] of the same number
---@param run_ns number how long all took, by the wall clock
---@return oc.jobs.Facts
function M.unite(list, parts, run_ns)
  local stats, notes, known = { lost_by_cpu = {}, lost_by_event = {} }, {}, {}
  local is_sliced = parts[1].is_slice
  local is_damaged = false
  for i, facts in ipairs(list) do
    add(stats, facts.stats)
    is_damaged = is_damaged or facts.is_damaged
    for _, note in ipairs(facts.notes) do
      local text = is_sliced and note or parts[i].path .. ": " .. note
      if not known[text] then notes[#notes + 1], known[text] = text, true end
    end
  end
  if is_sliced then unite_slices(stats, list) end
  local first = list[1].stats
  local cpus = first.machine_share > 0 and first.cpu_share / first.machine_share or 1
  stats.run_ns, stats.sampling_rate = run_ns, first.sampling_rate
  stats.cpu_share = run_ns > 0 and stats.cpu_ns / run_ns or 0
  stats.machine_share = stats.cpu_share / cpus
  return { stats = stats, notes = notes, is_damaged = is_damaged, start_ns = list[1].start_ns,
    start_wall_ns = list[1].start_wall_ns }
end

return M
