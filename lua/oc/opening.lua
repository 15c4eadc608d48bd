--- How a trace is opened, also on another input later: on the next one of several, or on a recorded
--- one when the kernel refuses.

local C = require "oc.abi"
local ask = require "oc.ask"
local errors = require "oc.errors"
local open_options = require "oc.open_options"
local phases = require "oc.phases"
local profile = require "oc.profile"
local proxies = require "oc.proxy"
local registering = require "oc.registering"
local session = require "oc.session"
local settings = require "oc.settings"
local timers = require "oc.timers"
local view = require "oc.view"

local M = {}

local PERMISSION = 2

local function attach(self, path)
  self._source = self._options.source
  self._path = self._source and self._source.name or path
  self._session, self._out = session.new(path, self._source)
  local command = settings.run.command
  local is_live = not self._path and not self._source
  ask.apply(self._session, self._asked, is_live and command ~= nil and #command > 0)
  self._runtime = view.runtime(self._session)
  self._views, self._handlers, self._by_kind = {}, {}, {}
  self._left_out, self._fits, self._misfit = {}, 0, nil  -- by --filter
  self._proxied = {}
  proxies.reattach(self)
  if self._machine and not self._profile then self._machine._raw = nil end
end

local function copy_with(options, more)
  local copy = {}
  for name, value in pairs(options) do copy[name] = value end
  for name, value in pairs(more) do copy[name] = value end
  return copy
end

--- A trace whose callbacks are still to come.
---@param options oc.OpenOptions
---@param class table its methods
---@return oc.Trace
function M.open(options, class)
  local given = open_options.read(options)
  local self = setmetatable({
    _options = options, _asked = ask.merge(ask.of_open(options), settings.run.asked or {}),
    _window = given.window, _buffer_bytes = given.buffer_bytes,
    _spool_bytes = given.spool_bytes,
    _max_overhead = given.max_overhead, _phases = phases.new(given.paused), _registered = {},
    _pushdown = options.pushdown ~= false,
    _proxies = {}, _queue = proxies.new_queue(), _timers = timers.new(), _at_end = {},
    _ran = false, _stopping = false, _scratch = {}, _told = {}, _used = {},
    _opened_at = errors.script_line(),
  }, class)
  if given.path and not options.source then
    local raw, problem = profile.open(given.path)
    if problem then error(problem, 0) end
    if raw then
      self._profile, options = raw, copy_with(options, { source = profile.source(given.path) })
      self._options, given.path = options, nil
    end
  end
  if options.machine and not self._asked.stacks then
    local has_all = given.path or options.source
    if has_all then self._asked.stacks = "any" else self._asked.symbols = true end
  end
  attach(self, given.path)
  if options.cgroups then C.oc_session_sample_cgroups(self._session) end
  return self
end

local function register_again(self)
  for _, entry in ipairs(self._registered) do
    entry.bound = nil
    registering.register(self, entry)
  end
end

--- Goes on to another recorded trace, or to the same from its beginning: all that was declared is
--- declared there.
---@param self oc.Trace
---@param path string
function M.reopen(self, path)
  attach(self, path)
  if self._options.cgroups then C.oc_session_sample_cgroups(self._session) end
  for _, tell in ipairs(self._told) do tell(self._session) end
  register_again(self)
end

--- Falls back to the trace that OC_FALLBACK_TRACE names when the kernel refuses: says why, then
--- starts over on that file. False when that is not possible.
local function fall_back(self, err)
  local path = os.getenv("OC_FALLBACK_TRACE")
  if self._path or not path or path == "" or err.code ~= PERMISSION then return false end
  io.stderr:write("oc: ", err.message, "\n")
  if err.hint then io.stderr:write("    ", err.hint, "\n") end
  io.stderr:write("    instead, the script runs on the recorded trace ", path, "\n")
  if settings.run.command then
    io.stderr:write("    the command is not run: ", table.concat(settings.run.command, " "), "\n")
  end
  attach(self, path)
  register_again(self)
  return true
end

--- Runs `body`; when the kernel refuses, falls back and runs it again.
function M.with_fallback(self, body)
  local ok, result = pcall(body)
  if ok then return result end
  if type(result) == "table" and fall_back(self, result) then return body() end
  error(result, 0)
end

return M
