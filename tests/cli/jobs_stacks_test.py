"""Stacks as keys with --jobs and several traces: the same bytes as one worker, equal stacks are one row."""
import json
import sys

from job_runs import SCHED, STACKS, inputs, same, script
from program import Suite, problems_of

BY_STACK = """local oc = require "oc"
local trace = oc.open { stacks = "any" }
local kinds = {
  oc.counter("comm", "stack"), oc.stats("stack", "cpu", "comm"), oc.histogram("stack"), oc.quantiles("stack", { unit = "ns" }),
  oc.topk(5, "stack"), oc.sum("stack", "tid"),
}
local rows = oc.table("stack", { values = { "n" } })
trace:on("*", function(e)
  kinds[1]:count(e.comm, e.stack) kinds[2]:add(e.time, e.stack, e.cpu, e.comm) kinds[3]:add(e.time, e.stack)
  kinds[4]:add(e.time, e.stack) kinds[5]:count(e.stack) kinds[6]:add(1, e.stack, e.tid)
  if e.time % 61 == 0 then rows:row { stack = e.stack, n = e.time } end
end)
trace:run()
for _, aggregate in ipairs(kinds) do
  aggregate:print { top = 3 } aggregate:print { stacks = "folded" } print(aggregate:json()) print(aggregate:total())
end
local first = kinds[1]:rows()[1].stack
print(kinds[1]:get("sh", first))
for _, aggregate in ipairs(kinds) do aggregate:clear() end
collectgarbage() collectgarbage()
print(#first, first.reason, first.kernel_frames, first:frames()[1].name)
rows:print()
"""


def one_row_a_stack(suite):
    """The same trace twice: the same rows, each value doubled."""
    for jobs in ((), ("--jobs", "2")):
        name = " ".join(["equal stacks of two traces", *jobs])
        if suite.wants(name):
            text = BY_STACK.split("for _, aggregate")[0] + "io.write(kinds[1]:json())"
            one, two = (script(["-q", *inputs(*paths), *jobs], text) for paths in ([STACKS], [STACKS, STACKS]))
            problems = problems_of(two, 0, r".") + problems_of(one, 0, r".")
            rows, doubled = (json.loads(ended.out)["rows"] for ended in (one, two))
            if [{**row, "count": 2 * row["count"]} for row in rows] != doubled:
                problems.append(f"{len(rows)} rows of one, {len(doubled)} of two, or other counts")
            suite.check(name, problems, two if problems else None)


def main():
    suite = Suite("jobs_stacks")
    same(suite, "slices by stack", BY_STACK, [STACKS], (1, 2, 5))
    same(suite, "traces by stack", BY_STACK, [STACKS, STACKS, SCHED], (1, 2, 3))
    one_row_a_stack(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
