--- Reference: aggregates. Their methods are the same for all; `count` and `add` are what differs.

local function shared(name, add)
  local first = name == "topk" and "5, " or ""
  local make = ('local a = oc.%s(' .. first .. '"comm")\n'):format(name)
    .. ('on("cpu", function(e) a:%s end)\n'):format(add)
  local function at_end(text) return make .. "at_end(function() " .. text .. " end)" end
  return {
    { "print", "(options?: oc.PrintOptions)",
      "Prints its rows as a table (histograms as bars); one JSON document under `--json`.",
      errors = "an option that there is not",
      example = at_end "a:print { top = 3, percent = true }" },
    { "rows", "(sort?: string): table[]",
      "The rows as plain tables, the largest first; `sort` names a key or a value, \"-name\" "
          .. "turns the order around. "
        .. "What came beyond the limit is one row with `other = true`.",
      errors = "a name that is none of its columns", example = at_end "print(a:rows()[1].comm)" },
    { "get", "(...: any): any",
      "The value of these keys: a number of counters and sums, a table of the others; nil when "
        .. "they never came.",
      example = at_end 'print(a:get "awk")' },
    { "total", "(): number",
      "The sum over all rows (of counters and sums), or how many values came.",
      example = at_end "print(a:total())" },
    { "merge", "(other: oc.Aggregate)",
      "Adds the rows of another one of the same kind, columns and options.",
      errors = "another kind, other columns",
      example = make .. ('local b = oc.%s(' .. first .. '"comm")\n'):format(name)
        .. "at_end(function() b:merge(a) print(b:total()) end)" },
    { "fresh", "(): oc.Aggregate", "An empty one of the same kind, keys and options.",
      example = at_end "local b = a:fresh() b:merge(a) print(b:total())" },
    { "clear", "()", "Forgets all rows.", example = at_end "a:clear() print(a:total())" },
    { "json", "(options?: oc.PrintOptions): string",
      "One JSON document: kind, columns, rows, total.",
      example = at_end "print(a:json { top = 1 })" },
  }
end

local function group(name, class, title, text, add, ...)
  local made = { name = name, class = class, joint = ":", title = title, text = text, ... }
  for _, entry in ipairs(shared(name, add)) do made[#made + 1] = entry end
  return made
end

local values = "Values are numbers; 64-bit integers are rounded to 53 bits, addresses refused."

return {
  group("counter", "oc.Counter", "A counter", "What `oc.counter` and `count` give.",
    "count(e.comm)",
    { "count", "(...: any)", "One more for these keys: as many as it has columns.",
      errors = "more keys than columns; a table or function as key",
      example = [[local c = oc.counter("comm", "cpu")
on("cpu", function(e) c:count(e.comm, e.cpu) end)
at_end(function() c:print() end)]] }),
  group("sum", "oc.Sum", "A sum", "What `oc.sum` and `sum` give. " .. values, "add(1, e.comm)",
    { "add", "(value: number, ...: any)", "Adds a value for these keys.",
      errors = "no number; more keys than columns",
      example = [[local s = oc.sum("comm")
on("cpu", function(e) s:add(e.period, e.comm) end)
at_end(function() s:print() end)]] }),
  group("stats", "oc.Stats", "Statistics", "What `oc.stats` and `stats` give. " .. values,
    "add(1, e.comm)",
    { "add", "(value: number, ...: any)", "Takes one value for these keys.",
      errors = "no number; more keys than columns",
      example = [[local s = oc.stats("comm")
on("cpu", function(e) s:add(e.period, e.comm) end)
at_end(function() s:print { sort = "mean" } end)]] }),
  group("histogram", "oc.Histogram", "A histogram", "What `oc.histogram` and `hist` give. "
      .. values, "add(1, e.comm)",
    { "add", "(value: number, ...: any)", "Takes one value for these keys.",
      errors = "no number; more keys than columns",
      example = [[local h = oc.histogram("comm")
on("sched:sched_switch", function(e) h:add(e.next_prio, e.comm) end)
at_end(function() h:print { top = 1 } end)]] }),
  group("quantiles", "oc.Quantiles", "Quantiles", "What `oc.quantiles` and `quantiles` give. "
    .. values, "add(1, e.comm)",
    { "add", "(value: number, ...: any)", "Takes one value for these keys.",
      errors = "no number, an infinite one; more keys than columns",
      example = [[local q = oc.quantiles("comm", { quantiles = { 0.5, 0.999 }, error = 0.001 })
on("cpu", function(e) q:add(e.period, e.comm) end)
at_end(function() q:print() end)]] },
    { "quantile", "(q: number, ...: any): number?",
      "The quantile `q` (0 to 1) of the values of these keys; nil when none came.",
      errors = "a quantile beyond 0 to 1",
      example = [[local q = oc.quantiles("comm")
on("cpu", function(e) q:add(e.period, e.comm) end)
at_end(function() print(q:quantile(0.99, "awk")) end)]] }),
  group("topk", "oc.TopK", "The most frequent keys", "What `oc.topk` and `topk` give. " .. values
    .. " Of these none may be negative.", "count(e.comm)",
    { "count", "(...: any)", "One more for these keys.", errors = "more keys than columns",
      example = [[local t = oc.topk(3, "comm")
on("cpu", function(e) t:count(e.comm) end)
at_end(function() t:print() end)]] },
    { "add", "(value: number, ...: any)", "Adds a value that is not negative for these keys.",
      errors = "no number, or one below 0",
      example = [[local t = oc.topk(3, "comm")
on("cpu", function(e) t:add(e.period, e.comm) end)
at_end(function() t:print() end)]] }),
  { name = "table", class = "oc.Table", joint = ":", title = "A table of the script's own",
    text = "What `oc.table` gives.",
    { "row", "(row: table<string, any>)", "Adds a row; values that it does not name are 0.",
      errors = "a value that is no number",
      example = [[local t = oc.table("call", { values = { "calls" } })
t:row { call = "read", calls = 3 }
t:print()]] },
    { "rows", "(sort?: string): table[]",
      "The rows, sorted by a value from the largest, or by a key.",
      example = [[print(#oc.table("call", { values = { "calls" } }):rows())]] },
    { "merge", "(other: oc.Table)", "Adds the rows of another table with the same keys and values.",
      errors = "other keys or values",
      example = [[local a = oc.table("a", { values = { "n" } })
a:merge(oc.table("a", { values = { "n" } }))]] },
    { "total", "(): number", "The sum of the first value.",
      example = [[print(oc.table("a", { values = { "n" } }):total())]] },
    { "fresh", "(): oc.Table", "An empty one with the same keys and values.",
      example = [[print(#oc.table("a", { values = { "n" } }):fresh():rows())]] },
    { "clear", "()", "Forgets all rows.", example = [[oc.table("a", { values = { "n" } }):clear()]]
      },
    { "print", "(options?: oc.PrintOptions)", "As of aggregates.",
      example = [[oc.table("a", { values = { "n" } }):print()]] },
    { "json", "(options?: oc.PrintOptions): string", "As of aggregates.",
      example = [[print(oc.table("a", { values = { "n" } }):json())]] },
  },
  { name = "AggregateOptions", class = "oc.AggregateOptions", joint = ".",
    title = "Options of aggregates", is_table = true,
    text = "The last argument of their constructors.",
    { "unit", "(\"ns\"|\"bytes\"|\"percent\")?",
      "How values are shown; in JSON and `rows` they stay numbers." },
    { "title", "string?", "Stands above what is printed." },
    { "limit", "integer?",
      "Rows at most; what comes with further keys is counted in one row `(other)`." },
  },
  { name = "HistogramOptions", class = "oc.HistogramOptions", parent = "oc.AggregateOptions",
    joint = ".",
    title = "Options of histograms", is_table = true, text = "Beside those of all aggregates.",
    { "linear", "{ min: number, max: number, step: number }?",
      "Buckets of one width, not powers of two." },
  },
  { name = "QuantilesOptions", class = "oc.QuantilesOptions", parent = "oc.AggregateOptions",
    joint = ".", title = "Options of `oc.quantiles`", is_table = true,
    text = "Beside those of all aggregates.",
    { "quantiles", "number[]?", "Which, from 0 to 1; { 0.5, 0.9, 0.99 }." },
    { "error", "number?", "The largest relative error, from 0.000001 to 0.2; 0.01." },
  },
  { name = "TopKOptions", class = "oc.TopKOptions", parent = "oc.AggregateOptions", joint = ".",
    title = "Options of `oc.topk`", is_table = true,
    text = "Beside those of all aggregates, but for `limit`.",
    { "capacity", "integer?", "How many keys are surely kept; ten times as many as are shown." },
  },
  { name = "TableOptions", class = "oc.TableOptions", joint = ".", title = "Options of `oc.table`",
    is_table = true,
    text = "The last argument.",
    { "values", "string[]", "The names of the numbers of each row." },
    { "units", "table<string, string>?", "Their units by name." },
    { "title", "string?", "Stands above." },
  },
  { name = "PrintOptions", class = "oc.PrintOptions", joint = ".", title = "Options of `:print`",
    is_table = true,
    text = "Of aggregates and tables.",
    { "top", "number?", "Rows at most." },
    { "percent", "boolean?", "Each row's share." },
    { "sort", "string?", "A key or a value; \"-name\" turns the order around." },
    { "stacks", "string?", "How stacks among the keys are shown (docs/guide/stacks.md)." },
    { "title", "string?", "Stands above." },
  },
}
