--- `oc export TRACE -o OUT`: files for other tools, made of a trace.

local C = require "oc.abi"
local args = require "oc.args"
local errors = require "oc.errors"
local event_files = require "oc.event_files"
local export = require "oc.export"
local hooks = require "oc.hooks"
local input = require "oc.verbs.machine_input"
local kinds = require "oc.kinds"
local places = require "oc.outputs"
local scenario = require "oc.scenario"
local settings = require "oc.settings"
local units = require "oc.units"

local M = {}

local FAILED = 1

local HEAD = [[
--- Files for other tools, made of a trace: several formats from one reading.
---
--- The format is told by the name of the file (oc list formats shows them) or by --format; .gz and
--- .zst behind it compress. - is standard output. A file that is there is not replaced without
--- --force, and one that cannot be completed does not appear. Samples weigh their value (period);
--- with --counts 1 each. The numbers of collapsed stacks are of samples, unless values alone mean
--- something (waits, allocations) or --values asks for them.
---
--- Example: oc export perf.data -o profile.pb.gz
--- Example: oc export perf.data -o stacks.folded -o flame.svg --comm nginx
--- Example: oc export perf.data -o - --format collapsed
]]

--- An output of each process (or name): "out.pb.gz" becomes "out.1234.pb.gz".
local function name_for(path, part)
  local folder, file = path:match("^(.*/)([^/]*)$")
  folder, file = folder or "", file or path
  local stem, extension = file:match("^([^.]+)(.*)$")
  return folder .. (stem or file) .. "." .. part .. (extension or "")
end

--- A file for each life of a process: of a pid that was used again the later ones are PID-2, PID-3.
local function lives_of(machine, options)
  local pids, seen, parts, rows = {}, {}, {}, {}
  for process in machine:processes() do pids[process.id] = process.pid end
  for i, row in ipairs(machine:samples(input.filter(options, machine)):by("process"):rows()) do
    rows[i] = row.id_1
  end
  table.sort(rows)  -- in the order in which they began
  for _, id in ipairs(rows) do
    local pid = pids[id] or 0
    seen[pid] = (seen[pid] or 0) + 1
    local text = seen[pid] == 1 and tostring(pid) or ("%d-%d"):format(pid, seen[pid])
    parts[#parts + 1] = { text = text, pid = pid, id = id }
  end
  for _, part in ipairs(parts) do
    -- Nobody else has its pid: no function is asked for each sample.
    part.filter = part.pid > 0 and seen[part.pid] == 1 and { pid = part.pid }
      or { where = function(s) return s.process == part.id end }
  end
  return parts
end

--- The parts that --per asks for: { text, filter } each, of what the filters let through.
local function parts_of(machine, options)
  if not options.per then return { { filter = {} } } end
  if options.per == "process" then return lives_of(machine, options) end
  local parts, used = {}, {}
  for _, row in ipairs(machine:samples(input.filter(options, machine)):by("comm"):rows()) do
    local text = row[1]
    local name = (text == "" and "unknown" or text):gsub("[^%w_-]", "_")
    while used[name] do name = name .. "_" end  -- names that differ in other characters
    used[name] = true
    parts[#parts + 1] = { text = name, filter = { where = function(s) return s.comm == text end } }
  end
  return parts
end

local function say_written(path, bytes, unit)
  if path == "-" or settings.quiet then return end
  local file = C.oc_path_kind(path) == 1 and io.open(path, "rb")
  if file then
    bytes = file:seek("end")
    file:close()
  end
  io.stderr:write(("oc: wrote %s (%s%s)\n"):format(path, units.format_size(bytes),
    unit and "; its numbers are " .. unit or ""))
end

--- Kinds that the scenarios of this trace use instead of an event that it lacks ("cswitch": the
--- kernel's records of switches): but for those that a file has anyway, or that are about threads.
local function add_kinds_in_use(trace, add)
  for _, entry in ipairs(trace._registered) do
    for _, bound in ipairs(entry.bound or {}) do
      local kind = bound.handler
      local is_wanted = kind.number >= kinds.KERNEL_RECORDS
        or event_files.is_of_a_moment(kind.number)
      if is_wanted then add(kind.name) end
    end
  end
end

--- Those of -e; of a scenario its own, as far as the trace has them; nil: all.
local function names_of_events(trace, options)
  if options.event then return input.events(options) end
  local names, seen, lacks = {}, {}, false
  local function add(name)
    if not seen[name] then names[#names + 1] = name end
    seen[name] = true
  end
  for _, name in ipairs(input.scenarios(options)) do
    local found, optional = scenario.find(name), {}
    for _, event in ipairs(found.optional or {}) do optional[event] = true end
    for _, event in ipairs(found.events) do
      if trace:has(event) then
        add(event)
      else
        lacks = lacks or not optional[event]
      end
    end
  end
  if lacks then add_kinds_in_use(trace, add) end
  return #names > 0 and names or nil
end

local function wanted_of(machine, part, options)
  local wanted = input.filter(options, machine)
  for name, value in pairs(part.filter) do wanted[name] = value end
  wanted.format, wanted.force, wanted.counts = options.format, options.force, options.counts
  wanted.values, wanted.mixed = options.values, part.mixed
  wanted.inlined = not options.no_inlined
  return wanted
end

--- All files of a part. A hook may change the machine and the options: then one after the other.
local function write(machine, outputs, part, options)
  local paths = {}
  for i, path in ipairs(outputs) do paths[i] = part.text and name_for(path, part.text) or path end
  if not hooks.has("export") then
    local wanted = wanted_of(machine, part, options)
    export.write_all(machine, paths, wanted, function(path, bytes)
      say_written(path, bytes, export.unit(machine, path, wanted))
    end)
    return
  end
  for _, path in ipairs(paths) do
    local wanted = wanted_of(machine, part, options)
    if hooks.call("export", machine, path, wanted) then
      say_written(path, machine:export(path, wanted), export.unit(machine, path, wanted))
    end
  end
end

--- The file's part is a trace's, so it is begun before that is read.
local function begin_event_files(trace, paths, options)
  local files, events = {}, #paths > 0 and names_of_events(trace, options) or nil
  for i, path in ipairs(paths) do
    files[i] = event_files.open(trace, path, { format = options.format, force = options.force,
      events = events, filter = input.event_filter(options) })
  end
  return files
end

--- Options that are about samples, or their stacks.
local OF_SAMPLES = { "per", "symbol", "module", "counts", "values", "no_inlined", "records" }

--- Files of events, and those that are made of the machine.
local function sort_outputs(outputs, options)
  local of_events, of_samples = {}, {}
  for _, path in ipairs(outputs) do
    local format = event_files.find(path, export.check(path, options.format))
    local list = format and of_events or of_samples
    list[#list + 1] = path
    for _, name in ipairs(format and OF_SAMPLES or {}) do
      if options[name] then
        errors.wrong_usage(("%s is a file of events, for which there is no --%s"):format(path,
          (name:gsub("_", "-"))), "the formats of samples know it: oc list formats")
      end
    end
  end
  return of_events, of_samples
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "export", script_name = "export",
    usage = "TRACE -o OUT…", head = HEAD }
  context:finish()
  local words, options = context.positionals, context.options
  if words[2] or context.command then
    errors.wrong_usage(("'%s' is one argument too many"):format(words[2] or "--"),
      "oc export perf.data -o profile.pb.gz")
  end
  input.run_scripts(options, "export")
  if options.format == "perfview-xml" then options.format = "perfview" end  -- record-trace's name
  local outputs = options.output
  if not outputs then
    errors.wrong_usage("oc export needs a file to write", "oc export perf.data -o profile.pb.gz")
  end
  if options.per and options.per ~= "process" and options.per ~= "comm" then
    errors.wrong_usage(("--per wants process or comm, not '%s'"):format(options.per))
  end
  if options.per then
    for _, path in ipairs(outputs) do
      if path == "-" then errors.wrong_usage("--per writes several files, and - is one") end
    end
  end
  return M.write(words[1] or options.input or "perf.data", outputs, options)
end

--- What the command line asks for that not every format holds.
local function asked_of(options)
  local asked = { records = options.records, spans = {},
    stacks = options.frame_pointers and "-g" or options.call_graph and "--call-graph" or nil }
  local names = input.scenarios(options)
  for _, name in ipairs(names) do
    local found = scenario.find(name)
    if found.span or found.makes_spans then asked.spans[#asked.spans + 1] = name end
  end
  asked.kinds = math.max(#names, #(input.events(options) or {}))
  return asked
end

--- Before anything is collected: whether the files can be written, and what they cannot hold.
---@param outputs string[]
---@param options table
---@param trace string that they are made of
function M.check(outputs, options, trace)
  places.check_distinct(outputs, trace)
  for _, path in ipairs(outputs) do
    local format = export.check(path, options.format)
    local problem, hint = event_files.problem(path, format)
    if problem then errors.wrong_usage(problem, hint) end
    places.check_place(path, options.per or options.force)
    places.say_lacks(path, format, asked_of(options))
  end
end

--- Reads the trace, and writes the files of events meanwhile.
---@return oc.Machine? machine for the others
---@return boolean ok
local function read(path, of_events, options, how)
  local files
  how.names = true
  how.built = function(trace) files = begin_event_files(trace, of_events, options) end
  local machine, trace = input.load(path, options, how)
  for _, file in ipairs(files) do
    local bytes = file:conclude()
    if bytes then say_written(file.path, bytes) end
  end
  return machine, not (#files > 0 and trace._ended_by_error)
end

--- With --comm files of events are chosen while the trace is read, and a machine needs all of it
--- (who waits, who wakes): these are two readings.
local function read_all(path, of_events, of_samples, options, is_told)
  local is_twice = options.comm and #of_events > 0 and #of_samples > 0
  if is_twice and path == "-" then
    errors.wrong_usage("with --comm, files of events and of samples are two readings, and standard "
      .. "input can be read once", "write it to a file first, or export one of them")
  end
  if is_twice then
    local _, ok = read(path, of_events, options, { machine = false, is_told = is_told })
    if not ok then return nil, false end
    of_events, is_told = {}, true
  end
  return read(path, of_events, options, { machine = #of_samples > 0, is_told = is_told })
end

--- Writes what is made of samples.
local function write_samples(machine, of_samples, options, path)
  local all, nothing = machine:stats(), input.nothing_happened(machine, options, path)
  if nothing and all.spans == 0 then error(errors.new("nothing was written: " .. nothing), 0) end
  local has_none = all.spans == 0
    and (all.samples == 0 or machine:samples(input.filter(options, machine)):total() == 0)
  local why = has_none and input.why_none(machine, machine._owner, options, path)
  if why then error(errors.new("nothing was written: " .. why), 0) end
  local parts = parts_of(machine, options)
  local whole = wanted_of(machine, { filter = {} }, options)
  local is_mixed = options.per and export.is_mixed(machine, whole)
  for _, part in ipairs(parts) do part.mixed = is_mixed or nil end
  for _, part in ipairs(options.per and not options.force and parts or {}) do
    for _, output in ipairs(of_samples) do
      local name = name_for(output, part.text)
      if C.oc_path_kind(name) == 1 then
        errors.wrong_usage(name .. " is there already", "--force replaces it")
      end
    end
  end
  if machine:stats().spans > 0 then
    for _, output in ipairs(of_samples) do
      places.say_spans(output, export.check(output, options.format))
    end
  end
  for _, part in ipairs(parts) do write(machine, of_samples, part, options) end
  hooks.call("finished", machine)
end

--- Reads a trace and writes files of it; the exit status.
---@param path string
---@param outputs string[]
---@param options table
---@param is_checked? boolean
---@return integer
function M.write(path, outputs, options, is_checked)
  settings.quiet = options.quiet
  if not is_checked then M.check(outputs, options, path) end
  local of_events, of_samples = sort_outputs(outputs, options)
  local machine, ok = read_all(path, of_events, of_samples, options, is_checked)
  if not ok then return FAILED end
  if machine then write_samples(machine, of_samples, options, path) end
  return input.exit_status(options)
end

return M
