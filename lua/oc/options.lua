--- The one table of oc's own options: the parser, `--help`, the documentation and completions read
-- it.
--
-- Fields: `name` (long name, also the key of its value with "_" for "-"), `kind` (as in oc.args),
-- `placeholder`, `help`, and where it has them `short`, `aliases` (other long names), `default`,
-- `min`, `max`, `unit` (of a bare number), `verbs` (where it makes sense; everywhere when absent),
-- `once` (for one call: neither the environment nor a file can set it) and `live` (it tells the
-- kernel what to record, so a recorded trace has no use for it).

---@class oc.Option
---@field name string
---@field kind string
---@field help string
---@field short? string
---@field placeholder? string
---@field aliases? string[]
---@field default? any
---@field min? number
---@field max? number
---@field unit? string
---@field verbs? string[]
---@field once? boolean
---@field live? boolean
---@field repeats? boolean a list that grows when the option is given again

local running = { "script", "eval", "record", "repl" }
local asking = { "script", "eval", "record" }

---@type oc.Option[]
return {
  { name = "input", short = "i", kind = "file", placeholder = "FILE", once = true,
    verbs = { "script", "eval", "list" },
    help = "read this trace (- is standard input); without it, trace live" },
  { name = "output", short = "o", kind = "file", placeholder = "FILE",
    verbs = { "record" }, once = true,
    default = "perf.data", aliases = { "out" },
    help = "the trace to write; - for standard output" },
  { name = "event", short = "e", kind = "texts", placeholder = "EVENT,…", repeats = true,
    once = true,
    verbs = asking,
    help = "these events, by perf's names, globs, {groups}; again for more" },
  { name = "syscalls", kind = "texts", placeholder = "NAME,…", repeats = true,
    once = true, verbs = asking,
    help = "entry and exit of these system calls; all: of every one" },
  { name = "pid", short = "p", kind = "texts", placeholder = "PID,…", repeats = true, once = true,
    verbs = asking,
    help = "these processes, all their threads and what they start" },
  { name = "tid", short = "t", kind = "texts", placeholder = "TID,…", repeats = true, once = true,
    verbs = asking, help = "these threads alone" },
  { name = "comm", kind = "texts", placeholder = "NAME,…", repeats = true,
    once = true, verbs = asking,
    aliases = { "process-filter" },
    help = "processes of these names or globs, also those that start later" },
  { name = "cgroup", live = true, kind = "texts", placeholder = "PATH,…", repeats = true,
    once = true, verbs = asking,
    help = "what runs in these control groups" },
  { name = "container", live = true, kind = "texts", placeholder = "ID,…", repeats = true,
    once = true, verbs = asking,
    help = "what runs in these containers, by the first digits of their ids" },
  { name = "cpu", short = "C", kind = "texts", placeholder = "CPUS", repeats = true, once = true,
    verbs = asking, aliases = { "cpus" },
    help = "these CPUs only, as in 0,2-3" },
  { name = "all-cpus", live = true, short = "a", kind = "flag", verbs = asking,
    help = "the whole system, also while a command runs" },
  { name = "period", live = true, short = "c", kind = "number", placeholder = "N", min = 1,
    max = 2 ^ 53, verbs = asking, aliases = { "count" },
    help = "a sample each so many events" },
  { name = "frame-pointers", short = "g", kind = "flag", verbs = asking,
    help = "stacks by frame pointers, as --call-graph fp" },
  { name = "call-graph", kind = "string", placeholder = "HOW", verbs = asking,
    help = "stacks: fp, dwarf, dwarf,SIZE, any or none" },
  { name = "keep-stacks", kind = "flag", verbs = { "record" },
    help = "store registers and stack bytes of --call-graph dwarf, do not unwind them" },
  { name = "context-switches", kind = "flag", verbs = { "record" },
    help = "a record of each switch, of both threads" },
  { name = "max-stack", live = true, kind = "number", placeholder = "N", min = 1, max = 65535,
    verbs = asking, help = "at most so many frames of a stack" },
  { name = "data", live = true, kind = "flag", verbs = asking,
    help = "samples with addresses of data" },
  { name = "phys-data", live = true, kind = "flag", verbs = asking,
    help = "samples with physical addresses of data" },
  { name = "weight", live = true, kind = "flag", verbs = asking, help = "samples with their cost" },
  { name = "all-cgroups", live = true, kind = "flag", verbs = asking,
    help = "samples with the number of their control group" },
  { name = "compress", short = "z", kind = "flag", verbs = { "record" },
    help = "compress the trace with zstd" },
  { name = "buildid-mmap", kind = "flag", verbs = { "record" },
    help = "build ids from the kernel, in each mapping; upsets other recordings of the machine" },
  { name = "max-size", kind = "size", placeholder = "SIZE", min = 65536, verbs = { "record" },
    help = "end when the trace is so large" },
  { name = "rotate", kind = "string", placeholder = "SIZE|TIME", verbs = { "record" },
    help = "begin the next file when one is so large or so old, as in 100MiB or 10s" },
  { name = "rotate-files", kind = "number", placeholder = "N", min = 1, max = 1e6,
    verbs = { "record" },
    help = "keep the last N of them" },
  { name = "overwrite", kind = "string", placeholder = "TIME|SIZE", verbs = { "record" },
    help = "keep the last of it in memory; written on SIGUSR2 and at the end" },
  { name = "overwrite-memory", kind = "size", placeholder = "SIZE", min = 2 ^ 20,
    verbs = { "record" },
    help = "at most so much for that; 1GiB or a quarter of memory" },
  { name = "frequency", live = true, short = "F", kind = "number", placeholder = "HZ", min = 1,
    max = 1e9, verbs = running, aliases = { "freq" },
    help = "samples per second on each CPU" },
  { name = "duration", short = "d", kind = "duration", placeholder = "TIME", min = 1,
    verbs = running,
    help = "end after this time" },
  { name = "events", short = "n", kind = "number", placeholder = "N", min = 1, max = 2 ^ 53,
    verbs = running,
    help = "end after so many events" },
  { name = "filter", kind = "string", placeholder = "EXPR", verbs = running, once = true,
    help = "only events for which this holds, as in \"comm == 'nginx' && cpu < 4\"" },
  { name = "time", kind = "window", placeholder = "FROM,TO", once = true,
    verbs = { "script", "eval", "list" },
    help = "this part of the trace only, as in 1.5s,3s" },
  { name = "buffer", live = true, kind = "size", placeholder = "SIZE", min = 4096, max = 2 ^ 40,
    verbs = running,
    help = "ring buffer on each CPU, as in 8MiB" },
  { name = "paused", kind = "flag", verbs = running,
    help = "begin paused; SIGUSR1 resumes and pauses a live run" },
  { name = "max-overhead", live = true, kind = "percent", placeholder = "PERCENT", min = 0.01,
    max = 100, verbs = running,
    help = "sample less often when oc uses more of the machine's CPU time" },
  { name = "symfs", kind = "string", placeholder = "DIR", verbs = { "symbols" }, once = true,
    help = "files lie below this folder, as in an image of another machine" },
  { name = "json", kind = "flag", help = "results as JSON, one document a line" },
  { name = "strict", kind = "flag", help = "lost or cut off data is an error (exit 3)" },
  { name = "quiet", short = "q", kind = "flag", help = "results, losses, notes and errors only" },
  { name = "verbose", short = "v", kind = "flag", help = "say what is done" },
  { name = "timeout", kind = "duration", placeholder = "TIME", min = 1,
    verbs = { "script", "eval" },
    help = "end when a callback does not return for so long" },
  { name = "max-errors", kind = "number", placeholder = "N", default = 20, min = 1,
    verbs = { "script", "eval" }, help = "end after so many errors in callbacks" },
  { name = "traceback", kind = "flag", verbs = { "script", "eval" },
    help = "show the calls that led to an error" },
  { name = "jit-report", kind = "flag", verbs = { "script", "eval" },
    help = "say what the JIT compiler gave up" },
  { name = "exit-status", kind = "flag", verbs = running,
    help = "end with the launched command's status" },
  { name = "help", short = "h", kind = "flag", once = true, help = "show this" },
}
