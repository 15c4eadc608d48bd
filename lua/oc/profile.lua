--- Profiles that other tools wrote (pprof, collapsed stacks): they open like traces without events,
--- and have a machine.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local session = require "oc.session"
local sources = require "oc.source"

local M = {}

local problem, hint = ffi.new "const char *[1]", ffi.new "const char *[1]"

--- The machine of such a file; nil when it is none, with an error where it could be a damaged one.
---@param path string
---@return ffi.cdata*? machine
---@return oc.errors.Error? problem
function M.open(path)
  local raw = C.oc_profile_open(session.host_pointer, path, problem, hint)
  if raw ~= nil then return ffi.gc(raw, C.oc_profile_close) end
  if problem[0] == nil then return nil end
  local what, words = ffi.string(problem[0]), ffi.string(hint[0])
  -- Of what is no profile at all, whoever opens traces has more to say.
  local is_line = what:sub(1, #path) == path and what:find("^:%d+: ", #path + 1)
  if not is_line and not what:find("pprof", 1, true) and not what:find("UTF-16", 1, true)
    or what:find("is neither", 1, true) then
    return nil
  end
  return nil, errors.new(what, { hint = words ~= "" and words or nil })
end

--- What feeds its trace: nothing happens in it.
---@return oc.Source
function M.source(path)
  return sources.make { name = path:match("[^/]+$"), next = function() end,
    events = { profile = { { "nothing", "u8" } } } }
end

return M
