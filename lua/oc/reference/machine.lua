--- Reference: the ExportMachine, queries, graphs.

return {
  { name = "machine", class = "oc.Machine", joint = ":", title = "A machine",
    text = "What `trace:machine` gives after the run; in `oc eval` and the REPL it is "
        .. "`machine`. Times are nanoseconds since "
      .. "the session began.",
    { "processes", "(filter?: { comm?: string, pid?: integer }): fun(): oc.Process?",
      "Iterates over processes, in the order in which they became known; `comm` may be a glob.",
      errors = "a filter that there is not",
        example = [[for p in machine:processes { comm = "s*" } do
  print(p.pid, p.comm, p.samples.count)
end]]
        },
    { "threads", "(): fun(): oc.MachineThread?", "Iterates over threads.",
      example = [[for t in machine:threads() do print(t.tid, t.name) end]] },
    { "mappings", "(): fun(): oc.Mapping?", "Iterates over mappings of code, of all times.",
      example = [[for m in machine:mappings() do print(m.start, m.path) break end]] },
    { "kinds",
      "(): { name: string, group?: string, type: string, period?: number, counted: string }[]",
      "The kinds of samples, by id. `counted`: what their counts are, \"samples\"; of profiles of "
        .. "other tools perhaps \"entries\" (sums of nobody knows how many), of collapsed stacks "
        .. "\"perhaps\" (samples, or a unit that the file does not tell).",
      example = [[for _, kind in ipairs(machine:kinds()) do print(kind.name, kind.type) end]] },
    { "spans", "(): fun(): oc.Span?", "Iterates over spans, in the order in which they ended.",
      example = [[use "syscalls"
for s in machine:spans() do print(s.name, s.duration) break end]] },
    { "samples", "(filter?: oc.SampleFilter): oc.Query",
      "The samples for which all of this holds: then `:by`, `:top`, `:each`.",
      errors = "a filter that there is not",
      example = [[print(machine:samples { kind = "cpu" }:by("comm"):top(3))]] },
    { "graph", "(options?: oc.GraphOptions): oc.Graph",
      "Callers and callees of the chosen samples, as a tree.",
      example = [[machine:graph { kind = "cpu" }:print { min = "5%" }]] },
    { "replay", "(filter?: oc.SampleFilter): fun(): string?, number, number?",
      "Iterates over everything in order of time: what happens (\"process_start\", \"map\", "
          .. "\"sample\", \"span_end\", …), "
        .. "the id of what it happens to, the time.",
      example = [[for what, id, time in machine:replay { kind = "cpu" } do
  if what == "sample" then print(id, time) break end
end]] },
    { "export", "(path: string, options?: oc.ExportOptions): number",
      "Writes a file, its format by the extension or `format`; \"-\" is standard output. The "
          .. "bytes that it has.",
      errors = "a name that tells no format; a file that is there, without `force`; filters that "
        .. "let nothing through",
      example = [[machine:export("-", { format = "collapsed", kind = "cpu" })]] },
    { "add_sample", "(given: oc.NewSample): number",
      "Adds a sample; with `event`, what is not given is that event's. Its number.",
      errors = "a field that there is not; no `kind`",
        example = [[machine:add_sample { kind = "mark", value = 5, pid = 1, comm = "me",
  stack = { "main", "work" } }
print(samples { kind = "mark" }:total())]] },
    { "attributes", "(values: table): oc.AttributeSet",
      "A set of attributes that samples and spans can share; what has no name in it is "
          .. "another set, "
        .. "associated: what is not found here is looked for there.",
      errors = "what has no name and is no set",
      example = [[local host = machine:attributes { host = "db1" }
print(machine:attributes({ url = "/", host }):get "host")]] },
    { "add_span", "(given: oc.NewSpan): integer?", "Adds a span from `start` to `finish`. Its id.",
      errors = "no `start` or `finish`",
        example = [[machine:add_span { kind = "load", name = "a.so", start = 0, finish = 1e6 }]]
        },
    { "note", "(sentence: string)", "A sentence that goes with every result and export.",
      example = [[machine:note "only the first second" print(#machine:notes() > 0)]] },
    { "notes", "(): string[]", "Sentences about damage or limits.",
      example = [[print(#machine:notes())]] },
    { "retain", "(limits: { time?: number|string, samples?: number, bytes?: number|string })",
      "Keeps so much only: what is older goes first.", errors = "a limit that there is not",
      example = [[machine:retain { samples = 100 } print(machine:stats().samples <= 2537)]] },
    { "stats", "(): table<string, number>",
      "Numbers: samples, dropped, spans, processes, threads, mappings, stacks, bytes, first, "
        .. "last.",
      example = [[print(machine:stats().samples)]] },
    { "is_profile", "(): boolean",
      "True of a profile that another tool wrote: an entry there stands for many samples.",
      example = [[print(machine:is_profile())]] },
  },
  { name = "query", class = "oc.Query", joint = ":", title = "A question to samples",
    text = "What `m:samples` gives. Each call gives a further question; `tostring` and "
        .. "`:print` show it.",
    { "by", "(...: string|fun(s: oc.SampleView): any): oc.Query",
      "Groups by each of these: \"symbol\", \"function\" (inlined ones too), \"module\", "
          .. "\"line\", \"stack\", \"comm\", \"process\" (or \"pid\"), "
        .. "\"thread\" (or \"tid\"), "
        .. "\"cpu\", \"kind\", \"cgroup\", \"time:10ms\", \"attribute:NAME\", or "
            .. "a function of a sample.",
      errors = "a group that there is not",
        example = [[samples { kind = "cpu" }:by("comm", "cpu"):print()]] },
    { "count", "(): oc.Query", "Shows how many.", example = [[samples():by("kind"):count():print()]]
      },
    { "sum", "(): oc.Query", "Shows the sum of values.",
      example = [[samples():by("kind"):sum():print()]] },
    { "min", "(): oc.Query", "Shows the least value.",
      example = [[samples():by("kind"):min():print()]] },
    { "max", "(): oc.Query", "Shows the greatest value.",
      example = [[samples():by("kind"):max():print()]] },
    { "mean", "(): oc.Query", "Shows the mean.", example = [[samples():by("kind"):mean():print()]]
      },
    { "histogram", "(): oc.Query", "Shows how values are spread, by powers of two.",
      example = [[samples():by("kind"):histogram():print()]] },
    { "quantiles", "(...: number): oc.Query",
      "Values below which these shares (0 to 1) of a group's samples lie; exact.",
      errors = "a share beyond 0 to 1",
        example = [[samples():by("kind"):quantiles(0.5, 0.99):print()]] },
    { "rows", "(): table[]",
      "All groups: the groups' values as 1, 2, …, and count, sum, min, max, mean.",
      example = [[print(samples():by("comm"):rows()[1][1])]] },
    { "total", "(): number", "How many samples there are in all.",
      example = [[print(samples { comm = "awk" }:total())]] },
    { "each", "(fn: fun(s: oc.SampleView))", "Calls `fn(sample)` for each; lent for the call.",
      example = [[local last = 0
samples { kind = "cpu" }:each(function(s) last = s.time end)
print(last)]] },
    { "top", "(most?: integer, options?: { min?: string|number }): oc.QueryResult",
      "The first rows (10), to be printed or read. `min`: of groups that have so many percent of "
        .. "all, \"1%\" or 1.",
      example = [[print(samples():by("comm"):top(3))]] },
    { "print", "(options?: { top: integer })", "Prints all rows, or the first.",
      example = [[samples():by("comm"):print { top = 3 }]] },
    { "json", "(): string", "All rows as JSON: one object a row.",
      example = [[print(samples():by("kind"):json())]] },
  },
  { name = "result", class = "oc.QueryResult", joint = ":", title = "Rows of a question",
    text = "What `query:top` gives: its rows by index; `tostring` shows them.",
    { "print", "()", "Prints them.", example = [[samples():by("comm"):top(2):print()]] },
    { "json", "(): string", "As JSON.", example = [[print(samples():by("comm"):top(2):json())]] },
    { "totals", "{ count: number, sum: number, groups: number }", "Of all groups.", joint = "." },
  },
  { name = "graph", class = "oc.Graph", joint = ":", title = "A graph",
    text = "What `m:graph` gives. `focus`, `callers`, `hide`, `fold` and `invert` give a "
        .. "further one.",
    { "focus", "(pattern: string): oc.Graph",
      "Stacks with such a function (a glob) only, which becomes their root.",
      example = [[print(graph { kind = "cpu" }:focus("*"))]] },
    { "callers", "(pattern: string): oc.Graph",
      "Who calls such functions: the function on top, its callers below.",
      example = [[print(graph { kind = "cpu" }:callers("*read*"))]] },
    { "hide", "(pattern: string): oc.Graph", "Without such functions; what they call stays.",
      example = [[print(graph { kind = "cpu" }:hide("*entry*"):node().total)]] },
    { "fold", "(): oc.Graph", "A function that calls itself is one node.",
      example = [[print(graph():fold():node().total)]] },
    { "invert", "(): oc.Graph", "The innermost functions on top, their callers below.",
      example = [[graph { kind = "cpu" }:invert():print { depth = 1 }]] },
    { "merge", "(other: oc.Graph): oc.Graph",
      "This one and another of the same machine, weights added.",
      errors = "a graph of another machine; values of different units (ns, counts)",
      example = [[local one = graph { kind = "cpu", comm = "awk" }
print(one:merge(graph { kind = "cpu", comm = "sort" }):node().count)]] },
    { "node", "(id?: integer): oc.GraphNode?", "A node by its id; the root without one.",
      example = [[print(graph():node().count)]] },
    { "children", "(node?: oc.GraphNode): oc.GraphNode[]",
      "The children of a node (the root), the heaviest first.",
      example = [[print(graph():children()[1].name)]] },
    { "functions", "(most?: integer, order?: \"self\"|\"total\"): oc.GraphNode[]",
      "Inclusive (total) and exclusive (self) weights by function, the heaviest first: by self, "
        .. "or by total.", errors = "another order",
        example = [[for _, f in ipairs(graph { kind = "cpu" }:functions(3)) do
  print(f.name, f.total, f.self)
end]]
        },
    { "text", "(options?: { min?: string|number, depth?: integer, most?: integer }): string",
      "The tree as text: total, self, name. `min`: branches of so many percent or more, \"1%\" or "
        .. "1 (0.5); `depth`: so many levels; `most`: so many lines.",
      errors = "an option that there is not, a `min` beyond 0 to 100",
      example = [[io.write(graph():text { min = "10%" })]]
        },
    { "print", "(options?: { min?: string|number, depth?: integer, most?: integer })",
      "Prints that.",
      example = [[graph():print { depth = 2 }]] },
  },
}
