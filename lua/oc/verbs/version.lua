--- `oc version`.

local ffi = require "ffi"
local C = require "oc.abi"

local M = {}

function M.run()
  local text = "oc %s (%s, %s %s)\n"
  io.stdout:write(text:format(ffi.string(C.oc_version()), jit.version, jit.os, jit.arch))
  return 0
end

return M
