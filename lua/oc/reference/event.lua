--- Reference: an event.

local on = 'on("sched:sched_switch", function(e) print(%s) trace:stop() end)'
local sampled = 'on("cpu", function(e) print(e:get %q) trace:stop() end)'
local function any(text) return on:format(text) end
local function optional(name) return sampled:format(name) end

return { name = "e", class = "oc.Event", joint = ".", title = "An event",
  text = "What callbacks get. Lent for the callback: the next event reuses it. The fields of "
      .. "its payload follow these names; "
    .. "one that a common name hides is `e.args.NAME`. A name that is neither raises, with "
        .. "the nearest names. "
    .. "Fields of samples are there where they were recorded.",
  { "time", "number", "Since the session began.", unit = "ns", example = any "e.time" },
  { "cpu", "integer", "-1: not known.", example = any "e.cpu" },
  { "pid", "integer", "The process; -1: not known.", example = any "e.pid" },
  { "tid", "integer", "The thread; -1: not known.", example = any "e.tid" },
  { "comm", "string", "The thread's name as it was then.", example = any "e.comm" },
  { "event", "string", "The event's name.", example = any "e.event" },
  { "ip", "oc.addr", "Where the code was, of samples.", example = any "e.ip" },
  { "period", "number", "How much the sample stands for.", example = any "e.period" },
  { "stack", "oc.Stack", "How the code got there: `oc.open { stacks = \"fp\" }`.",
    example = [[local t = oc.open { stacks = "any" }
t:on("cpu", function(e) print(e.stack:text()) t:stop() end)
t:run()]] },
  { "args", "table<string, any>", "The payload's fields, where a common name hides one.",
    example = any "e.args.next_pid" },
  { "symbol", "string",
    "The function at `ip`, \"[module]\" where nobody knows: `oc.open { symbols = true }`.",
    example = [[local t = oc.open { symbols = true }
t:on("cpu", function(e) print(e.symbol, e.module) t:stop() end)
t:run()]] },
  { "module", "string", "What the code at `ip` belongs to: a file, \"[kernel.kallsyms]\", …",
    example = [[local t = oc.open { symbols = true }
t:on("cpu", function(e) print(e.module) t:stop() end)
t:run()]] },
  { "thread", "integer", "Which life of the tid: dense from 1.", example = any "e.thread" },
  { "addr", "oc.addr", "The address that was touched: `--data`.", example = optional "addr" },
  { "id", "number", "Of the kernel's counter.", example = optional "id" },
  { "stream_id", "number", "Of the kernel's counter on its CPU.", example = optional "stream_id" },
  { "weight", "number", "What it cost: `--weight`.", example = optional "weight" },
  { "ins_lat", "number", "The instruction's latency, where weights have parts.", example = optional
    "ins_lat" },
  { "retire_lat", "number", "Its latency to retire.", example = optional "retire_lat" },
  { "data_src", "number", "Where the data came from, as the kernel packs it.", example = optional
    "data_src" },
  { "transaction", "number", "Why a hardware transaction ended.", example = optional "transaction"
    },
  { "phys_addr", "oc.addr", "The physical address that was touched: `--phys-data`.",
    example = optional "phys_addr" },
  { "data_page_size", "number", "Of the page that was touched.", unit = "bytes", example = optional
    "data_page_size" },
  { "code_page_size", "number", "Of the page of the code.", unit = "bytes", example = optional
    "code_page_size" },
  { "cgroup", "string", "The path of the process's control group.", example = optional "cgroup" },
  { "cgroup_id", "number", "The same as the kernel numbers them.", example = optional "cgroup_id" },
  { "container", "string", "Its container's short id or name; \"\" outside of one.",
    example = optional "container" },
  { "ns_pid", "integer", "The process's id in its own namespace; 0: not known.", example = optional
    "ns_pid" },
  { "callchain", "oc.addr[]", "Addresses, the innermost first, the kernel's marks included.",
    example = optional "callchain" },
  { "reads", "{ event: string, value: number }[]", "The counter's value, or those of its group.",
    example = optional "reads" },
  { "branches", "table[]", "The branches taken before, the newest first.", example = optional
    "branches" },
  { "user_regs", "table<string, oc.addr>?", "Registers of the user's part.", example = optional
    "user_regs" },
  { "intr_regs", "table<string, oc.addr>?", "Registers at the sample.", example = optional
    "intr_regs" },
  { "user_stack", "string", "Bytes of the user's stack, from the stack pointer on.",
    example = optional "user_stack" },
  { "aux", "string", "Bytes of the AUX area.", example = optional "aux" },
  { "u64", "(name: string): ffi.cdata*", "The exact 64 bits of an integer field.", joint = ":",
    errors = "a field that is no integer", example = any 'e:u64 "next_pid"' },
  { "raw", "(name?: string): ffi.cdata*, integer",
    "The bytes of a field, or of the whole payload, and how many; lent.",
    joint = ":", example = any "select(2, e:raw())" },
  { "get", "(name: string): any",
    "The field; nil where the event has none, as in callbacks of globs.", joint = ":",
    example = any 'e:get "ret"' },
  { "text", "(): string", "The payload as \"name=value …\".", joint = ":", example = any "e:text()"
    },
  { "table", "(): table<string, any>", "All fields by name, to be kept.", joint = ":", example = any
    "e:table().next_pid" },
  { "json", "(): string", "The same as JSON.", joint = ":", example = any "e:json()" },
  { "is_target", "(): boolean",
    "Whether its thread was asked for: -p, -t, --comm, the command. Others are in callbacks with "
      .. "`tasks = \"all\"` only.", joint = ":", example = any "e:is_target()" },
  { "other_is_target", "(): boolean",
    "There, of sched_switch: whether `next_pid` was asked for; of sched_waking, sched_wakeup and "
      .. "sched_wakeup_new: the thread that is woken.", joint = ":",
    example = [[on("sched:sched_switch", { tasks = "all" }, function(e)
  print(e.next_pid, e:other_is_target())
  trace:stop()
end)]] },
  { "cpu_is_target", "(): boolean",
    "There: whether it happened on a CPU that was asked for (-C).", joint = ":",
    example = any "e:cpu_is_target()" },
  { "copy", "(): oc.Event", "An event that outlives the callback.", joint = ":",
    example = [[local last
on("cpu", function(e) last = e:copy() trace:stop() end)
at_end(function() print(last) end)]] },
}
