--- Where the files of a command line go: checked before anything is collected or read, and what
--- their formats cannot hold is told then.

local C = require "oc.abi"
local errors = require "oc.errors"
local event_files = require "oc.event_files"
local export = require "oc.export"
local ffi = require "ffi"
local nearest = require "oc.nearest"
local settings = require "oc.settings"

ffi.cdef [[
int access(const char *path, int mode);
char *realpath(const char *path, char *resolved);
typedef void (*oc_signal_handler)(int);
oc_signal_handler signal(int number, oc_signal_handler handler);
]]

local M = {}

local FILE, FOLDER, OTHER = 1, 2, 3  -- oc_path_kind; OTHER: a device, a pipe
local MAY_WRITE = 2  -- W_OK
local PATH_BYTES = 4096  -- PATH_MAX
local SIGXFSZ, IGNORED = 25, ffi.cast("oc_signal_handler", 1)  -- SIG_IGN

--- Rights are not all: root has them in /proc, too.
local function takes_files(folder)
  local name = ("%s/.oc-%d.probe"):format(folder, C.oc_host_pid())
  local file = io.open(name, "wb")
  if not file then return false end
  file:close()
  os.remove(name)
  return true
end

--- Wrong usage where nothing can be written to that path.
---@param path string
---@param replaces? boolean what is there goes
function M.check_place(path, replaces)
  if path == "-" then return end
  local kind = C.oc_path_kind(path)
  if kind == FOLDER then errors.wrong_usage(path .. " is a folder, not a file") end
  if kind == FILE and not replaces then
    errors.wrong_usage(path .. " is there already", "--force replaces it")
  end
  local folder = path:match("^(.*/)[^/]*$") or "."
  if C.oc_path_kind(folder) ~= FOLDER then
    errors.wrong_usage(("%s: there is no folder %s"):format(path, folder), "mkdir -p " .. folder)
  end
  local can_write = kind == OTHER or ffi.C.access(folder, MAY_WRITE) == 0 and takes_files(folder)
  if not can_write then
    errors.wrong_usage(("%s: nothing can be written into the folder %s"):format(path, folder),
      "name another one, or ask for rights there")
  end
end

--- The same of all spellings of a file's path, also where there is none yet.
local function identity(path)
  local resolved = ffi.new("char[?]", PATH_BYTES)
  if ffi.C.realpath(path, resolved) ~= nil then return ffi.string(resolved) end
  local folder, name = path:match("^(.*/)([^/]*)$")
  if ffi.C.realpath(folder or ".", resolved) == nil then return path end
  return ffi.string(resolved) .. "/" .. (name or path)
end

local function write_all(path, text)
  ffi.C.signal(SIGXFSZ, IGNORED)  -- a limit of sizes is an error of the write
  local file, problem = io.open(path, "wb")
  if not file then return nil, problem end
  local ok, failure = file:write(text)
  local closed, late = file:close()
  return ok and closed, failure or late
end

--- Writes a text as a file: complete, or not at all. `check_place` was asked before.
---@param path string
---@param text string
function M.write_file(path, text)
  local target = C.oc_path_kind(path) == OTHER and path or nil
  local place = target or identity(path)
  local folder = place:match("^(.*/)[^/]*$") or "./"
  local partial = target or ("%s.oc-%d.partial"):format(folder, C.oc_host_pid())
  local ok, problem = write_all(partial, text)
  if ok and not target then ok, problem = os.rename(partial, place) end
  if ok then return end
  if not target then os.remove(partial) end
  local reason = tostring(problem):gsub("^.*%.partial: ", "")
  error(errors.new(("cannot write %s: %s"):format(path, reason)), 0)
end

--- Wrong usage where two outputs are one file, or one is the trace that they are made of.
---@param paths string[]
---@param trace string
function M.check_distinct(paths, trace)
  local named, input = {}, trace ~= "-" and identity(trace) or nil
  for _, path in ipairs(paths) do
    local same = path == "-" and path or identity(path)
    if named[same] then
      errors.wrong_usage(named[same] == path and ("-o %s is given twice"):format(path)
        or ("-o %s and -o %s are the same file"):format(named[same], path),
        "each file has a name of its own")
    elseif same == input then
      errors.wrong_usage(("-o %s is the trace itself"):format(path),
        "name another file: what is read cannot be replaced meanwhile")
    end
    named[same] = path
  end
end

--- Wrong usage where a trace's name has the extension of nothing: it may be a slip (.svgg).
---@param path string
local function check_extension(path)
  local name = path:match("[^/]*$")
  local extension = name:match("[^.](%.%a[%w_]*)$")
  if not extension or name:find("%.data%f[^%w]") then return end
  local known = { ".data" }
  for _, format in ipairs(export.formats()) do
    for _, each in ipairs(format.extensions) do known[#known + 1] = each end
  end
  errors.wrong_usage(("-o %s: nothing has the extension %s"):format(path, extension),
    (nearest.hint(extension, known) or "oc list formats shows what there is")
      .. "; a trace is called " .. name:sub(1, -#extension - 1) .. ".data")
end

--- Of `oc record`: the one trace among the files, and those that are made of it. Names of
--- traces end with .data, or have no extension.
---@param paths string[]
---@return string? trace
---@return string[] exports
function M.sort(paths)
  local trace, exports = nil, {}
  for _, path in ipairs(paths) do
    local of_events = event_files.find(path)
    local is_export = of_events and of_events.name ~= "perfdata"
      or not of_events and export.knows(path)
    if not is_export then check_extension(path) end
    if is_export then
      exports[#exports + 1] = path
    elseif trace then
      errors.wrong_usage(("-o %s and -o %s are both traces"):format(trace, path),
        "one trace, and files of other formats beside it: oc list formats")
    else
      trace = path
    end
  end
  return trace, exports
end

local function format_named(name)
  for _, format in ipairs(export.formats()) do
    if format.name == name then return format end
  end
end

local said = {}  -- by path: that its format has no spans

local function say(path, name, lacks)
  io.stderr:write(("oc: %s: %s cannot hold %s\n"):format(path, name, table.concat(lacks, "; nor ")))
end

---@class oc.Asked what a user wants to see in a file
---@field stacks? string the option that asks for it
---@field spans? string[] scenarios that make some
---@field kinds? integer how many kinds of samples
---@field records? boolean

--- Says which of these files want stacks that nobody asked for, before it is too late.
---@param paths string[]
function M.say_no_stacks(paths)
  for _, path in ipairs(settings.quiet and {} or paths) do
    local format = not event_files.find(path) and format_named(export.check(path))
    if format and format.holds.stacks then
      io.stderr:write(("oc: %s: without -g (or --call-graph dwarf) there are no stacks in it, only "
        .. "the functions where samples were taken\n"):format(path))
    end
  end
end

--- Says what the format of a path cannot hold of it; of formats that scripts declare nobody knows.
---@param path string
---@param name string of the format
---@param asked oc.Asked
function M.say_lacks(path, name, asked)
  local format = format_named(name)
  if settings.quiet or not format or next(format.holds) == nil then return end
  local holds, lacks = format.holds, {}
  if asked.stacks and not holds.stacks then
    lacks[#lacks + 1] = "stacks (" .. asked.stacks .. ")"
  end
  if #(asked.spans or {}) > 0 and not holds.spans then
    lacks[#lacks + 1] = "spans of " .. table.concat(asked.spans, ", ")
    said[path] = true
  end
  if (asked.kinds or 1) > 1 and not holds.kinds then
    lacks[#lacks + 1] = "several kinds of samples: they are counted together"
  end
  if asked.records and not holds.records then lacks[#lacks + 1] = "records of samples" end
  if #lacks > 0 then say(path, name, lacks) end
end

--- Spans were made, by a script that did not tell beforehand: says it when the format cannot hold
--- them, unless that was said.
---@param path string
---@param name string of the format
function M.say_spans(path, name)
  local format = format_named(name)
  if settings.quiet or said[path] or not format or next(format.holds) == nil then return end
  if not format.holds.spans then say(path, name, { "the spans that were made" }) end
end

return M
