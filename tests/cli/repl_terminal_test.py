"""The REPL at a terminal: keys in, what is shown out, on small traces of our own."""
import os
import re
import signal
import stat
import sys
import tempfile
import time
import unicodedata

import perf_data
from program import Suite
from repl_test import COUNT, EVENT, SCHED, STACKS
from terminal import LONGEST_S, Terminal


SCRIPT = "STATE/stops.lua"
STOPS = f"""local oc = require 'oc'
local trace, seen = oc.open {{}}, 0
trace:on('{EVENT}', function(e) seen = seen + 1
  oc.repl() end)
trace:run()
print('after ' .. seen)
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def cells(line):
    return sum(0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def at_terminal(suite, name, session, env=None, args=(SCHED,), keys="\x04", status=0, verb="repl", prepare=None, **more):
    if not suite.wants(name):
        return
    with tempfile.TemporaryDirectory() as state:
        if prepare:
            prepare(state)
        terminal = Terminal([verb, *(each.replace("STATE", state) for each in args)], env={"XDG_STATE_HOME": state, **(env or {})}, **more)
        terminal.state = state
        session(terminal)
        problems = terminal.finish(status, keys)
        if "\\x1b" in terminal.text:
            problems.append(f"shows what the terminal should obey: {terminal.text[-300:]!r}")
        suite.check(name, problems)


def greets(t):
    t.expect(r"sched\.data: .*CPU")
    t.expect(r"events: (.|\n)*sched:sched_switch")
    t.expect("^oc> ")
    t.ask("")
    t.ask("6 * 7", "^42$")
    t.ask(COUNT, r"^comm +count(.|\n)*records in [\d.]+ s")


def completes(t):
    t.expect("^oc> ")
    for typed, shown in ((f'count("sched:sched_swit\t', f'{EVENT}"'), (', "next_p\t', "next_p"),
                         ("\t", "next_pid +next_prio"), ("i\t", 'next_pid"'), (")\r", "next_pid +count")):
        t.send(typed)
        t.expect(shown)
    t.expect("^oc> ")
    for typed, shown in (("trac\t", "trace"), (":o\t", "on"), ("\x03", "^oc> "),
                         ("string.rep\t", r"string\.rep"), ("\x03", "^oc> "),
                         (f'on("{EVENT}", function(e) return e.next_c\t', "next_comm"), ("\x03", "^oc> "),
                         (".fie\t", r"\.fields "), ("\x03", "^oc> "),
                         (".load /etc/passw\t", "/etc/passwd"), ("\x03", "^oc> "),
                         ("zzzzz\t", "zzzzz"), ("\x03", "^oc> ")):
        t.send(typed)
        t.expect(shown)


def completes_more(t):
    """Each on a line of its own, before the machine is built: Tab builds nothing."""
    t.expect("^oc> ")
    for typed, shown in (("samples { co\t", "comm = "), ('samples { comm = "a", ki\t', "kind = "), ("samples{\t", "comm +kind(.|\n)*where"),
                         ('count("page-faults", "comm", { to\t', "top = "), ('hist("x", {lin\t', "linear = "), ("c:print { perc\t", "percent = "),
                         ("m:sam\t", "samples"), ("samples{}:his\t", "histogram"),
                         ('samples{}:by("comm"):quanti\t', "quantiles"), ('print(samples{}:by("a"):sum():quanti\t', "quantiles"),
                         ('samples{}:by"comm":to\t', "top +total"),
                         ('count("x"):to\t', "top +total|total"), ('trace:machine():samp\t', "samples"), ("graph{}:foc\t", "focus"), ('use "sysc\t', 'use "syscalls"'),
                         ('use("sysc\t', 'use\\("syscalls"'), ('export("/etc/passw\t', "/etc/passwd"), ("!cat /etc/passw\t", "/etc/passwd"),
                         ("?trace:ru\t", r"trace:run"), (".help trace:ru\t", "trace:run"), ('help("trace:ru\t', 'trace:run"'), ("help trace:ru\t", "trace:run")):
        t.send(typed)
        t.expect(shown)
        t.send("\x05\x15\x03")
        t.expect("^oc> ")
    began = len(t.text)
    t.ask("6 * 7", "^42$")
    if "no stack" in t.text[:began]:
        t.problems.append("Tab read the trace")


def make_files(state):
    for name in ("a;echo PWNED", "b $(id) 1", "b $(id) 2", "it's", "plain.txt", "-n", "d r/e f"):
        path = os.path.join(state, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, "within " + name)


def completes_for_shell(t):
    """A file's name is one word of the shell, whatever is in it."""
    t.expect("^oc> ")
    shown = re.escape(t.state)
    for typed, wanted in ((f"!echo {t.state}/a\t\r", f"^{shown}/a;echo PWNED$"), (f"!echo {t.state}/b\t2\t\r", rf"^{shown}/b \$\(id\) 2$"),
                          (f"!echo '{t.state}/b\t1\t\r", rf"^{shown}/b \$\(id\) 1$"), (f"!echo {t.state}/i\t\r", f"^{shown}/it's$"),
                          (f'!echo "{t.state}/it\t\r', f"^{shown}/it's$"), (f"!echo {t.state}/it\\'\t\r", f"^{shown}/it's$"),
                          (f"!echo <{t.state}/plai\t -\r", r"plain\.txt -\n-$"),
                          (f"'x' | cat - {t.state}/a\t\r", "^x\nwithin a;echo PWNED"), (f".events | cat {t.state}/d\te\t\r", "^within d r/e f")):
        t.send(typed)
        t.expect(wanted)
        t.expect("oc> ")


EVERYTHING = (".help", "?count", "?samples", "help()", ".scripts", ".events", ".fields page-faults", "processes()", "threads()", "m:stats()", 'hist("page-faults", "addr")',
              'samples { kind = "page-faults" }:by("comm"):histogram()', 'samples():by("comm", "symbol"):top(3)', 'count("page-faults", "comm", "pid")',
              'count("page-faults", "stack", { top = 1 })', "graph()", "graph { callers = 'main' }", 'samples():by("time:10ms", "comm")', "samples():by('stack'):top(2)",
              '{ { name = "a long name of something", other = "and another", n = 1 } }', "{ { name = ('日本'):rep(20), n = 1 } }", "stats('page-faults', 'period')",
              "trace", "m", "c = count('page-faults', 'comm')", "c:totl()", "count('page-fault')", "nope()", "x = )", "m.samples {}", "error({})", "count", "oc")


def paints(t):
    """In colour, all that can be shown: what is painted is obeyed, and nothing of it is shown."""
    t.expect("^oc> ")
    for line in EVERYTHING:
        t.ask(line)
    if b"\x1b[1m" not in t.raw:
        t.problems.append("nothing is painted")
    if re.search(r"\[oc/|traceback", t.text):
        t.problems.append("fails in oc")
    t.ask("6 * 7", "^42$")


def stops(t):
    """oc.repl() in a script: what Tab knows there, .stop at a later stop."""
    t.expect(rf"stopped at \S+:4 in the callback of {EVENT}; Ctrl-D or .continue goes on")
    for typed, shown in (("see\t", "seen"), ("\x15e.next_c\t", "next_comm"), ("\x15.sto\t", r"\.stop "), ("\x15.continue\r", "stopped at"),
                         ("seen\r", "^2$"), (".stop\r", r"^after 2$(.|\n)*")):
        t.send(typed)
        t.expect(shown)


def narrow(t):
    """No line is wider than the terminal, but those that are typed, and no word is broken."""
    t.expect("^oc> ")
    for line in (".help", "?count", "help()", ".scripts", "processes()", "m:stats().samples", 'hist("page-faults", "tid")', ".fields page-faults",
                 'samples { kind = "page-faults" }:by("comm"):histogram()', 'samples():by("comm", "symbol"):top(3)', 'count("page-faults", "comm", "pid")',
                 '{ { name = "a long name of something", other = "and another long text here", n = 1 } }', 'hist("page-faults", "addr")',
                 "{ { name = ('日本'):rep(20), n = 1 }, { name = ('e\\204\\129'):rep(40), n = 22 } }"):
        t.ask(line)
    wide = [line for line in t.text.splitlines() if not line.startswith("oc> ") and cells(line) > t.columns and "|" not in line]
    if wide:
        t.problems.append(f"wider than {t.columns}: {wide}")
    for wanted in (r"^\[16K, 32K\)  484  \|@{20,}\|$", r"^\[1, 2\)  154  \|@+\|$", "日本.*…", "^  hint: record the addresses", r"^ +pid  comm "):
        if not re.search(wanted, t.text, re.M):
            t.problems.append(f"did not show {wanted!r}")


def typed_ahead(t):
    """What is typed while a line runs is the next lines, and its Ctrl-D the end."""
    t.expect("^oc> ")
    fifo = os.path.join(t.state, "fifo")
    os.mkfifo(fifo)
    t.send(f"!cat {fifo} && echo through\r")
    with open(fifo, "w", encoding="utf-8"):  # it runs
        t.send("6 * 7\r\x04")
    t.expect("^42$")


def keeps_no_history(t):
    t.expect("history is not a file of this user's; what is typed is not kept")
    t.expect("^oc> ")
    t.ask("6 * 7", "^42$")


def long_lines(t):
    t.expect("^oc> ")
    t.ask("#('" + "z" * 3000 + "')", "^3000$")
    t.ask("'日本 e\u0301 " + "w" * 200 + "'", "^日本 e\u0301 w+")


def completes_names_of_trace(t):
    t.expect("^oc> ")
    t.ask("m:samples():total() > 0", "true")
    t.ask('rows = m:samples():by("comm"):count():rows() print("COMM=" .. rows[1][1] .. ".")', r"COMM=(.+)\.$")
    comm = re.search(r"^COMM=(.+)\.$", t.text, re.M)
    if not comm:
        return
    t.send(f'samples {{ comm = "{comm.group(1)[:-1]}\t')
    t.expect(re.escape(comm.group(1)[-1]))
    t.send("\x03")
    t.expect("^oc> ")


def make_threads(state):
    """A process "workshop" whose thread is called "sawmill"."""
    at = perf_data.START_NS
    records = [perf_data.comm(at, 10, "workshop"), perf_data.fork(at + 1, 10, 10, 11), perf_data.comm(at + 2, 10, "sawmill", tid=11)]
    with open(os.path.join(state, "threads.data"), "wb") as file:
        file.write(perf_data.file_of(records + [perf_data.sample(at + 3 + i, 10, tid=10 + i % 2) for i in range(9)]))


def completes_names_of_threads(t):
    t.expect("^oc> ")
    t.ask("m:samples():total()", "^9$")
    t.send('samples { comm = "sawm\t }:total()\r')
    t.expect("^4$")


def draws(t):
    """What is on the screen, not which bytes came: each line stands there once."""
    t.expect_screen("^oc>")
    t.send("cou\t")
    t.expect_screen(r"^ +ends\noc> count")
    t.send("\x15s\t")  # several names go on so
    t.expect_screen(r"^ +ends\nsamples .*\nselect .*\noc> s")
    t.send("\x15\x03")
    t.expect_screen(r"^select .*\noc> \^C\noc>")
    t.send("6 * 7\r")
    t.expect_screen(r"\^C\noc> 6 \* 7\n42\noc>")
    t.send("for i = 1, 2 do\rprint(i * 11)\rend\r")
    t.expect_screen(r"42\noc> for i = 1, 2 do\n\.\.> print\(i \* 11\)\n\.\.> end\n11\n22\noc>")
    t.send("#'" + "x" * 70 + "'" + "\x01")  # two rows, the cursor in the first
    t.expect_screen("^oc> #'x{54}\nx{16}'")
    t.send("\r")
    t.expect_screen(r"22\noc> #'x{54}\nx{16}'\n70\noc>")
    t.send("#'" + "y" * 130 + "' == cou\t")  # the last of three rows is completed
    t.expect_screen(r"70\noc> #'y{54}\ny{60}\ny{16}' == count")
    t.send("\x03")
    t.expect_screen(r"70\noc> #'y{54}\ny{60}\ny{16}' == count\^C\noc>")
    t.send("'" + "z" * 54 + "'")  # as wide as the terminal, to the cell
    t.expect_screen(r"count\^C\noc> 'z{54}'")
    t.send("\r")
    t.expect_screen(r"\^C\noc> 'z{54}'\n\n?z{54}\noc>")
    t.send("\x04")
    t.expect_screen(r"z{54}\noc>")


def edits(t):
    t.expect("^oc> ")
    t.send("12345\x01\x1b[C\x1b[C\x04\x05 + 1\r")  # home, right, right, delete, end
    t.expect("^1246$")
    t.expect("^oc> ")
    t.send("'grün €'\x7f\x7f'\r")  # backspace over a character of three bytes
    t.expect("^grün $")
    t.expect("^oc> ")
    t.ask("for i = 1, 2 do\rprint(i * 11)\rend", "^11\n22$")
    t.send("1 + \r")
    t.expect(r"^\.\.> ")
    t.send("\x03")  # gives up all of it
    t.expect("^oc> ")
    t.ask("5", "^5$")
    t.send("local x = 1\r")
    t.expect("without 'local' it stays")
    t.expect("^oc> ")


def history(t):
    t.expect("^oc> ")
    t.ask("111 + 1", "^112$")
    t.ask("222 + 2", "^224$")
    t.ask("222 + 2", "^224$")
    t.send("\x1b[A\x1b[A\r")  # up, up: the same line twice is one
    t.expect("^112$")
    t.expect("^oc> ")
    t.send("\x12222\r")  # Ctrl-R
    t.expect("^224$")
    t.expect("^oc> ")
    t.ask("f = function()\rreturn 'two lines'\rend")
    t.send("\x04")
    t.expect(r"\n")
    t.finish_first = t.job.wait(LONGEST_S)
    path = os.path.join(t.state, "oc/history")
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode != 0o600:
        t.problems.append(f"mode {mode:o} of the history")
    second = Terminal(["repl", SCHED], env={"XDG_STATE_HOME": t.state})
    second.expect("^oc> ")
    second.send("\x1b[A\r")
    second.expect("^oc> ")
    second.ask("f()", "^two lines$")
    t.problems += second.finish(0, "\x04")


def interrupts(t):
    t.expect("^oc> ")
    for line in ("while true do end", "f = function() while true do end end f()",
                 "g = function() for i = 1, 1e18 do end end g()", f'on("{EVENT}", function(e) end) while true do end'):
        t.send(line + "\r")
        t.expect(re.escape(line[-10:]) + r"\n")
        time.sleep(0.05)  # a moment, so that it runs mostly; before is right, too
        t.send("\x03")
        t.expect("interrupted")
        t.expect("^oc> ")
    t.ask("6 * 7", "^42$")
    t.send("half a li\x03")
    t.expect("^oc> ")
    os.kill(t.job.pid, signal.SIGINT)  # from outside, at the prompt
    t.expect("^oc> ")
    t.ask("'alive'", "^alive$")


def interrupts_callbacks(t):
    """A callback that does not return is in compiled code: it is told, and a further Ctrl-C ends the session."""
    t.expect("^oc> ")
    t.send(f'on("{EVENT}", function(e) io.stderr:write("in", "side\\n") while true do end end)\r')
    t.expect("^inside$")
    t.send("\x03")
    t.expect("the line does not end.*Ctrl-C again")
    t.send("\x03")
    t.expect("interrupted again, the session ends")


def hangs_up(t):
    t.expect("^oc> ")
    t.ask("'kept'", "^kept$")
    os.kill(t.job.pid, signal.SIGTERM)


def resizes(t):
    t.expect("^oc> ")
    t.send("'" + "x" * 150)
    t.expect("x{20}")
    t.resize(20, 60)
    t.send("'\r")
    t.expect("^x{150}$|^(x+\n)+")
    t.expect("^oc> ")
    t.ask("#('" + "y" * 200 + "')", "^200$")
    t.ask("for i = 1, 100 do rawset(_G, 'l', (l or '') .. i .. '\\n') end")
    t.ask("l", r"^1$(.|\n)*^… \d+ more lines: \.more$")
    t.ask(".more", "more lines")


def pages(t):
    t.expect("^oc> ")
    t.ask("('line\\n'):rep(100)", "^PAGED 100$")
    t.ask("'short'", "^short$")


def dumb(t):
    t.expect("lines cannot be edited")
    t.expect("^oc> ")
    t.ask("6 * 7", "^42$")
    t.ask("for i = 1, 2 do\rprint(i * 11)\rend", "11\n22$")


def terminals(suite):
    at = lambda *args, **more: suite.later(at_terminal, suite, *args, **more)
    at("a banner, a value, a table, the time", greets)
    at("completion", completes)
    at("completion of names of the trace", completes_names_of_trace, args=(STACKS,))
    at("completion of names of threads", completes_names_of_threads, args=("STATE/threads.data",), prepare=make_threads)
    at("each line is on the screen once", draws, keys="", columns=60)
    at("editing, UTF-8, several lines, Ctrl-C at the prompt", edits)
    at("completion of options, results, help and files", completes_more, args=(STACKS,))
    at("completion of words of a shell", completes_for_shell, prepare=make_files, columns=200)
    for columns in (100, 20, 5):
        at(f"in colour, {columns} columns", paints, args=(STACKS,), columns=columns, rows=4000, env={"NO_COLOR": ""})
    at("narrow terminals", narrow, args=(STACKS,), columns=50, rows=400)
    at("Ctrl-D that is typed ahead", typed_ahead, keys="")
    at("lines of hundreds of columns, wide characters", long_lines)
    at("a history that is a folder", keeps_no_history, prepare=lambda state: os.makedirs(os.path.join(state, "oc/history")))
    at("no home", lambda t: t.expect("^oc> ") and t.ask("6 * 7", "^42$"), env={"HOME": None, "XDG_STATE_HOME": None})
    at("oc.repl() in a script", stops, verb="script", args=(SCRIPT, "-i", SCHED), prepare=lambda state: write(os.path.join(state, "stops.lua"), STOPS),
       keys="")
    at("history", history, keys="")
    at("Ctrl-C stops the line, not the session", interrupts)
    at("Ctrl-C in compiled code", interrupts_callbacks, keys="", status=130)
    at("SIGTERM ends it", hangs_up, keys="", status=143)
    at("resize, long lines, long texts", resizes, env={"PAGER": ""})
    at("$PAGER", pages, env={"PAGER": "echo PAGED $(wc -l)"})
    at("TERM=dumb", dumb, env={"TERM": "dumb"})
    at("no TERM", dumb, env={"TERM": None})
    at("quit without brackets", lambda t: t.expect("^oc> "), keys="quit\r")
    suite.wait()


def main():
    suite = Suite("repl at a terminal")
    terminals(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
