#!/usr/bin/python3
"""The short verbs as one types them: `oc eval CODE`, on recorded traces and live."""
import json
import os
import re
import sys
import tempfile

from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
DEMO = os.path.join(ROOT, "examples/traces/demo.data")
LOST = os.path.join(ROOT, "tests/fixtures/lost.data")
SYSCALLS = os.path.join(ROOT, "tests/fixtures/syscalls.data")

# name, arguments, status, stdout, stderr (regular expressions; None: empty)
CASES = [
    ("a counter", ['count("sched:sched_switch", "comm", {top = 2})', "-i", DEMO], 0,
     r"\Acomm  +count\nawk +41\nsort +17\n… 5 more\n\Z", None),
    ("whoever names symbols wants them", ['count("cpu", "symbol", {top = 1})', "-i", DEMO], 0, r"\Asymbol +count\n\[mawk\] +162\n… 19 more\n\Z", None),
    ("and whoever names stacks", ['count("sched:sched_switch", "stack", {top = 1})', "-i", os.path.join(ROOT, "tests/fixtures/stacks.data")], 0,
     r"\Acount\n +\d+\n    \S+", None),
    ("a printed one is not printed again", ['print(count("sched:sched_switch"))', "-i", DEMO], 0, r"\Acount\n +76\n\Z", None),
    ("options of print before the run", ['count("cpu", "comm"):print{top = 1, percent = true}', "-i", DEMO], 0,
     r"\Acomm  count  percent\nawk +165 +73\.3%\n… 6 more\n\Z", None),
    ("what a hook printed is not printed again", ['c = count("cpu"); at_end(function() c:print{title="once"} end)', "-i", DEMO], 0,
     r"\Aonce\ncount\n +225\n\Z", None),
    ("several have titles", ['count("cpu", "comm", {top=1}) sum("cpu", "period")', "-i", DEMO], 0,
     r"\Acount by comm: cpu\n.*\nsum of period: cpu\n +sum\n", None),
    ("an expression", ["6 * 7"], 0, r"\A42\n\Z", None),
    ("statements", ["local a = 6 print(a * 7)"], 0, r"\A42\n\Z", None),
    ("nothing to say", ["local a = 6"], 0, None, None),
    ("the machine", ['samples{kind="cpu"}:by("comm"):count():top(1)', "-i", DEMO], 0, r"73\.33 +165  awk\n… 6 more\n\Z", None),
    ("processes", ['processes{comm="s*"}', "-i", DEMO], 0, r"\A +pid  comm .*\n2687  sh .*sleep.*\Z", None),
    ("a scenario and its spans", ['use "syscalls" spans{min="10ms", name="*wait*"}', "-i", DEMO], 0, None, 
     r"^oc: syscalls: 1 without a beginning, 9 returns of clone and fork in the new thread, 19 that do not return "
     r"\(exit, rt_sigreturn\), 9 returns from handlers of signals$"),
    ("no spans", ["spans{}", "-i", DEMO], 0, r"\A\(nothing\)\n\Z", None),
    ("spans as a value", ['#spans{} == 0', "-i", DEMO], 0, r"\Atrue\n\Z", None),
    ("the help", ["-h"], 0, r"These words stand bare.*count\(EVENT, KEY…\).*--input", None),
    ("no code", [], 2, None, r"eval wants a line of Lua.*count\("),
    ("a field that is not there", ['count("sched:sched_switch",\n  "next_pdi")', "-i", DEMO], 1, None,
     r"\Aeval:1: event 'sched:sched_switch' has no field 'next_pdi'\n"),
    ("an event that is not there", ['count("sched:sched_swich")', "-i", DEMO], 1, None,
     r"\Aeval:1: .*sched:sched_swich.*\^ did you mean sched:sched_switch"),
    ("a filter that is wrong", ['count("sched:sched_switch", {filter="comn == 1"})', "-i", DEMO], 1, None,
     r"\Aeval:1: filter.*'comn'"),
    ("what is not Lua", ["count("], 1, None, r"\Aeval:1: unexpected symbol near '<eof>'"),
    ("an error in a function", ['count("sched:sched_switch", function(e) return e.nix end)', "-i", DEMO], 1, r"\A\(nothing\)\n\Z",
     r"eval:1: event 'sched:sched_switch' has no field 'nix'"),
    ("a verb in a callback", ['on("cpu", function() count("cpu") end)', "-i", DEMO], 1, None,
     r"eval:1: count asks of all events"),
    ("printing that cannot be is told before the run", ['count("cpu", "comm", {sort = "cp"})', "-i", DEMO], 1, None,
     r"\Aeval:1: cannot sort by 'cp'\n.*\^ there are: comm, count"),
    ("so is a wrong number of rows, with its line", ['\ncount("cpu", "comm", {top = "x"})', "-i", DEMO], 1, None, r"\Aeval:2: top must be a number"),
    ("and an option before the table is full", ['count("cpu", "comm"):print { depht = 2 }', "-i", DEMO], 1, None, r"\Aeval:1: print has no option 'depht'"),
    ("after the run the table is shown, then the error", ['c = count("cpu", "comm") trace:run() c:print { sort = "cp", top = 1 }', "-i", DEMO], 1,
     r"\Acomm  count\nawk +165\n… 6 more\n\Z", r"\Aeval:1: cannot sort by 'cp'"),
    ("also as JSON", ['c = count("cpu", "comm") trace:run() c:print { sort = "cp", top = 1 }', "-i", DEMO, "--json"], 1,
     r'^\{"columns":\["comm"\].*"count":165', r"\Aeval:1: cannot sort by 'cp'"),
    ("what was counted is shown when the line fails later", ['count("cpu", "comm", {top = 1}) samples():avg()', "-i", DEMO], 1,
     r"\Acomm  count\nawk +165\n… 6 more\n\Z", r"\Aeval:1: samples have no 'avg'"),
    ("a key of samples is looked at before the run", ['print("before") samples { depht = 1 }', "-i", DEMO, "--strict"], 1, r"\Abefore\n\Z",
     r"\Aeval:1: samples cannot be chosen by 'depht'"),
    ("an option of a graph, too", ['graph { focuss = "x" }', "-i", DEMO], 1, None, r"\Aeval:1: samples cannot be chosen by 'focuss'.*\^ did you mean 'focus'"),
    ("formats of events are named, too", ['export("a.svgg")', "-i", DEMO], 1, None,
     r"\Aeval:1: the name a.svgg tells no format\n.*\^ there are: .*events-csv, events-jsonl, events-sqlite, .*perfdata"),
    ("a canonical event is near", ['count("cpuu", "comm")', "-i", SYSCALLS], 1, None, r"\Aeval:1: .*no event 'cpuu'.*\^ did you mean 'cpu'\?"),
    ("an event of other machines is recorded there", ['count("nosuch:event_of_theirs")', "-i", SYSCALLS], 1, None, r"\^ record it with: oc record -a -e"),
    ("samples are no event", ['count("sample", "comm")', "-i", SYSCALLS], 1, None, r"\^ samples of the CPUs are the event cpu"),
    ("a word is near", ['cuont("cpu")', "-i", LOST], 1, r"\A\Z", r"global 'cuont' \(a nil value\)\n.*\n.*did you mean 'count'\?"),
    ("a name is near", ['print(mahcine:notes())', "-i", LOST], 1, r"\A\Z", r"did you mean 'machine'\?"),
    ("a canonical event is near, live", ['count("exce", "comm")'], 1, None, r"did you mean 'exec'\?|permi|tracefs"),
    ("the line with --jobs", ['print(samples():total())', "-i", DEMO, "--jobs", "2"], 1, None, r"\Aeval:1: this trace has a machine"),
    ("a table for a run, in a callback, with --jobs", ['on("cpu", function() trace:scratch() end)', "-i", DEMO, "--jobs", "2"], 1, None,
     r"\Aeval:1: trace:scratch .*\^ call it before trace:run\(\)"),
    ("what was lost is a note of the machine", ['print(machine:notes()[1])', "-i", LOST], 0, r"\A833 records were lost \(68\.1 % of what came\)\n\Z",
     r"LOST 833 records.*: the results are incomplete"),
    ("the machine of a trace that was run by hand", ['trace:run() count("cpu") print(#processes{} > 3)', "-i", DEMO], 0,
     r"\Atrue\ncount\n +225\n\Z", None),
]


def check_help(suite):
    for word, out in (("trace:on", r"\Atrace:on\(name: string.*Raises:.*trace:on\("), ("hist", r"\Ahist\("),
                      ("reference", r"^  trace +A trace$"), ("oc.Trace", r"^  trace:on +Calls"), ("report", r"Usage: oc report")):
        ended = run(["help", word])
        suite.check("help of " + word, problems_of(ended, out=out), ended)
    for word, out in (("--rotate", r"\A--rotate SIZE\|TIME: begin the next file.*\n    \(oc record\)\n\Z"), ("-F", r"\A-F, --frequency HZ: "),
                      ("--freq", r"\A-F, --frequency HZ: "), ("flamegraph", r"oc export TRACE -o OUT\.svg"), ("svg", r"\Aflamegraph: "),
                      ("--help", r"\Aoc: scripts over system events")):
        ended = run(["help", word])
        suite.check("help of " + word, problems_of(ended, out=out), ended)
    for word, err in (("--rotat", "oc has no option --rotat.*did you mean '--rotate'"), ("flamegrap", "did you mean 'flamegraph'")):
        ended = run(["help", word])
        suite.check("help of " + word, problems_of(ended, 2, err=err), ended)
    ended = run(["help", "trace:onn"])
    suite.check("help of nothing", problems_of(ended, 2, err=r"no help on 'trace:onn'.*did you mean 'trace:on'"), ended)
    ended = run(["help", "recrod"])
    suite.check("help of nearly a verb", problems_of(ended, 2, err=r"did you mean 'record'"), ended)
    ended = run(["eval", "help(trace.on)", "-i", DEMO])
    suite.check("help of a value", problems_of(ended, out=r"\Atrace:on\("), ended)


def check_json(suite):
    ended = run(["eval", 'count("raw_syscalls:sys_enter", "id"); hist("raw_syscalls:sys_exit", "ret", {filter="ret > 0"})',
                 "--json", "-i", SYSCALLS])
    problems = problems_of(ended, out=r"\A\{")
    documents = [json.loads(line) for line in ended.out.splitlines()]
    if [d.get("kind") for d in documents[-2:]] != ["counter", "histogram"]:
        problems.append("not a counter and a histogram, last")
    calls = sum(row["count"] for row in documents[-2]["rows"])
    by_hand = run(["eval", "-q", "local n = 0 local t = oc.open{} t:on('raw_syscalls:sys_enter', function() n = n + 1 end)"
                   " t:run() print(n)", "-i", SYSCALLS])
    if by_hand.out != "%d\n" % calls:
        problems.append("counted %r, by hand %r" % (calls, by_hand.out))
    suite.check("JSON, and the same as by hand", problems, ended)


def check_files(suite):
    with tempfile.TemporaryDirectory(prefix="oc-eval") as folder:
        path = os.path.join(folder, "a.svg")
        with open(path, "w", encoding="utf-8") as file:
            file.write("mine")
        for code in (f'export("{path}", {{kind="cpu"}})', f'machine:export("{path}")', f'trace:export("{folder}/a.data")'):
            if ".data" in code:
                os.rename(path, os.path.join(folder, "a.data"))
            ended = run(["eval", code, "-i", DEMO])
            suite.check("a script replaces files by force = true: " + code[:6],
                        problems_of(ended, 1, None, r"^eval:1: .* is there already\n(.*\n)*.*force = true replaces it"), ended)
        cut = os.path.join(folder, "cut.data")
        with open(DEMO, "rb") as whole, open(cut, "wb") as file:
            file.write(whole.read()[:30000])
        ended = run(["list", "events", "-i", cut])
        suite.check("the list of a truncated trace says so", problems_of(ended, 0, "tracepoint", "is truncated: it ends at offset 30000"), ended)


def check_live(suite):
    ended = run(["eval", 'count("exec", "comm")', "--", "true"])
    if ended.status == 1 and re.search(r"permi|tracefs|root", ended.err):
        return suite.skip("live", ended.err.splitlines()[0])
    suite.check("live, of a command", problems_of(ended, out=r"\Acomm  count\ntrue +1\n\Z"), ended)
    ended = run(["eval", 'samples { kind = "syscals" }:by("comm"):print()', "-e", "page-faults", "-c", "1", "--", "true"])
    for code, out in (('samples { kind = "page_fault" }:by("comm", "kind"):print()', r"true +page-faults|page-faults +true"),
                      ('count("page_fault", "comm", "symbol", { top = 1 })', r"^true +\S+ +\d+$")):
        live = run(["eval", code, "--", "true"])
        suite.check("what the line names is what a live run asks for: " + code[:6], problems_of(live, out=out), live)
    spool = "on('exec', function() local s = trace:stats().spool print(s and s.limit_bytes > 2 ^ 21) end)"
    for code, out in (("use 'syscalls' " + spool, "true"), (spool, "nil")):
        live = run(["eval", code, "--", "true"])
        suite.check("only with a machine a run has a spool: " + out, problems_of(live, 0, rf"\A{out}\n", r""), live)
    # Rings overflow while a timer waits for a program that makes more calls than they hold.
    slow = 'local d every("10ms", function() if not d then d = os.execute("dd if=/dev/zero of=/dev/null bs=1 count=60000 2>&-") end end)'
    for given, hint in ((("--buffer", "64KiB"), "--spool 256MiB keeps what comes while the script is busy"),
                        (("--buffer", "64KiB", "--spool", "2MiB"), r"the spool was full: more than --spool 2\.0MiB")):
        live = run(["eval", slow + 'on("raw_syscalls:*", function() end)', *given, "-d", "100ms"])
        suite.check("a slow script is told apart from small buffers: " + given[-1], problems_of(live, 0, None, rf"LOST(.*\n)+.*{hint}"), live)
    wrong = run(["eval", 'samples { kind = "page_fauld" }:by("comm"):print()', "--", "sleep", "60"])
    suite.check("a kind that is no event is told before the run",
                problems_of(wrong, 1, r"\A\Z", r"\Aeval:1: there is no event 'page_fauld'"), wrong)
    suite.check("what a live machine holds is shown when the line fails",
                problems_of(ended, 1, r"page-faults +true", r"the line fails; what the run has gathered(.*\n)*.*no samples of kind 'syscals'"), ended)


def main():
    suite = Suite("eval")
    for name, arguments, status, out, err in CASES:
        if suite.wants(name):
            suite.later(lambda *case: suite.check(case[0], problems_of(ended := run(["eval", *case[1]]), case[2], case[3], case[4]),
                                                  ended), name, arguments, status, out, err)
    suite.later(check_json, suite)
    suite.later(check_help, suite)
    suite.later(check_files, suite)
    suite.later(check_live, suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
