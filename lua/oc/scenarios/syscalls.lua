--- How long system calls take, each a span with its name.

return {
  name = "syscalls", by = "attribute:name", summary = "how long system calls take",
  events = { "raw_syscalls:sys_enter", "raw_syscalls:sys_exit" },
  setup = function(trace, add, add_span)
    local timeline = require "oc.timeline"
    local line, names = timeline.new(), trace:syscalls()
    trace:on("raw_syscalls:sys_enter", function(e) line:start(e.tid, e.time, e.id) end)
    trace:on("raw_syscalls:sys_exit", function(e)
      local began, id = line:finish(e.tid)
      if not began or id ~= e.id then return end
      local name = names[id] or ("syscall_%d"):format(id)
      add { kind = "syscalls", type = "duration", event = e, value = e.time - began,
        attributes = { name = name } }
      add_span { kind = "syscalls", name = name, event = e, start = began, finish = e.time,
        cpu = e.cpu }
    end)
  end,
}
