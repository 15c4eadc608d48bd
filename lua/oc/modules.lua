--- The modules of a recorded trace: which samples are in them, where their names come from, and an
--- archive of them. What `oc symbols TRACE` and `oc archive` share.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local kinds = require "oc.kinds"
local progress = require "oc.progress"
local run_of = require "oc.run"
local session_of = require "oc.session"
local settings = require "oc.settings"

local M = {}

---@class oc.Module one module of a trace; texts are nil where nobody tells
---@field path string
---@field build_id? string
---@field samples number taken in its code
---@field in_stacks number with a frame of it in their stack
---@field named number of `samples`, those whose function is known
---@field symbols number
---@field names_from? string who tells most names
---@field origin? string of names of no file
---@field file? string that was opened
---@field debug_file? string
---@field reason? string why there are no names, or few
---@field no_lines? string why there are no lines
---@field verified boolean the trace's build id and the file's are the same
---@field tried string[] places of debug files, and what lay there

local Modules = {}
Modules.__index = Modules

local IDLE_MS = 100
local BY_CHAINS_AND_STACKS = 2

--- True for what oc reads as a trace: a recording, or an archive of one.
---@param path string
---@return boolean
function M.is_trace(path)
  local file = io.open(path, "rb")
  if not file then return false end
  local head = file:read(512) or ""
  file:close()
  local magic = head:sub(1, 8)
  if magic == "PERFILE2" or magic == "2ELIFREP" then return true end
  if path:find("%.ko%.%w+$") then return false end  -- a kernel module, packed
  return head:sub(1, 4) == "\40\181\47\253" or head:sub(1, 2) == "\31\139"
    or head:sub(1, 6) == "\253\55\122\88\90\0" or head:sub(258, 262) == "ustar"
end

--- Reads all samples of a trace.
---@param path string
---@return table modules
function M.read(path)
  local session = session_of.new(path)
  local self = setmetatable({ session = session, path = path }, Modules)
  C.oc_session_stacks(session, BY_CHAINS_AND_STACKS, 1)
  for number = kinds.KERNEL_RECORDS, C.oc_session_kind_count(session) - 1 do
    C.oc_session_want(session, number)
  end
  local owner = {}
  if C.oc_session_start(session, run_of.describe(owner, {})) ~= 0 then
    session_of.raise(session)
  end
  self.modules = ffi.gc(C.oc_modules_new(session), C.oc_modules_close)
  progress.start()
  while true do
    local state = C.oc_session_next(session, IDLE_MS)
    if state < 0 then
      progress.stop()
      session_of.raise(session)
    end
    if state == 0 then break end
    C.oc_modules_count(self.modules)
  end
  progress.stop()
  if C.oc_session_finish(session) ~= 0 then session_of.raise(session) end
  for _, note in ipairs(session_of.notes(session)) do io.stderr:write("oc: ", note, "\n") end
  return self
end

--- The signal that ended the reading early; nil when none did.
---@return integer?
function Modules.interrupted()
  local signal = C.oc_host_interrupted(session_of.host_pointer)
  return signal > 0 and signal or nil
end

--- Ends the reading; how many modules there are.
---@param options { all?: boolean, names?: boolean }
---@return integer
function Modules:finish(options)
  local count = C.oc_modules_finish(self.modules, options.all and 1 or 0, options.names and 1 or 0)
  if count < 0 then session_of.raise(self.session) end
  return count
end

local function text_of(raw)
  local text = ffi.string(raw)
  return text ~= "" and text or nil
end

--- Each module, those with most samples first; its files are opened.
---@return fun(): oc.Module?
function Modules:each()
  local raw, index = ffi.new("oc_module"), -1
  return function()
    index = index + 1
    if C.oc_modules_read(self.modules, index, raw) == 0 then return nil end
    local module = {
      path = ffi.string(raw.path), samples = raw.samples, in_stacks = raw.in_stacks,
      named = raw.named, symbols = raw.symbols, verified = raw.is_verified ~= 0, tried = {},
      pid = raw.pid ~= 0 and raw.pid or nil, lines = raw.no_lines[0] == 0,
      build_id = text_of(raw.build_id), names_from = text_of(raw.names_from),
      origin = text_of(raw.origin), file = text_of(raw.file), debug_file = text_of(raw.debug),
      reason = text_of(raw.reason), no_lines = text_of(raw.no_lines),
    }
    while true do
      local tried = C.oc_modules_tried(self.modules, #module.tried)
      if tried == nil then return module end
      module.tried[#module.tried + 1] = ffi.string(tried)
    end
  end
end

---@class oc.Archived
---@field what string as the trace calls it
---@field name? string in the archive; nil: left out
---@field reason? string why
---@field bytes number

--- Writes the trace and its modules to an archive.
---@param output string
---@param replaces boolean
---@return oc.Archived[]
function Modules:archive(output, replaces)
  if C.oc_modules_archive(self.modules, self.path, output, replaces and 1 or 0) ~= 0 then
    if self.interrupted() then error(errors.new("interrupted", { exit_status = 130 }), 0) end
    session_of.raise(self.session)
  end
  local files, raw = {}, ffi.new("oc_archived")
  while C.oc_modules_archived(self.modules, #files, raw) == 1 do
    files[#files + 1] = { what = ffi.string(raw.what), name = text_of(raw.name),
      reason = text_of(raw.reason), bytes = raw.bytes }
  end
  return files
end

--- Takes what the options say of how results and talk are shown.
function M.apply(options)
  settings.quiet, settings.verbose, settings.json = options.quiet, options.verbose, options.json
  settings.use_debuginfod(options.debuginfod)
  progress.make_way()
end

return M
