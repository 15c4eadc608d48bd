--- What a process is beside its name: cgroup, container, id in its namespace.
--
-- A sample that names its cgroup tells it exactly. Otherwise, live, /proc is read once for a thread
-- and name: a launched program changes its name after it was put into its container.

local C = require "oc.abi"
local ffi = require "ffi"

---@class oc.ProcessFacts
---@field cgroup string
---@field container string
---@field ns_pid integer 0: not known

local M = {}

local unknown = { cgroup = "", container = "", ns_pid = 0 }

local function copy_of(raw)
  return { cgroup = ffi.string(raw.cgroup), container = ffi.string(raw.container),
    ns_pid = raw.ns_pid }
end

--- The functions of one session; `held[1]` is it, weakly.
---@return fun(d: ffi.cdata*): oc.ProcessFacts group_of
---@return fun(d: ffi.cdata*): oc.ProcessFacts process_of
function M.make(held, runtime)
  local raw, groups, threads, names = ffi.new("oc_process"), {}, {}, {}

  local function load_group(id)
    if not held[1] then return unknown end
    local found = C.oc_session_cgroup(held[1], id, raw) == 1
    local facts = found and copy_of(raw)
      or { cgroup = ("cgroup:%d"):format(id), container = "", ns_pid = 0 }
    if found then groups[id] = facts end  -- a record of its name may still come
    return facts
  end

  local function group_of(d)
    local id = runtime.tail(d, "cgroup", false)
    return groups[id] or load_group(id)
  end

  local function load_process(d)
    if not held[1] then return unknown end
    local found = C.oc_session_process(held[1], d.pid, raw) == 1
    local facts = found and copy_of(raw) or threads[d.thread] or unknown
    if d.thread ~= 0 then threads[d.thread], names[d.thread] = facts, d.comm end
    return facts
  end

  local function process_of(d)
    local facts = threads[d.thread]
    if facts and names[d.thread] == d.comm then return facts end
    return load_process(d)
  end

  return group_of, process_of
end

return M
