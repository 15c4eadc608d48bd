--- Files made of a machine: built-in formats, and those that scripts declare.

local C = require "oc.abi"
local errors = require "oc.errors"
local event_files = require "oc.event_files"
local ffi = require "ffi"
local nearest = require "oc.nearest"
local selection = require "oc.selection"

local M = {}

local IS_FILE = 1  -- oc_path_kind

-- Formats -----------------------------------------------------------------------------------------

local declared = {}  -- by name: oc.exporter's tables

---@class oc.Format
---@field name string
---@field summary string
---@field extensions string[]
---@field holds table<string, boolean> stacks, times, threads, …

local holds_names = { "stacks", "times", "threads", "process_names", "lines", "build_ids", "kinds",
  "spans", "attributes", "losses" }

--- Those that show payloads kept with samples.
local has_records = { chrome = true, csv = true, jsonl = true, sqlite = true }

--- All formats, by name.
---@return oc.Format[]
function M.formats()
  local raw, list, i = ffi.new("oc_format"), {}, 0
  while C.oc_format_at(i, raw) == 1 do
    local format = { name = ffi.string(raw.name), summary = ffi.string(raw.summary),
      extensions = {}, holds = {}, is_binary = raw.is_binary ~= 0 }
    for extension in ffi.string(raw.extensions):gmatch("%S+") do
      table.insert(format.extensions, extension)
    end
    for _, name in ipairs(holds_names) do format.holds[name] = raw["holds_" .. name] ~= 0 end
    format.holds.records = has_records[format.name]
    list[#list + 1] = format
    i = i + 1
  end
  for _, exporter in pairs(declared) do list[#list + 1] = exporter end
  for _, format in ipairs(event_files.FORMATS) do list[#list + 1] = format end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

--- Declares a format of the script's own: beside the built-in ones everywhere.
---@param exporter { name: string, summary?: string, extension?: string, write: fun(m, out) }
function M.declare(exporter)
  if type(exporter) ~= "table" or type(exporter.name) ~= "string"
    or type(exporter.write) ~= "function" then
    errors.misuse("oc.exporter wants { name = …, write = function(machine, out) … end }",
      { token = "exporter" })
  end
  for _, format in ipairs(M.formats()) do
    if format.name == exporter.name then
      errors.misuse(("there is a format '%s' already"):format(exporter.name),
        { token = exporter.name })
    end
  end
  local extension = exporter.extension
  declared[exporter.name] = { name = exporter.name, summary = exporter.summary or "",
    extensions = extension and { extension } or {}, holds = {}, write = exporter.write }
end

--- The format of a path: a declared one whose extension is longer wins.
local function format_of(path, name)
  if name then return declared[name], name end
  local best, longest = nil, 0
  local stem = path:gsub("%.gz$", ""):gsub("%.zst$", "")
  for _, exporter in pairs(declared) do
    local extension = exporter.extensions[1]
    if extension and #extension > longest
      and (path:sub(-#extension) == extension or stem:sub(-#extension) == extension) then
      best, longest = exporter, #extension
    end
  end
  return best, nil
end

--- Whether its name tells a format of samples.
---@param path string
---@return boolean
function M.knows(path)
  return format_of(path) ~= nil or C.oc_format_of_path(path) ~= nil
end

--- The formats whose files end so: "svg".
local function with_extension(name)
  local found = {}
  for _, format in ipairs(M.formats()) do
    for _, extension in ipairs(format.extensions) do
      if extension == "." .. name:gsub("^%.", ""):lower() then found[#found + 1] = format.name end
    end
  end
  return found
end

--- What is wrong with a format's name, or with a path that is to tell one; nil: nothing.
---@param path string
---@param name? string
---@return string? problem
---@return string? hint
function M.problem(path, name)
  local names = {}
  for _, format in ipairs(M.formats()) do
    names[#names + 1] = format.name
    if name and format.name == name then return nil end
  end
  local all = "there are: " .. table.concat(names, ", ")
  if name then
    return ("there is no format '%s'"):format(name), nearest.hint(name, names)
      or nearest.ask(with_extension(name)) or all
  end
  if M.knows(path) or event_files.find(path) then return nil end
  return ("the name %s tells no format"):format(path), all
end

--- Wrong usage when nothing can be written to that path: its format, before anything is collected.
---@param path string
---@param name? string
---@return string format
function M.check(path, name)
  local problem, hint = M.problem(path, name)
  if problem then errors.wrong_usage(problem, not name and "say --format; " .. hint or hint) end
  if name then return name end
  local own = format_of(path) or event_files.find(path)
  return own and own.name or ffi.string(C.oc_format_of_path(path))
end

-- Options -----------------------------------------------------------------------------------------

local function raw_options(options)
  local raw = ffi.new("oc_export_options")
  raw.format, raw.title = options.format, options.title
  raw.overwrites = options.force and 1 or 0
  raw.no_inlined = options.inlined == false and 1 or 0
  raw.counts = options.counts and 1 or 0
  raw.values = options.values and 1 or 0
  raw.mixed = options.mixed and 1 or 0
  return raw
end

M.keys = { format = true, force = true, inlined = true, counts = true, values = true, mixed = true,
  title = true }

local function filter_of(options)
  local filter = {}
  for name, value in pairs(options) do
    if not M.keys[name] then filter[name] = value end
  end
  return filter
end

--- What the numbers of a file are, where nothing in it tells: of collapsed stacks.
---@param machine oc.Machine
---@param path string
---@param options table as `write` has it
---@return string? "samples", "ns of off_cpu"
function M.unit(machine, path, options)
  if format_of(path, options.format) then return nil end
  local format = options.format or C.oc_format_of_path(path)
  if not format or format == nil or ffi.string(format) ~= "collapsed" then return nil end
  local chosen = selection.make(machine, filter_of(options), M.keys)
  return ffi.string(C.oc_selection_folded_unit(chosen, raw_options(options)))
end

--- Whether samples are of several kinds, so that numbers of their parts can only be of samples.
---@param machine oc.Machine
---@param options table
---@return boolean
function M.is_mixed(machine, options)
  local chosen = selection.make(machine, filter_of(options), M.keys)
  return C.oc_selection_has_measure(chosen, raw_options(options)) == 0
end

-- Writing -----------------------------------------------------------------------------------------

local Out = {}
Out.__index = Out

--- Writes text or bytes.
function Out:write(...)
  for i = 1, select("#", ...) do
    local piece = tostring((select(i, ...)))
    C.oc_output_write(self._raw, piece, #piece)
    self._bytes = self._bytes + #piece
  end
  return self
end

local function write_declared(machine, path, exporter, options)
  local raw = C.oc_output_open(machine._raw, path, options.force and 1 or 0)
  if raw == nil then machine._raise(machine) end
  local out = setmetatable({ _raw = raw, _bytes = 0, path = path }, Out)
  local ok, err = pcall(exporter.write, machine, out, options)
  if not ok then
    C.oc_output_abandon(raw)
    error(errors.make(err), 0)  -- the script's, with its line
  end
  if C.oc_output_finish(raw) ~= 0 then machine._raise(machine) end
  return out._bytes
end

--- Raises what is wrong with a script's export before the machine is filled.
---@param path string
---@param options? table
function M.check_call(path, options)
  options = options or {}
  if type(path) ~= "string" then
    errors.misuse("export wants a path first", { token = "export" })
  end
  if not format_of(path, options.format) then  -- those of scripts have options of their own
    local of_events = event_files.find(path, options.format)
    if of_events then
      errors.misuse(("'%s' is written while a trace is read, and a machine is made of it")
        :format(of_events.name), { token = "export", hint = "trace:export(path), before the run" })
    end
    selection.check(options, M.keys)
    local problem, hint = M.problem(path, options.format)
    if problem then errors.misuse(problem, { token = options.format or path, hint = hint }) end
  end
  if not options.force and C.oc_path_kind(path) == IS_FILE then
    errors.misuse(path .. " is there already", { token = path, hint = "force = true replaces it" })
  end
end

--- With copies of the lists in it: a script's exporter may change what it is given.
local function copy_of(options)
  local copy = {}
  for name, value in pairs(options or {}) do
    if type(value) == "table" then
      local list = {}
      for key, item in pairs(value) do list[key] = item end
      value = list
    end
    copy[name] = value
  end
  return copy
end

--- Raises where filters let nothing through: a file of it would look like a result. Spans may be
--- what is there instead.
local function check_any(machine, chosen, path)
  local stats = machine:stats()
  if stats.samples == 0 or stats.spans > 0 or C.oc_selection_count(chosen) > 0 then return end
  error(errors.new(("%s was not written: none of the %.0f samples passes the filters"):format(
    path, machine:samples():total())), 0)
end

--- Writes the machine's samples to a file.
---@param machine oc.Machine
---@param path string
---@param options? table
---@return number bytes before compression, also of a format of a script's own
function M.write(machine, path, options)
  errors.want_table(options, "export", "as in m:export(path, { force = true })")
  options = copy_of(options)
  M.check_call(path, options)
  local own = format_of(path, options.format)
  if own then return write_declared(machine, path, own, options) end
  local chosen = selection.make(machine, filter_of(options), M.keys)
  check_any(machine, chosen, path)
  local raw = raw_options(options)
  io.stdout:flush()  -- what was printed comes before, also where the file is standard output
  local bytes = C.oc_selection_export(chosen, path, raw)
  if bytes < 0 then machine._raise(machine) end
  return bytes
end

--- How many of the paths from the first on can be written at the same time.
local function count_together(paths, first, options)
  local count = 0
  while first + count <= #paths do
    local path = paths[first + count]
    if format_of(path, options.format) or C.oc_exports_can(path, options.format) == 0 then break end
    count = count + 1
  end
  return count
end

local function write_together(machine, paths, options, written)
  local chosen = selection.make(machine, filter_of(options), M.keys)
  check_any(machine, chosen, paths[1])
  local exports = ffi.gc(C.oc_exports_new(chosen, raw_options(options)), C.oc_exports_close)
  if exports == nil then machine._raise(machine) end
  local ok, err = pcall(function()
    for _, path in ipairs(paths) do
      if C.oc_exports_add(exports, path) ~= 0 then machine._raise(machine) end
    end
    C.oc_exports_start(exports)
    for i, path in ipairs(paths) do
      local bytes = C.oc_exports_finish(exports, i - 1)
      if bytes < 0 then machine._raise(machine) end
      written(path, bytes)
    end
  end)
  -- Its threads end here; what is not written yet is given up.
  C.oc_exports_close(ffi.gc(exports, nil))
  if not ok then error(err, 0) end
end

--- Writes the machine's samples to several files, at the same time where their formats allow it.
--- Files appear, and errors are raised, in their order.
---@param machine oc.Machine
---@param paths string[]
---@param options? table as `write` has it
---@param written fun(path: string, bytes: number) called after each
function M.write_all(machine, paths, options, written)
  options = options or {}
  local i = 1
  while i <= #paths do
    local count = count_together(paths, i, options)
    if count > 1 then
      write_together(machine, { unpack(paths, i, i + count - 1) }, options, written)
    else
      written(paths[i], M.write(machine, paths[i], options))
      count = 1
    end
    i = i + count
  end
end

return M
