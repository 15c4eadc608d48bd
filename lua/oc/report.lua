--- What is said on stderr when a run is over: nothing lost, late or broken stays silent.

local C = require "oc.abi"
local json = require "oc.json"
local session = require "oc.session"
local settings = require "oc.settings"
local units = require "oc.units"

local host_pointer = session.host_pointer

local M = { lost = 0, damaged = false }

local ENOUGH_CHAINS = 20  -- to say something of most of them

local function say(text, ...) io.stderr:write("oc: ", text:format(...), "\n") end

local function sorted_parts(by, label)
  local keys, parts = {}, {}
  for key in pairs(by) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do
    local name = key == -1 and "unknown cpu" or label .. tostring(key)
    parts[i] = ("%s: %.0f"):format(name, by[key])
  end
  return table.concat(parts, ", ")
end

--- What would have lost less: whether the reader was slow is told by what stood between.
local function loss_hint(stats, of)
  if of == "recorded" then
    return "recorded with too small buffers: record again with oc record --buffer 16MiB, or fewer "
      .. "events"
  end
  local spool = stats.spool
  if of == "writing" or spool and spool.times_full == 0 then
    return "a larger --buffer, or fewer events, loses less"
  elseif not spool then
    return "--spool 256MiB keeps what comes while the script is busy; a larger --buffer, or fewer "
      .. "events, loses less"
  end
  return ("the script was slower than the events, and the spool was full: more than --spool %s, or "
    .. "fewer events, loses less"):format(units.format_size(spool.limit_bytes))
end

--- Says what was lost, where, and what to do.
---@param stats oc.Stats
---@param of "recorded"|"writing"|"live"
function M.say_loss(stats, of)
  local all = stats.records + stats.lost  -- lost ones are of all kinds, asked for or not
  say("LOST %.0f records (%.1f %% of what came): the results are incomplete", stats.lost,
    100 * stats.lost / math.max(all, 1))
  say("  by CPU: %s", sorted_parts(stats.lost_by_cpu, "cpu "))
  if next(stats.lost_by_event) then say("  by event: %s", sorted_parts(stats.lost_by_event, "")) end
  say("  %s", loss_hint(stats, of))
end

local function say_numbers(stats)
  say("%.0f events of %.0f records (%s) in %s; own CPU time %s: %.1f %% of one CPU, %.1f %% of all",
    stats.events, stats.records, units.format_size(stats.bytes),
    units.format_duration(stats.span_ns), units.format_duration(stats.cpu_ns),
    100 * stats.cpu_share, 100 * stats.machine_share)
  if stats.filtered > 0 then
    say("%.0f events were read that no filter let through", stats.filtered)
  end
  if stats.paused_events > 0 then say("%.0f events fell into pauses", stats.paused_events) end
  for _, phase in ipairs(stats.phases or {}) do
    say("phase %s: %.0f events in %s, paused for %s", phase.name == "" and "(none)" or phase.name,
      phase.events, units.format_duration(phase.span_ns), units.format_duration(phase.paused_ns))
  end
  if stats.late > 0 then
    say("%.0f records came late: out of order by more than a round", stats.late)
  end
  if stats.own > 0 then say("%.0f events made by oc itself were left out", stats.own) end
end

--- Says what would have given callers, where frame pointers did not in most samples.
---@param stacks oc.StackStats
---@param is_recorded boolean
function M.say_short_chains(stacks, is_recorded)
  if stacks.chains < ENOUGH_CHAINS or stacks.short_chains * 2 <= stacks.chains then return end
  say("%.0f of %.0f stacks have one or two frames of user code, which seems to be built without "
    .. "frame pointers: try %s", stacks.short_chains, stacks.chains,
    is_recorded and "oc record --call-graph dwarf" or "--call-graph dwarf")
end

local NO_FILE = "the module's file cannot be had"
local NO_STACK, NO_USER = "the sample has no stack", "the user's part was not recorded"

--- Says when samples lack what a script asked for: a recording's, whatever it was made with.
---@param stacks oc.StackStats
function M.say_stacks(stacks)
  local none, cut = stacks.ends[NO_STACK] or 0, stacks.ends[NO_USER] or 0
  if none > 0 then
    say("%.0f of %.0f samples have no stack, only the place where they were taken: record with "
      .. "oc record -g", none, stacks.samples)
  end
  if cut > 0 then
    say("%.0f of %.0f samples have no stack of the user's part", cut, stacks.samples)
  end
  local lost = stacks.ends[NO_FILE] or 0
  if lost > 0 then
    say("%.0f of %.0f stacks end early: %s (oc symbols tells which; oc archive keeps files beside "
      .. "a trace)", lost, stacks.samples, NO_FILE)
  end
end

local function say_stack_numbers(stacks)
  say("%.0f stacks of %.0f places in %.0f samples: %s of memory", stacks.stacks,
    stacks.distinct_frames, stacks.samples, units.format_size(stacks.bytes))
  local ends = {}
  for words, samples in pairs(stacks.ends) do
    ends[#ends + 1] = ("%s: %.0f"):format(words, samples)
  end
  table.sort(ends)
  say("  they end: %s", table.concat(ends, ", "))
end

--- The last JSON document of a run, so that a reader of JSON sees losses too.
local function write_summary(stats, notes)
  local by_cpu = json.object({})
  for cpu, records in pairs(stats.lost_by_cpu) do by_cpu[tostring(cpu)] = records end
  settings.write(json.encode(json.object({ summary = {
    events = stats.events, records = stats.records, bytes = stats.bytes, lost = stats.lost,
    lost_by_cpu = by_cpu, lost_by_event = json.object(stats.lost_by_event), late = stats.late,
    malformed = stats.malformed, throttled = stats.throttled, unknown = stats.unknown,
    span_ns = stats.span_ns, notes = notes,
    cpu_ns = stats.cpu_ns, cpu_share = stats.cpu_share, machine_share = stats.machine_share,
    sampling_rate = stats.sampling_rate, phases = stats.phases, paused = stats.paused_events,
    stacks = stats.stacks,
  } })) .. "\n")
end

--- Says how the command ended that was launched.
---@param status integer not 0
function M.say_command(status)
  if status > 128 then
    say("the command was ended by signal %d", status - 128)
  else
    say("the command ended with status %d", status)
  end
end

--- What the trace tells, and what scenarios noted in its machine.
local function all_notes(trace)
  local notes, known = trace:notes(), {}
  for _, note in ipairs(notes) do known[note] = true end
  for _, note in ipairs(trace._machine and require("oc.machine").own_notes(trace._machine) or {}) do
    if not known[note] then notes[#notes + 1] = note end
  end
  return notes
end

--- Says what the stacks of a trace lack.
---@param trace oc.Trace
---@param stats? oc.Stats
function M.say_about_stacks(trace, stats)
  stats = stats or trace:stats()
  if not stats.stacks then return end
  M.say_stacks(stats.stacks)
  if not settings.quiet then M.say_short_chains(stats.stacks, trace:is_recorded()) end
end

--- Called when a trace's run is over.
---@param trace oc.Trace
---@param options? { stacks?: boolean, covered_ns?: number } stacks false: nobody misses them;
---  covered_ns: the results are of so much, where they are made of more than the callbacks saw
function M.finished(trace, options)
  local stats, notes = trace:stats(), all_notes(trace)
  M.lost = M.lost + stats.lost
  M.damaged = M.damaged or trace:is_damaged()
    or stats.malformed + stats.unknown + stats.throttled > 0
  if settings.json then write_summary(stats, notes) end
  io.stdout:flush()
  for _, note in ipairs(notes) do say("%s", note) end
  if stats.malformed > 0 then
    say("%.0f records were too short for their event and were left out", stats.malformed)
  end
  if stats.throttled > 0 then
    say("the kernel held sampling back %.0f times: samples are missing; a lower --frequency, or a "
      .. "higher kernel.perf_event_max_sample_rate, avoids it", stats.throttled)
  end
  if stats.unknown > 0 then say("%.0f samples belong to no event of the trace", stats.unknown) end
  if stats.lost > 0 then M.say_loss(stats, trace:is_recorded() and "recorded" or "live") end
  local is_cut = settings.is_stopped or C.oc_host_interrupted(host_pointer) > 0
  if is_cut and not settings.quiet and trace:is_recorded() then
    local covered_ns = options and options.covered_ns or stats.span_ns
    say("stopped %s: the results cover the first %s of the %s",
      settings.is_stopped and "at oc.repl()" or "by a signal", units.format_duration(covered_ns),
      trace._window and "time asked for" or "trace")
  end
  local status = trace:command_status()
  if status and status ~= 0 and not settings.quiet then
    M.say_command(status)
  end
  if not options or options.stacks then M.say_about_stacks(trace, stats) end
  if settings.verbose then
    say_numbers(stats)
    if stats.stacks then say_stack_numbers(stats.stacks) end
  end
end

return M
