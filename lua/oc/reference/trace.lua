--- Reference: a trace.

return { name = "trace", class = "oc.Trace", joint = ":", title = "A trace",
  text = "What `oc.open` gives; in `oc eval` and the REPL it is `trace`.",
  { "on", "(name: string, options: oc.OnOptions, fn: fun(e: oc.Event)): oc.Handle",
    "Calls `fn(e)` for each such event, in order of time: with a filter, for those that it "
        .. "lets through. The handle takes it away again.",
    also = { "(name: string, fn: fun(e: oc.Event)): oc.Handle" },
    errors = "an event that neither the trace nor this machine has; a filter that does not fit it",
    example = [[trace:on("raw_syscalls:sys_exit", { filter = "ret < 0 && ret > -4096" }, function(e)
  print(e.comm, e.ret)
  trace:stop()
end)]] },
  { "proxy", "(name: string, fields: table): oc.Proxy",
    "Declares an event of the script's own, which `:emit` delivers; or, with `{ from =, where "
        .. "= }`, another name for events that there are.",
    errors = "a name that is taken; a proxy that would be made from itself",
      example = [[trace:proxy("to_idle", { from = "cswitch",
  where = function(e) return e.next_tid == 0 end })
local c = count("to_idle")]] },
  { "every", "(period: string|number, fn: fun(time: number))",
    "Calls `fn(time)` again and again in trace time, also while nothing happens. A number is "
        .. "nanoseconds.", unit = "ns",
    errors = "a period below 1 ns",
    example = [[trace:every("100ms", function(time) print(time) end)]] },
  { "at_end", "(fn: fun())", "Calls `fn()` after the last event, however the run ended.",
    example = [[trace:at_end(function() print "done" end)]] },
  { "has", "(name: string): boolean",
    "True when there is such an event, or a glob of events, in the trace or to be asked for here.",
    example = [[print(trace:has "sched:*")]] },
  { "has_callbacks", "(): boolean",
    "True when there is something to run it for: a callback, a timer, an end hook.",
    example = [[print(trace:has_callbacks())]] },
  { "event", "(name: string): oc.TraceEvent",
    "What there is to know of an event: its names, its fields, references to fields.",
    errors = "an event that there is not",
    example = [[for _, field in ipairs(trace:event("sched:sched_switch").format) do
  print(field.name, field.type, field.offset, field.size)
end]] },
  { "export", "(path: string, options?: oc.EventFileOptions)",
    "Writes events to a file while they are read: .events.csv, .events.jsonl, .events.db, or .data,"
      .. " a part of a recorded trace. Complete when `run` returns.",
    errors = "a name that tells no such format; a file that is there, without `force`",
    example = [[trace:export("-", { events = { "sched:sched_switch" }, format = "events-csv" })]] },
  { "use", "(...: string): oc.Trace",
    "Uses scenarios: their events are asked for, their samples and spans go into the machine.",
    errors = "a scenario that there is not; one that wants stacks behind the first callback",
    example = [[trace:use "syscalls"
print(#spans {} >= 0)]] },
  { "run", "(): oc.Trace",
    "Opens what the callbacks need, delivers every event, calls the end hooks. Once.",
    errors = "a second run; what the kernel refuses",
    example = [[trace:on("cpu", function(e) end)
print(trace:run():stats().events)]] },
  { "start", "(options?: { interactive: boolean }): oc.Trace",
    "The first part of `run`: opens and begins. Live, a thread collects from then on.",
    errors = "a second run; what the kernel refuses",
    example = [[trace:on("cpu", function(e) end)
trace:start()
while trace:feed(50) do end
trace:finish()]] },
  { "feed", "(ms?: number): number|false",
    "Delivers what there is, for at most so long; how many events, false once the trace has ended.",
    errors = "before `start`; from a callback",
    example = [[trace:on("cpu", function(e) end)
trace:start()
print(trace:feed(50))
trace:finish()]] },
  { "finish", "(): oc.Trace",
    "The last part of `run`: delivers what has happened until now, calls the end hooks, closes.",
    errors = "before `start`; from a callback",
    example = [[trace:on("cpu", function(e) end)
trace:start():finish()]] },
  { "live", "(value: any, period?: string|number, options?: { times: number?, top: number? }): "
      .. "oc.Trace",
    "Shows an aggregate, or what a function returns, again and again until a key or the end.",
    example = [[local c = oc.counter("comm")
trace:on("cpu", function(e) c:count(e.comm) end)
trace:live(c, "100ms", { times = 1 })]] },
  { "counted", "(): table<string, number>",
    "How often the kernel saw each event of a live trace, lost ones too; of clocks: ns.",
    example = [[trace:on("cpu", function(e) end)
trace:at_end(function() for name, n in pairs(trace:counted()) do print(name, n) end end)
trace:run()]] },
  { "stop", "()", "Ends the run: the event at hand is the last one. The end hooks are called.",
    example = [[trace:on("cpu", function(e) print(e.comm) trace:stop() end)]] },
  { "pause", "()",
    "Keeps what happens from now on from the callbacks; timers go on. Before the run: it begins "
      .. "paused.",
    example = [[trace:on("cpu", function() trace:pause() end)
trace:every("50ms", function() trace:resume() end)]] },
  { "resume", "()", "Ends a pause.",
    example = [[trace:pause()
trace:every("100ms", function() trace:resume() end)
count("cpu")]] },
  { "is_paused", "(): boolean", "True between `pause` and `resume`.",
    example = [[print(trace:is_paused())]] },
  { "phase", "(name?: string): string",
    "Begins a phase of this name; without one it tells the name at hand. `stats().phases` has "
        .. "the numbers.",
    errors = "the run is over",
    example = [[trace:every("100ms", function() trace:phase("late") end)
at_end(function() print(trace:phase()) end)]] },
  { "scratch", "(): table<any, any>",
    "A table for what belongs to one input, such as when a thread's call began: emptied at the "
      .. "beginning of each, where there are several (`-i a -i b`), and behind the last one.",
    errors = "the trace runs, or was run",
    example = [[local began = trace:scratch()
on("raw_syscalls:sys_enter", function(e) began[e.tid] = e.time end)]] },
  { "add_symbols",
    "(module: string, symbols: { offset: number|oc.addr, size: number, name: string }[])",
    "Names functions of a module, for stacks: by offset in the file, or by address where it "
        .. "is no file.",
    errors = "a symbol without offset, size or name",
      example = [[trace:add_symbols("/tmp/jitted",
  { { offset = 0x1000, size = 64, name = "loop" } })]]
      },
  { "add_unwind_rules", "(module: string, rules: oc.UnwindRule[])",
    "Tells how code of a module (a path or a glob) leads to its caller, where stacks are unwound.",
    errors = "a rule without offset, size or cfa",
      example = [[trace:add_unwind_rules("/tmp/jitted",
  { { offset = 0, size = 4096, cfa = "fp+16" } })]]
      },
  { "symbol_source", "(fn: fun(frame: oc.Frame): string|table|nil)",
    "Asks `fn` for each place in code that oc cannot name: a name, or a table with name, file "
        .. "and line.",
    example = [[trace:symbol_source(function(frame) return "at " .. tostring(frame.offset) end)]] },
  { "machine", "(): oc.Machine",
    "The ExportMachine: processes, samples and spans of what was read. To be declared: "
        .. "`oc.open { machine = true }`.",
    errors = "none was declared; the trace was not run yet",
    example = [[local t = oc.open { machine = true }
print(t:run():machine():stats().samples)]] },
  { "stats", "(): oc.RunStats", "Numbers of the run so far: events, losses, own CPU time.",
    example = [[at_end(function() print(trace:stats().lost) end)]] },
  { "notes", "(): string[]", "Sentences about damage or limits of the trace.",
    example = [[at_end(function() print(#trace:notes()) end)]] },
  { "command_status", "(): integer?",
    "How the launched command ended: its status, 128 + n for a signal; nil without one or "
        .. "while it runs.",
    example = [[at_end(function() print(trace:command_status()) end)]] },
  { "syscalls", "(): table<integer, string>",
    "The names of system calls by number, of the machine that the trace is from; empty when "
        .. "that is of another kind.",
    example = [[local names = trace:syscalls()
count("raw_syscalls:sys_enter", function(e) return names[e.id] or e.id end, { top = 3 })]] },
  { "build_ids", "(): { path: string, build_id: string, pid?: integer, kernel: boolean }[]",
    "Which builds of which files were mapped, as far as the recorder stored it; empty when live.",
    example = [[for _, file in ipairs(trace:build_ids()) do print(file.build_id, file.path) end]] },
  { "is_recorded", "(): boolean",
    "True when the input is a recorded trace (a file or a pipe) or a source.",
    example = [[print(trace:is_recorded())]] },
  { "is_damaged", "(): boolean", "True when the trace is truncated or damaged.",
    example = [[at_end(function() print(trace:is_damaged()) end)]] },
  { "events", "string[]",
    "The events that `-e`, `--syscalls` or `oc.open { events = … }` asked for.", joint = ".",
    example = [[for _, name in ipairs(trace.events) do count(name) end]] },
  { "host", "oc.Host",
    "What is known of the machine that the trace is from; nil where nobody tells.", joint = ".",
    example = [[print(trace.host.kernel)]] },
  { "start_ns", "number", "When it began, on the trace's own clock; 0 before the run.", unit = "ns",
    joint = ".",
    example = [[at_end(function() print(trace.start_ns > 0) end)]] },
  { "start_wall_ns", "number?",
    "When it began by the wall clock, since 1970; nil where nobody knows.", unit = "ns",
    joint = ".",
    example = [[at_end(function() print(trace.start_wall_ns) end)]] },
}
