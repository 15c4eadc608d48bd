--- Reference: what stands bare in `oc eval` and the REPL.

local aggregates = "An option may stand among the keys: filter, names, top, percent, sort, title, "
    .. "unit, limit."

return { name = "word", class = "oc.Words", joint = "", title = "Words of `oc eval` and the REPL",
  text = "They work on the trace at hand. EVENT is a name, a glob or a list of names. A KEY "
      .. "is the name of a field (`\"comm\"`, "
    .. "`\"args.pid\"`) or a function of `e`; names are checked at once. A VALUE is the same; "
        .. "a function's nil is left out. "
    .. aggregates,
  { "on", "(event: string|string[], filter: string|oc.OnOptions, fn: fun(e: oc.Event)): oc.Handle?",
    "Calls `fn(e)` for each such event.", also = {
      "(event: string|string[], fn: fun(e: oc.Event)): oc.Handle?" },
    errors = "an event that there is not; a filter that does not fit it",
      example = [[on("raw_syscalls:sys_enter", "id == 257", function(e)
  print(e.comm) trace:stop()
end)]]
      },
  { "count", "(event: string|string[], ...: string|function|table): oc.Counter",
    "Counts events by keys.",
    errors = "a field that the event has not",
      example = [[count("sched:sched_switch", "comm", "next_comm", { top = 5 })]] },
  { "sum", "(event: string|string[], value: string|function, ...: string|function|table): oc.Sum",
    "Sums of a value by keys.",
    errors = "a field that is no number",
      example = [[sum("raw_syscalls:sys_exit", "ret", "comm",
  { filter = "id == 0 && ret > 0", unit = "bytes" })]]
      },
  { "stats",
    "(event: string|string[], value: string|function, ...: string|function|table): oc.Stats",
    "count, mean, min, max and deviation of a value by keys.", errors = "a field that is no number",
    example = [[stats("cpu", "period", "comm", { unit = "ns" })]] },
  { "hist",
    "(event: string|string[], value: string|function, ...: string|function|table): oc.Histogram",
    "How a value is spread, by keys: powers of two, or `linear`.",
      errors = "a field that is no number",
      example = [[hist("raw_syscalls:sys_exit", "ret",
  { filter = "id == 0 && ret > 0", unit = "bytes" })]]
      },
  { "quantiles", "(event: string|string[], value: string|function, ...: string|function|table): "
    .. "oc.Quantiles",
    "Values below which shares of all lie, by keys: p50, p90, p99, or the option `quantiles`.",
    errors = "a field that is no number",
    example = [[quantiles("raw_syscalls:sys_exit", "ret", { filter = "id == 0 && ret > 0" })]] },
  { "topk", "(event: string|string[], ...: number|string|function|table): oc.TopK",
    "The most frequent keys in bounded memory; a number before them says how many to show (10).",
    errors = "a field that the event has not", example = [[topk("cpu", 3, "comm", "ip")]] },
  { "every", "(period: string|number, fn: fun(time: number))", "As `trace:every`.",
    example = [[local c = count("cpu")
every("100ms", function() c:print() c:clear() end)]] },
  { "at_end", "(fn: fun())", "As `trace:at_end`.", example = [[at_end(function() print "done" end)]]
    },
  { "live", "(value: any, period?: string|number, options?: { times?: number, top?: number })",
    "As `trace:live`: shows an aggregate, or what a function prints or returns, again and again.",
    errors = "a recorded trace that was run",
    example = [[live(count("cpu", "comm"), "10ms", { times = 2 })]] },
  { "use", "(name: string)", "As `trace:use`: a scenario's samples and spans.",
    errors = "a scenario that there is not",
    example = [[use "syscalls"
print(samples { kind = "syscalls" }:total())]] },
  { "samples", "(filter?: oc.SampleFilter): oc.Query", "Samples of the machine: `m:samples`.",
    example = [[samples { kind = "cpu" }:by("comm"):top(3)]] },
  { "graph", "(options?: oc.GraphOptions): oc.Graph", "Callers and callees: `m:graph`.",
    example = [[graph { kind = "cpu", comm = "awk" }]] },
  { "processes", "(filter?: { comm?: string, pid?: integer }): oc.List",
    "Processes of the machine, as a list to walk through or to look at.",
      example = [[processes { comm = "s*" }]] },
  { "spans",
    "(filter?: { kind?: string, name?: string, comm?: string, min?: string|number }): oc.List",
    "Spans of the machine; texts may be globs, `min` is the least duration.",
      errors = "a filter that there is not",
    example = [[use "syscalls" print(spans { min = "1ms" })]] },
  { "export", "(path: string, options?: oc.ExportOptions)",
    "Writes a file of the machine: `m:export`.",
    errors = "a name that tells no format",
      example = [[export("-", { format = "collapsed", kind = "cpu" })]] },
  { "print", "(...: any)", "Shows values: an aggregate as its table, once it is full.",
    example = [[print(count("cpu", "comm"))]] },
  { "help", "(x: any): oc.Help", "What there is to know of a name or a value.",
    example = [[help "trace:on"]] },
  { "trace", "oc.Trace", "The trace at hand.", example = [[trace.host.kernel]] },
  { "machine", "oc.Machine", "Its machine: runs the trace, where that was not done.",
    example = [[machine:stats().samples]] },
}
