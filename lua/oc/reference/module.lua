--- Reference: what `require "oc"` gives. How entries are written: lua/oc/reference.lua.

return { name = "oc", class = "oc", joint = ".", title = "The module `oc`",
  text = "What a script requires: `local oc = require \"oc\"`. In `oc eval` and the REPL it "
      .. "is there.",
  { "open", "(options?: oc.OpenOptions): oc.Trace",
    "A trace, of this system or of a file. Says only what is wanted; `trace:run()` opens it.",
    errors = "an option that there is not, or of the wrong type; a file that cannot be read",
    example = [[local t = oc.open { stacks = "none" }
t:on("cpu", function(e) print(e) t:stop() end)
t:run()]] },
  { "recorder", "(options: oc.RecorderOptions): oc.Recorder",
    "Starts a recording of the whole system beside the script's own trace: the last of it in "
        .. "memory, or a file.",
    errors = "neither `overwrite` nor `output` is given; `-i` reads a recorded trace",
    live = [[local ring = oc.recorder { events = { "sched:*" }, overwrite = "10s" }
trace:at_end(function() ring:dump("last.data") end)]] },
  { "repl", "()",
    "A breakpoint: the script stops, and lines from the terminal see the variables of the function "
        .. "that calls it. Local variables and upvalues can be read and set; `where` shows "
            .. "the calls "
        .. "that led there; Ctrl-D goes on.",
    live = [[on("exec", function(e) if e.comm == "make" then oc.repl() end end)]] },
  { "source", "(options: oc.SourceOptions): oc.Source",
    "A trace that a Lua function makes: `oc.open { source = … }`.",
    errors = "no `next`; a field's type that there is not",
    example = [[local n = 0
local source = oc.source { events = { tick = { { "n", "u32" } } }, next = function(out)
  n = n + 1
  out:emit { event = "tick", time = n * 1e6, n = n }
  return n < 3
end }
local t = oc.open { source = source }
t:on("tick", function(e) print(e.n) end)
t:run()]] },
  { "format", "(declared: { [1]: string, [2]: string, [3]: any }[]): oc.Format",
    "The fields of a payload by hand, for sources, proxies and bytes: `{ name, type, value "
        .. "where none is given }`.",
    errors = "a type that there is not; a name twice, or a word of Lua",
    example = [[local format = oc.format { { "bytes", "u64" }, { "name", "string", "?" } }
print(#format.fields)]] },
  { "scenario", "(given: oc.Scenario)",
    "Gives a name to the events that answer a question, and to the samples and spans they "
        .. "become: `trace:use`, `oc record --scenario`.",
    errors = "a field that there is not; no events; a span without both ends",
      example = [[oc.scenario { name = "calls",
  events = { "raw_syscalls:sys_enter", "raw_syscalls:sys_exit" },
  span = { from = "raw_syscalls:sys_enter", to = "raw_syscalls:sys_exit", key = { "tid" } } }
use "calls"
print(samples { kind = "calls" }:total() > 0)]] },
  { "hooks", "(hooks: oc.Hooks)",
    "Functions that `oc report`, `oc export` and `oc diff` call on their way (`--script FILE`).",
    errors = "a stage that there is not",
    example = [[oc.hooks { parsed = function(machine) machine:note("seen by a hook") end }]] },
  { "exporter", "(exporter: oc.Exporter)",
    "A format of the script's own, beside the built-in ones: `oc export --format NAME`, "
        .. "`m:export`.",
    errors = "a format of the name exists",
    example = [[oc.exporter { name = "times", extension = ".times", write = function(m, out)
  m:samples():each(function(s) out:write(s.time, "\n") end)
end }
export("-", { format = "times", kind = "cpu" })]] },
  { "counter", "(...: string|oc.AggregateOptions): oc.Counter",
    "Counts by keys. The arguments name the keys; a table of options may be the last.",
    errors = "an option that there is not; a key's name twice",
    example = [[local c = oc.counter("comm", "cpu")
on("sched:sched_switch", function(e) c:count(e.comm, e.cpu) end)
at_end(function() c:print { top = 3 } end)]] },
  { "sum", "(...: string|oc.AggregateOptions): oc.Sum",
    "Sums of a value by keys.",
    example = [[local s = oc.sum("comm", { unit = "ns" })
on("cpu", function(e) s:add(e.period, e.comm) end)
at_end(function() s:print() end)]] },
  { "stats", "(...: string|oc.AggregateOptions): oc.Stats",
    "count, sum, mean, min, max and deviation of a value by keys. The deviation is the "
        .. "sample's (n - 1), and exact for large values too.",
    example = [[local s = oc.stats { unit = "ns" }
on("cpu", function(e) s:add(e.period) end)
at_end(function() s:print() end)]] },
  { "histogram", "(...: string|oc.HistogramOptions): oc.Histogram",
    "How values are spread, by keys: powers of two, or `linear = { min =, max =, step = }`.",
    errors = "a linear step of 0 or less, or more than 10000 steps",
    example = [[local h = oc.histogram("comm", { linear = { min = 0, max = 140, step = 20 } })
on("sched:sched_switch", function(e) h:add(e.prev_prio, e.comm) end)
at_end(function() h:print { top = 1 } end)]] },
  { "quantiles", "(...: string|oc.QuantilesOptions): oc.Quantiles",
    "Values below which shares of all lie, by keys: p50, p90 and p99 unless told otherwise, with a "
      .. "bounded relative error (1 %).",
    errors = "a quantile beyond 0 to 1",
    example = [[local q = oc.quantiles("comm", { unit = "ns" })
on("cpu", function(e) q:add(e.period, e.comm) end)
at_end(function() q:print() end)]] },
  { "topk", "(top: integer, ...: string|oc.TopKOptions): oc.TopK",
    "The keys that come most often, however many there are: in bounded memory, each with the most "
      .. "that its count can be off.",
    errors = "no number of rows first",
    example = [[local t = oc.topk(3, "comm", "ip")
on("cpu", function(e) t:count(e.comm, e.ip) end)
at_end(function() t:print() end)]] },
  { "table", "(...: string|oc.TableOptions): oc.Table",
    "Rows that a script makes itself, shown as aggregates are. The last argument is `{ values "
        .. "= { … } }`.",
    errors = "no `values`",
      example = [[local shown = oc.table("call",
  { values = { "calls", "time" }, units = { time = "ns" } })
shown:row { call = "read", calls = 3, time = 5000 }
shown:print()]] },
  { "addr", "(value: number|string|ffi.cdata*): oc.addr",
    "An address from a number, a 64-bit integer, hexadecimal text or what `oc.key` made.",
    errors = "a text that is not hexadecimal",
    example = [[print(oc.addr "0xffffffff81000000" + 16)]] },
  { "key", "(value: any): any",
    "A plain value that is equal for equal addresses and 64-bit integers: the key of a Lua table.",
    example = [[local seen = {}
on("cpu", function(e) seen[oc.key(e.ip)] = true end)
at_end(function() print(next(seen) ~= nil) end)]] },
  { "args", "(declared: table<string, oc.Argument>): table<string, any>",
    "The script's own arguments: declares them, and gives their values from the command line. "
        .. "`--help` ends here.",
    errors = "wrong usage, with the option's line of help (exit status 2)",
    example = [[local opt = oc.args { top = oc.number(10, "rows to print", { short = "t" }) }
print(opt.top)]] },
  { "number", "(default?: number, help?: string, options?: oc.ArgumentOptions): oc.Argument",
    "An argument that is a number: `10`, `1.5`, `10k`.",
    example = [[print(oc.args { top = oc.number(10, "rows") }.top)]] },
  { "string", "(default?: string, help?: string, options?: oc.ArgumentOptions): oc.Argument",
    "An argument that is any text.",
    example = [[print(oc.args { name = oc.string("sh", "whose") }.name)]] },
  { "flag", "(default?: boolean, help?: string, options?: oc.ArgumentOptions): oc.Argument",
    "An argument that is given or not: `--name`, `--no-name`.",
    example = [[print(oc.args { kernel = oc.flag(true, "with the kernel") }.kernel)]] },
  { "duration",
    "(default?: number|string, help?: string, options?: oc.ArgumentOptions): oc.Argument",
    "An argument that is a time: `10s`, `1.5ms`, `1m30s`.", unit = "ns",
    example = [[print(oc.args { every = oc.duration("1s", "how often") }.every)]] },
  { "size", "(default?: number|string, help?: string, options?: oc.ArgumentOptions): oc.Argument",
    "An argument that is a size: `4MiB`, `64k`.", unit = "bytes",
    example = [[print(oc.args { least = oc.size("4KiB", "smaller ones are left out") }.least)]] },
  { "percent",
    "(default?: number|string, help?: string, options?: oc.ArgumentOptions): oc.Argument",
    "An argument from 0 to 100: `5%`.",
    example = [[print(oc.args { min = oc.percent("5%", "leave out less") }.min)]] },
  { "choice", "(choices: string[], default?: string, help?: string, options?: oc.ArgumentOptions): "
      .. "oc.Argument",
    "An argument that is one of some words.",
    example = [[print(oc.args { by = oc.choice({ "comm", "pid" }, "comm", "group by") }.by)]] },
  { "list", "(default?: string[]|string, help?: string, options?: oc.ArgumentOptions): oc.Argument",
    "An argument that is words with commas between: `a,b,c`.",
    example = [[print(#oc.args { names = oc.list("a,b", "names") }.names)]] },
  { "pids",
    "(default?: integer[]|string, help?: string, options?: oc.ArgumentOptions): oc.Argument",
    "An argument that is process ids with commas between.",
    example = [[print(oc.args { of = oc.pids("1,42", "processes") }.of[2])]] },
  { "event", "(default?: string, help?: string, options?: oc.ArgumentOptions): oc.Argument",
    "An argument that names an event, for `trace:on`.",
    example = [[print(oc.args { event = oc.event("cpu", "what to count") }.event)]] },
  { "file", "(default?: string, help?: string, options?: oc.ArgumentOptions): oc.Argument",
    "An argument that is a path, not empty.",
    example = [[print(oc.args { out = oc.file("x.svg", "where to") }.out)]] },
}
