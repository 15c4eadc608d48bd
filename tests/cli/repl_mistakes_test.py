"""What newcomers type at the prompt: each mistake is answered by a line that helps, and the session goes on."""
import os
import re
import sys

from program import OURS, Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
SCHED = os.path.join(ROOT, "tests/fixtures/sched.data")
EVENT = "sched:sched_switch"

# What is typed, and what the answer must contain.
SHELL = {
    "ls": "!ls", "ls -l": "!ls -l", "cd /tmp": "from where oc was begun", "cat foo.lua": "!cat foo.lua", "echo hi": "!echo hi",
    "clear": "Ctrl-L", "history": "Ctrl-R", "man count": "?count", "version": "!oc version", "q": ".quit", ":q": ".quit",
    "\\q": ".quit", "quit()": "without brackets", "exit()": "without brackets", "1 | nosuchcommand": "no such command: nosuch",
    "!false": "status 1", "1 |": "a command is missing behind |",
}
PERF = {
    "perf report": "!perf report", "perf record -a": "!perf record -a", "record -F 99 -a": "!oc record -F 99 -a",
    "report --stdio": "!oc report --stdio", "-g": "options are for the command line",
    "-e sched:sched_switch": f'texts: "{EVENT}"', "cpu_top": ".run cpu_top", "run cpu_top": ".run cpu_top, with a dot",
    ".cpu_top": ".run cpu_top", ".run nowhere": "there is no script 'nowhere'", "events": ".events is a command",
    ".evnts": "did you mean 'events'", ".events foo": "no event matches 'foo'", ".fields sched_switch": f"did you mean {EVENT}",
    ".fields nosuch": "nothing is called so", ".fields xfs:xfs_file_read": "record it with",
    ".load nowhere.lua": "cannot read nowhere.lua", ".export": "as in .export", ".export foo": "tells no format",
    ".save": "as in .save", ".help foo": "no help on 'foo'", "?foo": "no help on 'foo'", ".restart": "a live session",
}
OTHERS = {
    "select * from": "not SQL", "SELECT comm, count(*) FROM sched GROUP BY comm": "not SQL",
    "tracepoint:sched:sched_switch { @[comm] = count(); }": f'count("{EVENT}", "comm")',
    "tracepoint:raw_syscalls:sys_exit { @[comm, pid] = sum(args->ret); }": 'sum("raw_syscalls:sys_exit", "ret", "comm", "pid")',
    "profile:hz:99": 'count("cpu")', "profile:hz:99 { @[kstack] = count(); }": 'count("cpu", "stack")',
    "@[comm] = count()": "bpftrace", "@ = count()": "bpftrace", "kprobe:vfs_read { @ = count(); }": "no probes",
    "interval:s:1 { print(@); }": 'every("1s", fn)',
    'BEGIN { printf("hi"); }': "print(…)", 'printf("%d", 1)': "print(…)", "console.log(1)": "print(…)", "println(1)": "print(…)",
    "puts 1": "print(…)", "for x in list:": "ipairs(list)", "for x in [1, 2]": "a list is { 1, 2, 3 }",
    "for (i = 0; i < 3; i++) {": "for i = 1, 10 do", "def f(x):": "function f(x)", "def f(x): return x": "function f(x)",
    "if x:": "if … then … end", "if (x == 1) { print(x) }": "if … then … end", "while (true) { }": "for … do … end",
    "function f(x) { return x }": "function f(x)", "f = (x) => x": "function(x) … end", "lambda x: x": "function(x) … end",
    "let x = 1": "no word in front", "var x = 1": "no word in front", "int x = 1": "no word in front", "import os": "require",
    "#include <x.h>": "require", "try:": "pcall", "x != 1": "~=", "x += 1": "x = x + 1", "x++": "x = x + 1", "a && b": "'and'",
    "a || b": "'or'", "1 ? 2 : 3": "x and a or b", "elif x": "elseif", "else if x": "elseif", "// text": "begin with --",
    "# text": "begin with --", "1 // 2": "math.floor", "2 ** 3": "x ^ y", "x = {a: 1}": "{ a = 1", '{"a": 1}': "{ a = 1",
    "x = [1, 2, 3]": "{ 1, 2, 3 }", "None": "nil", "x = null": "nil", "True and False": "true", 'len("abc")': "#x",
    "str(1)": "tostring", '"a" + "b"': '"a" .. "b"', '"%d" % 1': "format(n)", '"abc".upper()': '("abc"):upper()',
    '"abc":upper()': '("abc"):upper()', '("x"):foo()': "upper",
}
OURS_WRONG = {
    f'trace.on("{EVENT}", print)': "trace:on(…)", "m.samples{}": "m:samples(…)", 'samples{}.by("comm")': "samples{…}:by(…)",
    f'c = count("{EVENT}")': "", "c.print()": "c:print(…)", "samples:by('comm')": "samples is a function",
    "samples():each()": "as in samples():each(function(s)", 'samples():by("com")': "did you mean 'comm'",
    "samples():by(comm)": 'texts: "comm"', 'samples{coom="a"}': "did you mean 'comm'", "samples():foo()": 'help "query"',
    "m:foo()": 'help "machine"', "trace:foo()": 'help "trace"', "trace:onn('x')": "'on'", "oc.foo": 'help "oc"',
    "count()": f'as in count("{EVENT}"', "count(sched_switch)": f'texts: "{EVENT}"', "count(sched:sched_switch)": f'texts: "{EVENT}"',
    "sched_switch": f'texts: "{EVENT}"', f'count("{EVENT}", comm)': 'texts: "comm"', "comm": "names of fields are texts",
    'count("sched_switch")': f"did you mean {EVENT}", 'count("sched:sched_swich")': f"did you mean {EVENT}",
    f'count("{EVENT}", "com")': "did you mean 'comm'", f'count("{EVENT}", "e.comm")': 'write "comm"',
    f'count("{EVENT}", "args->next_comm")': 'write "next_comm"', f'count "{EVENT}" "comm"': "several arguments stand in brackets",
    f'count("{EVENT}", "comm"))': "one ')' too many", f'count("{EVENT}, "comm")': "is missing", f'count("{EVENT})': 'a " is missing',
    f'hist("{EVENT}", prev_prio)': 'texts: "prev_prio"', f'hist("{EVENT}", "comm")': "a text, not a number",
    f'on("{EVENT}")': "function(e) print(e.comm) end", "e.comm": "what a callback gets", 'export("/nowhere/x.folded")': "mkdir",
    "x.y.z": "nothing is called 'x'", "cout('x')": "did you mean 'count'", "coutn": "did you mean 'count'", "end": "one 'end' too many",
    "1),(2": "unexpected symbol", 'samples("sh")': 'as in samples { comm = "bash" }', "samples { attribute = 5 }": "attribute wants a table",
    'samples():top("x")': "a number of rows", "graph(5)": "wants a table, not a number", "graph { focus = 5 }": "focus wants a name", "processes(5)": "as in processes {",
    "c:print(5)": "as in c:print {", "m:export('/nowhere/x.svg', 5)": "as in m:export(", "oc.open(5)": "wants a table of options, not a number",
}
# Lua that other languages' words are part of by chance: its error is told, and nothing of them.
VALID = {
    f'c = count("{EVENT}")': "", "if c:totl() > 3 then print(1) end": "did you mean 'total'", "for k, v in pairs(foo) do end": "nothing is called 'foo'",
    "for k, v in pairs(cout) do end": "did you mean 'count'", "x = { [1] = foo() }": "nothing is called 'foo'", "while foo() do x = { } end": "nothing is called 'foo'",
    "x = { ['a'] = c:totl(), b = ('a: b') }": "did you mean 'total'", "for x in { 1, 2 } do end": "ipairs(list)",
    "samples().top(5)": "samples{…}:top(…)",
}
NEITHER = re.compile("blocks are|a list is|a table is")


def answers(suite, name, table):
    """All of a table in one session: the answers stand between marks."""
    lines = []
    for number, line in enumerate(table):
        lines += [f"io.stderr:write('@@{number}\\n')", line]
    lines += [f"io.stderr:write('@@{len(table)}\\n')", "'alive'"]
    ended = run(["repl", SCHED], stdin="".join(line + "\n" for line in lines))
    told = re.split(r"^@@\d+\n", ended.err, flags=re.M)[1:]
    problems = [] if ended.out.endswith("alive\n") else ["the session did not go on"]
    if len(told) != len(table) + 1:
        problems.append(f"{len(told)} answers to {len(table)} lines")
    for (line, wanted), text in zip(table.items(), told):
        if wanted not in text or table is VALID and NEITHER.search(text) or text.count("\n") > 4 or OURS.search(text):
            problems.append(f"{line!r}: {text!r}, wanted {wanted!r}")
    suite.check(name, problems)


def own_faults(suite):
    """What fails in oc itself keeps its place, so that it can be reported; misuse that leads there does not."""
    ended = run(["repl", SCHED], stdin="require('oc.selection').make = nil\nsamples():total()\n'alive'\n")
    suite.check("a fault of our own", problems_of(ended, 1, r"\Aalive\n\Z", r"^\[oc/\w+\.lua\]:\d+: attempt to call field 'make'.*\n  hint: oc failed there",
                                                  inside=True), ended)


def silent(suite):
    """What looks like a mistake, and is none."""
    ended = run(["repl", SCHED], stdin="\n".join([
        "t = { on = function(x) return x end }", "t.on('fine')", f"c = count('{EVENT}')", "c.total(c) > 0",
        "function f(m) return m.samples(1) end", "f { samples = function(x) return x end }",
        "x = { a = 1, ['b:c'] = 'a != b' }", "x['b:c']", "s = 'x += 1; for x in list: // # [1]'", "#s", "'a' .. 'b' -- != && ||",
        "help = 1", "help", "ls = 7", "ls", "#{ 1, 2 }", "5 % 2", "if true then print('a: {b}') end", "do local m = t m.on(1) end",
        'print("use samples().top(5)")', "-- samples().top(5)", "print('m.samples{}')"]) + "\n")
    wanted = "fine\ntrue\n1\na != b\n31\nab\n1\n7\n2\n1\na: {b}\nuse samples().top(5)\nm.samples{}\n"
    suite.check("what only looks like a mistake", [] if (ended.status, ended.out, ended.err) == (0, wanted, "") else
                [f"{ended.status} {ended.out!r} {ended.err!r}"])


def main():
    suite = Suite("repl mistakes")
    for name, table in (("a shell's words", SHELL), ("perf's and our own", PERF), ("other languages", OTHERS),
                        ("our interface", OURS_WRONG), ("Lua that looks like others", VALID)):
        suite.later(answers, suite, name, table)
    suite.later(silent, suite)
    suite.later(own_faults, suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
