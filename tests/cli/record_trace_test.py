#!/usr/bin/python3
"""Record-trace's script verbs, on a recording whose events perf and oc know without them."""
import json
import os
import re
import sys
import tempfile

from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
TRACE = os.path.join(ROOT, "tests/fixtures/words.data")
FIRST = 'local rt = require("oc.record_trace").globals()\n'
DUMP = """
local m = rt.run()
m:samples { kind = KIND }:each(function(s)
  local names = {}
  for name in pairs(s.attributes) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do names[i] = name .. "=" .. s.attributes[name] end
  print(s.comm, s.tid, s.time, s.value, table.concat(names, " "))
end)
for s in m:spans() do print("span", s.name, s.start, s.finish, s.parent or "-") end
for _, kind in ipairs(m:kinds()) do if kind.name == KIND then print("type", kind.type) end end
for _, note in ipairs(m:notes()) do print("note", note) end
"""
EXEC = 'local e = event_from_tracefs("sched", "sched_process_exec");\n'
READ = 'local e = event_from_tracefs("syscalls", "sys_exit_read");\n'


def without_note(ended):
    """The recording has no stacks, which is told."""
    ended.err = re.sub(r"^oc: \d+ of \d+ samples have no stack[^\n]*\n", "", ended.err)
    return ended


def lines_of(ended):
    return [line.split("\t") for line in ended.out.splitlines()]


def script(code, kind, folder, name, *options):
    path = os.path.join(folder, name + ".lua")
    with open(path, "w", encoding="utf-8") as file:
        file.write(FIRST + code + (DUMP.replace("KIND", f'"{kind}"') if kind else ""))
    return without_note(run(["script", "-q", "-i", TRACE, path, *options]))


def by_hand(code):
    return lines_of(run(["eval", "-q", "-i", TRACE, code]))


def check_record(suite, folder):
    ended = script(EXEC + "record_event(e);", "sched/sched_process_exec", folder, "record")
    wanted = by_hand('on("sched:sched_process_exec", function(e) print(e.comm, e.tid, e.time, 1,'
                     ' ("filename=%s old_pid=%d pid=%d"):format(e.filename, e.old_pid, e.args.pid)) end)')
    got = [line for line in lines_of(ended) if len(line) == 5 and line[0] != "span"]
    problems = problems_of(ended, out="type\tcount")
    if got != wanted or not wanted:
        problems.append(f"{got[:2]} instead of {wanted[:2]}")
    suite.check("record_event: each event with all its fields", problems, ended)


def check_sample(suite, folder):
    ended = script(READ + 'e.without_callstacks();\nsample_event(e, "ret", "bytes", true);', "syscalls/sys_exit_read", folder,
                   "sample")
    wanted = by_hand('on("syscalls:sys_exit_read", function(e) print(e.comm, e.tid, e.time, math.max(0, e.ret)) end)')
    got = [line[:4] for line in lines_of(ended) if len(line) == 5]
    problems = problems_of(ended, out="type\tbytes") + ([] if got == wanted and wanted else [f"{got[:2]}, not {wanted[:2]}"])
    suite.check("sample_event: a field as value", problems, ended)
    ended = script(READ + 'sample_event(e, "ret", "count", false);', "syscalls/sys_exit_read", folder, "plain")
    attributes = {line[4] for line in lines_of(ended) if len(line) == 5}
    suite.check("sample_event: without its fields", problems_of(ended, out="type\tcount") + ([] if attributes == {""} else
                                                                                             [str(attributes)]), ended)


TIMELINE = """
local flags, t = new_timeline_event_flags(), new_timeline("open");
flags.should_start(); flags.should_record_field("flags");
t.with_event(event_from_tracefs("syscalls", "sys_enter_openat"), "common_pid", flags);
flags.clear(); flags.should_end(); flags.should_record_field("ret"); %s
t.with_event(event_from_tracefs("syscalls", "sys_exit_openat"), "common_pid", flags);
%s
use_timeline(t);
"""
PAIRS = """local began = {}
on("syscalls:sys_enter_openat", function(e) began[e.tid] = began[e.tid] or { e.time, e.flags } end)
on("syscalls:sys_exit_openat", function(e)
  local b = began[e.tid]
  began[e.tid] = nil
  if b and (%s) then
    print(e.comm, e.tid, e.time, e.time - b[1], "flags=" .. tostring(b[2]) .. " ret=" .. tostring(e.ret))
  end
end)"""


def check_timeline(suite, folder):
    cases = [("all", "", "", "true"),
             ("a filter of a field", 'flags.should_filter_field("ret", "<", "0");', "", "e.ret < 0"),
             ("a filter of the record", 'flags.should_filter_record("flags", "==", "524288");', "", "tonumber(b[2]) == 524288"),
             ("a least duration", "", "t.with_min_us(2);", "e.time - b[1] >= 2000")]
    for name, filters, least, test in cases:
        ended = script(TIMELINE % (filters, least), "open", folder, "timeline" + re.sub(r"\W", "_", name))
        got = [line for line in lines_of(ended) if len(line) == 5 and line[0] != "span"]
        # As the field is read: an address is shown in hexadecimal.
        wanted = by_hand(PAIRS % test.replace("tonumber(b[2])", "tonumber(tostring(b[2]))"))
        problems = problems_of(ended, out="type\tduration")
        if got != wanted or not wanted:
            problems.append(f"{len(got)} {got[:1]} instead of {len(wanted)} {wanted[:1]}")
        suite.check("a timeline: " + name, problems, ended)
        spans = [line for line in lines_of(ended) if line[0] == "span"]
        parents = [line for line in spans if line[4] == "-"]
        children = [line for line in spans if line[1] == "syscalls/sys_enter_openat"]
        fits = len(parents) == len(children) == len(wanted) and all(p[2:4] == c[2:4] for p, c in zip(parents, children))
        suite.check("its spans: " + name, [] if fits else [f"{len(parents)} spans, {len(children)} children"], ended)


WAY = """
local flags, t = new_timeline_event_flags(), new_timeline("life");
flags.should_start();
t.with_event(event_from_tracefs("sched", "sched_wakeup_new"), "pid", flags);
flags.clear(); flags.should_filter_field("filename", "contains", "bin");
t.with_event(event_from_tracefs("sched", "sched_process_exec"), "pid", flags);
flags.clear(); flags.should_end(); flags.should_filter_field("prev_comm", "!=", "sh");
t.with_event(event_from_tracefs("sched", "sched_switch"), "prev_pid", flags);
use_timeline(t);
"""


def check_children(suite, folder):
    ended = script(WAY, "life", folder, "way")
    spans = [line for line in lines_of(ended) if line[0] == "span"]
    names = {line[1] for line in spans}
    problems = problems_of(ended, out="type\tduration")
    if names != {"life", "sched/sched_wakeup_new", "sched/sched_process_exec"}:
        problems.append(str(names))
    execs = [line for line in spans if line[1] == "sched/sched_process_exec"]
    before = {line[3] for line in spans if line[1] == "sched/sched_wakeup_new"}
    if not all(line[2] in before for line in execs):
        problems.append("a child does not end where the next begins")
    suite.check("events on the way are children, texts are filtered", problems, ended)


MISTAKES = [
    ("an event that there is not", 'record_event(event_from_tracefs("sched", "sched_swich"))\nrt.run()', r':2: Event "sched/sched_swich" not found'),
    ("an event twice", EXEC + "record_event(e) record_event(e)", r":3: Event has already been used\."),
    ("a field that there is not", READ + 'sample_event(e, "rett", "count", false) rt.run()', r':2: Field "rett" of event.*did you mean \'ret\''),
    ("a field that is a text", EXEC + 'sample_event(e, "filename", "count", false) rt.run()', r'Field "filename".*cannot be used for samples'),
    ("a type of samples", READ + 'sample_event(e, "ret", "size", false)', r'Sample type "size" cannot be used.*count, duration, bytes'),
    ("no flags", READ + 'new_timeline("t").with_event(e, "ret")', r"with_event wants flags"),
    ("start and end", READ + 'local f = new_timeline_event_flags() f.should_start() f.should_end()\nnew_timeline("t").with_event(e, "ret", f)',
     r":4: Event \"syscalls:sys_exit_read\" cannot both start and end"),
    ("no ID", READ + 'new_timeline("t").with_event(e, new_timeline_event_flags())', r"must have an ID field"),
    ("an ID that has no size", EXEC + 'local f, t = new_timeline_event_flags(), new_timeline("t") f.should_start() t.with_event(e, "filename", f)\n'
     'f.clear() f.should_end() t.with_event(event_from_tracefs("sched", "sched_switch"), "prev_pid", f) use_timeline(t) rt.run()',
     r"must be static size for ID"),
    ("IDs of different sizes", EXEC + 'local f, t = new_timeline_event_flags(), new_timeline("t") f.should_start() t.with_event(e, "pid", f)\n'
     'f.clear() f.should_end() t.with_event(event_from_tracefs("sched", "sched_switch"), "prev_state", f) use_timeline(t) rt.run()',
     r"Previous ID was 4 bytes, event \"sched:sched_switch\" ID is 8 bytes"),
    ("one event", 'use_timeline(new_timeline("t"))', r"Timelines must have at least 2 events"),
    ("an operation", 'new_timeline_event_flags().should_filter_field("a", "~", "b")', r"no operation '~'"),
    ("a filter that does not fit", READ + 'local f, t = new_timeline_event_flags(), new_timeline("t") f.should_start()\n'
     'f.should_filter_field("ret", "contains", "1") t.with_event(e, "ret", f) f.clear() f.should_end()\n'
     't.with_event(event_from_tracefs("sched", "sched_switch"), "prev_state", f) use_timeline(t) rt.run()', r'Unable to apply filter "ret contains 1"'),
    ("a method", "new_environment().is_so()", r"there is no 'is_so' here.*did you mean 'is_os'"),
    ("not an event", "record_event(5)", r"record_event wants an event"),
]


def check_mistake(suite, folder, number, name, code, err):
    ended = script(code, None, folder, f"mistake{number}")
    suite.check("mistake: " + name, problems_of(ended, 1, out=".*" if ended.out else None, err=err), ended)


def check_rest(suite, folder):
    ended = script('local env = new_environment();\nprint(env.is_os("linux"), env:is_os("windows"), env.os_major() >= 3,'
                   ' env.os_minor() >= 0, env.engine_major(), env.engine_minor(), env.engine_patch())', None, folder, "env")
    version = run(["version"]).out.split()[1].split(".") if run(["version"]).out else []
    suite.check("new_environment", problems_of(ended, out=r"\Atrue\tfalse\ttrue\ttrue\t%s\n\Z" % "\t".join(version)), ended)
    ended = script('%slocal f = oc\ne.append_field("late", "u32", 4);\ne.append_field("never", "u64", 8);\nrecord_event(e);' % READ,
                   "syscalls/sys_exit_read", folder, "append")
    # Behind the format's fields there is at most the padding of the raw record: nothing is read beyond it.
    suite.check("append_field: what is not there is left out", problems_of(ended, out="ret=") +
                (["a field beyond the record"] if "never=" in ended.out else []), ended)
    ended = script(EXEC + "record_event(e);", None, folder, "alone")
    suite.check("a script that says what it wants is run", problems_of(ended, out=r"sched/sched_process_exec +cat$"), ended)
    path = os.path.join(folder, "alone.lua")
    ended = run(["report", TRACE, "--script", path, "--by", "comm", "-e", "sched/sched_process_exec", "-q"])
    suite.check("oc report --script", problems_of(ended, out=r"sched_process_exec: 9 samples.*cat$"), ended)
    out = os.path.join(folder, "out.jsonl")
    ended = run(["export", TRACE, "--script", path, "-e", "sched/sched_process_exec", "-o", out, "-q"])
    ended = without_note(ended)
    rows = [json.loads(line) for line in open(out, encoding="utf-8")] if os.path.exists(out) else []
    problems = problems_of(ended) + ([] if sum("sched/sched_process_exec" in json.dumps(row) for row in rows) >= 9 else ["rows"])
    suite.check("oc export --script", problems, ended)
    ended = run(["export", TRACE, "--format", "perfview-xml", "-o", os.path.join(folder, "x.xml"), "-q"])
    suite.check("--format perfview-xml", problems_of(ended, err=".*" if ended.err else None), ended)


def check_rhai(suite, folder):
    same = [without_note(run(["script", "-q", "-i", TRACE, os.path.join(ROOT, "examples/failed_opens" + end)])) for end in (".lua", ".rhai")]
    problems = problems_of(same[1], out=r"failed_open +cat$")
    if same[0].out != same[1].out:
        problems.append("in Lua it says something else")
    suite.check("a script as it is, in Rhai", problems, same[1])
    path = os.path.join(folder, "wrong.rhai")
    for text, err in (('let a = 1;\nrecord_event(event_from_tracefs("sched", 5));', r"wrong\.rhai:2: event_from_tracefs wants.*\n +2 \| record_event"),
                      ("let a = 1;\n\nswitch a { }", r"wrong\.rhai:3: 'switch' cannot be carried over\n +3 \| switch a")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        ended = run(["script", "-i", TRACE, path])
        suite.check("a mistake in Rhai: " + text[-12:], problems_of(ended, 1, err=err), ended)
        ended = run(["report", TRACE, "--script", path])
        suite.check("the same for --script: " + text[-12:], problems_of(ended, 1, err=err.split(r".*\n")[0].split(r"\n")[0]), ended)
    ended = run(["report", TRACE, "-q", "--script", os.path.join(ROOT, "examples/failed_opens.rhai"), "-e", "failed_open", "--by", "comm"])
    suite.check("oc report --script FILE.rhai", problems_of(ended, out=r"failed_open: 114 samples"), ended)


def check_live(suite, folder):
    path, out = os.path.join(folder, "live.lua"), os.path.join(folder, "live.data")
    with open(path, "w", encoding="utf-8") as file:
        file.write(FIRST + EXEC + "with_per_cpu_buffer_bytes(131072);\nrecord_event(e);\n")
    ended = run(["record", "-q", "-o", out, "--script-file", path, "--", "true"])
    if ended.status and re.search(r"permi|tracefs|root|no event", ended.err):
        return suite.skip("live", ended.err.splitlines()[0])
    listed = run(["list", "events", "-q", "-i", out])
    suite.check("oc record --script", problems_of(ended) + ([] if listed.out == "sched:sched_process_exec\n" else [listed.out]),
                ended)
    ended = run(["record", "-q", "--on-cpu", "--off-cpu", "--out", out, "--", "true"])
    listed = run(["list", "events", "-q", "-i", out])
    suite.check("--on-cpu --off-cpu", problems_of(ended) + ([] if listed.out == "cpu-clock\nsched:sched_switch\n" else
                                                             [listed.out]), ended)
    ended = run(["eval", "-q", "--live", 'count("exec", "comm")', "--", "true"])
    suite.check("--live", problems_of(ended, out=r"^true +1$"), ended)
    ended = run(["eval", "--live", "1", "-i", TRACE])
    suite.check("--live of a recording", problems_of(ended, 2, err=r"--live traces this machine"), ended)


def main():
    suite = Suite("record_trace")
    with tempfile.TemporaryDirectory() as folder:
        for check in (check_record, check_sample, check_timeline, check_children, check_rest, check_rhai, check_live):
            suite.later(check, suite, folder)
        for number, case in enumerate(MISTAKES):
            suite.later(check_mistake, suite, folder, number, *case)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
