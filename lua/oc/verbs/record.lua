--- `oc record`: events of the system or of a command into a trace that oc and perf read.

local C = require "oc.abi"
local args = require "oc.args"
local ask = require "oc.ask"
local canonical = require "oc.canonical"
local errors = require "oc.errors"
local hooks = require "oc.hooks"
local exporter = require "oc.verbs.export"
local ffi = require "ffi"
local json = require "oc.json"
local kinds = require "oc.kinds"
local machine_input = require "oc.verbs.machine_input"
local places = require "oc.outputs"
local recorder = require "oc.recorder"
local report = require "oc.report"
local run_of = require "oc.run"
local scenario = require "oc.scenario"
local session_of = require "oc.session"
local settings = require "oc.settings"
local units = require "oc.units"

ffi.cdef [[ int getpid(void); ]]

local M = {}

local HEAD = [[
--- Record a trace: of the whole system, or of a command and its children.
---
--- Without -e it samples where the CPUs spend their time. What is being written is called
--- FILE.partial and can be read, also after a crash; an older FILE becomes FILE.old.
---
--- Example: oc record -d 1s -o /tmp/cpu.data
--- Example: oc record -e sched:sched_switch,page-faults -o /tmp/make.data -- make --version
--- Example: oc record --call-graph dwarf -o /tmp/stacks.data -- ls /
--- Example: oc record -g -d 1s -o /tmp/cpu.svg -o /tmp/cpu.pb.gz --force
--- Example: oc record -z -o /tmp/calls.data -e raw_syscalls:sys_enter -d 1s
]]

local IDLE_MS = 100
local COMPRESSION_LEVEL = 1
local FAILED, INCOMPLETE = 1, 3
local SHARE_NS = 1e9
local host_pointer = session_of.host_pointer

--- Names of standard output, as source/trace_output.cc knows them.
local STDOUT = { ["-"] = true, ["/dev/stdout"] = true, ["/dev/fd/1"] = true,
  ["/proc/self/fd/1"] = true }

local function say(text, ...) io.stderr:write("oc: ", text:format(...), "\n") end

--- Asks for every event of the command line; their kinds.
local function resolve(session, options, asked)
  local names = {}
  for i, name in ipairs(asked.events or {}) do names[i] = name end
  if #names == 0 and not options.context_switches then names[1] = "cpu" end
  local found = recorder.want(session, names,
    { frequency = asked.frequency, period = asked.period, filter = options.filter })
  if options.context_switches then
    for _, number in ipairs(kinds.resolve(session, "switch_out")) do
      C.oc_session_want(session, number)
    end
  end
  return found
end

--- A scenario may want to know when threads begin to run, and who wakes those that are chosen: what
--- happens in the context of others.
local function add_others(session, found, asked, has_command)
  local has_tasks = asked.pid or asked.tid or (has_command and not asked.all)
  if has_tasks and found.everyone then C.oc_session_target(session, "here", "") end
  if not found.returns then return end
  ask.say_unseen(asked, found.everyone or false)
  for _, name in ipairs { "switch_in", "switch_in_wide" } do
    for _, number in ipairs(kinds.resolve(session, name)) do C.oc_session_want(session, number) end
  end
end

--- What a scenario wants recorded; of its optional events those that can be had.
local function add_scenario(session, name, options, asked, has_command)
  local found, optional = scenario.find(name), {}
  for _, event in ipairs(found.optional or {}) do optional[event] = true end
  local events = asked.events or {}
  for _, event in ipairs(found.events) do
    local can_be_had = C.oc_session_event_name(session, event, 0) ~= nil
    if not optional[event] or can_be_had then
      events[#events + 1] = event == "page_fault" and "page-faults" or event
    end
  end
  asked.events = events
  add_others(session, found, asked, has_command)
  if found.stacks and not options.call_graph and not options.frame_pointers then
    asked.stacks = found.stacks
  end
end

-- Of the names that oc gives events those that samples can have; the others are records, which
-- every trace has.
local SAMPLED = { cpu = true, cswitch = true, page_fault = true }

--- What hooks of --script will look for in the trace that the files are made of.
local function add_hooked(session, options, asked)
  if #options.exports == 0 or not hooks.has("built") then return end
  local events, known = asked.events or options.context_switches and {} or { "cpu" }, {}
  for _, name in ipairs(events) do known[name] = true end
  local wanted, problem = require("oc.rehearsal").events()
  if problem then
    io.stderr:write("oc: what the 'built' hook asks for cannot be known before the recording (",
      problem, "): name its events with -e\n")
  end
  for _, event in ipairs(wanted) do
    local name = event.name == "page_fault" and "page-faults" or event.name
    local can_be = not event.optional or C.oc_session_event_name(session, name, 0) ~= nil
    if not known[name] and can_be and (SAMPLED[name] or not canonical.is(name)) then
      events[#events + 1], known[name] = name, true
    end
  end
  asked.events = events
end

local function time_or_size(text, option)
  local ns, bytes = recorder.time_or_size(text)
  if not ns then
    errors.wrong_usage(("%s: '%s' is neither a time nor a size"):format(option, text),
      ("as in %s 10s or %s 100MiB"):format(option, option))
  end
  return ns, bytes
end

local function limits(recording, options)
  recording.max_bytes = options.max_size or 0
  if options.rotate then
    recording.rotate_ns, recording.rotate_bytes = time_or_size(options.rotate, "--rotate")
  end
  recording.rotate_files = options.rotate_files or 0
  if options.overwrite then
    recording.overwrite_ns, recording.overwrite_bytes =
      time_or_size(options.overwrite, "--overwrite")
  end
  recording.memory_bytes = options.overwrite_memory or 0
end

--- Whether samples have registers and stack bytes: all, or those of an event that says so.
local function takes_stacks(options)
  if (options.call_graph or ""):find("^dwarf") then return true end
  return table.concat(options.event or {}, ","):find("call%-graph=dwarf") ~= nil
end

--- What makes no sense together.
local function check(context)
  local options = context.options
  local function clash(a, b, hint)
    errors.wrong_usage(("%s and %s exclude each other"):format(a, b), hint)
  end
  if context.positionals[1] then
    errors.wrong_usage(("'%s' is one argument too many"):format(context.positionals[1]),
      "a command to record comes after --")
  elseif context.command and #context.command == 0 then
    errors.wrong_usage("there is no command behind --", "as in: oc record -- make")
  elseif options.json and STDOUT[options.trace] then
    errors.wrong_usage(("--json and -o %s both want standard output"):format(options.trace),
      "name a file with -o")
  elseif options.rotate and options.overwrite then
    clash("--rotate", "--overwrite")
  elseif options.max_size and (options.rotate or options.overwrite) then
    clash("--max-size", options.rotate and "--rotate" or "--overwrite",
      options.rotate and "--rotate-files limits what is kept")
  elseif options.rotate_files and not options.rotate then
    errors.wrong_usage("--rotate-files goes with --rotate", "as in --rotate 100MiB")
  elseif options.overwrite_memory and not options.overwrite then
    errors.wrong_usage("--overwrite-memory goes with --overwrite", "as in --overwrite 10s")
  elseif options.keep_stacks and not takes_stacks(options) then
    errors.wrong_usage("--keep-stacks goes with --call-graph dwarf",
      "as in --call-graph dwarf --keep-stacks")
  elseif STDOUT[options.trace] and (options.rotate or options.overwrite) then
    errors.wrong_usage((options.rotate and "--rotate" or "--overwrite") .. " needs a file's name",
      "as in -o run.data")
  end
end

local function start(session, context)
  local options = context.options
  local recording, owner = ffi.new("oc_recording"), {}
  local run = run_of.describe(owner, { events = options.events, duration = options.duration,
    buffer = options.buffer, command = context.command, paused = options.paused,
    max_overhead = options.max_overhead })
  recording.output = options.trace
  recording.kernel_build_ids = options.buildid_mmap and 1 or 0
  recording.keeps_stacks = options.keep_stacks and 1 or 0
  recording.compression = options.compress and COMPRESSION_LEVEL or 0
  limits(recording, options)
  if C.oc_session_record(session, run, recording) ~= 0 then session_of.raise(session) end
end

local function drain(session)
  while true do
    local state = C.oc_session_next(session, IDLE_MS)
    if state < 0 then return session_of.problem(session) end
    if state == 0 then return nil end
  end
end

--- What was unwound, and the stacks by the reason of their end.
local function stacks_of(session, raw)
  local ends, index, count = json.object({}), 0, ffi.new("double[1]")
  while true do
    local words = C.oc_session_recorded_end(session, index, count)
    if words == nil then break end
    if count[0] > 0 then ends[ffi.string(words)] = count[0] end
    index = index + 1
  end
  return json.object({ unwound = raw.stacks, frames = raw.stack_frames, ends = ends })
end

--- What the recording came to, as the JSON summary and the last lines have it.
local function summary_of(session, found)
  local raw = ffi.new("oc_recorded")
  local failed = C.oc_session_recorded(session, raw) ~= 0
  local summary = {
    path = ffi.string(raw.path), files = raw.files, file_bytes = raw.file_bytes,
    record_bytes = raw.record_bytes, samples = 0, recorded = raw.samples, by_event = {},
    elapsed_ns = raw.elapsed_ns, span_ns = raw.last_ns - raw.first_ns,
    problem = failed and session_of.problem(session) or nil,
    problem_hint = failed and ffi.string(C.oc_session_error(session).hint) or nil,
  }
  if raw.stacks > 0 then summary.stacks = stacks_of(session, raw) end
  for _, number in ipairs(found) do
    local count = C.oc_session_recorded_samples(session, number)
    if count > 0 then summary.by_event[kinds.read(session, number).name] = count end
    summary.samples = summary.samples + count
  end
  return summary
end

local function print_summary(summary, stats, is_kept)
  local path = summary.files > 1
    and ("%d files up to %s"):format(summary.files, summary.path) or summary.path
  local kept = summary.files > 0 and summary.samples or 0
  if not is_kept then path = "recorded" end
  if summary.recorded > kept then
    say("%s: %s, %.0f events, of %.0f in %s", path, units.format_size(summary.file_bytes), kept,
      summary.recorded, units.format_duration(summary.span_ns))
  else
    say("%s: %s, %.0f events in %s", path, units.format_size(summary.file_bytes), kept,
      units.format_duration(summary.span_ns))
  end
  local share = ""  -- of a run that is hardly longer than its start, it would say nothing
  if summary.elapsed_ns >= SHARE_NS then
    share = (", %.1f %% of one CPU"):format(100 * stats.cpu_ns / summary.elapsed_ns)
  end
  say("own CPU time %s%s", units.format_duration(stats.cpu_ns), share)
end

local function write_json(summary, stats, notes, status)
  local by_cpu = json.object({})
  for cpu, records in pairs(stats.lost_by_cpu) do by_cpu[tostring(cpu)] = records end
  io.stdout:write(json.encode(json.object({ recorded = {
    path = summary.path, files = summary.files, file_bytes = summary.file_bytes,
    record_bytes = summary.record_bytes,
    events = summary.samples, recorded_events = summary.recorded,
    by_event = json.object(summary.by_event), records = stats.records,
    lost = stats.lost, lost_by_cpu = by_cpu, lost_by_event = json.object(stats.lost_by_event),
    span_ns = summary.span_ns, cpu_ns = stats.cpu_ns, notes = notes, stacks = summary.stacks,
    command_status = status >= 0 and status or nil,
  } })), "\n")
end

local function finish(session, context, found)
  local is_finished = C.oc_session_finish(session) == 0
  C.oc_session_end(session)
  if not is_finished then session_of.raise(session) end
  local options = context.options
  local stats, notes = session_of.stats(session), session_of.notes(session)
  local summary = summary_of(session, found)
  local status = C.oc_session_command_status(session)
  if options.json then write_json(summary, stats, notes, status) end
  for _, note in ipairs(notes) do say("%s", note) end
  if not options.quiet then print_summary(summary, stats, options.is_kept) end
  if stats.lost > 0 then report.say_loss(stats, "writing") end
  if status > 0 and not options.quiet then report.say_command(status) end
  if summary.problem then
    say("%s", summary.problem)
    if summary.problem_hint ~= "" then io.stderr:write("  hint: ", summary.problem_hint, "\n") end
    say("what was written before can be read")
    return FAILED
  end
  if options.strict and stats.lost > 0 then return INCOMPLETE end
  if options.exit_status and status >= 0 then return status end
  return 0
end

--- Where the trace lies until the files that were asked for are made of it.
local function temporary_trace()
  local folder = os.getenv("TMPDIR")
  if not folder or folder:sub(1, 1) ~= "/" then folder = "/var/tmp" end
  return ("%s/oc-record-%d-%d.data"):format(folder, ffi.C.getpid(), os.time())
end

--- Of the files of -o the trace, and those that are made of it.
local function place_outputs(options)
  options.trace, options.exports = places.sort(options.output or { "perf.data" })
  options.is_kept = options.trace ~= nil
  if #options.exports == 0 then return end
  options.trace = options.trace or temporary_trace()
  local clash = STDOUT[options.trace] and "-o " .. options.trace or options.rotate and "--rotate"
    or options.overwrite and "--overwrite"
  if clash then
    errors.wrong_usage(("%s leaves no trace that %s could be made of"):format(clash,
      options.exports[1]), "record into a file, then: oc export FILE -o " .. options.exports[1])
  end
end

--- What of the command line is about the files, not about what is recorded.
local function export_options(options)
  return { scenario = options.scenario, force = options.force, quiet = options.quiet,
    verbose = options.verbose, strict = options.strict, frame_pointers = options.frame_pointers,
    call_graph = options.call_graph ~= "none" and options.call_graph and "any" or nil }
end

--- Where the trace is that no file is made of, or not all.
local function tell_trace(options)
  if #options.exports == 0 or options.is_kept then return end
  for _, path in ipairs { options.trace, options.trace .. ".partial" } do
    if C.oc_path_kind(path) ~= 0 then return say("what was recorded is in %s", path) end
  end
end

--- After the recording: Ctrl-C ended that, and may end this, too.
local function write_exports(options)
  C.oc_host_go_on(host_pointer)
  local asked = export_options(options)
  asked.frame_pointers = nil
  local ok, result = pcall(exporter.write, options.trace, options.exports, asked, true)
  if not ok then
    tell_trace(options)
    error(result, 0)
  end
  if not options.is_kept then os.remove(options.trace) end
  return result
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "record", script_name = "record",
    usage = "[-e EVENT,…] [-o FILE] [options] [-- CMD…]", head = HEAD }
  context:finish()
  local options = context.options
  settings.quiet, settings.verbose, settings.json = options.quiet, options.verbose, options.json
  machine_input.run_scripts(options, "record")
  place_outputs(options)
  check(context)
  local asked = ask.of_options(options)
  for _, name in ipairs(options.event_of_scripts or {}) do
    asked.events = asked.events or {}
    table.insert(asked.events, name)
  end
  local session = session_of.new()
  if #options.exports > 0 then
    exporter.check(options.exports, export_options(options), options.trace)
  end
  for _, name in ipairs(machine_input.scenarios(options)) do
    add_scenario(session, name, options, asked, context.command ~= nil)
  end
  add_hooked(session, options, asked)
  if (asked.stacks or "none") == "none" then places.say_no_stacks(options.exports) end
  ask.apply(session, asked, context.command ~= nil)
  local found = resolve(session, options, asked)
  start(session, context)
  local problem = drain(session)
  local ok, status = pcall(finish, session, context, found)
  if problem or not ok then
    if problem then say("%s", problem) end
    tell_trace(options)
    if not ok then error(status, 0) end
    return FAILED
  end
  local interrupted = C.oc_host_interrupted(host_pointer)
  if #options.exports > 0 then
    local exported = write_exports(options)
    status = status ~= 0 and status or exported
  end
  return interrupted == -1 and FAILED or status
end

return M
