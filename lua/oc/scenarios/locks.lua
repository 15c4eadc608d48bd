--- How long threads wait in futex: the system call that waits for the locks of libraries.

return {
  name = "locks", summary = "how long threads wait for locks (futex)",
  events = { "raw_syscalls:sys_enter", "raw_syscalls:sys_exit" }, stacks = "fp",
  makes_spans = true,
  setup = function(trace, add, add_span)
    local timeline = require "oc.timeline"
    local line, futex = timeline.new(), {}
    for number, name in pairs(trace:syscalls()) do
      if name == "futex" or name == "futex_wait" then futex[number] = true end
    end
    trace:on("raw_syscalls:sys_enter", function(e)
      if futex[e.id] then line:start(e.tid, e.time, e:get "stack" or false) end
    end)
    trace:on("raw_syscalls:sys_exit", function(e)
      if not futex[e.id] then return end
      local began, stack = line:finish(e.tid)
      if not began then return end
      add { kind = "locks", type = "duration", event = e, value = e.time - began,
        stack = stack or nil }
      add_span { kind = "locks", name = "futex", event = e, start = began, finish = e.time }
    end)
    return line
  end,
}
