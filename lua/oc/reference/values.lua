--- Reference: addresses, stacks, and what else events and scripts hand around.

return {
  { name = "addr", class = "oc.addr", joint = ":", title = "An address",
    operators = { "add(number): oc.addr", "sub(number): oc.addr", "sub(oc.addr): number",
      "mod(number): number" },
    text = "64 bits that compare, sort and print as addresses, and never lose bits. `addr - "
        .. "addr` and `addr % n` are numbers, "
      .. "`addr + n` and `addr - n` addresses. A key of aggregates as it is, of Lua tables by "
          .. "`oc.key`.",
    { "number", "(): number", "As a Lua number: exact below 2^53, rounded above.",
      example = [[print(oc.addr(4096):number())]] },
  },
  { name = "stack", class = "oc.Stack", joint = ":", title = "A stack",
    operators = { "len: integer" },
    text = "What `e.stack` gives: an id; names are looked up when somebody asks. Equal stacks "
        .. "are equal keys, `#stack` is its depth.",
    { "frames", "(): oc.Frame[]",
      "The functions, the innermost first; inlined ones are frames of their own.",
      example = [[local t = oc.open { stacks = "any" }
t:on("cpu", function(e)
  for _, frame in ipairs(e.stack:frames()) do print(frame.name, frame.module) end
  t:stop()
end)
t:run()]] },
    { "text",
      "(options?: { folded?: boolean, inline?: boolean, modules?: boolean, lines?: boolean, "
        .. "most?: integer, indent?: string }): string",
      "One line a frame, the innermost first; with `folded` all in one, the outermost first.",
      errors = "an option that there is not",
      example = [[local t = oc.open { stacks = "any" }
t:on("cpu", function(e) print(e.stack:text { folded = true }) t:stop() end)
t:run()]] },
    { "id", "integer", "Equal ids are equal stacks.", joint = "." },
    { "reason", "string",
      "Why there are no more frames: \"complete\", \"deeper than was recorded\", …", joint = "." },
    { "kernel_frames", "integer", "How many of its frames are the kernel's.", joint = "." },
  },
  { name = "Frame", class = "oc.Frame", joint = ".", title = "A frame of a stack", is_table = true,
    text = "As `stack:frames()` lists them.",
    { "name", "string?", "The function; nil where nobody knows." },
    { "full_name", "string?", "With the types of its arguments, where that is told." },
    { "module", "string", "A file, \"[kernel.kallsyms]\", …" },
    { "offset", "number?", "In the file.", unit = "bytes" },
    { "address", "oc.addr?", "Where it is no file." },
    { "function_offset", "number?", "From the function's beginning.", unit = "bytes" },
    { "file", "string?", "The source file." },
    { "line", "integer?", "The line in it." },
    { "inline", "boolean?", "It was inlined into the next frame." },
    { "kernel", "boolean", "It is the kernel's." },
    { "source", "string?", "Where the name is from." },
    { "reason", "string?", "Why there is no name or line." },
  },
  { name = "handle", class = "oc.Handle", joint = ":", title = "A handle on a callback",
    text = "What `trace:on` gives.", is_optional = true },
  { name = "proxy", class = "oc.Proxy", joint = ":", title = "An event of the script's own",
    text = "What `trace:proxy` gives.",
    { "emit", "(values: table<string, any>)",
      "Delivers such an event, with time, CPU and thread of the event at hand, once that has "
          .. "reached all its callbacks.",
      errors = "a field without a value; outside of the run; more than 100000 for one event",
      example = [[local late = trace:proxy("late", { { "at", "u64" } })
trace:on("late", function(e) print(e.at) trace:stop() end)
trace:on("cpu", function(e) if e.time > 1e8 then late:emit { at = e.time } end end)]] },
    { "name", "string", "As it was declared.", joint = "." },
  },
  { name = "format", class = "oc.Format", joint = ":", title = "Fields by hand",
    text = "What `oc.format` gives: for `oc.source`, `trace:proxy`, and bytes that come from "
        .. "elsewhere.",
    { "fields", "oc.Field[]", "In order, with their places.", joint = "." },
    { "fixed_size", "integer", "Of the part that every payload has.", unit = "bytes", joint = "." },
    { "write", "(record: table<string, any>): string", "A record as the bytes of a payload.",
      errors = "a value that does not fit its field",
      example = [[print(#oc.format { { "a", "u32" }, { "b", "u64" } }:write { a = 1, b = 2 })]] },
    { "read", "(bytes: string|ffi.cdata*, size?: integer): table<string, any>?, string?",
      "The fields of bytes that are laid out so, as of `e:raw`; nil and why when they are too "
          .. "short.",
      example = [[local format = oc.format { { "a", "u32" }, { "name", "string" } }
print(format:read(format:write { a = 7, name = "x" }).a)]] },
  },
  { name = "out", class = "oc.SourceOut", joint = ":", title = "What the `next` of a source gets",
    text = "It takes the records.",
    { "emit", "(record: table<string, any>)",
      "Adds one record, as `e:table()` makes it: `event`, `time` and the event's fields must "
          .. "be there.",
      errors = "an event that the source did not declare; a field without a value",
      example = [[local source = oc.source { events = { a = {} }, next = function(out)
  out:emit { event = "a", time = 5 }
end }
oc.open { source = source }:run()]] },
  },
  { name = "recorder", class = "oc.Recorder", joint = ":", title = "A recording beside the trace",
    text = "What `oc.recorder` gives. It records until `stop`, or until it is collected.",
    { "dump", "(path: string): boolean?, string?",
      "Writes what is kept to a trace of its own, and goes on.",
      errors = "it writes to a file, or was stopped",
      live = [[local ring = oc.recorder { events = { "sched:sched_switch" }, overwrite = "1s" }
print(ring:dump(os.tmpname()))]] },
    { "stop", "(): oc.RunStats?, string?", "Ends it; a file is complete when this returns.",
      live = [[local ring = oc.recorder { events = { "sched:sched_switch" }, overwrite = "1s" }
print(ring:stop().records)]] },
  },
}
