"""`oc export` to files of events: tables, and parts of a perf.data, held against what perf says of the same."""
import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from program import NO_KALLSYMS, Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
FIXTURES = os.path.join(ROOT, "tests", "fixtures")
SCHED, STACKS = os.path.join(FIXTURES, "sched.data"), os.path.join(FIXTURES, "stacks.data")
PERF = shutil.which("perf")
FIELDS = "comm,tid,pid,cpu,time,event,ip,sym,dso"  # of a stream perf shows others unless told


def perf_script(path, *options, names_kernel=False):
    options = options if names_kernel else [NO_KALLSYMS, *options]
    ended = subprocess.run([PERF, "script", "-i", path, *options], capture_output=True, check=False)
    return ended.stdout


def tables(suite, folder):
    """The same events in three tables; from one pass, with a profile beside them."""
    paths = [os.path.join(folder, name) for name in
             ("a.events.csv", "events.jsonl", "a.events.db", "a.folded")]
    args = [word for path in paths for word in ("-o", path)]
    ended = run(["export", SCHED, "-e", "sched:sched_switch,sched:sched_waking", *args])
    problems = problems_of(ended, 0, None, "wrote")
    with open(paths[0], encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    with open(paths[1], encoding="utf-8") as lines:
        objects = [json.loads(line) for line in lines]
    database = sqlite3.connect(paths[2])
    switches = database.execute('SELECT time_ns, prev_comm, next_pid FROM "sched:sched_switch"').fetchall()
    named = database.execute("SELECT time_ns, event FROM events").fetchall()
    database.close()
    if [(int(row["time"]), row["event"]) for row in rows] != [(at["time"], at["event"]) for at in objects]:
        problems.append("CSV and JSON differ")
    if sorted(named) != sorted((at["time"], at["event"]) for at in objects):
        problems.append("SQLite and JSON differ")
    wanted = [(at["time"], at["prev_comm"], at["next_pid"]) for at in objects if "prev_comm" in at]
    if switches != wanted or not wanted:
        problems.append(f"{len(switches)} switches, wanted {len(wanted)}")
    wakings = [row for row in rows if row["event"] == "sched:sched_waking"]
    if not wakings or any(row["prev_comm"] or not row["args.pid"] for row in wakings):
        problems.append("columns of another event are not empty")
    suite.check("one pass, three tables of events and a profile", problems, ended)
    return objects


def against_script(suite, objects):
    """What a script sees of the same events: its own JSON."""
    script = ('t = oc.open{} for _, n in ipairs{"sched:sched_switch", "sched:sched_waking"} do '
              't:on(n, function(e) print(e:json()) end) end t:run()')
    ended = run(["eval", script, "-i", SCHED, "-q"])
    seen = [json.loads(line) for line in ended.out.splitlines()]
    suite.check("events are what e:json() says",
                [] if seen == objects else [f"{len(seen)} and {len(objects)} differ"], ended)


def filters(suite, folder):
    path = os.path.join(folder, "b.events.jsonl")
    ended = run(["export", SCHED, "-e", "sched:sched_switch", "-o", path, "--comm", "s*", "--filter", "prev_pid > 0"])
    problems = problems_of(ended, 0, None, "wrote")
    with open(path, encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    if not found or any(not at["comm"].startswith("s") or at["prev_pid"] == 0 for at in found):
        problems.append(f"{len(found)} events, not those asked for")
    suite.check("filters hold", problems, ended)
    ended = run(["export", SCHED, "-o", os.path.join(folder, "c.folded"), "--filter", "prev_pid > 2699", "-q"])
    wanted = run(["eval", 't=oc.open{} n=0 t:on("sched:sched_switch", {filter="prev_pid > 2699"}, function() n=n+1 end) '
                          't:run() print(n)', "-i", SCHED])
    with open(os.path.join(folder, "c.folded"), encoding="utf-8") as lines:
        total = sum(int(line.rsplit(" ", 1)[1]) for line in lines)
    suite.check("--filter chooses samples, too",
                [] if total == int(wanted.out) > 0 else [f"{total} samples of {wanted.out}"], ended)


def wrong(suite, folder):
    path = os.path.join(folder, "d.events.csv")
    open(path, "w", encoding="utf-8").close()
    ended = run(["export", SCHED, "-o", path])
    suite.check("a file that is there stays", problems_of(ended, 2, None, "--force"), ended)
    ended = run(["export", SCHED, "-o", os.path.join(folder, "e.events.csv"), "-e", "sched:sched_swich"])
    suite.check("an event that is not there", problems_of(ended, 1, None, "sched_switch"), ended)
    ended = run(["export", SCHED, "-o", os.path.join(folder, "e.data"), "--symbol", "main"])
    suite.check("no stacks are looked at", problems_of(ended, 2, None, "--symbol"), ended)
    ended = run(["export", SCHED, "-o", os.path.join(folder, "none", "e.data")])
    suite.check("a folder that is not there", problems_of(ended, 2, None, "there is no folder"), ended)
    ended = run(["eval", 'oc.open{machine=true}:run():machine():export("x.events.csv")', "-i", SCHED])
    suite.check("a machine has no events any more", problems_of(ended, 1, None, "trace:export"), ended)
    left = [name for name in os.listdir(folder) if name.startswith("e.")]
    suite.check("nothing is left behind", [f"left: {left}"] if left else [])


def callbacks(suite, folder):
    """Files that cannot be opened or completed leave neither callbacks nor names behind."""
    script = ('t = oc.open{} n = 0 t:on("sched:sched_switch", function() n = n + 1 end) '
              'print(pcall(t.export, t, "%s/none/x.events.csv")) t:run() print("counted", n)')
    ended = run(["eval", script % folder, "-i", SCHED])
    suite.check("a file that could not be opened is forgotten",
                problems_of(ended, 0, r"^false\t.*there is no folder(.|\n)*counted\t[1-9]", None), ended)
    path = os.path.join(folder, "f.events.csv")
    script = ('t = oc.open{} f = require("oc.event_files").open(t, "%s", {}) t:run() '
              'f:finish() print(pcall(f.finish, f)) f:abandon()')
    ended = run(["eval", script % path, "-i", SCHED])
    suite.check("a file is completed once", problems_of(ended, 0, "^false\t.*complete", None), ended)
    path = os.path.join(folder, "g.events.csv")
    script = 't = oc.open{} t:on("sched:sched_switch", function() error "no" end) t:export("%s") t:run()'
    ended = run(["eval", script % path, "-i", SCHED, "--max-errors", "2"])
    problems = problems_of(ended, 1, None, "g.events.csv was not written")
    suite.check("no file of a run that errors ended", problems + (["it is there"] if os.path.exists(path) else []), ended)
    ended = run(["eval", script % path, "-i", SCHED, "--max-errors", "1000000"])
    suite.check("errors that do not end it do no harm",
                problems_of(ended, 1, None, "eval:1: no") + ([] if os.path.exists(path) else ["it is missing"]), ended)
    for name, options in (("g.events.csv", ""), ("h.data", "")):
        there = os.path.join(folder, name)
        open(there, "a", encoding="utf-8").close()
        ended = run(["eval", f'oc.open{{}}:export("{there}"{options})', "-i", SCHED])
        suite.check(f"a script replaces no {name}", problems_of(ended, 1, None, "there already"), ended)
    ended = run(["eval", 'oc.open{}:export("none.events.csv")'], cwd=folder)
    suite.check("a live trace is told its events", problems_of(ended, 1, None, "events = {"), ended)


def misused(suite, folder):
    """Wrong usage of the command line, told before anything is read."""
    shutil.copy(SCHED, os.path.join(folder, "in.data"))
    for name, args, said in (
            ("one file twice", ["-o", "m.csv", "-o", "./m.csv"], "are the same file"),
            ("the trace itself", ["-o", "../" + os.path.basename(folder) + "/in.data", "--force"], "the trace itself"),
            ("a compressed part", ["-o", "m.gz", "--format", "perfdata"], "m.gz: a part"),
            ("--counts", ["-o", "m.events.csv", "--counts"], "--counts"),
            ("--no-inlined", ["-o", "m.data", "--no-inlined"], "--no-inlined"),
            ("--records", ["-o", "m.data", "--records"], "--records")):
        ended = run(["export", "in.data", *args], cwd=folder)
        suite.check(f"wrong: {name}", problems_of(ended, 2, None, said), ended)
    ended = run(["export", "in.data", "-o", "m.data", "--comm", "nobody"], cwd=folder)
    suite.check("nothing passed", problems_of(ended, 0, None, "m.data holds no event: none passed"), ended)


def unfinished(suite, folder):
    """A part that cannot get its name is not left under another one."""
    os.makedirs(os.path.join(folder, "u.data.old", "full"))
    open(os.path.join(folder, "u.data"), "w", encoding="utf-8").close()
    ended = run(["export", SCHED, "-o", os.path.join(folder, "u.data"), "--force"])
    left = [name for name in os.listdir(folder) if name.startswith("u.data.p")]
    suite.check("a part that cannot get its name", problems_of(ended, 1, None, "not kept") + left, ended)


def texts(suite, folder):
    """What a script makes a text of is plain; what goes to a terminal is not."""
    script = ('m = oc.open{machine=true}:run():machine() io.write(tostring(m:graph()), m:graph():text(), '
              'tostring(m:samples():by("comm")), "" .. m:samples():by("comm"):top())')
    ended = run(["eval", script, "-i", SCHED, "--color", "always"])
    suite.check("tostring is plain", problems_of(ended, 0, "total", "no stack") + (["colours"] if "\33" in ended.out else []), ended)
    for words, said in ((["--tree"], "no stack"), (["--by", "comm"], None)):
        ended = run(["report", SCHED, "--color", "always", *words])
        suite.check(f"colours: report {words[0]}", problems_of(ended, 0, "\33", said), ended)
    script = os.path.join(folder, "none.lua")
    with open(script, "w", encoding="utf-8") as out:
        out.write('local oc = require "oc"\n')
        for name in ("one", "two"):
            at = '{ event = "sched:sched_switch", where = function() return false end }'
            out.write(f'oc.scenario {{ name = "{name}", events = {{ "sched:sched_switch" }}, '
                      f'span = {{ from = {at}, to = {at} }} }}\n')
    ended = run(["report", SCHED, "--script", script, "--scenario", "one,two"])
    suite.check("nothing of two scenarios", problems_of(ended, 0, "no samples", "nothing of one, two happened in"), ended)


def of_scenario(suite, folder):
    """A scenario's events, as far as they are there, or what it uses instead: cswitch is switch_out. Of switch_in, which is
    there as well, no wait is left over to be told."""
    for whole, events, told in (("switch.data", {"switch_out", "switch_in"}, "no stack"),
                                ("sched.data", {"sched:sched_switch", "sched:sched_waking"}, "off_cpu")):
        path = os.path.join(folder, whole + ".events.csv")
        ended = run(["export", os.path.join(FIXTURES, whole), "--scenario", "off_cpu", "-o", path, "-q"])
        found = set()
        if os.path.exists(path):
            with open(path, encoding="utf-8", newline="") as lines:
                found = {row["event"] for row in csv.DictReader(lines)}
        suite.check(f"off_cpu of {whole}", problems_of(ended, 0, None, told) + ([] if found == events else [f"{found}"]), ended)


def wide_switches(suite, folder):
    """Switches of a system-wide recording name the other thread, in records of their own."""
    whole, part = os.path.join(folder, "wide.data"), os.path.join(folder, "wide_part.data")
    recorded = subprocess.run([PERF, "record", "-a", "--switch-events", "-e", "dummy", "-o", whole, "sleep", "0.02"],
                              capture_output=True, check=False)
    wanted = perf_script(whole, "--show-switch-events") if recorded.returncode == 0 else b""
    if b"SWITCH_CPU_WIDE" not in wanted:
        suite.skip("switches of the whole system", "perf records no switches of the whole system here")
        return
    ended = run(["export", whole, "-o", part, "-q"])
    same = perf_script(part, "--show-switch-events") == wanted
    lost = "LOST" if b"PERF_RECORD_LOST" in perf_script(whole, "--show-lost-events") else None  # by perf, on a busy machine
    suite.check("switches of the whole system", problems_of(ended, 0, None, lost) + ([] if same else ["perf sees another trace"]),
                ended)


def parts(suite, folder):
    """A part of a trace says what the whole says of the same."""
    part = os.path.join(folder, "part.data")
    for name in sorted(os.listdir(FIXTURES)):
        if not name.endswith(".data"):
            continue
        whole = os.path.join(FIXTURES, name)
        ended = run(["export", whole, "-o", part, "--force", "-q"])
        shown = ("--show-lost-events", "--show-switch-events")
        same = len({perf_script(path, *shown, names_kernel=whole == STACKS) for path in (whole, part)}) == 1
        suite.check(f"all of {name}", problems_of(ended, 0, None, "LOST" if name == "lost.data" else None) + ([] if same else ["perf sees another trace"]),
                    ended)
    ended = run(["export", STACKS, "-o", part, "--force", "-q", "--comm", "gzip"])
    same = perf_script(STACKS, "--comms", "gzip") == perf_script(part) != b""
    suite.check("of one name", [] if same else ["perf sees another trace"], ended)
    begin = perf_script(STACKS, "-F", "time", "--ns").split(b"\n")[0].strip(b" :").decode()
    seconds, fraction = begin.split(".")
    middle = f"{seconds}.{int(fraction) + 20000000:09d}"
    ended = run(["export", STACKS, "-o", part, "--force", "-q", "--time", f"{middle},"])
    same = perf_script(STACKS, "--time", f"{middle},") == perf_script(part) != b""
    suite.check("of a time: names and mappings of before are known", [] if same else ["perf sees another trace"], ended)
    ended = run(["export", SCHED, "-o", part, "--force", "-q", "-e", "sched:sched_switch"])
    lines = [line for line in perf_script(SCHED).splitlines() if b"sched:sched_switch" in line]
    suite.check("of one event", [] if perf_script(part).splitlines() == lines else ["perf sees another trace"], ended)
    with open(SCHED, "rb") as bytes_of:
        piped = run(["export", "-", "-o", part, "--force", "-q"], stdin=bytes_of.read())
    suite.check("of standard input", [] if perf_script(part) == perf_script(SCHED) else ["perf sees another trace"], piped)
    with open(part, "wb") as out:
        subprocess.run([os.path.join(os.environ.get("OC_BUILD_ROOT", os.path.join(ROOT, "build")), "oc"), "export",
                        STACKS, "-o", "-", "--format", "perfdata"], stdout=out, check=True)
    suite.check("to standard output, in pipe mode",
                [] if len({perf_script(path, "-F", FIELDS, names_kernel=True) for path in (part, STACKS)}) == 1 else ["perf sees another trace"])


def records(suite, folder):
    path = os.path.join(folder, "r.jsonl")
    ended = run(["export", SCHED, "-e", "sched:sched_switch", "--records", "-o", path, "-q"])
    with open(path, encoding="utf-8") as lines:
        kept = [json.loads(line)["record"]["next_pid"] for line in lines]
    script = ('m = oc.open{machine={records=true}}:run():machine() '
              'm:samples{kind="sched:sched_switch"}:each(function(s) print(s.record.next_pid) end)')
    read = run(["eval", script, "-i", SCHED])
    seen = run(["eval", 't=oc.open{} t:on("sched:sched_switch", function(e) print(e.next_pid) end) t:run()', "-i", SCHED])
    problems = problems_of(ended, 0, None, "have no stack")
    if not kept or [str(pid) for pid in kept] != seen.out.split() or read.out != seen.out:
        problems.append(f"{kept}, {read.out.split()}, wanted {seen.out.split()}")
    suite.check("samples keep the payload of their event", problems, ended)
    ended = run(["eval", 'oc.open{machine=true}:run():machine():samples():each(function(s) return s.record end)',
                 "-i", SCHED])
    suite.check("records are to be asked for", problems_of(ended, 1, None, "records = true"), ended)


def attributes(suite):
    script = """m = oc.open{machine=true}:run():machine()
a = m:attributes { host = "h", name = "a" }
b = m:attributes { url = "/", name = "b", a }
a:associate(b)
m:add_sample { kind = "x", attributes = { size = 3, b } }
print(b:get "host", a:get "url", a:get "name", b:get "name", a:get "none")
print(m:samples { attribute = { host = "h" } }:total())"""
    ended = run(["eval", script, "-i", SCHED])
    suite.check("sets of attributes are associated, also in circles",
                problems_of(ended, 0, "^h\t/\ta\tb\tnil\n1\n", None), ended)


def scenarios(suite):
    one = run(["report", SCHED, "--scenario", "run_queue", "--by", "comm"])
    other = run(["report", SCHED, "--scenario", "off_cpu", "--by", "comm"])
    for words in (["--scenario", "run_queue,off_cpu"], ["--scenario", "run_queue", "--scenario", "off_cpu"]):
        both = run(["report", SCHED, *words, "--by", "comm"])
        same = both.out == one.out + "\n" + other.out and one.out and other.out
        suite.check(f"several scenarios: {' '.join(words)}", [] if same else ["not both"], both)


def recording(suite, folder):
    """What stands in the way of a file is told before anything is recorded."""
    mark = os.path.join(folder, "ran")
    there = os.path.join(folder, "there.svg")
    open(there, "w", encoding="utf-8").close()
    for name, args, said in (("a file that is there", ["-o", there], "--force"),
                             ("a folder that is not there", ["-o", os.path.join(folder, "no", "a.svg")], "no folder"),
                             ("two traces", ["-o", "a.data", "-o", "b.data"], "both traces"),
                             ("no one trace", ["-o", "a.svg", "--rotate", "10s"], "--rotate")):
        ended = run(["record", *args, "--", "touch", mark], cwd=folder)
        problems = problems_of(ended, 2, None, said)
        if os.path.exists(mark):
            problems.append("the command was run")
        suite.check(f"record: {name}", problems, ended)
    ended = run(["export", SCHED, "--scenario", "run_queue,off_cpu", "-o", os.path.join(folder, "s.folded")])
    suite.check("what a format cannot hold is told",
                problems_of(ended, 0, None, "collapsed cannot hold spans of run_queue, off_cpu; nor several kinds"), ended)
    script = os.path.join(folder, "spans.lua")
    with open(script, "w", encoding="utf-8") as file:
        file.write('require("oc").scenario { name = "mine", events = { "sched:sched_switch" },\n'
                   '  setup = function(trace, add, span)\n'
                   '    trace:on("sched:sched_switch", function(e)\n'
                   '      add { kind = "mine", event = e }\n'
                   '      span { kind = "mine", event = e, start = 0, finish = e.time }\n'
                   '    end)\n  end }\n')
    for name, said in ("m.folded", "collapsed cannot hold the spans that were made"), ("m.perfetto-trace", None):
        ended = run(["export", SCHED, "--script", script, "--scenario", "mine", "-o", os.path.join(folder, name)])
        problems = problems_of(ended, 0, None, said or "oc: wrote")
        if said is None and "cannot hold" in ended.err:
            problems.append("a format with spans is said to have none")
        suite.check(f"spans of a script that did not tell: {name}", problems, ended)


def main():
    suite = Suite("event_files")
    with tempfile.TemporaryDirectory() as folder:
        objects = tables(suite, folder)
        against_script(suite, objects)
        filters(suite, folder)
        wrong(suite, folder)
        callbacks(suite, folder)
        misused(suite, folder)
        unfinished(suite, folder)
        texts(suite, folder)
        of_scenario(suite, folder)
        records(suite, folder)
        attributes(suite)
        scenarios(suite)
        recording(suite, folder)
        if PERF:
            parts(suite, folder)
            wide_switches(suite, folder)
        else:
            suite.skip("parts", "there is no perf to compare with")
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
