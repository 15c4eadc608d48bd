--- How long system calls take, each a span with its name.

-- Calls that end without an event of their own: the thread is gone, or goes on elsewhere (after a
-- signal's handler, with number -1).
local endless = { exit = true, exit_group = true, rt_sigreturn = true, sigreturn = true }

-- Calls that end a second time, in the new thread, which did not begin them.
local twins = { clone = true, clone3 = true, fork = true, vfork = true }

return {
  name = "syscalls", by = "attribute:name", summary = "how long system calls take",
  events = { "raw_syscalls:sys_enter", "raw_syscalls:sys_exit" },
  makes_spans = true,
  setup = function(trace, add, add_span)
    local timeline = require "oc.timeline"
    local line, names = timeline.new(), trace:syscalls()
    local is_endless, is_twin = {}, {}
    for number, name in pairs(names) do
      is_endless[number], is_twin[number] = endless[name], twins[name]
    end
    trace:on("raw_syscalls:sys_enter", function(e)
      if is_endless[e.id] then
        line:drop(e.tid)
        line:leave_out("that do not return (exit, rt_sigreturn)")
      else
        line:start(e.tid, e.time, e.id)
      end
    end)
    trace:on("raw_syscalls:sys_exit", function(e)
      if not line:has(e.tid) and (e.id < 0 or is_twin[e.id]) then
        line:leave_out(e.id < 0 and "returns from handlers of signals"
          or "returns of clone and fork in the new thread")
        return
      end
      local began, id = line:finish(e.tid)
      if not began then return end
      if id ~= e.id then  -- of each the other half was lost
        line.unfinished, line.unbegun = line.unfinished + 1, line.unbegun + 1
        return
      end
      local name = names[id] or ("syscall_%d"):format(id)
      add { kind = "syscalls", type = "duration", event = e, value = e.time - began,
        attributes = { name = name } }
      add_span { kind = "syscalls", name = name, event = e, start = began, finish = e.time,
        cpu = e.cpu }
    end)
    return line
  end,
}
