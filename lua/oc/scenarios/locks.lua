--- How long threads wait in futex: the system call that waits for the locks of libraries.

-- The operations of futex(2) that wait, of linux/futex.h: WAIT, LOCK_PI, WAIT_BITSET,
-- WAIT_REQUEUE_PI, LOCK_PI2. The others wake, move or try.
local waits = { [0] = true, [6] = true, [9] = true, [11] = true, [13] = true }
local COMMANDS = 0x80  -- of op; from there on are FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME

return {
  name = "locks", summary = "how long threads wait for locks (futex)",
  events = { "raw_syscalls:sys_enter", "raw_syscalls:sys_exit" }, stacks = "fp",
  makes_spans = true,
  setup = function(trace, add, add_span)
    local timeline = require "oc.timeline"
    local line, futex, always = timeline.new(), -1, {}
    for number, name in pairs(trace:syscalls()) do
      if name == "futex" then futex = number end
      always[number] = name == "futex_wait" or name == "futex_waitv" or nil
    end
    local has_operation = false
    for _, field in ipairs(trace:event("raw_syscalls:sys_enter").format) do
      has_operation = has_operation or field.name == "args"
    end
    local function is_wait(e)
      return always[e.id] or not has_operation
        or waits[e.args.args[2] % COMMANDS]
    end
    local others = {}  -- threads that are in a futex call that does not wait
    trace:on("raw_syscalls:sys_enter", function(e)
      local id = e.id
      if id ~= futex and not always[id] then return end
      others[e.tid] = nil
      if is_wait(e) then
        line:start(e.tid, e.time, e:get "stack" or false)
      else
        others[e.tid] = true
      end
    end)
    trace:on("raw_syscalls:sys_exit", function(e)
      if e.id ~= futex and not always[e.id] then return end
      if others[e.tid] then
        others[e.tid] = nil
        return
      end
      local began, stack = line:finish(e.tid)
      if not began then return end
      add { kind = "locks", type = "duration", event = e, value = e.time - began,
        stack = stack or nil }
      add_span { kind = "locks", name = "futex", event = e, start = began, finish = e.time }
    end)
    return line
  end,
}
